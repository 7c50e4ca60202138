package e2e

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A page shows what happens without a press of its own: by another tab, by other clients, by
// the clock. It says when it does not hear of that.
func TestLabLive(t *testing.T) {
	t.Parallel()
	live(t, start(t))
}

func live(t *testing.T, p *program) {
	t.Helper()
	pg := browse(t, p, true)
	pg.live()
	pg.press("Set", "set", "created a")
	other := pg.twin()
	other.live()
	other.fill("value", "from the twin")
	other.press("Set", "set", "from the twin")
	pg.want("#result", "another page", "of this visit pressed", "set name → cookie")
	pg.want("#server", "from the twin")
	if got := pg.text("#raw"); got != pg.cookie().Value {
		t.Errorf("this tab shows the cookie %q, the browser keeps %q", got, pg.cookie().Value)
	}
	pg.press("Get", "get", "from the twin")
	pg.hearsOthers(p, other)
	third := pg.twin() // a visit has two streams at most
	third.want("#live-state", "two other pages of this visit are")
	third.forgiveRefusals() // Chromium logs every answer with a 4xx
	pg.catchesUp(other)
	p.stop(t, os.Interrupt)
	pg.want("#live-state", "not live")
	for _, page := range []*page{pg, other, third} {
		page.tolerate(programGone...)
	}
}

// hearsOthers wants news of a thief, of a stranger, and of the clock that ends the session.
// twin is the visit's other tab.
func (pg *page) hearsOthers(p *program, twin *page) {
	pg.t.Helper()
	thief := newThief(pg.t, p, pg.cookie())
	if status, _, _ := thief.do("POST", "/set", url.Values{"key": {"stolen"}, "value": {strings.Repeat("s", 300)}}); status != 200 {
		pg.t.Fatal(status)
	}
	pg.want("#news", "another client: set stolen → server")
	pg.want("#server", "stolen")
	pg.want("#timeline ol", "another client")
	stranger := newClient(pg.t, p.url)
	stranger.do("POST", "/set", url.Values{"key": {"a"}, "value": {"1"}})
	pg.want("#figures", "2 live records")
	pg.fill("seconds", "2")
	pg.press("Expire in", "expiry")
	pg.want("#result", "A clock on this page has run out") // by the page's clock
	pg.want("#timeline ol", "expired", "the record is still in the store", "the clock")
	pg.want("#server", "its record is still here")
	twin.want("#result", "A clock on this page has run out") // its own look at the session is no later news then
	if _, out, _ := stranger.do("POST", "/clear-expired", url.Values{}); out["removed"] != 1.0 {
		pg.t.Fatalf("cleared %v", out)
	}
	pg.want("#news", "another client: cleared 1 expired record")
	pg.want("#server", "the store holds nothing under its ID")
	pg.want("#expired-count", "0")
}

// catchesUp hides the tab while its twin presses: hidden it hears nothing, and shown again it
// has all the news.
func (pg *page) catchesUp(twin *page) {
	pg.t.Helper()
	hide := func(hidden bool) {
		eval[bool](pg, fmt.Sprintf(`Object.defineProperty(document, 'hidden', {value: %t, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))`, hidden))
	}
	hide(true)
	twin.press("Set", "set", "created a")
	twin.fill("key", "while")
	twin.fill("value", "hidden")
	twin.press("Set", "set", "hidden")
	if got := pg.content("#server"); strings.Contains(got, "hidden") {
		pg.t.Error("a hidden tab was told")
	}
	hide(false)
	pg.want("#server", "hidden")
}

// A press waits for a change of placement that is under way, and is carried out after it. A
// double click presses once.
func TestPressWaitsForThePlacement(t *testing.T) {
	t.Parallel()
	p := start(t, "--allow-host", "127.0.0.1")
	url, hold := holdable(t, p)
	pg := browse(t, &program{url: url}, true)
	pg.live()
	pg.press("Set", "set")
	pg.fill("value", "later")
	release := hold()
	pg.click("label:has(#placement-server)")
	p.awaitLog(t, "route=/placement") // it is done, and its answer is held
	pg.do(chromedp.Evaluate[chromedp.Void](`(set => { set.click(); set.click() })(document.querySelector("#composer .primary"))`))
	release()
	pg.want("#server table", "later", "server")
	if n := strings.Count(p.log.String(), "route=/set"); n != 2 {
		t.Errorf("one press and a double click sent %d requests", n)
	}
}
