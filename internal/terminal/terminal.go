// Package terminal is about the terminal in which the program was started. Begin with Watch,
// which tells a terminal that hangs up from an operator who sends SIGHUP: both come as the same
// signal, and a program ends with its terminal and does something else for the operator.
// ScreenOf says what the terminal shows, and Enters tells when Enter is pressed.
package terminal

import (
	"context"
	"os"
	"time"
)

const (
	// every is how often Watch looks whether the terminal is still there.
	every = time.Second
	// near is how many looks may lie between a signal and the end of the terminal that
	// belong together. It is a number of looks and not a time, since a program that was
	// stopped with Ctrl+Z does not look until the signal wakes it.
	near = 3
)

// Attached tells whether this process has a terminal. It has none any more when its window
// was closed or its connection was lost. A process of a service manager or under setsid
// never has one. In tmux the terminal stays until its pane is closed. On Windows Attached
// is always false: a window that is closed sends another signal there.
func Attached() bool {
	f, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// Watch calls hungUp for a SIGHUP that means the end of the terminal, and asked for any
// other, until ctx ends. Most shells pass the signal on when their terminal has gone. Some
// send one themselves and then end, and the terminal with them: Watch calls asked then,
// and hungUp a moment later.
func Watch(ctx context.Context, hangups <-chan os.Signal, attached func() bool, hungUp, asked func()) {
	look := time.NewTicker(every)
	defer look.Stop()
	sent, gone := near, 0 // looks since the last signal; looks since the terminal went
	without := func() {   // from now on every signal comes from an operator
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
			default: // the terminal went without a signal: the shell has disowned the program
				if gone++; gone == near {
					without()
				}
			}
		}
	}
}
