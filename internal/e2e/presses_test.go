package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A click that asks for nothing, as on the placement that is chosen already, does not lame the
// clicks that follow. While an answer is on its way, presses with other fields wait and are
// carried out, double clicks press once, and the page has one question waiting at most.
func TestQuickPresses(t *testing.T) {
	t.Parallel()
	p := start(t, "--allow-host", "127.0.0.1")
	url, hold := holdable(t, p)
	pg := browse(t, &program{url: url}, true)
	pg.live()
	pg.press("Set", "set")
	pg.click("label:has(#placement-hybrid)")
	pg.click("label:has(#placement-server)")
	pg.want("#result", "moved", "server")
	pg.wantValue(`String(document.querySelectorAll('.htmx-request').length)`, "0") // one under way would be one of the two
	asked := func(route string) int { return strings.Count(p.log.String(), "route="+route+" ") }
	sets, looks := asked("/set"), asked("/session")
	release := hold()
	pg.do(chromedp.Evaluate[chromedp.Void](`(set => {
		for (let i = 0; i < 20; i++) document.getElementById('live').dispatchEvent(new Event('look'));
		for (let i = 0; i < 20; i++) { document.getElementById('value').value = 'press ' + i; set.click(); set.click(); }
	})(document.querySelector("#composer .primary"))`))
	release()
	pg.want("#server table", "press 19")
	until(func() bool { return asked("/session") >= looks+2 }) // the log tells of it after its answer
	if sets, looks = asked("/set")-sets, asked("/session")-looks; sets != 20 || looks != 2 {
		t.Errorf("20 presses, each a double click, sent %d requests; 20 questions %d, want one under way and one that waits", sets, looks)
	}
}

// Presses that wait behind a press whose answer leads to another page are carried out first, so
// that the browser gets the cookies that their answers set.
func TestPressesBehindARedirect(t *testing.T) {
	t.Parallel()
	p := start(t, "--allow-host", "127.0.0.1")
	url, hold := holdable(t, p)
	pg := browse(t, &program{url: url}, true)
	pg.live()
	pg.press("Set", "set")
	release := hold()
	pg.do(chromedp.Evaluate[chromedp.Void](`['[hx-post$="/drop-cookie"]', '#composer .primary', '[hx-post$="/cycle-id"]'].forEach(press => document.querySelector(press).click())`))
	p.awaitLog(t, "route=/drop-cookie")
	release()
	pg.want("#result", "cycled")
	pg.want("#timeline ol", "dropped the cookie", "cycled")
	pg.fill("value", "afterwards")
	pg.press("Set", "set", "afterwards")
	pg.press("Drop the cookie", "dropped")
}
