package e2e

import (
	"strings"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// tab opens another tab of the same browser. The scripts run there before the page's own.
func (pg *page) tab(where string, scripts ...string) *page {
	pg.t.Helper()
	ctx, cancel := chromedp.NewContext(pg.ctx)
	pg.t.Cleanup(cancel)
	other := &page{t: pg.t, ctx: ctx, url: pg.url, javascript: true}
	other.listen()
	other.runBefore(scripts)
	other.do(chromedp.Navigate(where), chromedp.WaitVisible(chromedp.ID("result")))
	return other
}

// runBefore has the scripts run in this tab before those of each page.
func (pg *page) runBefore(scripts []string) {
	pg.t.Helper()
	for _, script := range scripts {
		_, err := chromedp.Call(pg.ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		pg.must(err)
	}
}

// twin duplicates the tab with its sessionStorage, as a browser's menu does.
func (pg *page) twin() *page {
	pg.t.Helper()
	kept := eval[string](pg, `JSON.stringify({...sessionStorage})`)
	return pg.tab(eval[string](pg, `location.href`), `if (!sessionStorage.length) Object.assign(sessionStorage, `+kept+`)`)
}

// openSecond presses “Second browser” and returns the tab that it opens. Scripts run there:
// Chromium switches them off for one tab.
func (pg *page) openSecond() *page {
	pg.t.Helper()
	pg.tap(chromedp.Click(chromedp.Search(`//button[contains(., "Second browser")]`)))
	var opened target.ID
	if !until(func() bool {
		res, err := chromedp.Targets(pg.ctx)
		pg.must(err)
		for _, info := range res {
			// With its title the document is there.
			if strings.HasPrefix(info.URL, pg.url+"/s/second-") && strings.HasSuffix(info.Title, "Sessionscope") && !info.Attached {
				opened = info.TargetID
			}
		}
		return opened != ""
	}) {
		pg.t.Fatal("no second browser's tab opened")
	}
	// Sometimes chromedp waits forever for what it asked while the document came, and sees nothing of
	// the tab any more. It sees the tab when it attaches to it once more.
	for range 5 {
		ctx, cancel := chromedp.NewContext(pg.ctx, chromedp.WithTargetID(opened))
		pg.t.Cleanup(cancel)
		if err := chromedp.Do(ctx); err != nil && !navigated(err) { // attaches
			pg.t.Fatal(err)
		}
		if appears(ctx, "live-state") {
			second := &page{t: pg.t, ctx: ctx, url: pg.url, javascript: true}
			second.live()
			return second
		}
	}
	pg.t.Fatal("the second browser's page does not come")
	return nil
}

// toFront shows this tab: a tab in the background has no event stream.
func (pg *page) toFront() {
	pg.t.Helper()
	_, err := chromedp.Call(pg.ctx, cdppage.BringToFront, chromedp.Void{})
	pg.must(err)
}
