package app

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sessionscope/sessionscope/internal/say"
)

// The steps on the page are the engine's own events.
func TestSteps(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formFragment)
	steps := func(a answer) string {
		_, after, _ := strings.Cut(a.body, `class="steps"`)
		after, _, _ = strings.Cut(after, "</ol>")
		return strings.Join(strings.Fields(textOnly("<"+after)), " ")
	}
	if got := steps(b.get("/keys")); got != "no session cookie to read" {
		t.Errorf("without a cookie: %s", got)
	}
	if got := steps(b.post("/set", "key", "a", "value", "1")); !strings.HasPrefix(got, "no session cookie to read new ID ") ||
		!strings.Contains(got, "set a 3 B place a in the cookie save record v1 sign cookie 1") {
		t.Errorf("the first write: %s", got)
	}
	if got := steps(b.get("/keys")); !strings.HasPrefix(got, "read cookie 1") || !strings.Contains(got, "verify signature as before, key 1 of 1 load record") || strings.Contains(got, "sign cookie") {
		t.Errorf("a read: %s", got)
	}
}

// The steps never say that no cookie came when one did, although the engine
// could say nothing of it, and a long text is cut between characters.
func TestStepsOfAnOutage(t *testing.T) {
	var down atomic.Bool
	b := newBrowser(t, newApp(t, func(c *Config) { c.Sessions.Backend = failing(&down) }), formPage)
	if wire := b.get("/").region("wire", "</article>"); !strings.Contains(wire, "no session cookie") {
		t.Error("the control: a first visit does not say that there was no cookie")
	}
	b.post("/set", "key", "name", "value", "Rahim")
	down.Store(true)
	w := b.get("/")
	if wire := w.region("wire", "</article>"); w.StatusCode != http.StatusServiceUnavailable || strings.Contains(wire, "no session cookie") {
		t.Errorf("status %d, and the wire says %s", w.StatusCode, wire)
	}
	if got := say.Shown(strings.Repeat("ü", 10), 5); got != "üü… (20 B in all)" {
		t.Errorf("cut: %q", got)
	}
}
