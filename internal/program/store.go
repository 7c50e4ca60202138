package program

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/sessionscope/sessionscope/internal/config"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/redis"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// store is the backend of the program, and what SQLite needs beside it.
type store struct {
	session.Backend
	close      func() error
	file       string                       // the database; "" for the other stores
	secretFile string                       // the file of its secret; "" if --secret-file names one, and for the other stores
	signedWith func(secrets [][]byte) error // tells the store which secrets sign from now on
}

// openStore opens the store that cfg names. Sessions in a database outlive the program, and
// so must the secret that signs their cookies: without --secret-file it is in a file beside
// the database.
func openStore(ctx context.Context, cfg config.Config, log *slog.Logger) (store, error) {
	st := store{close: func() error { return nil }, signedWith: func([][]byte) error { return nil }}
	switch cfg.Store {
	case "sqlite":
		return openSQLite(ctx, cfg, log)
	case "redis":
		backend, err := redis.Open(ctx, redis.Config{URL: cfg.StoreURL, MaxSessions: cfg.MaxSessions, Log: log})
		switch {
		case errors.Is(err, redis.ErrURL):
			return store{}, fmt.Errorf("--store: %w", err)
		case err != nil:
			return store{}, fmt.Errorf("--store: %w; make sure that it runs, and that host, user and password are right", err)
		}
		st.Backend, st.close = backend, backend.Close
	default:
		st.Backend = memory.New(memory.Config{MaxSessions: cfg.MaxSessions, MaxBytes: memoryBytes(cfg.MaxSessions)})
	}
	return st, nil
}

func openSQLite(ctx context.Context, cfg config.Config, log *slog.Logger) (store, error) {
	durability := sqlite.Full
	if cfg.Batched {
		durability = sqlite.Batched
	}
	backend, err := sqlite.Open(ctx, sqlite.Config{File: cfg.StoreFile, Durability: durability, MaxSessions: cfg.MaxSessions, Log: log})
	if err != nil {
		return store{}, fmt.Errorf("--store: %w", err)
	}
	st := store{Backend: backend, close: backend.Close, file: backend.File()}
	if cfg.SecretFile == "" {
		if st.secretFile, err = backend.SecretFile(ctx); err != nil {
			return store{}, errors.Join(fmt.Errorf("%w: %w", errSecrets, err), backend.Close())
		}
	}
	st.signedWith = func(secrets [][]byte) error { return backend.SignedWith(ctx, st.secretFile, secrets) }
	return st, nil
}

// memoryBytes returns how much data the memory store takes: 6,400 bytes for each session,
// and 64 MiB at least.
func memoryBytes(maxSessions int) int64 { return max(64<<20, int64(maxSessions)*6400) }
