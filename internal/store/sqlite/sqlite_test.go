package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	driver "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

var newRecord, until = sqlite.NewRecord, sqlite.Until

// open opens a store that is closed with the test.
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

// shell runs SQL on the file as another program would.
func shell(t *testing.T, file, query string) {
	t.Helper()
	conn, err := driver.OpenConn(file, driver.OpenReadWrite|driver.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecuteScript(conn, query, nil); err != nil {
		t.Fatal(err)
	}
}

// missing skips the test because a tool is missing; in CI it fails the test.
func missing(t *testing.T, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(args...)
	}
	t.Skip(args...)
}

// The contract of session.Backend, in both durabilities.
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
