//go:build unix

package terminal

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func ignoreBackground() { signal.Ignore(syscall.SIGTTIN) }

// readableAgain tells whether f may be read again after err. End of file is Ctrl+D. After any other error
// it waits until the program is in the foreground of f, a moment at least, and f may be read if it is
// still the terminal of this process.
func readableAgain(ctx context.Context, f *os.File, err error) bool {
	if err == io.EOF {
		return false
	}
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
		}
		if ahead, err := inForeground(f); ahead || err != nil {
			return err == nil
		}
	}
}

// inForeground tells whether this process gets what is typed at f. The error says that f is
// not, or not any more, the terminal of this process.
func inForeground(f *os.File) (bool, error) {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return group == unix.Getpgrp(), err
}
