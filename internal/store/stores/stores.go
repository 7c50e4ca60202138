// Package stores lists the program's stores for tests that run over each of them.
package stores

import (
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/redis"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// Store is one of the stores.
type Store struct {
	Name string
	// Open returns an empty store for at most max sessions, 0 for no limit, on
	// the given clock. It closes with the test, or skips it with the reason.
	Open func(t testing.TB, max int, now func() time.Time) session.Backend
}

// All are all stores, memory first. A new one is one more line.
var All = []Store{
	{"memory", func(_ testing.TB, max int, now func() time.Time) session.Backend {
		return memory.New(memory.Config{MaxSessions: max, Now: now})
	}},
	{"sqlite", func(t testing.TB, max int, now func() time.Time) session.Backend {
		// Batched: these tests cut no power, and a wait for the disk at each write is most of their time.
		st, err := sqlite.Open(t.Context(), sqlite.Config{File: filepath.Join(t.TempDir(), "sessions.db"), Durability: sqlite.Batched, MaxSessions: max, Now: now})
		return closed(t, st, err)
	}},
	{"redis", func(t testing.TB, max int, now func() time.Time) session.Backend {
		st, err := redis.Open(t.Context(), redis.Config{URL: redistest.Database(t), MaxSessions: max, Now: now})
		return closed(t, st, err)
	}},
}

// closed closes st with the test.
func closed[S interface {
	session.Backend
	io.Closer
}](t testing.TB, st S, err error) session.Backend {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}
