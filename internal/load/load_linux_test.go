package main

import (
	"slices"
	"testing"
	"time"
)

// Sixty learners press twice a second for five seconds, while the teacher reveals a question, restarts
// twice and flushes. Nothing fails, each press reaches both boards, each page hears of each act, and the program has no goroutine and no connection of them afterwards. How long
// anything takes is for task load: the machine of a test has other things to do.
func TestSixtyLearners(t *testing.T) {
	t.Parallel()
	r, err := measure(options{seats: 60, rate: 2, seconds: 5, after: time.Second, store: "memory", same: true, quiet: true}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for kind, n := range r.faults.kind {
		t.Errorf("%d times %s", n, kind)
	}
	if want := 60 * 10; r.answered < want-60 || r.shownOnBoards != r.answered*boards {
		t.Errorf("%d presses were answered of about %d, and shown %d times on %d boards", r.answered, want, r.shownOnBoards, boards)
	}
	if r.goroutines > r.unloaded+spareGoroutines {
		t.Errorf("the program has %d goroutines after all have left; one that nobody used has %d", r.goroutines, r.unloaded)
	}
	if !r.back(r.after) || r.height.descriptors < r.before.descriptors+3*60 {
		t.Errorf("the program had %d descriptors before, %d with the learners, and has %d after they left", r.before.descriptors, r.height.descriptors, r.after.descriptors)
	}
	if n := r.lesson.unheard(len(r.seats)); n > 0 || len(r.lesson.acts) != 4 {
		t.Errorf("of %d acts %d pages did not hear", len(r.lesson.acts), n)
	}
	if len(r.warnings) > 0 {
		t.Errorf("the program logged %q", r.warnings)
	}
	t.Logf("%+v; %d presses", r.used, r.answered)
}

func TestTimes(t *testing.T) {
	hundred := make(times, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for part, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 0.991: 100, 1: 100} {
		if got := hundred.at(part); got != want {
			t.Errorf("%g of the times 1 to 100 are not above %d, want %d", part, got, want)
		}
	}
	if got := (times{}).at(0.5); got != 0 {
		t.Errorf("half of no times is %d", got)
	}
}

// A press has reached a board with the first tile that counts it, also if the board skipped the
// tile of a press before.
func TestShow(t *testing.T) {
	s := &seat{acts: 2, done: make([]press, 4)}
	at := time.Unix(100, 0)
	s.show(0, 3, at)
	s.show(0, 5, at.Add(1))
	s.show(0, 5, at.Add(2))
	s.show(1, 99, at.Add(3))
	var first, second []int64
	for _, p := range s.done {
		since := func(shown time.Time) int64 {
			if shown.IsZero() {
				return -1
			}
			return int64(shown.Sub(at))
		}
		first, second = append(first, since(p.shown[0])), append(second, since(p.shown[1]))
	}
	if !slices.Equal(first, []int64{0, 1, 1, -1}) || !slices.Equal(second, []int64{3, 3, 3, 3}) {
		t.Errorf("the boards had the presses at %v and %v", first, second)
	}
}

func TestTiles(t *testing.T) {
	text := `data: <li id="t-amber-fox" data-find="amber fox" data-at="1" data-acts="12" class="a&gt;b"><a>` + "\n" + `data: <li id="t-glad-ox" data-acts="0"></li><li id="other" data-acts="7"><li id="t-cut`
	var found []string
	tiles([]byte(text), func(name string, acts int) { found = append(found, name, string(rune('A'+acts))) })
	if !slices.Equal(found, []string{"amber-fox", "M", "glad-ox", "A"}) {
		t.Errorf("the tiles are %q", found)
	}
}
