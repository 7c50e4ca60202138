package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

func open(t testing.TB, cfg sqlite.Config) *sqlite.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), cfg)
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

func TestStore(t *testing.T) {
	for name, durability := range map[string]sqlite.Durability{"full": sqlite.Full, "batched": sqlite.Batched} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T, max int, now func() time.Time) session.Backend {
				return open(t, sqlite.Config{File: filepath.Join(t.TempDir(), "s.db"), Durability: durability, MaxSessions: max, Now: now})
			})
		})
	}
}
