package e2e

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
)

// Point 5: what happens without a press.
func TestLabLive(t *testing.T) {
	t.Parallel()
	live(t, start(t))
}

func live(t *testing.T, p *program) {
	t.Helper()
	pg := browse(t, p, true)
	pg.want("#live-state", "live")
	pg.press("Set", "set", "created a")
	// The same tab, duplicated.
	other := pg.twin()
	other.want("#live-state", "live")
	other.fill("value", "from the twin")
	other.press("Set", "set", "from the twin")
	pg.want("#result", "another page", "of this visit pressed", "set name → cookie")
	pg.want("#server", "from the twin")
	if got := pg.text("#raw"); got != pg.cookie().Value {
		t.Errorf("this tab shows the cookie %q, the browser keeps %q", got, pg.cookie().Value)
	}
	pg.press("Get", "get", "from the twin")
	// A separate client that stole the cookie.
	thief := newThief(t, p, pg.cookie())
	if status, _, _ := thief.do("POST", "/set", url.Values{"key": {"stolen"}, "value": {strings.Repeat("s", 300)}}); status != 200 {
		t.Fatal(status)
	}
	pg.want("#news", "another client: set stolen → server")
	pg.want("#server", "stolen")
	pg.want("#timeline ol", "another client")
	// A stranger's session moves the figures.
	stranger := newClient(t, p.url)
	stranger.do("POST", "/set", url.Values{"key": {"a"}, "value": {"1"}})
	pg.want("#figures", "2 live records")
	// Expiry, seen by the page's clock and by the server's.
	pg.fill("seconds", "2")
	pg.press("Expire in…", "expiry")
	pg.want("#result", "A clock on this page has run out")
	pg.want("#timeline ol", "expired", "the record is still in the store", "the clock")
	pg.want("#server", "its record is still here")
	other.want("#result", "A clock on this page has run out") // or its look at the session would be the newest news
	// Somebody clears it away.
	if _, out, _ := stranger.do("POST", "/clear-expired", url.Values{}); out["removed"] != 1.0 {
		t.Fatalf("cleared %v", out)
	}
	pg.want("#news", "another client: cleared 1 expired record")
	pg.want("#server", "the store holds nothing under its ID")
	pg.want("#expired-count", "0")
	// A third page of the visit has no stream, and says so.
	third := pg.twin()
	third.want("#live-state", "two other pages of this visit are")
	third.forgiveRefusals() // Chromium logs every answer with a 4xx
	// A hidden tab is not told; shown again, it catches up.
	hide := func(hidden bool) {
		eval[bool](pg, fmt.Sprintf(`Object.defineProperty(document, 'hidden', {value: %t, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))`, hidden))
	}
	hide(true)
	other.press("Set", "set", "created a")
	other.fill("key", "while")
	other.fill("value", "hidden")
	other.press("Set", "set", "hidden")
	if got := pg.content("#server"); strings.Contains(got, "hidden") {
		t.Error("a hidden tab was told")
	}
	hide(false)
	pg.want("#server", "hidden")
	// The streams end with the server.
	p.stop(t, os.Interrupt)
	pg.want("#live-state", "not live")
	for _, page := range []*page{pg, other, third} {
		page.tolerate("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "Failed to load resource", "htmx:error", "htmx:sse:error")
	}
}
