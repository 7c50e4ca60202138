package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
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
			journey(t, start(t), test.javascript)
		})
	}
}

// journey is what a first visitor does, checked on the page, in the browser's
// cookie jar and in what a separate client reads.
func journey(t *testing.T, p *program, javascript bool) {
	t.Helper()
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
	pg.want("#result", "no session")
	pg.want("#browser", "No cookie yet")
	if pg.cookie() != nil {
		t.Fatal("reading the page set a cookie")
	}
	pg.shoot("1-no-session" + suffix)

	pg.press("Set", "set", "name is now", `"Rahim"`, "7 B", "in the cookie", "created a")
	first := pg.cookie()
	if first == nil || !first.HTTPOnly || first.SameSite != "Lax" || first.Path != "/" || first.Secure {
		t.Fatalf("the cookie is %+v, want HttpOnly, SameSite=Lax, Path=/ and not Secure", first)
	}
	if first.Expires < 0 {
		t.Error("the cookie has no Max-Age")
	}
	pg.want("#raw", first.Value)
	pg.want("#wire #request", "POST /set HTTP/1.1", "key=name&value=Rahim")
	if javascript {
		pg.do(chromedp.Click(chromedp.CSS("#request-more summary"))) // folded open, it stays open
		pg.want("#wire #request-more", "HX-Request: true")           // as the browser spelt it, not as Go does
	}
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
	pg.want("#key-cart", "server")
	pg.press("List keys", "keys", "2 keys: cart, name")
	pg.shoot("2-two-keys" + suffix)

	pg.press("Delete", "deleted", "cart")
	pg.want("#server tr.gone", "cart", "deleted")
	before := pg.text("#server .record code")
	pg.press("Cycle ID", "cycled", "The same values have a new ID")
	if after := pg.text("#server .record code"); after == before {
		t.Error("the ID did not change")
	}
	wantStats(1, 0)

	pg.press("Flush", "flushed", "has ended for good")
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
	pg.press("Set", "set", "created a")
	pg.fill("seconds", "3")
	pg.press("Expire in…", "expiry", "3 seconds after its last write")
	if javascript {
		pg.want("#result", "A clock on this page has run out", "expired is not cleared") // the page asks by itself
		pg.want("#server", "No live record of this browser", "its record is still here")
	} else {
		if !until(func() bool { return pg.cookie() == nil }) { // the browser drops it when Max-Age has passed
			t.Fatal("the browser keeps an expired cookie")
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

// Enter in a field of the composer presses Set, and the field keeps the focus.
func TestEnterSets(t *testing.T) {
	t.Parallel()
	pg := browse(t, start(t), true)
	pg.fill("value", "Karim")
	pg.do(chromedp.SendKeys(chromedp.ID("value"), "\r"))
	pg.want("#result", `"Karim"`)
	pg.wantValue(`document.activeElement.id`, "value")
}

// The choice of a placement moves the values, by mouse and by keyboard, also while another
// press is on its way.
func TestPlacement(t *testing.T) {
	t.Parallel()
	pg := browse(t, start(t), true)
	choose := func(name string) { pg.do(chromedp.Click(chromedp.CSS(`label:has(#placement-` + name + `)`))) }
	const chosen = `document.querySelector('#placement input:checked').value`
	choose("server")
	pg.want("#result", "no session", "the cookie carries only the ID")
	pg.press("Set", "set", "on the server")
	pg.want("#key-name", "server")
	choose("cookie")
	pg.want("#result .verb", "moved")
	pg.want("#result", "1 value moved at once", "new ID")
	pg.want("#server", "the server keeps no record")
	pg.do(chromedp.SendKeys(chromedp.ID("placement-cookie"), kb.ArrowRight))
	pg.want("#result", "small values live in the cookie")
	pg.want("#server", `"placement":"hybrid"`)
	pg.fill("value", strings.Repeat("large ", 1000))
	pg.press("Set", "set", "on the server")
	choose("cookie")
	pg.want("#result", "refused (413)", "at most 4,096 are allowed")
	pg.wantValue(chosen, "hybrid")

	// Two presses at once: the first answer must not swallow the second.
	pg.fill("value", "small")
	_, err := chromedp.Run(pg.ctx, chromedp.Evaluate[chromedp.Void](
		`document.querySelector('#composer button').click(); document.querySelector('#placement-server').click();`))
	pg.must(err)
	pg.want("#server", `"placement":"server"`)
	pg.wantValue(chosen, "server")
	pg.forgiveRefusals() // Chromium logs every answer with a 4xx
}

// When the program is gone, a press says that no answer came and that its effect is unknown.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.press("Set", "set", "created a")
	p.stop(t, os.Interrupt)
	pg.do(chromedp.Click(chromedp.CSS(`label:has(#placement-server)`)))
	pg.want("#result", "no answer", "does not know whether the press was carried out")
	pg.forgiveRefusals() // the browser's own words about the refused connection
}

// A refused field is marked with aria-invalid until a later press accepts it.
func TestRefusalIsTiedToItsField(t *testing.T) {
	t.Parallel()
	pg := browse(t, start(t), true)
	const invalid = `[...document.querySelectorAll('[aria-invalid]')].map(e => e.id).join()`
	pg.fill("key", "")
	pg.press("Set", "refused (422)", "The key is empty")
	pg.wantValue(invalid, "key")
	pg.fill("key", "a")
	pg.do(chromedp.SetValue(chromedp.ID("type"), "json"))
	pg.press("Set", "refused (422)", "line 1, column 1")
	pg.shoot("4-refused")
	pg.wantValue(invalid, "value")
	pg.fill("value", "[1]")
	pg.press("Set", "set", "[1]")
	pg.wantValue(invalid, "")
	pg.forgiveRefusals() // Chromium logs every answer with a 4xx
}
