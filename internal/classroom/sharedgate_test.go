package classroom_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// The store is closed and opened again. If this fails, a part loses an acknowledged session, shows one
// that is gone, or cannot be used afterwards.
func TestSwap(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	file := filepath.Join(t.TempDir(), "s.db.class")
	var open *sqlite.Store
	reopen := func(ctx context.Context) (_ session.Backend, err error) {
		if open != nil {
			must(t, open.Close())
		}
		open, err = sqlite.Open(ctx, sqlite.Config{File: file, Durability: sqlite.Batched, Now: clock.Now})
		return open, err
	}
	fresh := func(context.Context) (session.Backend, error) { return memory.New(memory.Config{Now: clock.Now}), nil }
	for name, next := range map[string]func(context.Context) (session.Backend, error){"sqlite": reopen, "memory": fresh} {
		ctx := t.Context()
		b, err := next(ctx)
		must(t, err)
		s := share(t, b, clock.Now)
		a, other := s.Part(one, classroom.PartLimits{Sessions: 3, Bytes: 20}), s.Part(two, classroom.PartLimits{})
		fill(t, a, clock.Now())
		fill(t, other, clock.Now())
		before := [2]any{content(ctx, t, a), content(ctx, t, other)}
		must(t, s.Alone(ctx, func(ctx context.Context) error { return s.Swap(ctx, next) }))
		if name == "sqlite" {
			if diff := cmp.Diff(before, [2]any{content(ctx, t, a), content(ctx, t, other)}); diff != "" {
				t.Errorf("SQLite after the restart (-before +after):\n%s", diff)
			}
			continue
		}
		for _, p := range []session.Backend{a, other} {
			wantStats(t, p, session.Stats{})
			for n := range 3 {
				if _, err := p.Load(ctx, key(n)); !errors.Is(err, session.ErrNotFound) {
					t.Errorf("memory after the restart: record %d: %v", n, err)
				}
			}
		}
		for n := range 3 { // there is room for three, whatever was there before
			must(t, a.Create(ctx, key(n), of(clock.Now(), 0, 1, time.Hour)))
		}
		wantStats(t, a, session.Stats{Live: 3, Bytes: 3})
	}
	must(t, open.Close())
}

// A store that is away for long, or cannot be opened again, is one that is down. Otherwise a phone would
// wait, be told that its session is gone, or see a fault.
func TestAStoreThatDoesNotComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, clock := t.Context(), storetest.NewClock()
		s := share(t, memory.New(memory.Config{Now: clock.Now}), clock.Now)
		p := s.Part(one, classroom.PartLimits{})
		must(t, p.Create(ctx, key(1), of(clock.Now(), 0, 1, time.Hour)))
		fault := errors.New("no disk")
		err := s.Alone(ctx, func(ctx context.Context) error {
			began := time.Now()
			if _, err := p.Load(t.Context(), key(1)); !errors.Is(err, session.ErrDown) || time.Since(began) != 2*time.Second {
				t.Errorf("a request in the middle: %v after %v", err, time.Since(began))
			}
			gone, leave := context.WithCancel(t.Context())
			leave()
			if _, err := p.Load(gone, key(1)); !errors.Is(err, context.Canceled) {
				t.Errorf("a request whose client left: %v", err)
			}
			if _, err := p.Load(ctx, key(1)); err != nil {
				t.Errorf("whoever has the store alone: %v", err)
			}
			return s.Swap(ctx, func(context.Context) (session.Backend, error) { return nil, fault })
		})
		if !errors.Is(err, fault) {
			t.Errorf("Swap: %v", err)
		}
		_, load := p.Load(ctx, key(1))
		_, stats := s.Stats(ctx)
		_, swept := s.Sweep(ctx)
		for _, err := range []error{load, stats, swept, p.Create(ctx, key(2), of(clock.Now(), 0, 1, time.Hour)), p.Ping(ctx)} {
			if !errors.Is(err, session.ErrDown) {
				t.Errorf("without a store: %v", err)
			}
		}
		must(t, s.Alone(ctx, func(ctx context.Context) error {
			return s.Swap(ctx, func(context.Context) (session.Backend, error) { return memory.New(memory.Config{Now: clock.Now}), nil })
		}))
		must(t, p.Create(ctx, key(2), of(clock.Now(), 0, 1, time.Hour)))
	})
}

// Requests go on while the store is closed and opened. If this fails, the handle is closed under a
// request, an acknowledged write is lost, or a request never ends.
func TestSwapUnderLoad(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	inner := memory.New(memory.Config{Now: clock.Now})
	var using atomic.Int64
	var closed atomic.Bool
	store := &storetest.Hooked{Backend: inner, Hook: func(context.Context, string) (before, after error) {
		using.Add(1)
		defer using.Add(-1)
		if closed.Load() {
			t.Error("an operation meets a handle that is closed")
		}
		return nil, nil
	}}
	s := share(t, store, clock.Now)
	var writers [4]chan int
	for w := range writers {
		writers[w] = make(chan int, 1)
		go func() {
			p, n := s.Part([8]byte{byte(w)}, classroom.PartLimits{}), 0
			for ; n < 400; n++ {
				if err := p.Create(t.Context(), session.KeyOf(string(rune(n))), of(clock.Now(), 0, 1, time.Hour)); err != nil {
					t.Errorf("create: %v", err)
				}
			}
			writers[w] <- n
		}()
	}
	for range 50 {
		must(t, s.Alone(t.Context(), func(ctx context.Context) error {
			return s.Swap(ctx, func(context.Context) (session.Backend, error) {
				closed.Store(true)
				if n := using.Load(); n != 0 {
					t.Errorf("%d operations are under way", n)
				}
				closed.Store(false)
				return store, nil
			})
		}))
	}
	for w, done := range writers {
		n := <-done
		wantStats(t, s.Part([8]byte{byte(w)}, classroom.PartLimits{}), session.Stats{Live: n, Bytes: int64(n)})
	}
}

// If this fails, a session outlives an expiry for everyone, what has expired before counts, or a marker
// dies.
func TestExpire(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func(*testing.T, func() time.Time) session.Backend) {
		ctx, clock := t.Context(), storetest.NewClock()
		s := share(t, open(t, clock.Now), clock.Now)
		parts := []session.Backend{s.Part(one, classroom.PartLimits{}), s.Part(two, classroom.PartLimits{})}
		for _, p := range parts {
			fill(t, p, clock.Now())
		}
		must(t, s.Alone(ctx, func(ctx context.Context) error {
			n, err := s.Expire(ctx)
			if n != 2 {
				t.Errorf("%d sessions, want 2", n)
			}
			return err
		}))
		for _, p := range parts {
			if _, err := p.Load(ctx, key(0)); !errors.Is(err, session.ErrExpired) {
				t.Errorf("a live session: %v", err)
			}
			if r, err := p.Load(ctx, key(2)); err != nil || !r.Marker {
				t.Errorf("the marker: %+v, %v", r, err)
			}
			if st, err := p.Stats(ctx); err != nil || st.Live != 0 || st.Expired != 2 {
				t.Errorf("%+v, %v", st, err)
			}
		}
	})
}
