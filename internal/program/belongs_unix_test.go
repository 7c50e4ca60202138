//go:build unix

package program

import (
	"os"
	"testing"
)

// If this fails, the lock lies in a folder that is not this user's, or where others may put files.
func TestBelongs(t *testing.T) {
	dir := t.TempDir()
	for mode, want := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o777: false, 0o770: false, 0o777 | os.ModeSticky: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := belongs(info); got != want {
			t.Errorf("%v: %t, want %t", mode, got, want)
		}
	}
}
