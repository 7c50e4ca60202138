package program

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cli/browser"

	"github.com/sessionscope/sessionscope/internal/config"
	"github.com/sessionscope/sessionscope/internal/terminal"
)

// This file starts the program for somebody who has double-clicked its file. They see no terminal, or one
// that closes with the program. So the browser opens, a port that is taken gives way to the next one, the
// lab has Quit, and another double click opens the page of the program that runs already. sole.go tells
// whether one does.

// click is what a program has that was started by a double click. All methods do nothing for nil.
type click struct {
	end  func() // ends the program in order
	sole *sole  // nil if no folder could be had: another double click then starts another program
	log  *slog.Logger
}

// asked tells whether the program has an argument, or a variable of its own is set: then somebody knows how
// it is started.
func asked() bool {
	return len(os.Args) > 1 || slices.ContainsFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(strings.ToUpper(v), "SESSIONSCOPE_") })
}

// begin runs the program. If a double click has started it, and another one runs for this user since an
// earlier double click, it opens the page of that one instead. end ends ctx.
func begin(ctx context.Context, end func(), cfg config.Config, clicked bool, own Own, stdout io.Writer, log *slog.Logger, ctrlC *interrupts) error {
	if !clicked {
		return run(ctx, cfg, nil, own, stdout, log, ctrlC)
	}
	s, there := claim(ctx, ownFolders(), isSessionscope)
	if there != "" {
		return openThere(ctx, there, stdout, browser.OpenURL)
	}
	defer s.release()
	cfg.Open = true
	return run(ctx, cfg, &click{end, s, log}, own, stdout, log, ctrlC)
}

// openTime is how long a second double click waits for what opens its browser. Some openers wait until the
// browser closes; they go on without this program.
const openTime = 5 * time.Second

// openThere opens the page of the program that runs already, with open.
func openThere(ctx context.Context, address string, stdout io.Writer, open func(address string) error) error {
	fmt.Fprintf(stdout, "Sessionscope is at %s already: its page opens\n", address)
	opened := make(chan error, 1)
	go func() { opened <- open(address) }()
	select {
	case err := <-opened:
		if err != nil {
			return fmt.Errorf("cannot open the browser: open %s yourself: %w", address, err)
		}
	case <-time.After(openTime):
	case <-ctx.Done():
	}
	return nil
}

// quit returns what Quit on the lab's pages does, nil for no Quit.
func (c *click) quit() func() {
	if c == nil {
		return nil
	}
	return c.end
}

// serves notes where the lab is, for another double click.
func (c *click) serves(address string) {
	if c == nil || c.sole == nil {
		return
	}
	if err := c.sole.tell(address); err != nil {
		c.log.Warn("another double click will not find this program, and starts one more", "error", err)
	}
}

// ends lets another double click start a program from now on: this one answers no new request, and may
// wait for open ones for seconds. The two share nothing, since this one keeps all in memory.
func (c *click) ends() {
	if c != nil {
		c.sole.release()
	}
}

// howToEnd says at the start how the program is ended.
func (c *click) howToEnd() string {
	if c == nil {
		return "Ctrl+C ends it"
	}
	return "Quit at the foot of its page ends it, and so does Ctrl+C here"
}

// staysOpen tells whether the error of a start is to stay on the screen, since the window closes with the
// program: that of Windows does, and macOS's Terminal may. Elsewhere there is no terminal after a double
// click, and nobody sees the error. Nothing can be shown then: what shows texts is the browser, and a page
// of a program that cannot serve would have to stay behind as a file.
func staysOpen(ctx context.Context, stdin *os.File) bool {
	return ctx.Err() == nil && terminal.Is(stdin)
}

// pressEnter are the last words in a window that stays open.
const pressEnter = "Press Enter to close this window."

// awaitEnter returns when Enter is pressed at stdin, or ctx ends.
func awaitEnter(ctx context.Context, stdin *os.File) {
	ctx, entered := context.WithCancel(ctx)
	defer entered()
	go func() {
		terminal.Enters(ctx, stdin, entered)
		entered() // nobody can press Enter any more
	}()
	<-ctx.Done()
}
