package session_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// FuzzTamper: if it failed, a copy could be asked for that no Cookie header can carry, or one
// that is not the original and opens the session.
func FuzzTamper(f *testing.F) {
	for _, part := range session.TamperParts {
		f.Add(part, "", 1)
	}
	f.Add("values", `{"a":[1,{"b":"c"}]}`, 0)
	f.Add("deadline", "2030-12-31T23:59:59Z", 0)
	f.Add("signature", "AAAA", 0)
	f.Add("value", "x", -1)
	f.Fuzz(func(t *testing.T, part, to string, at int) {
		e, _ := peekEngine(t)
		cookie := bornWith(t, e, "Rahim").Value
		copied, err := session.Tamper(cookie, part, to, at)
		if err != nil {
			if input := (*session.InputError)(nil); !errors.As(err, &input) {
				t.Fatalf("%v is no *InputError", err)
			}
			return
		}
		if len(copied) > 2*session.MaxCookieBytes || strings.ContainsAny(copied, "\r\n\x00;, \"\\") {
			t.Fatalf("the copy is %q", copied)
		}
		if copied != "" && copied != cookie && load(t, e, copied).Exists() {
			t.Fatalf("a changed copy opens the session: %q", copied)
		}
	})
}
