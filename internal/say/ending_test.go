package say

import "testing"

// ofTheEnd is what is said of the end of a class, and in the files that are taken home.
func ofTheEnd() section {
	s := section{heading: "# The end of a class, and what is taken home"}
	none, one, all := Holdings{}, Holdings{Seats: 1, Answers: 1, Questions: 1, Acts: 1, Sessions: 1}, Holdings{Seats: 24, Answers: 17, Questions: 3, Acts: 2, Sessions: 31}
	for _, h := range []Holdings{none, one, all} {
		s.lines = append(append(s.lines, Held(h)...), Wiped(h))
	}
	for asked := AskedTrue; asked <= AskedOpen; asked++ {
		s.lines = append(s.lines, AskedState(asked))
	}
	return s
}

// If it fails, a teacher reads of a wiped class what it did not have.
func TestWiped(t *testing.T) {
	t.Parallel()
	for want, h := range map[string]Holdings{
		"Wiped: 0 seats, 0 records of sessions, 0 questions and 0 answers.":                    {},
		"Wiped: 1 seat, 2 records of sessions, 3 questions, 1 answer and 2 acts for everyone.": {Seats: 1, Sessions: 2, Questions: 3, Answers: 1, Acts: 2},
	} {
		if got := Wiped(h); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
