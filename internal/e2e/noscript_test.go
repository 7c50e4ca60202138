package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	proto "github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// navigations records how each page came into a tab: by a request ("Navigation"), or out of
// Chromium's back-forward cache ("BackForwardCacheRestore").
type navigations struct {
	*page
	mu    sync.Mutex
	types []string
}

// watchNavigations records the navigations of pg's main frame from now on.
func watchNavigations(pg *page) *navigations {
	pg.t.Helper()
	nav := &navigations{page: pg}
	_, err := chromedp.Call(pg.ctx, cdppage.Enable, cdppage.EnableParams{})
	pg.must(err)
	pg.must(chromedp.Listen(pg.ctx, func(ev any) {
		if e, ok := ev.(*cdppage.EventFrameNavigated); ok && e.Frame.ParentID == "" {
			nav.mu.Lock()
			defer nav.mu.Unlock()
			nav.types = append(nav.types, string(e.Type))
		}
	}))
	return nav
}

// seen returns the types of the navigations so far.
func (nav *navigations) seen() []string {
	nav.mu.Lock()
	defer nav.mu.Unlock()
	return slices.Clone(nav.types)
}

// by calls lead, which leads to another page, and returns how that page came. chromedp's
// own navigation waits for a load event, which a page out of the cache does not have.
func (nav *navigations) by(lead func() error) string {
	nav.t.Helper()
	before := len(nav.seen())
	// The page that is left may take the answer to this command with it.
	if err := lead(); err != nil && !strings.Contains(err.Error(), "Not attached to an active page") {
		nav.must(err)
	}
	if !until(func() bool { return len(nav.seen()) > before }) {
		nav.t.Fatal("no other page came")
	}
	return nav.seen()[before]
}

// back presses Back, and returns how the page came.
func (nav *navigations) back() string {
	nav.t.Helper()
	return nav.by(func() error {
		history, err := chromedp.Call(nav.ctx, cdppage.GetNavigationHistory, proto.Empty{})
		if err == nil {
			_, err = chromedp.Call(nav.ctx, cdppage.NavigateToHistoryEntry, cdppage.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
		}
		return err
	})
}

// leave goes to the shelf of experiments, and waits until it is on the screen.
func (nav *navigations) leave() {
	nav.t.Helper()
	nav.by(func() error {
		_, err := chromedp.Call(nav.ctx, cdppage.Navigate, cdppage.NavigateParams{URL: nav.url + "/experiments"})
		return err
	})
	nav.want("#progress-text", "Nothing done yet")
}

// wantText waits until the page's visible text contains word, and returns the text. It asks
// for the text in one call, since the page before may still be there.
func (nav *navigations) wantText(word string) (text string) {
	nav.t.Helper()
	var err error
	if !until(func() bool {
		text, err = query[string](nav.ctx, `document.body.innerText`)
		return err == nil && strings.Contains(text, word)
	}) {
		nav.t.Fatalf("the page says %q, %v; want %q", text, err, word)
	}
	return text
}

// Without JavaScript, Back shows no value that another tab has flushed: the page comes by a
// request. The control: before the flush Chromium shows it out of its back-forward cache.
func TestBackWithoutScripts(t *testing.T) {
	t.Parallel()
	pg, _ := browseWith(t, start(t), false, t.TempDir(), chromedp.Flag("disable-back-forward-cache", false))
	nav := watchNavigations(pg)
	pg.fill("value", "kept-by-the-page")
	pg.press("Set", "set")
	pg.want("#server", "kept-by-the-page")
	how := ""
	for range 5 { // Chromium keeps no page that a loaded machine freezes too late
		nav.leave()
		if how = nav.back(); how == "BackForwardCacheRestore" {
			break
		}
	}
	if how != "BackForwardCacheRestore" {
		t.Fatalf("Back before the flush: %s; the control needs Chromium's back-forward cache", how)
	}
	nav.wantText("kept-by-the-page")
	nav.leave()
	ctx, cancel := chromedp.NewContext(pg.ctx)
	defer cancel()
	other := &page{t: t, ctx: ctx, url: pg.url, javascript: true} // scripts are off in the first tab only
	other.listen()
	other.open()
	other.press("Flush", "flushed")
	if how := nav.back(); how != "Navigation" {
		t.Errorf("Back after the flush: %s", how)
	}
	if text := nav.wantText("Server"); strings.Contains(text, "kept-by-the-page") {
		t.Errorf("Back after the flush shows %q", text)
	}
}

// holdable returns the address of a relay to the program p. Between hold and release the
// relay passes requests on, and no answers.
func holdable(t *testing.T, p *program) (url string, hold func() (release func())) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var gate sync.RWMutex
	go func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", p.addr())
			if err != nil {
				here.Close()
				return
			}
			go io.Copy(there, here) // also when nobody waits for the answer any more
			go func() {
				defer here.Close()
				defer there.Close()
				piece := make([]byte, 64<<10)
				for {
					n, err := there.Read(piece)
					gate.RLock()
					_, gone := here.Write(piece[:n])
					gate.RUnlock()
					if err != nil || gone != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String(), func() func() { gate.Lock(); return gate.Unlock }
}

// Without JavaScript, a double click sends a form once: a second login would carry the ID
// that the first has retired, and its refusal would take the place of the first answer.
func TestDoubleClickWithoutScripts(t *testing.T) {
	t.Parallel()
	p := start(t, "--allow-host", "127.0.0.1")
	url, hold := holdable(t, p)
	pg := browse(t, &program{url: url}, false)
	pg.press("Set", "set")
	pg.click("#session-menu > summary")
	box, err := chromedp.Run(pg.ctx, chromedp.Evaluate[[]float64](`(b => { b.scrollIntoView({block: "center"}); const r = b.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })(document.querySelector('button[formaction="/login"]'))`))
	pg.must(err)
	release := hold()
	err = chromedp.Do(pg.ctx, chromedp.MouseClickXY(box[0], box[1], chromedp.ClickCount(1)))
	p.awaitLog(t, "route=/login") // the login is done, and its answer is held
	err = errors.Join(err, chromedp.Do(pg.ctx, chromedp.MouseClickXY(box[0], box[1], chromedp.ClickCount(2))))
	release()
	pg.must(err)
	pg.want("#result .verb", "logged in")
	if n := strings.Count(p.log.String(), "route=/login"); n != 1 {
		t.Errorf("a double click sent %d logins", n)
	}
	pg.press("Log in", "logged in") // the next page's button works at once
}

// Without scripts everything works but the live updates.
func TestLabWithoutScripts(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t)
	pg := browse(t, p, false)
	pg.click("#scripts summary")
	pg.want("#document-cookie", "scripts are off")
	pg.press("Set", "set", "created a")
	own := pg.cookie().Value
	sent := wire.last(t, "POST /set")
	pg.want("#sizes", fmt.Sprintf("%d B body", len(sent.requestBody)), "ms") // the POST had ended before its page was made
	pg.want("#response", "303 See Other", own)
	pg.want("#timeline ol", "opened", "created")
	pg.press("Get", "get", "name is")
	pg.follow(chromedp.Click(chromedp.CSS("#sizes button"))) // the GET had not: its sizes come by another request
	pg.want("#sizes", "ms")
	pg.want("#moment", "moment 3")
	pg.click("label:has(#peel-payload)")
	pg.want("#payload", "session ID", `{"name":"Rahim"}`)
	pg.click("label:has(#listing-django)")
	pg.want(".listing.django", "request.session.get")
	pg.follow(chromedp.Click(chromedp.ID("moment-now")))
	pg.click("#scripts summary")
	pg.press("Plant a readable cookie", "planted")
	pg.click("#scripts summary")
	pg.press("Take the readable cookie away", "taken away")
	pg.click("#tamper summary")
	pg.press("Send the copy", "copy refused", "the signature does not fit")
	pg.want("#wire", "what travelled with a copy", `"exists":false`)
	pg.press("Pin a copy", "pinned")
	pg.press("Replay", "replay accepted")
	pg.press("Drop the cookie", "dropped")
	pg.want("#server", "its record is still here")
	pg.press("Put back", "put back")
	if got := pg.cookie(); got == nil || got.Value != own {
		t.Errorf("put back, the browser keeps %v", got)
	}
	pg.press("Log in", "logged in")
	pg.press("Flush", "flushed")
	pg.press("Replay", "replay refused")
	pg.click("#curl summary")
	pg.want("#curl .copy", "This press as a curl command")
	pg.follow(chromedp.Click(chromedp.CSS("button[name=on]")))
	pg.want(".top", "show values")
	pg.openSecond().want(".second", "second browser")
}
