package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// If this fails, what a class has typed can be read in its file after the class was wiped, or the
// store cannot be used any more. The control is the file before.
func TestErase(t *testing.T) {
	t.Parallel()
	ctx, file := t.Context(), filepath.Join(t.TempDir(), "s.db")
	st := open(t, sqlite.Config{File: file, Documents: true})
	typed, kept := strings.Repeat("what-a-learner-typed ", 400), strings.Repeat("what-a-document-has ", 400)
	record := session.Record{Created: time.Now(), Expires: time.Now().Add(time.Hour), Data: typed}
	must(t, st.Create(ctx, session.KeyOf("a"), record))
	marker := record
	marker.Data, marker.Marker = "", true
	must(t, st.Create(ctx, session.KeyOf("b"), marker))
	must(t, st.PutDocuments(ctx, docs("a", kept)))
	must(t, st.DeleteDocuments(ctx, "a"))
	holds := func(text string) (found bool) {
		for _, name := range []string{file, file + "-wal"} {
			content, err := os.ReadFile(name)
			must(t, err)
			found = found || bytes.Contains(content, []byte(text))
		}
		return found
	}
	if !holds("what-a-learner-typed") || !holds("what-a-document-has") {
		t.Fatal("the control: the file has not what was written")
	}
	must(t, st.Erase(ctx))
	if holds("what-a-learner-typed") || holds("what-a-document-has") {
		t.Error("the file has what was removed")
	}
	if stats, err := st.Stats(ctx); err != nil || stats != (session.Stats{}) {
		t.Errorf("%+v, %v", stats, err)
	}
	for _, id := range []string{"a", "b"} {
		if _, err := st.Load(ctx, session.KeyOf(id)); err != session.ErrNotFound {
			t.Errorf("%s: %v", id, err)
		}
	}
	must(t, st.Create(ctx, session.KeyOf("a"), record))
	must(t, st.Close())
	again := open(t, sqlite.Config{File: file, Documents: true})
	if stats, err := again.Stats(ctx); err != nil || stats.Live != 1 {
		t.Errorf("after it: %+v, %v", stats, err)
	}
}
