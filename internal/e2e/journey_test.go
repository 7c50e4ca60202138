package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A first visitor's presses show on the page, in the browser's cookie jar and to a separate
// client what they did, with and without JavaScript.
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

// visitor is a first visitor in a browser, and a separate client that reads the store's
// figures.
type visitor struct {
	*page
	watcher *client
	suffix  string // of the names of pictures
}

// wantStats checks how many records the store has.
func (v *visitor) wantStats(live, expired float64) {
	v.t.Helper()
	_, out, _ := v.watcher.do("GET", "/session", nil)
	stats := out["stats"].(map[string]any)
	if stats["sessions"] != live || stats["expired"] != expired {
		v.t.Fatalf("the store has %v, want %v live and %v expired", stats, live, expired)
	}
}

// journey is what a first visitor does: a session is born, changes, ends and expires.
func journey(t *testing.T, p *program, javascript bool) {
	t.Helper()
	v := &visitor{browse(t, p, javascript), newClient(t, p.url), map[bool]string{true: "-js", false: "-nojs"}[javascript]}
	v.want("#result", "no session")
	v.want("#browser", "No cookie yet")
	if v.cookie() != nil {
		t.Fatal("reading the page set a cookie")
	}
	v.shoot("1-no-session" + v.suffix)
	v.beginsSession()
	v.changesIt()
	v.endsIt()
	v.letsItExpire()
}

// beginsSession sets a first value, and reads it.
func (v *visitor) beginsSession() {
	v.t.Helper()
	v.press("Set", "set", "name is now", `"Rahim"`, "7 B", "in the cookie", "created a")
	first := v.cookie()
	if first == nil || !first.HTTPOnly || first.SameSite != "Lax" || first.Path != "/" || first.Secure {
		v.t.Fatalf("the cookie is %+v, want HttpOnly, SameSite=Lax, Path=/ and not Secure", first)
	}
	if first.Expires < 0 {
		v.t.Error("the cookie has no Max-Age")
	}
	v.want("#raw", first.Value)
	v.want("#wire #request", "POST /set HTTP/1.1", "key=name&value=Rahim")
	if v.javascript {
		v.do(chromedp.Click(chromedp.CSS("#request-more summary"))) // it stays open from here on
		v.want("#wire #request-more", "HX-Request: true")           // as the browser spelt it, not as Go does
	}
	v.want("#wire #response", "Set-Cookie: "+first.Name+"="+first.Value)
	v.want("#server tr.changed", "name", `"Rahim"`, "cookie")
	v.wantStats(1, 0)
	v.press("Get", "get", "name is", `"Rahim"`, "the cookie")
	v.want("#wire", "Set-Cookie: none")
	v.press("List keys", "keys", "1 key: name")
	if v.cookie().Value != first.Value {
		v.t.Error("reading changed the cookie")
	}
}

// changesIt adds a value that lives on the server, deletes it, and cycles the ID.
func (v *visitor) changesIt() {
	v.t.Helper()
	v.fill("key", "cart")
	v.fill("value", strings.Repeat("too large for a cookie ", 20))
	v.press("Set", "set", "cart", "Values of more than 256 B live on the server")
	v.want("#key-cart", "server")
	v.press("List keys", "keys", "2 keys: cart, name")
	v.shoot("2-two-keys" + v.suffix)
	v.press("Delete", "deleted", "cart")
	v.want("#server tr.gone", "cart", "deleted")
	before := v.text("#server .record code")
	v.press("Cycle ID", "cycled", "The same values have a new ID")
	if after := v.text("#server .record code"); after == before {
		v.t.Error("the ID did not change")
	}
	v.wantStats(1, 0)
}

// endsIt flushes the session.
func (v *visitor) endsIt() {
	v.t.Helper()
	v.press("Flush", "flushed", "has ended for good")
	if c := v.cookie(); c != nil {
		v.t.Errorf("after the flush the browser keeps %+v", c)
	}
	v.wantStats(0, 0)
	v.fill("key", "name")
	v.press("Get", "get", "name is missing", "no session")
	if v.cookie() != nil {
		v.t.Error("a get of a missing key set a cookie")
	}
}

// letsItExpire begins another session, waits until it has expired, and clears its record.
func (v *visitor) letsItExpire() {
	v.t.Helper()
	v.fill("value", "Rahim")
	v.press("Set", "set", "created a")
	v.fill("seconds", "3")
	v.press("Expire in", "expiry", "3 seconds after its last write")
	if v.javascript {
		v.want("#result", "A clock on this page has run out", "expired is not cleared") // the page asks by itself
		v.want("#server", "No live record of this browser", "its record is still here")
	} else if !until(func() bool { return v.cookie() == nil }) { // the browser drops it when Max-Age has passed
		v.t.Fatal("the browser keeps an expired cookie")
	}
	v.press("Get", "get", "name is missing")
	v.want("#server", "expired, not cleared")
	v.want("#expired-count", "1")
	v.shoot("3-expired" + v.suffix)
	v.wantStats(0, 1)
	v.press("Clear expired", "cleared", "1 expired record")
	v.want("#expired-count", "0")
	v.wantStats(0, 0)
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
	pg.want("#result", "values of at most 256 B live in the cookie")
	pg.click("#stored summary") // it stays open from here on
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
	pg.tolerate(programGone...)
	p.stop(t, os.Interrupt)
	pg.do(chromedp.Click(chromedp.CSS(`label:has(#placement-server)`)))
	pg.want("#result", "no answer", "does not know whether the press was carried out")
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
