package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A tab keeps its visit through a reload, another page and Back, without its cookies, without
// its site data, and duplicated. A new tab gets a visit of its own. Each load opens one event
// stream. The secret that opens the visit is in no address.
func TestTabKeepsItsVisit(t *testing.T) {
	t.Parallel()
	g := through(t, start(t, "--allow-host", "127.0.0.1"))
	pg := beginLoad(t, g.URL)
	pg.live()
	loads := 0
	pg.press("Set", "set", "created a")
	secret := eval[string](pg, `Object.entries(sessionStorage).find(([key]) => key === 'visit:')[1]`)
	// goesOn wants that the page has the visit and hears its stream.
	goesOn := func(page *page, how string) {
		t.Helper()
		loads++
		page.want("#timeline ol", "created")
		page.live()
		if pages, _ := g.streams(); len(pages) != loads {
			t.Errorf("%s: there were %d requests for a stream in %d loads", how, len(pages), loads)
		}
		if fields := eval[[]string](page, `[...new Set([...document.querySelectorAll('[name=page]')].map(field => field.value))]`); len(fields) != 1 || fields[0] != secret {
			t.Errorf("%s: a press that no script sends would prove the visits %q, want that of the page", how, fields)
		}
		if text := page.content("#moment"); strings.Contains(text, "first moment") {
			t.Errorf("%s: the page says %q", how, text)
		}
	}
	goesOn(pg, "at first")
	pg.reload()
	goesOn(pg, "reloaded")
	pg.press("Get", "get", `"Rahim"`)
	pg.do(chromedp.Click(chromedp.CSS(`nav a[href="/experiments"]`)), chromedp.WaitVisible(chromedp.ID("progress-text")))
	pg.do(chromedp.NavigateBack(), chromedp.WaitVisible(chromedp.ID("result")))
	goesOn(pg, "Back")
	goesOn(pg.twin(), "duplicated")
	pg.clearCookies()
	pg.reload()
	goesOn(pg, "without cookies")
	pg.clearStorage(g.URL)
	if left := eval[int](pg, `sessionStorage.length`); left != 0 {
		t.Errorf("the control: cleared, the storage holds %d", left)
	}
	pg.reload()
	goesOn(pg, "without site data")

	pg.wantNewVisit(g.URL)
	pg.toFront()
	pg.press("Set", "set", "created a")
	if body := pg.content("#request .body"); body != "placement=hybrid&key=name&value=Rahim&type=text" { // without the secret
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
	wantAsked(t, g, secret)
}

// wantNewVisit opens a new tab, which must have a visit of its own.
func (pg *page) wantNewVisit(address string) {
	pg.t.Helper()
	other := pg.tab(address)
	other.live()
	other.want("#timeline ol", "opened")
	if text := other.content("#timeline ol"); strings.Contains(text, "created") {
		pg.t.Errorf("a new tab shows the other's moments: %q", text)
	}
}

// wantAsked checks the addresses that TestTabKeepsItsVisit has asked for: none contains the
// secret, and the page asked for each thing once.
func wantAsked(t *testing.T, g *gateway, secret string) {
	t.Helper()
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

// A tab whose visit has ended with the program goes on in a new visit. A tab whose question
// for its visit got no answer keeps the old one.
func TestTabOfAnEndedVisit(t *testing.T) {
	t.Parallel()
	g := through(t, start(t, "--allow-host", "127.0.0.1"))
	pg := beginLoad(t, g.URL)
	pg.live()
	const kept = `sessionStorage.getItem('visit:')`
	pg.press("Set", "set", "created a")
	secret := eval[string](pg, kept)
	g.lose("/session")
	pg.reload()
	pg.live()
	g.lose("")
	if now := eval[string](pg, kept); now != secret {
		t.Errorf("without an answer the tab keeps the visit %q, want %q", now, secret)
	}
	pg.press("Get", "get", `"Rahim"`)
	pg.want("#timeline ol", "created", "get") // the answer has brought the moments that the page had missed
	if pages, _ := g.streams(); len(pages) != 2 || !strings.HasPrefix(pages[1], secret+" ") || !strings.Contains(pages[1], " 0 ") {
		t.Errorf("the streams were asked for with the headers Sessionscope-Page %q, want two, the second with the visit %q and no moment of it", pages, secret)
	}

	g.leadTo(t, start(t, "--allow-host", "127.0.0.1"))
	pg.reload()
	pg.live()
	pg.settled() // the exchange is of the page's own visit
	if text := pg.content("#timeline ol"); strings.Contains(text, "created") || !strings.Contains(text, "opened") {
		t.Errorf("after the restart the page shows the moments %q", text)
	}
	if now := eval[string](pg, kept); now == secret || now != eval[string](pg, `document.body.dataset.secret`) {
		t.Errorf("after the restart the tab keeps the visit %q", now)
	}
	pg.press("Set", "set", "created a")
	pg.forgiveRefusals()
}

// Where the browser denies the page its storage, the page works, and a reload begins a new
// visit.
func TestTabThatKeepsNothing(t *testing.T) {
	t.Parallel()
	pg := beginLoad(t, start(t).url, `for (const storage of ['sessionStorage', 'localStorage']) Object.defineProperty(window, storage, {get() { throw new DOMException('denied', 'SecurityError'); }})`)
	pg.live()
	pg.press("Set", "set", "created a")
	pg.press("Flush", "flushed")
	pg.reload()
	pg.live()
	if text := pg.content("#timeline ol"); strings.Contains(text, "flushed") {
		t.Errorf("the page goes on with the moments %q", text)
	}
}

// A tab keeps the run that its page shows, through a reload without its cookies and through
// one without its site data.
func TestTabKeepsItsRun(t *testing.T) {
	t.Parallel()
	pg := browse(t, start(t), true)
	pg.lesson("change-one-letter")
	pg.do(chromedp.Click(chromedp.ID("prediction-1")), chromedp.Click(chromedp.ID("do-it")))
	pg.want("#verdict", "Signature refused")
	pg.clearCookies()
	pg.do(chromedp.Reload())
	pg.want("#verdict", "Signature refused")
	pg.clearStorage(pg.url)
	pg.do(chromedp.Reload())
	pg.want("#verdict", "Signature refused")
	if said := pg.content("#problem"); said != "" {
		t.Errorf("beside the run the page says %q", said)
	}
	pg.forgive("Failed to load resource") // the page gets 404 until its script has proved the visit
}
