// Package private opens stores for the private instances of experiments: each is
// empty, apart from all others, and leaves nothing behind when it is removed.
package private

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/redis"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// Stores are all stores by their names. redisURL is a Redis that may not be there:
// then opening one is an error that says so.
func Stores(redisURL string) map[string]experiment.OpenStore {
	return map[string]experiment.OpenStore{
		"memory": func(_ context.Context, cfg experiment.StoreConfig) (session.Backend, func() error, func() error, error) {
			nothing := func() error { return nil }
			return memory.New(memory.Config{MaxSessions: cfg.MaxSessions, MaxBytes: 16 << 20, Now: cfg.Now}), nothing, nothing, nil
		},
		"sqlite": func(ctx context.Context, cfg experiment.StoreConfig) (session.Backend, func() error, func() error, error) {
			st, err := sqlite.Open(ctx, sqlite.Config{File: filepath.Join(cfg.Dir, "sessions.db"), MaxSessions: cfg.MaxSessions, Now: cfg.Now})
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
			remove := func() error {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
				defer cancel()
				err := st.Drop(ctx)
				if closed := st.Close(); err == nil {
					err = closed
				}
				return err
			}
			return st, st.Close, remove, nil
		},
	}
}
