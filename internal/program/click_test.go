package program

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// If this fails, a second double click ends with an error though the page opened, says nothing if it cannot,
// or stays as long as the browser.
func TestOpenThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, closes := time.Now(), make(chan struct{})
		var said strings.Builder
		for name, open := range map[string]func(string) error{
			"opens":                          func(string) error { return nil },
			"stays until the browser closes": func(string) error { <-closes; return nil },
		} {
			if err := openThere(t.Context(), soleAddress, &said, open); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if took := time.Since(begin); took > openTime {
			t.Errorf("it waited for %v", took)
		}
		err := openThere(t.Context(), soleAddress, &said, func(string) error { return errors.New("no browser") })
		if err == nil || !strings.Contains(err.Error(), "open "+soleAddress+" yourself") || exitCode(err) != 1 {
			t.Errorf("without a browser: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := openThere(ctx, soleAddress, &said, func(string) error { <-closes; return nil }); err != nil {
			t.Error(err)
		}
		close(closes)
	})
}

// If this fails, the program waits for an Enter that nobody can press.
func TestStaysOpen(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if staysOpen(t.Context(), null) {
		t.Error("no terminal, and the window is to stay")
	}
	awaitEnter(t.Context(), null)
}

// If this fails, the farewell of a kept class names a command that the system has not.
func TestEndOtherwise(t *testing.T) {
	for system, want := range map[string]string{"linux": "kill ", "darwin": "kill ", "windows": "close this window"} {
		if got := endOtherwise(system); !strings.Contains(got, want) {
			t.Errorf("%s: %q", system, got)
		}
	}
}
