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
			// With its title the document is there: chromedp loses sight of one that comes
			// while it attaches to the tab.
			if strings.HasPrefix(info.URL, pg.url+"/s/second-") && strings.HasSuffix(info.Title, "Sessionscope") && !info.Attached {
				opened = info.TargetID
			}
		}
		return opened != ""
	}) {
		pg.t.Fatal("no second browser's tab opened")
	}
	ctx, cancel := chromedp.NewContext(pg.ctx, chromedp.WithTargetID(opened))
	pg.t.Cleanup(cancel)
	second := &page{t: pg.t, ctx: ctx, url: pg.url, javascript: true}
	err := chromedp.Do(ctx) // attaches to the tab
	if navigated(err) {
		err = chromedp.Do(ctx)
	}
	pg.must(err)
	if !until(func() bool {
		if appears(ctx, "live-state") {
			return true
		}
		// chromedp may have lost sight of the document, for good. It sees the next one.
		chromedp.Call(ctx, cdppage.Reload, cdppage.ReloadParams{})
		return false
	}) {
		pg.t.Fatal("the second browser's page does not come")
	}
	second.live()
	return second
}

// toFront shows this tab: a tab in the background has no event stream.
func (pg *page) toFront() {
	pg.t.Helper()
	_, err := chromedp.Call(pg.ctx, cdppage.BringToFront, chromedp.Void{})
	pg.must(err)
}
