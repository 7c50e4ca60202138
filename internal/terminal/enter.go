package terminal

import (
	"bytes"
	"context"
	"os"
)

// Enters calls pressed each time that Enter is pressed at the terminal f, until ctx ends or f
// gives no more: after Ctrl+D, or when the terminal has gone. On Windows Ctrl+Z, which stands for
// Ctrl+D there, does not end it. It returns at once if f is no terminal. Its last read may outlive
// ctx, since nothing ends the read of a terminal but its user; pressed is not called then.
//
// A program in the background does not get what is typed, and one that tries is stopped by
// SIGTTIN. So Enters has this process ignore SIGTTIN from now on, and waits until the program
// is in the foreground again.
func Enters(ctx context.Context, f *os.File, pressed func()) {
	if !Is(f) {
		return
	}
	ignoreBackground()
	for typed := make([]byte, 256); ctx.Err() == nil; {
		n, err := f.Read(typed)
		if err != nil && !readableAgain(ctx, f, err) {
			return
		}
		for range bytes.Count(typed[:n], []byte("\n")) {
			if ctx.Err() == nil {
				pressed()
			}
		}
	}
}
