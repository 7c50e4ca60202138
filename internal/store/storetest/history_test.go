package storetest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// stubborn saves whatever the version is, so that the updates of others are lost.
type stubborn struct{ session.Backend }

func (b stubborn) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	version, err := b.Backend.Save(ctx, k, r)
	if !errors.Is(err, session.ErrConflict) {
		return version, err
	}
	now, err := b.Backend.Load(ctx, k)
	if err != nil {
		return 0, err
	}
	r.Version = now.Version
	return b.Backend.Save(ctx, k, r)
}

// forgetful answers every second load of a key with the record of the load before.
type forgetful struct {
	session.Backend
	mu    sync.Mutex
	cache map[session.Key]session.Record
}

func (b *forgetful) Load(ctx context.Context, k session.Key) (session.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, ok := b.cache[k]; ok {
		delete(b.cache, k)
		return r, nil
	}
	r, err := b.Backend.Load(ctx, k)
	if err == nil {
		b.cache[k] = r
	}
	return r, err
}

// reviving creates the record that a save does not find.
type reviving struct{ session.Backend }

func (b reviving) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	version, err := b.Backend.Save(ctx, k, r)
	if errors.Is(err, session.ErrNotFound) && r.Version > 0 && b.Backend.Create(ctx, k, r) == nil {
		return r.Version + 1, nil
	}
	return version, err
}

// split does a touch in steps, between which others may write.
type split struct{ session.Backend }

func (b split) Touch(ctx context.Context, k session.Key, version uint64, expires time.Time) error {
	r, err := b.Load(ctx, k)
	switch {
	case err != nil || r.Marker:
		return session.ErrNotFound
	case r.Version != version:
		return session.ErrConflict
	}
	for range 3 {
		runtime.Gosched() // lets others write
	}
	if err := b.Delete(ctx, k); err != nil {
		return err
	}
	r.Version--
	r.Expires = expires
	return b.Create(ctx, k, r)
}

// The control of histories. If this fails, the check does not find a fault that it is for.
func TestHistoriesFindFaults(t *testing.T) {
	for name, broken := range map[string]func(session.Backend) session.Backend{
		"a save that ignores the version": func(b session.Backend) session.Backend { return stubborn{b} },
		"a load from a stale cache": func(b session.Backend) session.Backend {
			return &forgetful{Backend: b, cache: make(map[session.Key]session.Record)}
		},
		"a save that revives": func(b session.Backend) session.Backend { return reviving{b} },
		"a touch in steps":    func(b session.Backend) session.Backend { return split{b} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := NewClock()
			for seed := range uint64(200) {
				if linearizable(t.Context(), broken(memory.New(memory.Config{Now: clock.Now})), clock.Now(), seed) == porcupine.Illegal {
					t.Logf("found in history %d", seed)
					return
				}
			}
			t.Error("the fault was not found")
		})
	}
}
