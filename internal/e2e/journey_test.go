package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestJourney(t *testing.T) {
	for _, test := range []struct {
		name       string
		javascript bool
	}{
		{"with JavaScript", true},
		{"without JavaScript", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			journey(t, test.javascript)
		})
	}
}

// journey is what a first visitor does, checked on the page, in the browser's
// cookie jar and in what a separate client reads.
func journey(t *testing.T, javascript bool) {
	p := start(t)
	watcher := newClient(t, p.url)
	wantStats := func(live, expired float64) {
		t.Helper()
		_, out, _ := watcher.do("GET", "/session", nil)
		stats := out["stats"].(map[string]any)
		if stats["sessions"] != live || stats["expired"] != expired {
			t.Fatalf("the store has %v, want %v live and %v expired", stats, live, expired)
		}
	}
	pg := browse(t, p, javascript)
	suffix := "-js"
	if !javascript {
		suffix = "-nojs"
	}
	pg.want("#result", "no session yet")
	pg.want("#browser", "No cookie yet")
	if pg.cookie() != nil {
		t.Fatal("reading the page set a cookie")
	}
	pg.shoot("1-no-session" + suffix)

	pg.press("Set", "set", "name is now", `"Rahim"`, "7 B", "in the cookie", "born")
	first := pg.cookie()
	if first == nil || !first.HTTPOnly || first.SameSite != "Lax" || first.Path != "/" || first.Secure {
		t.Fatalf("the cookie is %+v, want HttpOnly, SameSite=Lax, Path=/ and not Secure", first)
	}
	if first.Expires < 0 {
		t.Error("the cookie has no Max-Age")
	}
	pg.want("#raw", "Raw") // folded away, but there
	pg.want("#wire #request", "POST /set HTTP/1.1", "key=name&value=Rahim")
	pg.want("#wire #response", "Set-Cookie: "+first.Name+"="+first.Value)
	pg.want("#server tr.changed", "name", `"Rahim"`, "cookie")
	wantStats(1, 0)

	pg.press("Get", "get", "name is", `"Rahim"`, "the cookie")
	pg.want("#wire", "No Set-Cookie")
	pg.press("List keys", "keys", "1 key: name")
	if pg.cookie().Value != first.Value {
		t.Error("reading changed the cookie")
	}

	pg.fill("key", "cart")
	pg.fill("value", strings.Repeat("too large for a cookie ", 20))
	pg.press("Set", "set", "cart", "too large for the cookie", "on the server")
	pg.want("#server", "server map")
	pg.press("List keys", "keys", "2 keys: cart, name")
	pg.shoot("2-two-keys" + suffix)

	pg.press("Delete", "deleted", "cart")
	before := pg.text("#server .record code")
	pg.press("Cycle ID", "cycled", "The same data has a new ID")
	if after := pg.text("#server .record code"); after == before {
		t.Error("the ID did not change")
	}
	wantStats(1, 0)

	pg.press("Flush", "flushed", "dead for good")
	if c := pg.cookie(); c != nil {
		t.Errorf("after the flush the browser keeps %+v", c)
	}
	wantStats(0, 0)
	pg.fill("key", "name")
	pg.press("Get", "get", "name is missing", "no session")
	if pg.cookie() != nil {
		t.Error("a get of a missing key set a cookie")
	}

	pg.fill("value", "Rahim")
	pg.press("Set", "set", "born")
	pg.fill("seconds", "1")
	pg.press("Expire in…", "expiry", "1 second after its last write")
	if javascript {
		pg.want("#server", "No record of this browser") // the page asks by itself when the clock has run out
	} else {
		for pg.cookie() != nil { // the browser throws it away when Max-Age has passed
		}
	}
	pg.press("Get", "get", "name is missing")
	pg.want("#server", "expired, not cleared")
	pg.want("#expired-count", "1")
	pg.shoot("3-expired" + suffix)
	wantStats(0, 1)
	pg.press("Clear expired", "cleared", "1 expired record")
	pg.want("#expired-count", "0")
	wantStats(0, 0)
}

// TestEnterSets: Enter in a field is Set, and the field keeps the focus.
func TestEnterSets(t *testing.T) {
	t.Parallel()
	pg := browse(t, start(t), true)
	pg.fill("value", "Karim")
	pg.do(chromedp.SendKeys(chromedp.ID("value"), "\r"))
	pg.want("#result", `"Karim"`)
	focus, err := chromedp.Run(pg.ctx, chromedp.Evaluate[string](`document.activeElement.id`))
	if err != nil || focus != "value" {
		t.Errorf("the focus is on %q, %v; want value", focus, err)
	}
}
