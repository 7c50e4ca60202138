package program

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
)

// farewellTest is what somebody presses at the terminal of a class, and what comes of it.
type farewellTest struct {
	what  string
	seats int
	press []string // Enter, Ctrl+C, or kill
	fails int      // how often the export fails
	file  string   // that keeps the class
	saved bool
	ended bool
	says  []string
}

// plays plays the test.
func (test farewellTest) plays(t *testing.T) {
	const name = "sessionscope-class-2026-11-27.html"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("earlier"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, kill := context.WithCancel(t.Context())
		again, enters, said := make(chan os.Signal, 1), make(chan struct{}, 1), new(strings.Builder)
		ended, fails := false, test.fails
		f := farewell{
			seats: func() int { return test.seats }, file: test.file, folder: dir, enters: enters, stdout: said,
			end: func(context.Context) (string, error) { ended = true; return "Wiped: 2 seats", nil },
			export: func(context.Context) ([]byte, string, error) {
				if fails--; fails >= 0 {
					return nil, "", errors.New("no room")
				}
				return []byte("<html>"), name, nil
			},
		}
		done := make(chan struct{})
		go func() { defer close(done); f.say(ctx, again) }()
		for _, press := range test.press {
			synctest.Wait()
			if ended {
				t.Error("the class was ended before anybody said so")
			}
			switch press {
			case "Enter":
				enters <- struct{}{}
			case "Ctrl+C":
				again <- os.Interrupt
			case "kill":
				kill()
			}
		}
		<-done
		kill()
		saved, err := os.ReadFile(filepath.Join(dir, strings.TrimSuffix(name, ".html")+"-2.html"))
		if before, _ := os.ReadFile(filepath.Join(dir, name)); string(before) != "earlier" || (err == nil && string(saved) == "<html>") != test.saved || ended != test.ended {
			t.Errorf("saved %q, %v; ended %t; the earlier file has %q", saved, err, ended, before)
		}
		for _, want := range test.says {
			if !strings.Contains(said.String(), want) {
				t.Errorf("%q is not in\n%s", want, said)
			}
		}
		if test.says == nil && said.String() != "" {
			t.Errorf("said %q", said)
		}
	})
}

// If this fails, a class is wiped that nobody wanted to end, goes without being saved, or a file of an
// earlier class is overwritten.
func TestFarewell(t *testing.T) {
	for _, test := range []farewellTest{
		{"no seats", 0, nil, 0, "", false, false, nil},
		{"Enter", 2, []string{"Enter"}, 0, "", true, true, []string{"The class has 2 seats.", "Saved: ", "-2.html", "Wiped: 2 seats"}},
		{"Ctrl+C again", 1, []string{"Ctrl+C"}, 0, "", false, true, []string{"The class has 1 seat.", "Wiped: 2 seats"}},
		{"it cannot be saved", 1, []string{"Enter", "Ctrl+C"}, 1, "", false, true, []string{"It could not be saved: no room", "Wiped: 2 seats"}},
		{"it can be saved after all", 1, []string{"Enter", "Enter"}, 1, "", true, true, []string{"It could not be saved: no room", "Saved: "}},
		{"stopped otherwise", 1, []string{"kill"}, 0, "x.class", false, false, []string{"To go on with this class when a later start opens one, ", endOtherwise(runtime.GOOS)}},
	} {
		t.Run(test.what, func(t *testing.T) {
			test.plays(t)
		})
	}
}

// If this fails, Ctrl+C does not end the program, or ends it before a class has said its farewell.
func TestInterrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &interrupts{signals: make(chan os.Signal, 2)}
		ctx, end := context.WithCancel(t.Context())
		said := false
		before := func(again <-chan os.Signal) { <-again; said = true }
		i.before.Store(&before)
		go i.watch(ctx, end)
		i.signals <- os.Interrupt
		synctest.Wait()
		if ctx.Err() != nil {
			t.Error("the program ended before the farewell")
		}
		i.signals <- os.Interrupt
		synctest.Wait()
		if ctx.Err() == nil || !said {
			t.Errorf("ended %v, said %t", ctx.Err(), said)
		}
	})
}
