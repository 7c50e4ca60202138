// Package private opens stores for the private instances of experiments: each store is
// empty, apart from all others, and leaves nothing behind when it is removed. Begin with
// Stores.
package private

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/redis"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// Stores returns how to open each kind of store, by its name. redisURL is a Redis that may
// not be there: then to open "redis" is an error that says so.
func Stores(redisURL string) map[string]experiment.OpenStore {
	var made sync.Map // *keys by name
	return map[string]experiment.OpenStore{
		"memory": func(_ context.Context, cfg experiment.StoreConfig) (session.Backend, func() error, func() error, error) {
			nothing := func() error { return nil }
			return memory.New(memory.Config{MaxSessions: cfg.MaxSessions, MaxBytes: 16 << 20, Now: cfg.Now}), nothing, nothing, nil
		},
		"sqlite": func(ctx context.Context, cfg experiment.StoreConfig) (session.Backend, func() error, func() error, error) {
			dir, err := cfg.Dir()
			if err != nil {
				return nil, nil, nil, err
			}
			st, err := sqlite.Open(ctx, sqlite.Config{File: filepath.Join(dir, "sessions.db"), MaxSessions: cfg.MaxSessions, Now: cfg.Now})
			if err != nil {
				return nil, nil, nil, err
			}
			return st, st.Close, st.Close, nil // the folder goes with the instance
		},
		"redis": func(ctx context.Context, cfg experiment.StoreConfig) (session.Backend, func() error, func() error, error) {
			st, err := redis.Open(ctx, redis.Config{URL: redisURL, Prefix: "experiment:" + cfg.Name + ":", MaxSessions: cfg.MaxSessions, Now: cfg.Now})
			if err != nil {
				return nil, nil, nil, fmt.Errorf("%w: %w", experiment.ErrUnavailable, err)
			}
			if err := allowed(ctx, st); err != nil {
				st.Close()
				return nil, nil, nil, fmt.Errorf("%w: %w", experiment.ErrUnavailable, err)
			}
			kept, _ := made.LoadOrStore(cfg.Name, new(keys))
			remove := func() error {
				made.Delete(cfg.Name)
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
				defer cancel()
				return errors.Join(st.Drop(ctx, kept.(*keys).all), st.Close())
			}
			return leased{st, kept.(*keys)}, st.Close, remove, nil
		},
	}
}

// allowed touches a missing record and the index: when the Redis does not allow the keys of
// experiments, the error comes before a run begins.
func allowed(ctx context.Context, st *redis.Store) error {
	if _, err := st.Load(ctx, session.KeyOf(rand.Text())); err != nil && !errors.Is(err, session.ErrNotFound) {
		return err
	}
	return st.Lease(ctx)
}

// keys are the keys that a store in Redis was given: they are removed by name, without a
// search among other programs' keys.
type keys struct {
	mu  sync.Mutex
	all []session.Key
}

// leased is a store in Redis that remembers its keys.
type leased struct {
	*redis.Store
	keys *keys
}

// Create implements session.Backend.
func (l leased) Create(ctx context.Context, k session.Key, r session.Record) error {
	l.keys.mu.Lock()
	l.keys.all = append(l.keys.all, k)
	l.keys.mu.Unlock()
	if err := l.Store.Create(ctx, k, r); err != nil {
		return err
	}
	return l.Lease(ctx)
}
