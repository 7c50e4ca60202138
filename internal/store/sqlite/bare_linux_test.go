package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// A container may have no folder but the one of the database. If this fails, what a class has typed
// cannot be wiped there; and elsewhere, wiping it would write what is left into a temporary file.
func TestEraseWithoutTemp(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("chroot needs root")
	}
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "data"), 0o777))
	must(t, os.Chmod(root, 0o755))
	must(t, os.Chmod(filepath.Join(root, "data"), 0o777))
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread has another root than the program, and ends with this goroutine
		done <- func() error {
			if err := enter(root); err != nil {
				return err
			}
			st, err := sqlite.Open(t.Context(), sqlite.Config{File: "/data/s.db", MaxSessions: 10, Documents: true})
			if err != nil {
				return err
			}
			defer st.Close()
			large := bytes.Repeat([]byte("x"), 4<<20) // more than SQLite keeps in memory by itself
			if err := st.PutDocuments(t.Context(), map[string][]byte{"large": large}); err != nil {
				return err
			}
			return st.Erase(t.Context())
		}()
	}()
	must(t, <-done)
}

// enter makes root the root of this thread, as a user who may write in none but its data.
func enter(root string) error {
	for _, do := range []func() error{
		func() error { return syscall.Unshare(syscall.CLONE_FS) },
		func() error { return syscall.Chroot(root) },
		func() error { return syscall.Chdir("/") },
		func() error {
			if _, _, no := syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0); no != 0 {
				return no
			}
			return nil
		},
	} {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}
