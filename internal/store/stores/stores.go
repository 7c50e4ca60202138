// Package stores lists the stores of the program, for tests that run with each of them.
// Begin with All.
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
	// Open returns an empty store for at most max sessions, 0 for no limit, with now as
	// its clock. The store is closed with the test. Without redis-server Open skips the
	// test, and fails it in CI.
	Open func(t testing.TB, max int, now func() time.Time) session.Backend
}

// All are all stores, memory first.
var All = []Store{
	{"memory", func(_ testing.TB, max int, now func() time.Time) session.Backend {
		return memory.New(memory.Config{MaxSessions: max, Now: now})
	}},
	{"sqlite", func(t testing.TB, max int, now func() time.Time) session.Backend {
		// Batched: no test cuts the power, and most of their time would go into waits for the disk.
		st, err := sqlite.Open(t.Context(), sqlite.Config{File: filepath.Join(t.TempDir(), "sessions.db"), Durability: sqlite.Batched, MaxSessions: max, Now: now})
		return closed(t, st, err)
	}},
	{"redis", func(t testing.TB, max int, now func() time.Time) session.Backend {
		st, err := redis.Open(t.Context(), redis.Config{URL: redistest.Database(t), MaxSessions: max, Now: now})
		return closed(t, st, err)
	}},
}

// closed returns st, which is closed with the test. It fails the test if err is an error.
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
