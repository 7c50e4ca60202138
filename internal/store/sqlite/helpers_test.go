package sqlite

import (
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// DocumentsTable is exported for the tests of package sqlite_test.
const DocumentsTable = documentsTable

func openStore(t *testing.T) *Store {
	t.Helper()
	st, err := Open(t.Context(), Config{File: filepath.Join(t.TempDir(), "s.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// NewRecord returns a record that lives for an hour. It is exported, as Until is, for the
// tests of package sqlite_test.
func NewRecord(data string) session.Record {
	now := time.Now()
	return session.Record{Created: now, Expires: now.Add(time.Hour), Data: data}
}

// Until waits until ok is true, for at most 5 s.
func Until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("never happened:", what)
		}
	}
}
