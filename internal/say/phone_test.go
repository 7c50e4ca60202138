package say

import "testing"

// What a phone says of the seat's own prediction follows from the numbers, whatever the run.
func TestForetold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		own, happened int
		undecided     bool
		want          string
		right         bool
	}{
		{2, 2, false, "You foretold it.", true},
		{1, 2, false, "You predicted another outcome.", false},
		{0, 2, false, "You made no prediction.", false},
		{1, 0, false, "None of the predictions came true.", false},
		{0, 0, false, "None of the predictions came true.", false},
		{1, 0, true, "The run decided nothing, so no prediction is right or wrong.", false},
	} {
		if got, right := Foretold(test.own, test.happened, test.undecided); got != test.want || right != test.right {
			t.Errorf("%+v: %q, %t", test, got, right)
		}
	}
}

func TestAnsweredOf(t *testing.T) {
	t.Parallel()
	if got, want := AnsweredOf(21, 24, 0), "21 of 24 seats answered, no names."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := AnsweredOf(0, 1, 9), "0 of 1 seat answered, no names. Apart from them 9 raised hands, counted by the teacher."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNowAsked(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{"Two clocks": "The teacher asks: Two clocks.", "When?": "The teacher asks: When?"} {
		if got := NowAsked("open", title); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// onThePhone is what the class page of a seat says, beside its templates.
func onThePhone() section {
	s := section{heading: "# On the page of a phone: what the class does together"}
	for _, state := range []string{"", "task", "open", "closed", "running"} {
		s.lines = append(s.lines, NowAsked(state, "Log out, then replay"))
	}
	for _, state := range []string{"paused", "task", "open", "answered", "closed", "running", "revealed"} {
		words, _ := Asks(state)
		s.lines = append(s.lines, words)
	}
	s.lines = append(s.lines, PredictionIsIn("For me: the copy is as good as it was before"))
	for _, f := range [][2]int{{2, 2}, {1, 2}, {0, 2}, {1, 0}} {
		text, _ := Foretold(f[0], f[1], false)
		s.lines = append(s.lines, NowRevealed(text))
	}
	undecided, _ := Foretold(1, 0, true)
	return section{s.heading, append(s.lines, undecided, Hands(1), Hands(2), AnsweredOf(21, 24, 0), AnsweredOf(0, 1, 9), AnsweredOf(0, 24, 1))}
}
