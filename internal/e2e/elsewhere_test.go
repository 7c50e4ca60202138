package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Over plain http to another machine a browser sends no Sec-Fetch-Site. There too a page
// without scripts goes on with its visit, by each link and form that leads to another page.
func TestVisitElsewhereWithoutScripts(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t, "--allow-host", "lab.test")
	at := &program{url: strings.Replace(p.url, "127.0.0.1", "lab.test", 1)}
	pg, _ := browseWith(t, at, false, t.TempDir(), chromedp.Flag("host-resolver-rules", "MAP lab.test 127.0.0.1"))
	pg.tolerate("Cross-Origin-Opener-Policy") // Chromium ignores it over plain http, and logs that
	leads := func(selector string) { t.Helper(); pg.follow(chromedp.Click(chromedp.CSS(selector))) }
	pg.press("Set", "set", "created a") // by a redirect, and the page that leads on
	pg.press("Get", "get", "name is")
	pg.press("Flush", "flushed")
	pg.want("#timeline ol", "opened", "created", "get", "flushed")
	leads("#e2 button")
	pg.want("#moment", "moment 2")
	leads("#moment-now")
	pg.want("#timeline ol", "created")
	leads("button[name=on]")
	pg.want(".top", "show values")
	pg.want("#timeline ol", "created")
	pg.openSecond().want(".second", "the lab of the second browser")
	pg.press("Set", "set", "created a")
	pg.want("#timeline ol", "second browser")
	for _, x := range wire.exchanges("GET /") {
		if field(x.requestHead, "Sec-Fetch-Site") != "" {
			t.Fatalf("the control: a Sec-Fetch-Site came with %s", x.requestHead)
		}
	}
}
