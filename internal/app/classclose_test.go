package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// openOver opens a class over a store.
func openOver(st session.Backend, closed func()) func(context.Context) (ClassParts, error) {
	return func(context.Context) (ClassParts, error) {
		return ClassParts{
			Backend: st, Documents: classroom.NewMemoryDocuments(), Secrets: [][]byte{session.NewSecret()}, Network: wifi{},
			Close: func() error { closed(); return nil },
		}, nil
	}
}

// slowSweep is a store that takes a second to give up clearing what has expired.
type slowSweep struct {
	session.Backend
	begun, late, closed atomic.Bool
}

func (s *slowSweep) DeleteExpired(ctx context.Context, _ time.Time, _ int) (int, error) {
	s.begun.Store(true)
	<-ctx.Done()
	time.Sleep(time.Second)
	s.late.Store(s.closed.Load())
	return 0, ctx.Err()
}

// A class closes its store when nobody uses the store any more, and its end is no failure of the
// store.
func TestClassIsClosedAfterItsSweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &slowSweep{Backend: memory.New(memory.Config{})}
		logged := new(lines)
		a := newClass(t, func(c *Config) {
			c.Log = slog.New(slog.NewTextHandler(logged, nil))
			c.Class.Open = openOver(st, func() { st.closed.Store(true) })
		})
		time.Sleep(sweepSeats + time.Second)
		a.Close()
		time.Sleep(time.Minute)
		if !st.begun.Load() || !st.closed.Load() || st.late.Load() {
			t.Errorf("swept %t, closed %t, closed while it was swept %t", st.begun.Load(), st.closed.Load(), st.late.Load())
		}
		if text := logged.String(); text != "" {
			t.Errorf("logged: %s", text)
		}
	})
}

// silentStats is a store that does not tell its figures.
type silentStats struct{ session.Backend }

func (silentStats) Stats(ctx context.Context) (session.Stats, error) {
	<-ctx.Done()
	return session.Stats{}, ctx.Err()
}

// The board does not wait for a store that does not answer: its tiles would stand still meanwhile.
func TestBoardDoesNotWaitForItsStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newClass(t, func(c *Config) { c.Class.Open = openOver(silentStats{memory.New(memory.Config{})}, func() {}) })
		sits(t, a, "one")
		cl, began := a.openClass(), time.Now()
		if v := cl.storeView(t.Context()); !v.Unknown || time.Since(began) > time.Second {
			t.Errorf("after %v: %+v", time.Since(began), v)
		}
		a.Close()
	})
}
