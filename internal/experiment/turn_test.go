package experiment

import (
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// With AtOnce runs take turns in the order of their start, a run that sleeps lets another go on, and
// a run's time does not pass while it waits. If it failed, thirty runs at once would all be too slow,
// or the last of them would be ended before it began.
func TestRunsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rn := NewRunner(Config{Log: slog.New(slog.DiscardHandler), AtOnce: 2, Limit: time.Minute, Runs: 100, RunsAddress: 100})
		defer rn.Close()
		var mu sync.Mutex
		var order []string
		working, most := 0, 0
		work := func(name string, sleeps bool) *Run {
			r, err := rn.Start(Experiment{Slug: "x", Run: func(r *Run) Outcome {
				mu.Lock()
				order = append(order, name)
				working++
				most = max(most, working)
				mu.Unlock()
				defer func() { mu.Lock(); working--; mu.Unlock() }()
				if sleeps {
					r.Together(func() { r.Sleep(5 * time.Second) }, func() { r.Sleep(7 * time.Second) })
				} else {
					time.Sleep(40 * time.Second)
				}
				return Outcome{Verdict: "found"}
			}}, name, "address", None, nil, "/experiments/x")
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return r
		}
		var runs []*Run
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			runs = append(runs, work(name, false))
		}
		for _, r := range runs {
			<-r.done
			if err := r.Found().Err; err != nil {
				t.Errorf("a run that waited was ended: %v", err)
			}
		}
		for i := 0; i < len(order); i += 2 { // two begin at the same moment
			slices.Sort(order[i : i+2])
		}
		if want := []string{"a", "b", "c", "d", "e", "f"}; !slices.Equal(order, want) || most != 2 {
			t.Errorf("the order is %v, at most %d at once, want %v, 2", order, most, want)
		}
		for _, name := range []string{"g", "h", "i"} { // none stands still while another sleeps
			runs = append(runs, work(name, true))
		}
		began := time.Now()
		for _, r := range runs {
			<-r.done
		}
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("three runs that sleep 7 s took %v", took)
		}
		if len(rn.turns) != 0 {
			t.Errorf("%d turns are still taken", len(rn.turns))
		}
	})
}

// A run that is stopped while it waits for its turn takes none.
func TestStoppedRunTakesNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rn := NewRunner(Config{Log: slog.New(slog.DiscardHandler), AtOnce: 1})
		defer rn.Close()
		goOn := make(chan struct{})
		start := func(f func(r *Run)) *Run {
			r, err := rn.Start(Experiment{Slug: "x", Run: func(r *Run) Outcome { f(r); return Outcome{Verdict: "found"} }}, "l", "a", None, nil, "/experiments/x")
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		first := start(func(*Run) { <-goOn })
		synctest.Wait()
		second := start(func(*Run) { t.Error("the run that was stopped worked") })
		synctest.Wait()
		second.Stop()
		close(goOn)
		<-first.done
		if len(rn.turns) != 0 {
			t.Errorf("%d turns are still taken", len(rn.turns))
		}
	})
}
