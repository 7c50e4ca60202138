package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// tmpfs mounts a small file system for this test. Without root it skips the test.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("only root on Linux can mount a small disk")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "none", dir).CombinedOutput(); err != nil {
		t.Skip("cannot mount: ", string(out))
	}
	t.Cleanup(func() { exec.Command("umount", dir).Run() })
	return dir
}

// If this fails, a full disk stops reads too, loses sessions that it has, or is not used
// again when there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := tmpfs(t, "size=4m")
	st := open(t, sqlite.Config{File: filepath.Join(dir, "s.db")})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	data := `"` + strings.Repeat("x", 20000) + `"`
	var err error
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = st.Create(t.Context(), session.KeyOf(fmt.Sprint(n)), newRecord(data))
	}
	n-- // the last create failed
	if !errors.Is(err, session.ErrFull) {
		t.Fatalf("session %d: %v, want ErrFull", n, err)
	}
	r, err := st.Load(t.Context(), session.KeyOf("0"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Save(t.Context(), session.KeyOf("0"), r); err == nil || errors.Is(err, session.ErrFull) {
		t.Errorf("save: %v, want an error of SQLite's", err)
	}
	check := func(want int) {
		t.Helper()
		for i := range want {
			if r, err := st.Load(t.Context(), session.KeyOf(fmt.Sprint(i))); err != nil || r.Data != data {
				t.Fatalf("session %d: %d bytes, %v", i, len(r.Data), err)
			}
		}
		if s, err := st.Stats(t.Context()); err != nil || s.Live != want || s.Bytes != int64(want*len(data)) {
			t.Errorf("%+v, %v; want %d sessions", s, err, want)
		}
	}
	check(n)
	for err = nil; err == nil; { // until not one page is free
		err = st.Touch(t.Context(), session.KeyOf("0"), 1, r.Expires)
	}
	no := (*session.ReadOnlyError)(nil)
	if err := st.Ping(t.Context()); !errors.As(err, &no) || !no.Full {
		t.Errorf("ping: %v, want that the disk is full", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := st.Ping(t.Context()); err != nil {
		t.Errorf("ping, with room again: %v", err)
	}
	if err := st.Create(t.Context(), session.KeyOf(fmt.Sprint(n)), newRecord(data)); err != nil {
		t.Errorf("with room again: %v", err)
	}
	check(n + 1)
	t.Logf("%d sessions fitted", n)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = open(t, sqlite.Config{File: filepath.Join(dir, "s.db")})
	check(n + 1)
}

// If this fails, a disk that cannot be written counts as a damaged file, or the error
// does not name the file.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "s.db")
	lock := func() {
		if err := errors.Join(os.Chmod(file, 0o400), os.Chmod(dir, 0o500)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(dir, 0o700) })
	}
	if os.Geteuid() == 0 { // modes do not stop root
		dir = tmpfs(t, "size=4m")
		file = filepath.Join(dir, "s.db")
		lock = func() {
			if out, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput(); err != nil {
				t.Skip(string(out))
			}
		}
	}
	if err := open(t, sqlite.Config{File: file}).Close(); err != nil {
		t.Fatal(err)
	}
	lock()
	for _, name := range []string{file, filepath.Join(dir, "new.db"), filepath.Join(dir, "folder", "new.db")} {
		_, err := sqlite.Open(t.Context(), sqlite.Config{File: name})
		if err == nil || errors.Is(err, sqlite.ErrLocked) || errors.As(err, new(*sqlite.DamagedError)) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want an error of the system's with the name", name, err)
		}
	}
}
