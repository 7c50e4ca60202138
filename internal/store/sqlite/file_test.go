package sqlite_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	driver "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// If this fails, other users of the machine can read the sessions.
func TestModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	file := filepath.Join(dir, "s.db")
	want := func(name string, mode fs.FileMode) {
		t.Helper()
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %o", name, info, err, mode)
		}
	}
	for range 2 {
		st := open(t, sqlite.Config{File: file})
		if err := st.Create(t.Context(), session.KeyOf("a"), newRecord(`{}`)); err != nil && !errors.Is(err, session.ErrExists) {
			t.Fatal(err)
		}
		want(filepath.Dir(dir), 0o700)
		want(dir, 0o700)
		for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
			want(file+suffix, 0o600)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file + "-wal"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after Close the log is there: %v", err)
		}
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// If this fails, two programs write to one file, or the sqlite3 shell cannot read it.
func TestLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "s.db"), filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Skip(err)
	}
	st := open(t, sqlite.Config{File: file})
	for _, name := range []string{file, link} {
		_, err := sqlite.Open(t.Context(), sqlite.Config{File: name})
		if !errors.Is(err, sqlite.ErrLocked) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want ErrLocked with the file's name", name, err)
		}
	}
	shell(t, file, `SELECT * FROM sessions`)
	if err := errors.Join(st.Close(), st.Close()); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{st.Ping(t.Context()), st.Delete(t.Context(), session.KeyOf("a"))} {
		if err == nil {
			t.Error("a closed store answers")
		}
	}
	open(t, sqlite.Config{File: link})
}

// If this fails, the cache serves rows that the sqlite3 shell has changed or deleted, the
// figures miss its rows, or it stops reads while it writes.
func TestChangeFromOutside(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.db")
	st := open(t, sqlite.Config{File: file})
	keys := fill(t, st, 3, 100)
	load := func(k session.Key) (string, error) {
		r, err := st.Load(t.Context(), k)
		return r.Data, err
	}
	for _, k := range keys { // caches all of them
		if _, err := load(k); err != nil {
			t.Fatal(err)
		}
	}
	shell(t, file, fmt.Sprintf(`UPDATE sessions SET data = '"changed"', version = 9 WHERE key = '%x'`, keys[0]))
	until(t, "the change is seen", func() bool { data, _ := load(keys[0]); return data == `"changed"` })
	shell(t, file, fmt.Sprintf(`DELETE FROM sessions WHERE key = '%x'`, keys[1]))
	until(t, "the row is gone", func() bool { _, err := load(keys[1]); return errors.Is(err, session.ErrNotFound) })
	other := session.KeyOf("other")
	shell(t, file, fmt.Sprintf(`INSERT INTO sessions SELECT '%x', created, expires, 1, '"new"', 0 FROM sessions LIMIT 1`, other))
	want := session.Stats{Live: 3, Bytes: 100 + 9 + 5}
	until(t, "the new row is counted", func() bool { s, _ := st.Stats(t.Context()); return s == want })
	if data, err := load(other); err != nil || data != `"new"` {
		t.Errorf("the new row: %s, %v", data, err)
	}
	// A write compares with the file even before anybody has looked.
	r, err := st.Load(t.Context(), keys[2])
	if err != nil {
		t.Fatal(err)
	}
	shell(t, file, `UPDATE sessions SET version = version + 1`)
	if _, err := st.Save(t.Context(), keys[2], r); !errors.Is(err, session.ErrConflict) {
		t.Errorf("save over a changed row: %v, want ErrConflict", err)
	}
	// While the shell writes, a write waits and reads go on.
	conn, err := driver.OpenConn(file, driver.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecuteTransient(conn, `BEGIN IMMEDIATE`, nil); err != nil {
		t.Fatal(err)
	}
	saved := make(chan error)
	r.Version++
	go func() { _, err := st.Save(t.Context(), keys[2], r); saved <- err }()
	for range 1000 {
		if r, err := st.Load(t.Context(), keys[2]); err != nil || r.Version != 2 {
			t.Fatalf("version %d, %v", r.Version, err)
		}
	}
	if err := sqlitex.ExecuteTransient(conn, `ROLLBACK`, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-saved; err != nil {
		t.Errorf("save, after the shell is done: %v", err)
	}
}
