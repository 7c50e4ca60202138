package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// broken is a connection to a store that is reset from time to time, for a moment:
// what was asked is done, and its answer is lost.
type broken struct {
	seed        uint64
	calls, lost atomic.Uint64
}

func (b *broken) hook(_ context.Context, op string) (before, after error) {
	n := b.calls.Add(1) + b.seed
	if n%4 < 2 && (op == "save" || op == "create") {
		b.lost.Add(1)
		return nil, errNth
	}
	return nil, nil
}

// If it failed, a request whose answer from the store was lost would take another request's
// equal write for its own: an update would be acknowledged and not counted.
func TestEqualWritesWhoseAnswersAreLost(t *testing.T) {
	eachStore(t, func(t *testing.T, store stores.Store) {
		lost := false
		for round := range 20 {
			sound, clock := newEngineOn(t, store, nil)
			faults := &broken{seed: uint64(round)}
			e := newEngine(t, func(c *session.Config) {
				c.Now, c.Backend = clock.Now, &storetest.Hooked{Backend: sound.backend, Hook: faults.hook}
			})
			b := sound.browser(t)
			b.do(func(s *session.Session) { s.SetPlacement(session.OnServer); must(t, s.Set("n", "0")) })
			var acknowledged, unknown atomic.Int64
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					s, err := e.Load(b.request())
					must(t, err)
					must(t, s.Update("n", func(old session.Value, _ bool) session.Value {
						n, _ := old.Any().(json.Number).Int64()
						return session.Value(fmt.Sprint(n + 1))
					}))
					if err := s.Commit(t.Context()); err == nil {
						acknowledged.Add(1)
					} else if errors.As(err, new(*session.StoreError)) {
						unknown.Add(1)
					} else {
						t.Error(err)
					}
				})
			}
			all.Wait()
			v, _ := b.load().Get("n")
			n, _ := v.Any().(json.Number).Int64()
			if n < acknowledged.Load() || n > acknowledged.Load()+unknown.Load() {
				t.Fatalf("round %d: %d counted, %d were acknowledged, and of %d nothing is known", round, n, acknowledged.Load(), unknown.Load())
			}
			lost = lost || faults.lost.Load() > 0
		}
		if !lost {
			t.Error("the control: no answer was lost")
		}
	})
}

// If it failed, two hybrid writes of the same moment would send cookies of the same version
// with different values. The control: without write marks they do.
func TestEqualHybridWritesNeverShareAVersion(t *testing.T) {
	for _, marked := range []bool{true, false} {
		m := &meddling{Backend: memory.New(memory.Config{})}
		e := newEngine(t, func(c *session.Config) { c.Backend = lostAnswer{m} })
		if !marked {
			e.WithoutWriteMarks()
		}
		b := e.browser(t)
		b.do(func(s *session.Session) { must(t, s.Set("there", "1")) })
		one, two := e.browser(t), e.browser(t)
		one.cookie, two.cookie = b.cookie, b.cookie
		s := one.load()
		must(t, s.Set("x", "1"))
		m.before = func() { two.set("y", "1") } // it writes the same record
		if err := one.commit(s); marked != errors.As(err, new(*session.StoreError)) {
			t.Errorf("marked: %v; a write that lost is told as %v", marked, err)
		}
		two.wantKeys("there", "y")
	}
}

// lostAnswer loses the answer "conflict" of a save.
type lostAnswer struct{ session.Backend }

func (b lostAnswer) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	version, err := b.Backend.Save(ctx, k, r)
	if errors.Is(err, session.ErrConflict) {
		err = errNth
	}
	return version, err
}

// If it failed, a store that does not answer for a moment would lose a new ID that was
// stored already.
func TestStoreThatPausesIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var until time.Time
		backend := memory.New(memory.Config{})
		e := newEngine(t, func(c *session.Config) {
			c.Backend = &storetest.Hooked{Backend: backend, Hook: func(_ context.Context, op string) (before, after error) {
				switch {
				case op == "save" && until.IsZero():
					until = time.Now().Add(20 * time.Millisecond)
					return nil, errNth
				case time.Now().Before(until):
					return errNth, nil
				}
				return nil, nil
			}}
		})
		b := e.browser(t)
		b.do(func(s *session.Session) { s.SetPlacement(session.OnServer); must(t, s.Set("a", "1")) })
		b.do(func(s *session.Session) { s.CycleID() }) // its save is done, and its answer lost
		b.wantKeys("a")
	})
}
