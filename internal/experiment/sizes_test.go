package experiment

import (
	"fmt"
	"slices"
	"testing"
)

// size is what all runs that have ended take.
func (s school) size(whose func(*Run) bool) (n int) {
	for _, r := range s.byToken {
		if ended, size := r.weight(); !ended.IsZero() && whose(r) {
			n += size
		}
	}
	return n
}

// What is kept has a bound in bytes: the run that has just ended gives up exchanges of
// its own, the oldest first, and its outcome stays. Others' runs lose nothing.
func TestBytesOfKeptRuns(t *testing.T) {
	for _, test := range []struct {
		name    string
		address func(n int) string
		max     int
	}{
		{"at one address", func(int) string { return "B" }, maxKeptSizeAddress},
		{"in all", func(n int) string { return fmt.Sprint(n) }, maxKeptSize},
	} {
		t.Run(test.name, func(t *testing.T) {
			inSchool(t, func(t *testing.T, s school) {
				const each = 15 * 100 << 10
				var whole []*Run
				for n := range test.max / each {
					r, _ := s.start(fmt.Sprint("fresh ", n), test.address(n), 15, 100<<10, nil)
					whole = append(whole, r)
				}
				r, _ := s.start("ada", test.address(len(whole)), 15, 100<<10, nil)
				wantKept(t, r, (test.max-each*len(whole))/(100<<10))
				for _, r := range whole {
					if f := r.Found(); len(f.Exchanges) != 15 || f.Dropped != 0 || f.Outcome.Decisive != f.Exchanges[0] {
						t.Errorf("the run of %s gave up %d exchanges for a stranger", r.Learner, f.Dropped)
					}
				}
				if n := s.size(func(*Run) bool { return true }); n > test.max || n != r.size+each*len(whole) {
					t.Errorf("%d bytes are kept, at most %d", n, test.max)
				}
				none, _ := s.start("zoe", test.address(len(whole)), 1, 100<<10, nil)
				if f := none.Found(); len(f.Exchanges) != 0 || f.Dropped != 1 || f.Outcome.Verdict != "found" {
					t.Errorf("where no room is left, %d exchanges are kept", len(f.Exchanges))
				}
			})
		})
	}
}

// wantKept checks that of r's 15 exchanges the last few are kept, and that its outcome
// holds on to none of the others.
func wantKept(t *testing.T, r *Run, few int) {
	t.Helper()
	f := r.Found()
	if len(f.Exchanges) != few || f.Dropped != 15-few || few == 0 || f.Exchanges[0].N != 16-few || f.Outcome.Verdict != "found" || f.Err != nil {
		t.Errorf("%d exchanges, %d dropped, want %d and %d: %+v", len(f.Exchanges), f.Dropped, few, 15-few, f.Outcome)
	}
	if x := f.Outcome.Pair[0].Exchange; f.Outcome.Decisive != nil || f.Outcome.Mark != "" || x.Status != 200 || x.SetCookie() == nil || x.Bytes != 0 {
		t.Errorf("the outcome holds on to an exchange that was given up: %+v", x)
	}
}

// A learner's older runs give up exchanges for the newest, and unowned runs do for
// any run; so no learner fills what all have together.
func TestBytesOfOwnAndUnownedRuns(t *testing.T) {
	inSchool(t, func(t *testing.T, s school) {
		var mine []*Run
		for range 5 {
			r, _ := s.start("ada", "A", 10, 100<<10, nil)
			mine = append(mine, r)
		}
		if n := s.size(func(r *Run) bool { return r.Learner == "ada" }); n > maxKeptSizeEach {
			t.Errorf("%d bytes are one learner's, at most %d", n, maxKeptSizeEach)
		}
		for i, want := range []int{0, 10, 10, 10, 10} {
			if f := mine[i].Found(); len(f.Exchanges) != want || f.Outcome.Verdict != "found" {
				t.Errorf("run %d has %d exchanges, want %d", i+1, len(f.Exchanges), want)
			}
		}

		var unowned []*Run
		for n := range 50 {
			r, _ := s.start("", fmt.Sprint(n%10), 10, 100<<10, nil)
			unowned = append(unowned, r)
		}
		last, _ := s.start("zoe", "Z", 10, 100<<10, nil)
		count := func(rs []*Run) (n int) {
			for _, r := range rs {
				n += len(r.Found().Exchanges)
			}
			return n
		}
		if len(last.Found().Exchanges) != 10 || count(mine) != 40 {
			t.Errorf("a learner's run has %d exchanges, and those before %d, of 10 and 40", len(last.Found().Exchanges), count(mine))
		}
		if n := count(unowned); n >= 500 || n < 200 || count(unowned[40:]) != 100 || !s.kept(unowned[0]) {
			t.Errorf("of the 500 unowned exchanges %d are kept, of the last 100 %d", n, count(unowned[40:]))
		}
		if n := s.size(func(*Run) bool { return true }); n > maxKeptSize {
			t.Errorf("%d bytes are kept, at most %d", n, maxKeptSize)
		}
	})
}

// The exchanges of one run are bounded too, and its outcome speaks of kept ones only.
func TestExchangesOfOneRun(t *testing.T) {
	inSchool(t, func(t *testing.T, s school) {
		for _, test := range []struct{ exchanges, size, kept int }{
			{maxShown, 3 << 10, maxShown}, {maxShown + 5, 3 << 10, maxShown}, {3, maxRunSize / 2, 2}, {2, maxRunSize * 3 / 2, 1},
		} {
			r, _ := s.start(fmt.Sprint(test), fmt.Sprint(test), test.exchanges, test.size, nil)
			f := r.Found()
			if len(f.Exchanges) != test.kept || f.Dropped != test.exchanges-test.kept {
				t.Errorf("%+v: %d exchanges, %d dropped", test, len(f.Exchanges), f.Dropped)
			}
			if has := slices.Contains(f.Exchanges, f.Outcome.Decisive); has != (f.Dropped == 0) || f.Outcome.Decisive != nil && !has {
				t.Errorf("%+v: the first exchange is decisive, and %d were dropped: %v", test, f.Dropped, f.Outcome.Decisive)
			}
		}
	})
}
