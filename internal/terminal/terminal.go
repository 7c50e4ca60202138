// Package terminal tells a terminal that hangs up from an operator who sends SIGHUP.
// Both come as the same signal. A program that ends with its terminal, as it should,
// and does something else for the operator, needs to know.
package terminal

import (
	"context"
	"os"
	"time"
)

const (
	// second is how often Watch looks whether the terminal is still there.
	second = time.Second
	// near is how many looks a signal and the end of the terminal are apart at most
	// that belong together. Looks are counted, and not time: a program that was
	// stopped with Ctrl+Z looks at nothing until the signal comes.
	near = 3
)

// Attached tells whether this process has a terminal, which a closed window and a
// lost connection take away from it. One that was started by a service manager has
// none, and neither has one under setsid; in tmux the terminal is there until its
// pane is closed. On Windows the answer is always false: a window that is closed
// sends another signal.
func Attached() bool {
	f, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// Watch calls hungUp for a SIGHUP that came since the terminal went, and asked for
// any other, until ctx ends. Most shells pass on the signal of a terminal that went.
// Some send one of their own a moment before they end, and the terminal with them:
// asked is called then, and hungUp after it.
func Watch(ctx context.Context, hangups <-chan os.Signal, attached func() bool, hungUp, asked func()) {
	look := time.NewTicker(second)
	defer look.Stop()
	sent, gone := near, 0 // looks since the last signal; looks since the terminal went
	without := func() {   // from now on every signal is an operator's
		gone = near
		look.Stop()
	}
	if !attached() {
		without()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			if gone < near && !attached() {
				without()
				hungUp()
				continue
			}
			sent = 0
			asked()
		case <-look.C:
			sent++
			switch {
			case attached():
				gone = 0
			case sent <= near:
				without()
				hungUp()
			default: // it went without a signal: the program was let go of
				if gone++; gone == near {
					without()
				}
			}
		}
	}
}
