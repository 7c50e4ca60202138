//go:build unix

package lockfile

import (
	"path/filepath"
	"syscall"
	"testing"
)

// If this fails, a named pipe in the place of the file keeps the program from starting.
func TestTakeANamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Take(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}
