package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	proto "github.com/chromedp/cdproto/cdp"
	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Without JavaScript, Back shows no value that another tab has flushed: the page comes
// by a request. The control: before that, Chromium shows it out of its memory.
func TestBackWithoutScripts(t *testing.T) {
	t.Parallel()
	pg, _ := browseWith(t, start(t), false, t.TempDir(), chromedp.Flag("disable-back-forward-cache", false))
	_, err := chromedp.Call(pg.ctx, cdp.Enable, cdp.EnableParams{})
	pg.must(err)
	var mu sync.Mutex
	var came []string
	pg.must(chromedp.Listen(pg.ctx, func(ev any) {
		if e, ok := ev.(*cdp.EventFrameNavigated); ok && e.Frame.ParentID == "" {
			mu.Lock()
			defer mu.Unlock()
			came = append(came, string(e.Type))
		}
	}))
	// go does what leads to another page, and tells how that came. chromedp's own
	// navigation waits for a load, which a page out of the memory has not.
	goes := func(there func() error) string {
		t.Helper()
		mu.Lock()
		before := len(came)
		mu.Unlock()
		// The page that is left may take the answer to this very command with it.
		if err := there(); err != nil && !strings.Contains(err.Error(), "Not attached to an active page") {
			pg.must(err)
		}
		for end := time.Now().Add(10 * time.Second); ; pause() {
			mu.Lock()
			how := slices.Clone(came[before:])
			mu.Unlock()
			if len(how) > 0 {
				return how[0]
			} else if time.Now().After(end) {
				t.Fatal("it led nowhere")
			}
		}
	}
	back := func() string {
		return goes(func() error {
			history, err := chromedp.Call(pg.ctx, cdp.GetNavigationHistory, proto.Empty{})
			if err == nil {
				_, err = chromedp.Call(pg.ctx, cdp.NavigateToHistoryEntry, cdp.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
			}
			return err
		})
	}
	leave := func() {
		goes(func() error {
			_, err := chromedp.Call(pg.ctx, cdp.Navigate, cdp.NavigateParams{URL: pg.url + "/experiments"})
			return err
		})
		pg.want("#progress-text", "Nothing done yet") // it is there: what was told may have been of the page before
	}
	pg.fill("value", "kept-by-the-page")
	pg.press("Set", "set")
	pg.want("#server", "kept-by-the-page")
	leave()
	if how := back(); how != "BackForwardCacheRestore" {
		t.Fatalf("Back before the flush: %s; the control needs Chromium's memory of pages", how)
	}
	const shown = `document.body.innerText`
	if text, err := chromedp.Run(pg.ctx, chromedp.Evaluate[string](shown)); err != nil || !strings.Contains(text, "kept-by-the-page") {
		t.Fatalf("Back before the flush shows %q, %v", text, err)
	}
	leave()
	ctx, cancel := chromedp.NewContext(pg.ctx)
	defer cancel()
	other := &page{t: t, ctx: ctx, url: pg.url, javascript: true} // that tab has scripts
	pg.must(chromedp.Do(ctx, chromedp.Navigate(pg.url), chromedp.WaitVisible(chromedp.ID("result"))))
	other.press("Flush", "flushed")
	if how := back(); how != "Navigation" {
		t.Errorf("Back after the flush: %s", how)
	}
	text, err := "", error(nil)
	for end := time.Now().Add(10 * time.Second); !strings.Contains(text, "Server") && time.Now().Before(end); {
		text, err = chromedp.Run(pg.ctx, chromedp.Evaluate[string](shown))
	}
	if err != nil || !strings.Contains(text, "Server") || strings.Contains(text, "kept-by-the-page") {
		t.Errorf("Back after the flush shows %q, %v", text, err)
	}
}

// slowly returns an address by which that of a program is reached. From hold until
// release no answer comes through.
func slowly(t *testing.T, url string) (by string, hold func() (release func())) {
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
			there, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				here.Close()
				return
			}
			go io.Copy(there, here) // what left is answered, though nobody may wait for it
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

// Without JavaScript, a double click sends a form once: of two logins the second would
// carry a dead ID, and its answer takes the first one's place.
func TestDoubleClickWithoutScripts(t *testing.T) {
	t.Parallel()
	p := start(t, "--allow-host", "127.0.0.1")
	url, hold := slowly(t, p.url)
	pg := browse(t, &program{url: url}, false)
	pg.press("Set", "set")
	box, err := chromedp.Run(pg.ctx, chromedp.Evaluate[[]float64](`(b => { b.scrollIntoView({block: "center"}); const r = b.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })(document.querySelector('button[formaction="/login"]'))`))
	pg.must(err)
	release := hold()
	err = chromedp.Do(pg.ctx, chromedp.MouseClickXY(box[0], box[1], chromedp.ClickCount(1)))
	p.awaitLog(t, "route=/login") // it is done, and its answer on the way
	err = errors.Join(err, chromedp.Do(pg.ctx, chromedp.MouseClickXY(box[0], box[1], chromedp.ClickCount(2))))
	release()
	pg.must(err)
	pg.want("#result .verb", "logged in")
	if n := strings.Count(p.log.String(), "route=/login"); n != 1 {
		t.Errorf("a double click sent %d logins", n)
	}
	pg.press("Log in", "logged in") // the next page's button works at once
}

// Without scripts all but live updates works.
func TestLabWithoutScripts(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t)
	pg := browse(t, p, false)
	pg.want("#document-cookie", "scripts are off")
	pg.press("Set", "set", "created a")
	own := pg.cookie().Value
	sent := wire.last(t, "POST /set")
	pg.want("#sizes", fmt.Sprintf("%d B body", len(sent.requestBody)), "ms") // the POST has ended before its page is made
	pg.want("#response", "303 See Other", own)
	pg.want("#timeline ol", "opened", "created")
	pg.press("Get", "get", "name is")
	ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS("#sizes button"))) // a GET has not
	pg.must(err)
	pg.want("#sizes", "ms")
	pg.want("#moment", "moment 3")
	pg.click("label:has(#peel-payload)")
	pg.want("#payload", "session ID", `{"name":"Rahim"}`)
	pg.click("label:has(#listing-django)")
	pg.want(".listing.django", "request.session.get")
	_, err = chromedp.RunResponse(ctx, chromedp.Click(chromedp.ID("moment-now")))
	pg.must(err)
	pg.press("Plant a readable cookie", "planted")
	pg.press("Take the readable cookie away", "taken away")
	pg.click("#tamper summary")
	pg.press("Send the copy", "copy refused", "the signature does not fit")
	pg.want("#wire", "what travelled with a copy", `"exists":false`)
	pg.press("Pin a copy", "pinned")
	pg.press("Replay", "replay accepted")
	pg.press("Drop the cookie only", "dropped")
	pg.want("#server", "its record is still here")
	pg.press("Put back", "put back")
	if got := pg.cookie(); got == nil || got.Value != own {
		t.Errorf("put back, the browser keeps %v", got)
	}
	pg.press("Log in", "logged in")
	pg.press("Flush", "flushed")
	pg.press("Replay", "replay refused")
	pg.click("#curl summary")
	pg.want("#curl", "This press as a curl command")
	_, err = chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS("button[name=on]")))
	pg.must(err)
	pg.want(".top", "show values")
	opened := chromedp.WaitNewTarget(pg.ctx, func(info *target.Info) bool { return strings.HasPrefix(info.URL, pg.url+"/s/second-") })
	pg.do(chromedp.Click(chromedp.Search(`//button[contains(., "Second browser")]`)))
	second, cancel2 := chromedp.NewContext(pg.ctx, chromedp.WithTargetID(<-opened))
	t.Cleanup(cancel2)
	if title, err := chromedp.Run(second, chromedp.Text(chromedp.CSS(".second"))); err != nil || !strings.Contains(title, "second browser") {
		t.Errorf("the second browser's lab says %q, %v", title, err)
	}
}
