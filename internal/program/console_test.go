package program

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/backlog"
)

// heldConsole is a console in which somebody has selected text: Windows lets its programs wait with each
// write until the selection is gone.
type heldConsole struct{ gone chan struct{} }

func (c heldConsole) Write(p []byte) (int, error) {
	<-c.gone
	return len(p), nil
}

// If this fails, somebody who selects text in the console stops the program: it does not say where it is and
// does not serve, a class cannot be ended with Ctrl+C, a second double click opens nothing, or the program
// does not end.
func TestNothingWaitsForTheConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		console := heldConsole{make(chan struct{})}
		out := backlog.New(console, nil)
		log, errs := backlog.Log(console, func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) })
		begin := time.Now()
		log.Warn("a line")
		announce(out, "127.0.0.1:8080", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8081}, (&click{}).howToEnd(), "")
		if err := openThere(t.Context(), soleAddress, out, func(string) error { return nil }); err != nil {
			t.Error(err)
		}
		again, ended := make(chan os.Signal, 1), false
		again <- os.Interrupt
		f := farewell{
			seats: func() int { return 2 }, stdout: out, folder: t.TempDir(),
			export: func(context.Context) ([]byte, string, error) { return nil, "", errors.New("no room") },
			end:    func(context.Context) (string, error) { ended = true; return strings.Repeat("wiped ", 1000), nil },
		}
		f.say(t.Context(), again)
		if took := time.Since(begin); !ended || took != 0 {
			t.Errorf("the class ended: %t, after %v", ended, took)
		}
		out.Close("", lastWords)
		errs.Close(pressEnter, lastWords)
		if took := time.Since(begin); took > 2*lastWords {
			t.Errorf("the end took %v", took)
		}
		close(console.gone)
	})
}
