package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Over plain http to another machine a browser sends no Sec-Fetch-Site. A page without
// scripts goes on with its visit there too: by each way that leads from one page to the next.
func TestVisitElsewhereWithoutScripts(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t, "--allow-host", "lab.test")
	at := &program{url: strings.Replace(p.url, "127.0.0.1", "lab.test", 1)}
	pg, _ := browseWith(t, at, false, t.TempDir(), chromedp.Flag("host-resolver-rules", "MAP lab.test 127.0.0.1"))
	pg.tolerate("Cross-Origin-Opener-Policy") // which Chromium ignores on plain http, and says so
	leads := func(selector string) {
		t.Helper()
		_, err := chromedp.RunResponse(pg.ctx, chromedp.Click(chromedp.CSS(selector)))
		pg.must(err)
	}
	pg.press("Set", "set", "created a") // a redirect, and the page that leads on
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
	opened := chromedp.WaitNewTarget(pg.ctx, func(info *target.Info) bool { return strings.Contains(info.URL, "/s/second-") })
	pg.do(chromedp.Click(chromedp.Search(`//button[contains(., "Second browser")]`)))
	ctx, cancel := chromedp.NewContext(pg.ctx, chromedp.WithTargetID(<-opened))
	t.Cleanup(cancel)
	second := &page{t: t, ctx: ctx, url: at.url}
	second.want(".second", "the lab of the second browser")
	pg.press("Set", "set", "created a")
	pg.want("#timeline ol", "second browser")
	for _, x := range wire.exchanges("GET /") {
		if field(x.requestHead, "Sec-Fetch-Site") != "" {
			t.Fatalf("the control: a Sec-Fetch-Site came with %s", x.requestHead)
		}
	}
}
