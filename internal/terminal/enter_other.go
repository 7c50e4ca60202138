//go:build !unix

package terminal

import (
	"context"
	"io"
	"os"
	"time"
)

// ignoreBackground does nothing: only Unix keeps a program in the background from reading.
func ignoreBackground() {}

// readableAgain tells whether f may be read again after err. Ctrl+C ends the read of a Windows console
// without a character, which looks like the end of a file: what is typed afterwards, such as the Enter
// that saves a class, must be read. A console that has gone gives other errors.
func readableAgain(ctx context.Context, f *os.File, err error) bool {
	if err != io.EOF {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(afterEOF):
	}
	return Is(f)
}

// afterEOF is how long nothing is read after what looks like the end of a file, so that a console that
// gives no more than that does not keep the processor busy.
const afterEOF = 50 * time.Millisecond
