package e2e

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// page is a tab of a browser. Its methods fail the test when Chromium returns an error.
type page struct {
	t          *testing.T
	ctx        context.Context // of the tab, for chromedp
	url        string          // of the program
	javascript bool

	mu        sync.Mutex
	faults    []string // console errors, exceptions and policy violations: each fails the test
	tolerated []string // a fault that contains one of these words does not
}

// listen collects what the console logs. At the end of the test each fault that was neither
// forgiven nor tolerated fails it.
func (pg *page) listen() {
	pg.t.Helper()
	pg.must(chromedp.Do(pg.ctx))
	messages := chromedp.Console(pg.ctx)
	go func() {
		for m := range messages {
			if m.Type == chromedp.ConsoleError || m.IsException() || m.Source == "security" {
				pg.mu.Lock()
				pg.faults = append(pg.faults, fmt.Sprint(m))
				pg.mu.Unlock()
			}
		}
	}()
	pg.t.Cleanup(func() {
		pg.mu.Lock()
		defer pg.mu.Unlock()
		for _, f := range pg.faults {
			if !containsAny(f, pg.tolerated) {
				pg.t.Error("console:", f)
			}
		}
	})
}

// forgive drops the faults so far that contain one of the words.
func (pg *page) forgive(words ...string) {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	pg.faults = slices.DeleteFunc(pg.faults, func(f string) bool { return containsAny(f, words) })
}

// forgiveRefusals drops what Chromium and htmx have logged of requests that failed or were
// answered with 4xx. The page's own exceptions and policy violations still count.
func (pg *page) forgiveRefusals() {
	pg.forgive("Failed to load resource", "htmx:error: Failed to fetch")
}

// tolerate lets faults that contain one of the words pass until the end of the test: a page
// goes on asking a program that has ended.
func (pg *page) tolerate(words ...string) {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	pg.tolerated = words
}

// programGone are words of the faults that a page with a stream logs when its program ends.
var programGone = []string{"ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "Failed to load resource", "htmx:error", "htmx:sse:error"}

func containsAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// must fails the test if err is not nil.
func (pg *page) must(err error) {
	pg.t.Helper()
	if err != nil {
		pg.shoot("failed")
		pg.t.Fatal(err)
	}
}

// limited is the tab's context with an end: chromedp waits for ever for an element that
// does not come.
func (pg *page) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(pg.ctx, patience)
}

// do runs chromedp's actions.
func (pg *page) do(actions ...chromedp.Action[chromedp.Void]) {
	pg.t.Helper()
	ctx, cancel := pg.limited()
	defer cancel()
	pg.must(chromedp.Do(ctx, actions...))
}

// follow runs an action that leads to another page, and waits for the answer that brings it.
func (pg *page) follow(action chromedp.Action[chromedp.Void]) {
	pg.t.Helper()
	ctx, cancel := pg.limited()
	defer cancel()
	_, err := chromedp.RunResponse(ctx, action)
	if !navigated(err) { // the press led away before Chromium had answered that it was done
		pg.must(err)
	}
}

// eval returns the value of a JavaScript expression in the page. It awaits a promise.
func eval[T any](pg *page, expression string) T {
	pg.t.Helper()
	ctx, cancel := pg.limited()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if navigated(err) { // it was asked of the document before
		v, err = chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	}
	pg.must(err)
	return v
}

// text waits until the first element that matches is visible, and returns its text, white
// space folded.
func (pg *page) text(selector string) (text string) {
	pg.t.Helper()
	var err error
	if !until(func() bool { text, err = pg.tryText(selector); return err == nil }) {
		pg.must(err)
	}
	return text
}

// tryText returns the text of the first element that matches, white space folded. It returns
// an error if the element is not visible now, or if another page comes meanwhile.
func (pg *page) tryText(selector string) (string, error) {
	// One question to the page: chromedp.Text asks several, and the polls of all tests with
	// it took a fifth of their time.
	found, err := query[[]string](pg.ctx, `[document.querySelector(`+strconv.Quote(selector)+`)].filter(e => e?.checkVisibility()).map(e => e.innerText)`)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no visible element %s", selector)
	}
	return strings.Join(strings.Fields(found[0]), " "), nil
}

// content returns all text of an element, hidden parts too.
func (pg *page) content(selector string) string {
	pg.t.Helper()
	return strings.Join(strings.Fields(eval[string](pg, `document.querySelector(`+strconv.Quote(selector)+`)?.textContent ?? "nothing is there"`)), " ")
}

// html returns the whole page as it is now. While another page comes it asks again.
func (pg *page) html() (text string) {
	pg.t.Helper()
	var err error
	if !until(func() bool {
		text, err = query[string](pg.ctx, `document.documentElement.outerHTML`)
		return err == nil
	}) {
		pg.must(err)
	}
	return text
}

// has reports whether an element is on the page now.
func (pg *page) has(selector string) bool {
	pg.t.Helper()
	ctx, cancel := pg.limited()
	defer cancel()
	nodes, err := chromedp.Run(ctx, chromedp.Nodes(chromedp.CSSAll(selector), chromedp.AtLeast(0)))
	pg.must(err)
	return len(nodes) > 0
}

// want waits until the element's visible text contains all the words.
func (pg *page) want(selector string, words ...string) {
	pg.t.Helper()
	var got, missing string
	var err error
	if until(func() bool {
		got, err = pg.tryText(selector) // an error while another page comes: ask again
		missing = ""
		for _, w := range words {
			if !strings.Contains(got, w) {
				missing = w
			}
		}
		return err == nil && missing == ""
	}) {
		return
	}
	pg.shoot("failed")
	pg.t.Fatalf("%s says %q, %v; want %q", selector, got, err, missing)
}

// wantValue waits until a JavaScript expression has the value want.
func (pg *page) wantValue(expression, want string) {
	pg.t.Helper()
	var got string
	var err error
	if until(func() bool {
		got, err = query[string](pg.ctx, expression)
		return err == nil && got == want
	}) {
		return
	}
	pg.shoot("failed")
	pg.t.Fatalf("%s is %q, %v; want %q", expression, got, err, want)
}

// settled waits until the page shows the sizes of its exchange, which it asks for after
// the answer.
func (pg *page) settled() { pg.t.Helper(); pg.want("#sizes", " ms") }

// live waits until the page hears its event stream: by then all of its scripts run.
func (pg *page) live() { pg.t.Helper(); pg.want("#live-state.on", "live") }

func (pg *page) click(selector string) {
	pg.t.Helper()
	pg.unfold(fmt.Sprintf(`document.querySelector(%q)`, selector))
	pg.tap(chromedp.Click(chromedp.CSS(selector)))
}

// tap makes a click, once. A document that comes meanwhile takes away the element in which chromedp was
// about to click, which it does again then; or the answer that it has clicked.
func (pg *page) tap(click chromedp.Action[chromedp.Void]) {
	pg.t.Helper()
	ctx, cancel := pg.limited()
	defer cancel()
	err := chromedp.Do(ctx, click)
	if err != nil && strings.Contains(err.Error(), "Could not find node") {
		err = chromedp.Do(ctx, click)
	}
	if !navigated(err) {
		pg.must(err)
	}
}

// navigated tells whether Chromium gave no answer because another document came.
func navigated(err error) bool {
	return err != nil && strings.Contains(err.Error(), "Inspected target navigated")
}

// fill puts text into a field.
func (pg *page) fill(id, text string) {
	pg.t.Helper()
	if text == "" && pg.javascript { // SetValue takes the empty text for a failure
		pg.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("` + id + `").value = ""`))
		return
	} else if text == "" {
		pg.do(chromedp.Clear(chromedp.ID(id)))
		return
	}
	pg.do(chromedp.SetValue(chromedp.ID(id), text))
}

// press presses the button whose label begins with label, and waits until the result has
// the verb and the words.
func (pg *page) press(label string, verb string, words ...string) {
	pg.t.Helper()
	path := fmt.Sprintf(`//button[starts-with(normalize-space(.), %q)][not(ancestor::*[@id="guide"])]`, label) // the lesson's steps are called like the presses
	click := chromedp.Click(chromedp.Search(path))
	if pg.javascript {
		pg.wantValue(`document.readyState`, "complete")
	}
	pg.unfold(fmt.Sprintf(`document.evaluate(%q, document, null, XPathResult.FIRST_ORDERED_NODE_TYPE, null).singleNodeValue`, path))
	if pg.javascript {
		pg.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`), click) // the header that stays must not cover the button
	} else {
		pg.follow(click)
	}
	pg.want("#result .verb", verb)
	pg.want("#result", words...)
	if pg.javascript { // htmx drops a press while another one is under way
		pg.wantValue(`String(document.querySelectorAll('.htmx-request:is(button, a)').length)`, "0")
	}
}

// unfold opens the details that an element, a JavaScript expression, is folded away in, such as
// the menu of the session.
func (pg *page) unfold(element string) {
	pg.t.Helper()
	const folded = `(e => { const d = e?.closest('details:not([open])'); return d?.id && !e.closest('summary') ? d.id : '' })(%s)`
	if id := eval[string](pg, fmt.Sprintf(folded, element)); id != "" {
		pg.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`), chromedp.Click(chromedp.CSS("#"+id+" > summary"))) // the header that stays must not cover it
	}
}

// reload loads the lab's page again.
func (pg *page) reload() {
	pg.t.Helper()
	pg.do(chromedp.Reload(), chromedp.WaitVisible(chromedp.ID("result")))
}

// open opens the lab's page.
func (pg *page) open() {
	pg.t.Helper()
	pg.do(chromedp.Navigate(pg.url), chromedp.WaitVisible(chromedp.ID("result")))
}

// sessionCookie matches the name of the first browser's session cookie.
var sessionCookie = regexp.MustCompile(`^sessionscope(-\d+)?$`)

// cookie returns this browser's session cookie, nil without one.
func (pg *page) cookie() *network.Cookie {
	pg.t.Helper()
	ctx, cancel := pg.limited()
	defer cancel()
	res, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{pg.url}})
	pg.must(err)
	for _, c := range res.Cookies {
		if sessionCookie.MatchString(c.Name) {
			return c
		}
	}
	return nil
}

// setCookie gives the browser's cookie of that name another value; "" deletes it.
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

// clearCookies deletes all cookies of this browser.
func (pg *page) clearCookies() {
	pg.t.Helper()
	_, err := chromedp.Call(pg.ctx, network.ClearBrowserCookies, chromedp.Void{})
	pg.must(err)
}

// clearStorage deletes what this browser keeps for a site: cookies, storage, cache.
func (pg *page) clearStorage(origin string) {
	pg.t.Helper()
	_, err := chromedp.Call(pg.ctx, storage.ClearDataForOrigin, storage.ClearDataForOriginParams{Origin: origin, StorageTypes: "all"})
	pg.must(err)
}
