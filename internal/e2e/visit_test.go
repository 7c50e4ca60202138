package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// A tab keeps its visit: through a reload, another page and Back, without its cookies,
// without its site data, duplicated. A new tab has one of its own. Each load opens one
// stream, and what opens the visit stands in no address.
func TestTabKeepsItsVisit(t *testing.T) {
	t.Parallel()
	g := through(t, start(t, "--allow-host", "127.0.0.1"))
	pg := beginLoad(t, g.URL)
	loads, secret := 0, ""
	// goesOn wants that the page went on with the visit and is live.
	goesOn := func(page *page, how string) {
		t.Helper()
		loads++
		page.want("#timeline ol", "created")
		page.want("#live-state", "· live")
		if pages, _ := g.streams(); len(pages) != loads {
			t.Errorf("%s: there were %d requests for a stream in %d loads", how, len(pages), loads)
		}
		if fields := eval[[]string](page, `[...new Set([...document.querySelectorAll('[name=page]')].map(field => field.value))]`); secret != "" && (len(fields) != 1 || fields[0] != secret) {
			t.Errorf("%s: a press that no script sends would prove the visits %q, want that of the page", how, fields)
		}
		if text := page.content("#moment"); strings.Contains(text, "first moment") {
			t.Errorf("%s: the page says %q", how, text)
		}
	}
	reload := func() {
		t.Helper()
		pg.do(chromedp.Reload(), chromedp.WaitVisible(chromedp.ID("result")))
	}
	pg.press("Set", "set", "born")
	goesOn(pg, "at first")
	secret = eval[string](pg, `Object.entries(sessionStorage).find(([key]) => key === 'visit:')[1]`)
	reload()
	goesOn(pg, "reloaded")
	pg.press("Get", "get", `"Rahim"`)
	pg.do(chromedp.Click(chromedp.CSS(`nav a[href="/experiments"]`)), chromedp.WaitVisible(chromedp.ID("progress-text")))
	pg.do(chromedp.NavigateBack(), chromedp.WaitVisible(chromedp.ID("result")))
	goesOn(pg, "Back")
	goesOn(pg.twin(), "duplicated")
	_, err := chromedp.Call(pg.ctx, network.ClearBrowserCookies, chromedp.Void{})
	pg.must(err)
	reload()
	goesOn(pg, "without cookies")
	_, err = chromedp.Call(pg.ctx, storage.ClearDataForOrigin, storage.ClearDataForOriginParams{Origin: g.URL, StorageTypes: "all"})
	pg.must(err)
	if left := eval[int](pg, `sessionStorage.length`); left != 0 {
		t.Errorf("the control: cleared, the storage holds %d", left)
	}
	reload()
	goesOn(pg, "without site data")

	other := pg.tab(g.URL)
	other.want("#live-state", "· live")
	other.want("#timeline ol", "opened")
	if text := other.content("#timeline ol"); strings.Contains(text, "created") {
		t.Errorf("a new tab shows the other's moments: %q", text)
	}

	// The wire shows of a press what it is about.
	_, err = chromedp.Call(pg.ctx, cdppage.BringToFront, chromedp.Void{})
	pg.must(err)
	pg.press("Set", "set", "born")
	if body := pg.content("#request .body"); body != "placement=hybrid&key=name&value=Rahim&type=text" {
		t.Errorf("the press sent %q", body)
	}
	pg.click("#e2 button")
	pg.want("#moment", "moment 2")
	pg.click("#moment-now")
	pg.want("#result", "This browser has a session")
	pages, _ := g.streams()
	for _, page := range pages[:loads] {
		if !strings.HasPrefix(page, secret+" ") {
			t.Errorf("a stream of the visit was asked for with the header Sessionscope-Page: %q, want it to begin with %q", page, secret)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	moments, first := 0, 0
	for _, asked := range g.asked {
		if strings.Contains(asked, secret) {
			t.Errorf("what opens the visit stands in an address: %s", asked)
		}
		if strings.HasPrefix(asked, "GET /?at=2 ") || strings.HasPrefix(asked, "GET /?at=now ") {
			moments++
		}
		if strings.HasPrefix(asked, "GET /exchanges/1 ") {
			first++
		}
	}
	if first != 2 { // of the visit's first page, and of the new tab
		t.Errorf("a visit's first exchange was asked for %d times, want once by each of the two: a reloaded page has another", first)
	}
	if moments != 2 {
		t.Errorf("the moments were asked for %d times, want each once: %q", moments, g.asked)
	}
}

// Of a visit that has ended with its program, a tab goes on with a new one, and of one that
// the server does not answer for, with the old.
func TestTabOfAnEndedVisit(t *testing.T) {
	t.Parallel()
	g := through(t, start(t, "--allow-host", "127.0.0.1"))
	pg := beginLoad(t, g.URL)
	reload := func() {
		t.Helper()
		pg.do(chromedp.Reload(), chromedp.WaitVisible(chromedp.ID("result")))
		pg.want("#live-state", "· live")
	}
	const kept = `sessionStorage.getItem('visit:')`
	pg.press("Set", "set", "born")
	pg.want("#live-state", "· live")
	secret := eval[string](pg, kept)
	g.lose("/session")
	reload()
	g.lose("")
	if now := eval[string](pg, kept); now != secret {
		t.Errorf("of no answer the tab keeps the visit %q, want %q", now, secret)
	}
	pg.press("Get", "get", `"Rahim"`)
	pg.want("#timeline ol", "created", "get") // the answer has brought what the page had missed
	if pages, _ := g.streams(); len(pages) != 2 || !strings.HasPrefix(pages[1], secret+" ") || !strings.HasSuffix(pages[1], " 0") {
		t.Errorf("the streams were asked for with the headers Sessionscope-Page %q, want two, the second with the visit %q and no moment of it", pages, secret)
	}

	g.leadTo(t, start(t, "--allow-host", "127.0.0.1"))
	reload()
	pg.settled() // the exchange of the page's own visit
	if text := pg.content("#timeline ol"); strings.Contains(text, "created") || !strings.Contains(text, "opened") {
		t.Errorf("after the restart the page shows the moments %q", text)
	}
	if now := eval[string](pg, kept); now == secret || now != eval[string](pg, `document.body.dataset.secret`) {
		t.Errorf("after the restart the tab keeps the visit %q", now)
	}
	pg.press("Set", "set", "born")
	pg.forgive("Failed to load resource", "htmx:error: Failed to fetch")
}

// Where the browser keeps nothing for the tab, the page works, and a reload begins anew.
func TestTabThatKeepsNothing(t *testing.T) {
	t.Parallel()
	pg := beginLoad(t, start(t).url, `for (const storage of ['sessionStorage', 'localStorage']) Object.defineProperty(window, storage, {get() { throw new DOMException('denied', 'SecurityError'); }})`)
	pg.press("Set", "set", "born")
	pg.want("#live-state", "· live")
	pg.press("Flush", "flushed")
	pg.do(chromedp.Reload(), chromedp.WaitVisible(chromedp.ID("result")))
	pg.want("#live-state", "· live")
	if text := pg.content("#timeline ol"); strings.Contains(text, "flushed") {
		t.Errorf("the page goes on with the moments %q", text)
	}
}

// A tab keeps the run that its page shows: through a reload without its cookies, and without
// its site data.
func TestTabKeepsItsRun(t *testing.T) {
	t.Parallel()
	pg := browse(t, start(t), true)
	pg.lesson("change-one-letter")
	pg.do(chromedp.Click(chromedp.ID("prediction-1")), chromedp.Click(chromedp.ID("do-it")))
	pg.want("#verdict", "Signature refused")
	_, err := chromedp.Call(pg.ctx, network.ClearBrowserCookies, chromedp.Void{})
	pg.must(err)
	pg.do(chromedp.Reload())
	pg.want("#verdict", "Signature refused")
	_, err = chromedp.Call(pg.ctx, storage.ClearDataForOrigin, storage.ClearDataForOriginParams{Origin: pg.url, StorageTypes: "all"})
	pg.must(err)
	pg.do(chromedp.Reload())
	pg.want("#verdict", "Signature refused")
	if said := pg.content("#problem"); said != "" {
		t.Errorf("beside the run the page says %q", said)
	}
	pg.forgive("Failed to load resource") // the page itself is refused before the tab has proved its visit
}
