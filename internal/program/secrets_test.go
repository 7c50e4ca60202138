package program

import (
	"log/slog"
	"strings"
	"testing"
)

// If this fails, a SIGHUP ends a program that has no file of secrets without a word of why.
func TestSIGHUPWithoutSecretsIsLogged(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	ended := false
	endFor(func() { ended = out.Len() > 0 }, slog.New(slog.NewTextHandler(&out, nil)))()
	if got := out.String(); !ended || strings.Count(got, "\n") != 1 || !strings.Contains(got, "a SIGHUP came: without a file of signing secrets") {
		t.Errorf("ended after a line: %t; logged %q", ended, got)
	}
}
