package experiment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	maxPlaces        = 2 * MaxRuns // places of a runner with the default limits
	maxPlacesAddress = MaxRuns     // of one address
)

// school is a Runner whose experiments find what a test says they find.
type school struct {
	*Runner
	t *testing.T
}

// inSchool runs f in a bubble whose clock the tests move by sleeping.
func inSchool(t *testing.T, f func(t *testing.T, s school)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := school{NewRunner(Config{Log: slog.New(slog.DiscardHandler)}), t}
		defer s.Close()
		f(t, s)
	})
}

// start begins a run that finds that many exchanges of that size, in bytes, and shows
// the first of them, once go on is closed; at once if it is nil.
func (s school) start(learner, address string, exchanges, size int, goOn <-chan struct{}) (*Run, *BusyError) {
	s.t.Helper()
	e := Experiment{Slug: "x", Text: Text{Title: "What " + learner + " tries"}, Run: func(r *Run) Outcome {
		out := Outcome{Verdict: "found"}
		for n := range exchanges {
			x := &Exchange{Path: "/get", Status: 200, Cookie: "c=1", Header: http.Header{"Set-Cookie": {"c=2"}}}
			x.Bytes = size - x.size()
			if n == 0 {
				out.Decisive, out.Mark, out.Pair = x, "/get", []Shot{{Title: "one", Exchange: x}}
			}
			r.add(x)
		}
		if goOn != nil {
			select {
			case <-goOn:
			case <-r.ctx.Done():
			}
		}
		return out
	}}
	r, err := s.Start(e, learner, address, None, nil, "/experiments/x")
	if busy := (*BusyError)(nil); errors.As(err, &busy) {
		return nil, busy
	} else if err != nil {
		s.t.Fatal(err)
	}
	if goOn == nil {
		<-r.done
	} else {
		synctest.Wait()
	}
	time.Sleep(time.Millisecond) // no two start at the same time
	return r, nil
}

// ended begins a small run and waits for its end.
func (s school) ended(learner, address string) *Run {
	s.t.Helper()
	r, busy := s.start(learner, address, 1, 3<<10, nil)
	if busy != nil {
		s.t.Fatalf("%s at %s: %v", learner, address, busy)
	}
	return r
}

func (s school) kept(r *Run) bool { return s.Find(r.Token) == r }

func (s school) wantBusy(got *BusyError, says ...string) {
	s.t.Helper()
	if got == nil {
		s.t.Fatal("it was not refused")
	}
	for _, words := range says {
		if !strings.Contains(got.Error(), words) {
			s.t.Errorf("it says %q, not %q", got, words)
		}
	}
	if len(got.Own) == 0 && strings.Contains(got.Error(), "You have") || len(got.Own) == 0 && strings.Contains(got.Error(), "tries") {
		s.t.Errorf("it speaks of others' runs: %q", got)
	}
}

// A learner has two runs at once, an address eight, and all together fifty. Only the
// learner is told which runs these are.
func TestRunsAtOnce(t *testing.T) {
	inSchool(t, func(t *testing.T, s school) {
		goOn := make(chan struct{})
		for n := range 2 {
			if _, busy := s.start("ada", "A", 0, 0, goOn); busy != nil {
				t.Fatalf("run %d: %v", n, busy)
			}
		}
		_, busy := s.start("ada", "B", 0, 0, goOn)
		s.wantBusy(busy, "You have 2 experiments running", "“What ada tries”, “What ada tries”")
		if _, busy := s.start("rahim", "A", 0, 0, goOn); busy != nil {
			t.Fatalf("another learner at the same address: %v", busy)
		}
		for n := range 5 { // unowned ones: only the address counts
			if _, busy := s.start("", "A", 0, 0, goOn); busy != nil {
				t.Fatalf("unowned %d: %v", n, busy)
			}
		}
		for _, learner := range []string{"", "rahim", "zoe"} {
			_, busy = s.start(learner, "A", 0, 0, goOn)
			s.wantBusy(busy, "8 experiments are running for browsers at your address", "within 25 seconds", "try again")
		}
		for n := range MaxRuns - MaxRunsAddress {
			if _, busy := s.start("", fmt.Sprint(n), 0, 0, goOn); busy != nil {
				t.Fatalf("at another address, %d: %v", n, busy)
			}
		}
		time.Sleep(10 * time.Second)
		_, busy = s.start("zoe", "Z", 0, 0, goOn)
		s.wantBusy(busy, "50 experiments are running, and", "within 15 seconds")
		close(goOn)
		synctest.Wait()
		s.ended("zoe", "A")
	})
}

// A learner's own runs make room for the next one, the oldest first, and no others do.
func TestOwnOldestRunMakesRoom(t *testing.T) {
	inSchool(t, func(t *testing.T, s school) {
		others := []*Run{s.ended("rahim", "A"), s.ended("", "A")}
		var mine []*Run
		for range 20 {
			mine = append(mine, s.ended("ada", "A"))
		}
		for i, r := range mine {
			if want := i >= len(mine)-maxPlacesEach; s.kept(r) != want {
				t.Errorf("of %d runs, number %d is kept: %t", len(mine), i+1, !want)
			}
		}
		for _, r := range others {
			if !s.kept(r) {
				t.Errorf("the run of %q is gone", r.Learner)
			}
		}
		if r, _ := s.start("ada", "A", 0, 0, make(chan struct{})); s.kept(mine[len(mine)-maxPlacesEach]) || !s.kept(r) {
			t.Error("a run that goes on takes no place")
		}
	})
}

// Runs of strangers, each with a session of its own, push no run out: the next one
// is refused until the first place is free.
func TestStrangersPushNoRunOut(t *testing.T) {
	for _, test := range []struct {
		name    string
		address func(n int) string
		most    int
		says    string
	}{
		{"from one address", func(int) string { return "B" }, maxPlacesAddress, "room for 50 experiments for browsers at your address"},
		{"from the learner's address", func(int) string { return "A" }, maxPlacesAddress - 1, "room for 50 experiments for browsers at your address"},
		{"from many addresses", func(n int) string { return fmt.Sprint(n % 10) }, maxPlaces - 1, "room for 100 experiments, those that run"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inSchool(t, func(t *testing.T, s school) {
				mine := s.ended("ada", "A")
				time.Sleep(time.Minute)
				var theirs []*Run
				for n := range test.most {
					theirs = append(theirs, s.ended(fmt.Sprint("fresh ", n), test.address(n)))
					time.Sleep(time.Second)
				}
				_, busy := s.start("one more", test.address(test.most), 0, 0, nil)
				s.wantBusy(busy, test.says, "kept for 15 minutes", "try again then")
				for _, r := range append(theirs, mine) {
					if !s.kept(r) || len(r.Found().Exchanges) != 1 {
						t.Fatalf("the run of %q was pushed out", r.Learner)
					}
				}
				// The control: when it says so, there is a place, and until then there is none.
				time.Sleep(busy.Free - 10*time.Millisecond)
				_, still := s.start("one more", test.address(test.most), 0, 0, nil)
				s.wantBusy(still, "free in 1 second")
				time.Sleep(20 * time.Millisecond)
				synctest.Wait()
				s.ended("one more", test.address(test.most))
				// A learner's own run makes room also where strangers have taken the rest.
				last := theirs[len(theirs)-1]
				s.ended(last.Learner, last.Address)
				if s.kept(last) || !s.kept(theirs[len(theirs)-2]) {
					t.Error("it was not the learner's own run that made room")
				}
			})
		})
	}
}

// Unowned runs make room before a run is refused, and before the learner's own runs do.
func TestUnownedRunsMakeRoomFirst(t *testing.T) {
	inSchool(t, func(t *testing.T, s school) {
		mine := s.ended("ada", "A")
		var unowned []*Run
		for n := range maxPlaces + 20 {
			unowned = append(unowned, s.ended("", fmt.Sprint(n%10)))
		}
		if first, last := unowned[20], unowned[len(unowned)-1]; s.kept(first) || !s.kept(last) || len(s.byToken) != maxPlaces {
			t.Errorf("the oldest unowned run is kept: %t, the last: %t; %d runs in all", s.kept(first), s.kept(last), len(s.byToken))
		}
		oldest := unowned[21]
		if !s.kept(oldest) {
			t.Fatal("the control: it has gone already")
		}
		s.ended("ada", "A")
		if s.kept(oldest) || !s.kept(mine) {
			t.Errorf("the oldest unowned run is kept: %t, the learner's: %t", s.kept(oldest), s.kept(mine))
		}
		// One that goes on makes no room.
		goOn := make(chan struct{})
		waits, _ := s.start("", "W", 0, 0, goOn)
		for n := range maxPlaces {
			s.ended("", fmt.Sprint(n%10))
		}
		if !s.kept(waits) {
			t.Error("a run that goes on was pushed out")
		}
		close(goOn)
	})
}

// A place is taken from the start of a run, so that runs which end together find one.
func TestPlacesAreTakenAtTheStart(t *testing.T) {
	inSchool(t, func(t *testing.T, s school) {
		for n := range maxPlaces - 10 {
			s.ended(fmt.Sprint("fresh ", n), fmt.Sprint(n%10))
		}
		goOn := make(chan struct{})
		for n := range 10 {
			if _, busy := s.start(fmt.Sprint("waiting ", n), "W", 0, 0, goOn); busy != nil && n < MaxRunsAddress {
				t.Fatal(busy)
			}
		}
		for n := range 10 - MaxRunsAddress {
			if _, busy := s.start(fmt.Sprint("late ", n), "X", 0, 0, goOn); busy != nil {
				t.Fatal(busy)
			}
		}
		_, busy := s.start("one more", "X", 0, 0, goOn)
		s.wantBusy(busy, "room for 100 experiments")
		close(goOn)
		synctest.Wait()
		if len(s.byToken) != maxPlaces {
			t.Errorf("%d runs, at most %d", len(s.byToken), maxPlaces)
		}
	})
}

// What was found is forgotten a quarter of an hour after the end, and not before.
func TestKeptForAQuarterOfAnHour(t *testing.T) {
	inSchool(t, func(t *testing.T, s school) {
		first := s.ended("ada", "A")
		time.Sleep(10 * time.Minute)
		second := s.ended("ada", "A")
		time.Sleep(5*time.Minute - 10*time.Millisecond)
		if !s.kept(first) {
			t.Error("it was forgotten before")
		}
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		if s.kept(first) || !s.kept(second) {
			t.Errorf("after 15 minutes the first run is kept: %t, and after 5 the second: %t", s.kept(first), s.kept(second))
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(s.byToken) != 0 {
			t.Errorf("%d runs are kept", len(s.byToken))
		}
	})
}

// What a class was shown would lose its exchanges to other runs, or take their places.
func TestTakenRunIsTheCallers(t *testing.T) {
	inSchool(t, func(t *testing.T, s school) {
		r, _ := s.start("", "class", 10, maxRunSize/10, nil)
		s.Take(r)
		for n := range maxPlaces {
			if _, busy := s.start("", fmt.Sprint("address ", n), 10, maxRunSize/10, nil); busy != nil {
				t.Fatalf("run %d is refused: %v", n, busy)
			}
		}
		time.Sleep(2 * KeepFor)
		if found := r.Found(); s.kept(r) || len(found.Exchanges) != 10 || found.Outcome.Decisive == nil {
			t.Errorf("%d exchanges are left, kept by the runner: %t", len(found.Exchanges), s.kept(r))
		}
	})
}

// A refusal says how long it is to the next place, and never less.
func TestInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "1 second", 0: "1 second", time.Millisecond: "1 second", time.Second: "1 second", time.Second + 1: "2 seconds", 59 * time.Second: "59 seconds",
		59*time.Second + 1: "1 minute", time.Minute: "1 minute", time.Minute + 1: "2 minutes", 15 * time.Minute: "15 minutes",
	} {
		if got := inWords(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	if got := (&BusyError{}).Error(); got != "The program is about to end." {
		t.Error(got)
	}
	rn := NewRunner(Config{Log: slog.New(slog.DiscardHandler)})
	rn.Close()
	if _, err := rn.Start(Experiment{Run: func(*Run) Outcome { return Outcome{} }}, "ada", "A", None, nil, "/"); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}
