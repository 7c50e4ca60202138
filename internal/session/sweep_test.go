package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/stores"
)

// If it failed, an expired session would read as live, its ID would be used again, or its
// record would be gone before it was cleared (promise 8).
func TestExpiredRecordStaysUntilCleared(t *testing.T) {
	for _, p := range []session.Placement{session.Hybrid, session.OnServer} {
		t.Run(p.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, nil)
				b, other := e.browser(t), e.browser(t)
				id := b.born(p).ID()
				time.Sleep(time.Hour)
				other.born(p)
				time.Sleep(time.Hour)
				b.wantKeys()
				e.wantStats(t, 1, 1)
				if again := b.set("a", "1"); again.ID() == id {
					t.Error("an expired ID was used again")
				}
				n, err := e.ClearExpired(t.Context())
				if n != 1 || err != nil {
					t.Errorf("cleared %d, %v; want 1", n, err)
				}
				e.wantStats(t, 2, 0)
				other.wantKeys("big", "name")
			})
		})
	}
}

// If it failed, expired records would stay for ever, or Run would not end with its context.
func TestRunClearsExpiredRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		time.Sleep(time.Minute) // not in step with the sweeper
		e.browser(t).born(session.Hybrid)
		time.Sleep(2 * time.Hour)
		e.wantStats(t, 0, 1)
		time.Sleep(10 * time.Minute)
		e.wantStats(t, 0, 0)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// If it failed, one call of ClearExpired would leave records behind after its first step.
func TestClearExpiredInSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *session.Config) { c.Backend = memory.New(memory.Config{}) })
		for range 2500 {
			e.browser(t).set("a", "1")
		}
		time.Sleep(3 * time.Hour)
		if n, err := e.ClearExpired(t.Context()); n != 2500 || err != nil {
			t.Errorf("%d cleared, %v; want 2500", n, err)
		}
	})
}

// If it failed, an ID would live again that ended and whose marker a sweep removed while the
// clock was ahead, or a session born after the clock went back would be dead.
func TestEndedIDsStayDeadWhenTheClockGoesBack(t *testing.T) {
	eachStore(t, func(t *testing.T, store stores.Store) {
		e, clock := newEngineOn(t, store, nil)
		born := func() *browser {
			b := e.browser(t)
			b.born(session.InCookie)
			return b
		}
		flushed, cycled, moved := born(), born(), born()
		ended := []string{flushed.cookie, cycled.cookie, moved.cookie}
		clock.Move(time.Minute)
		flushed.do(func(s *session.Session) { must(t, s.Flush(t.Context())) })
		cycled.do(func(s *session.Session) { s.CycleID() })
		moved.do(func(s *session.Session) { s.SetPlacement(session.Hybrid) })
		later := e.browser(t) // young enough to be alive after the leap
		clock.Move(9 * time.Hour)
		later.born(session.InCookie)
		if _, err := e.ClearExpired(t.Context()); err != nil {
			t.Fatal(err)
		}
		later.wantKeys("big", "name")
		for _, back := range []time.Duration{0, -9 * time.Hour, -10 * time.Minute} {
			clock.Move(back)
			for n, cookie := range ended {
				seen := e.browser(t)
				seen.cookie = cookie
				if seen.load().Exists() {
					t.Errorf("%v: cookie %d of an ended ID opens it again", back, n)
				}
			}
			for _, p := range placements {
				b := e.browser(t)
				b.born(p)
				b.wantKeys("big", "name")
				b.set("name", "Karim")
				b.do(func(s *session.Session) { s.SetPlacement(session.InCookie) })
				b.wantKeys("big", "name")
				kept := b.cookie
				b.do(func(s *session.Session) { must(t, s.Flush(t.Context())) })
				b.cookie = kept
				b.wantKeys()
				ended = append(ended, kept)
			}
			clock.Move(9 * time.Hour) // the next are born at a time of which markers were removed
			if _, err := e.ClearExpired(t.Context()); err != nil {
				t.Fatal(err)
			}
			clock.Move(-9 * time.Hour)
		}
	})
}
