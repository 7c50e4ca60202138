//go:build unix

package terminal

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

func ignoreBackground() { signal.Ignore(syscall.SIGTTIN) }

// inForeground tells whether this process gets what is typed at f. The error says that f is
// not, or not any more, the terminal of this process.
func inForeground(f *os.File) (bool, error) {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return group == unix.Getpgrp(), err
}
