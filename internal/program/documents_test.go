package program

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/classroom/classtest"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// If this fails, a class's state in a database is not what the class has put there.
func TestDocuments(t *testing.T) {
	t.Parallel()
	classtest.TestDocuments(t, func(t *testing.T) (classroom.Documents, func() classroom.Documents) {
		file := filepath.Join(t.TempDir(), "s.db.class")
		open := func() *sqlite.Store {
			// Batched: no test cuts the power, and most of their time would go into waits for the disk.
			st, err := sqlite.Open(t.Context(), sqlite.Config{File: file, Durability: sqlite.Batched, Documents: true})
			if err != nil {
				t.Fatal(err)
			}
			return st
		}
		st := open()
		end := func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		}
		t.Cleanup(func() { end() })
		use := func(_ context.Context, do func(*sqlite.Store) error) error { return do(st) }
		return documents{use}, func() classroom.Documents {
			end()
			st = open()
			return documents{use}
		}
	})
}
