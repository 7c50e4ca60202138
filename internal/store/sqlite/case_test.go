package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// On macOS and Windows S.db and s.db are one file, and so are their logs. If this fails, a database whose
// program was killed is refused there when it is named with other capitals. Hard links are the test's
// stand-in for such a file system.
func TestOtherCapitals(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	lower, upper := filepath.Join(dir, "s.db"), filepath.Join(dir, "S-CAPITAL.db")
	st := open(t, sqlite.Config{File: lower})
	must(t, st.SignedWith(ctx, "", [][]byte{session.NewSecret()}))
	must(t, st.Create(ctx, session.KeyOf("a"), newRecord(`{}`)))
	killed := map[string][]byte{}
	for _, end := range []string{"", "-wal"} {
		content, err := os.ReadFile(lower + end)
		must(t, err)
		killed[end] = content
	}
	must(t, st.Close())
	for end, content := range killed {
		must(t, os.RemoveAll(lower+end))
		must(t, os.WriteFile(lower+end, content, 0o600))
		must(t, os.Link(lower+end, upper+end))
	}
	again, err := sqlite.Open(ctx, sqlite.Config{File: upper, MaxSessions: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Load(ctx, session.KeyOf("a")); err != nil {
		t.Error("the last write is lost:", err)
	}
	must(t, again.Close())
}
