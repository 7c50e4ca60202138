//go:build unix

package session_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it failed, a pipe without a writer would keep the program waiting, or the error for a
// folder would speak of its mode.
func TestSecretsThatAreNoPlainFile(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "") // not t.TempDir: the path of a socket has room for 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for path, want := range map[string]string{
		dir: "is a folder", os.DevNull: "is a device", "/dev/zero": "is a device", pipe: "is a pipe", socket: "is a socket",
		filepath.Join(dir, "none"): "no such file", "": "no such file",
	} {
		secrets, err := session.ReadSecrets(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "chmod") {
			t.Errorf("%s: %d secrets, %v; want %q", path, len(secrets), err, want)
		}
	}
}
