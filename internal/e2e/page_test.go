package e2e

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// eval returns the value of a script expression in the page.
func eval[T any](pg *page, expression string) T {
	pg.t.Helper()
	ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	pg.must(err)
	return v
}

// content returns the whole text of an element, what is folded away too.
func (pg *page) content(selector string) string {
	pg.t.Helper()
	return strings.Join(strings.Fields(eval[string](pg, `document.querySelector(`+strconv.Quote(selector)+`)?.textContent ?? "nothing is there"`)), " ")
}

// tryContent tells whether an element is there, at once.
func (pg *page) tryContent(selector string) (bool, error) {
	ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
	defer cancel()
	nodes, err := chromedp.Run(ctx, chromedp.Nodes(chromedp.CSSAll(selector), chromedp.AtLeast(0)))
	return len(nodes) > 0, err
}

// settled waits until the exchange on the page has its sizes.
func (pg *page) settled() { pg.t.Helper(); pg.want("#sizes", " ms") }

func (pg *page) click(selector string) { pg.t.Helper(); pg.do(chromedp.Click(chromedp.CSS(selector))) }

// setCookie puts another value into the browser's session cookie; "" deletes it.
func (pg *page) setCookie(name, value string) {
	pg.t.Helper()
	if value == "" {
		_, err := chromedp.Call(pg.ctx, network.DeleteCookies, network.DeleteCookiesParams{Name: name, URL: pg.url})
		pg.must(err)
		return
	}
	_, err := chromedp.Call(pg.ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: pg.url, HTTPOnly: new(true), Path: "/"})
	pg.must(err)
}

// tab opens another tab of the same browser. The scripts run there before the page's.
func (pg *page) tab(where string, scripts ...string) *page {
	pg.t.Helper()
	ctx, cancel := chromedp.NewContext(pg.ctx)
	pg.t.Cleanup(cancel)
	other := &page{t: pg.t, ctx: ctx, url: pg.url, javascript: true}
	other.listen()
	for _, script := range scripts {
		_, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		other.must(err)
	}
	other.do(chromedp.Navigate(where), chromedp.WaitVisible(chromedp.ID("result")))
	return other
}

// twin duplicates the tab, as a browser's menu does: with what is in its sessionStorage.
func (pg *page) twin() *page {
	pg.t.Helper()
	kept := eval[string](pg, `JSON.stringify({...sessionStorage})`)
	return pg.tab(eval[string](pg, `location.href`), `if (!sessionStorage.length) Object.assign(sessionStorage, `+kept+`)`)
}

func (p *program) port() string { return p.url[strings.LastIndex(p.url, ":")+1:] }
