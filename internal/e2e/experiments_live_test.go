package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Experiment 6, with a Chromium that quits and starts again: of the two cookies only the one
// with Max-Age comes back.
func TestExperimentClosesWithTheBrowser(t *testing.T) {
	t.Parallel()
	p := start(t)
	dir := t.TempDir()
	pg, quit := browseWith(t, p, true, dir)
	pg.lesson("closes-with-the-browser")
	pg.do(chromedp.Click(chromedp.ID("prediction-2")), chromedp.Click(chromedp.ID("do-it")))
	pg.want("#waiting", "your own browser does this experiment", "two cookies")
	press := func(pg *page, label string) {
		t.Helper()
		pg.follow(chromedp.Click(chromedp.Search(fmt.Sprintf(`//button[normalize-space(.)=%q]`, label))))
	}
	press(pg, "Give my browser the two cookies")
	pg.want("#waiting", "two cookies", "quit the whole browser")
	press(pg, "Look what my browser sends")
	pg.want("#waiting table", "came, and opens its session")
	pg.axe("live")
	pg.shoot("experiment-closes")
	address := eval[string](pg, `location.href`)
	if jar := pg.jar(address); !strings.Contains(jar, "with-max-age until-close") {
		t.Fatalf("the browser keeps %q", jar)
	}
	quit()

	again, _ := browseWith(t, p, true, dir)
	again.lesson("closes-with-the-browser") // the plain address: the run's own cookie finds the run again
	again.want("#waiting", "quit the whole browser")
	if found := again.text("#waiting code"); !strings.Contains(address, found) {
		t.Errorf("the run's address is %q, and was %q", found, address)
	}
	press(again, "I quit it and came back: look again")
	again.want("#waiting table", "did not come")
	again.do(chromedp.Click(chromedp.CSS(`button[name=stop]`)))
	again.want("#verdict", "Only the cookie with Max-Age came back", "the server still has 2 records")
	again.want(".judgement", "That is what you predicted")
}

// jar returns the names of the cookies that the browser keeps for the run at address, in a
// fixed order.
func (pg *page) jar(address string) string {
	pg.t.Helper()
	u, err := url.Parse(address)
	pg.must(err)
	live := pg.url + u.Path + "/live/" + u.Query().Get("run") + "/x"
	res, err := chromedp.Call(pg.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{live}})
	pg.must(err)
	var names []string
	for _, name := range []string{"with-max-age", "until-close", "normal", "lax", "strict", "secure-session"} {
		for _, c := range res.Cookies {
			if c.Name == name {
				names = append(names, name)
			}
		}
	}
	return strings.Join(names, " ")
}

// sameSiteRows are the rows of the grid of experiment 25: where the request came from and how
// it was made, whether the cookies normal, lax and strict came, Sec-Fetch-Site, the answer.
var sameSiteRows = []string{
	"this page|a link|yes|yes|yes|same-origin|taken (200)",
	"this page|a form that reads (GET)|yes|yes|yes|same-origin|taken (200)",
	"this page|a form that writes (POST)|yes|yes|yes|same-origin|taken (200)",
	"another port of this name|a link|yes|yes|yes|same-site|taken (200)",
	"another port of this name|a form that reads (GET)|yes|yes|yes|same-site|taken (200)",
	"another port of this name|a form that writes (POST)|yes|yes|yes|same-site|refused (403)",
	"another site|a link|yes|yes|no|cross-site|taken (200)",
	"another site|a form that reads (GET)|yes|yes|no|cross-site|taken (200)",
	"another site|a form that writes (POST)|yes|no|no|cross-site|refused (403)",
}

// Experiment 25, with nine requests that a real browser makes from three places: the grid
// says which cookies came, and a witness saw the same.
func TestExperimentSameSite(t *testing.T) {
	t.Parallel()
	p, w := startWitnessed(t)
	pg := browse(t, p, true)
	pg.lesson("normal-lax-strict")
	pg.do(chromedp.Click(chromedp.ID("prediction-2")), chromedp.Click(chromedp.ID("do-it")))
	pg.want("#waiting", "First take three cookies")
	pg.follow(chromedp.Click(chromedp.Search(`//button[.="Give my browser the three cookies"]`)))
	pg.want("#waiting", "Make each request")
	address := eval[string](pg, `location.href`)
	pg.nineRequests(address)
	pg.do(chromedp.Navigate(address), chromedp.WaitVisible(chromedp.ID("waiting")))
	const rows = `[...document.querySelectorAll('#waiting tbody tr')].map(tr => [...tr.cells].map(c => c.textContent.trim()).join('|'))`
	if grid, want := strings.Join(eval[[]string](pg, rows), "\n"), strings.Join(sameSiteRows, "\n"); grid != want {
		t.Errorf("the grid is\n%s\nwant\n%s", grid, want)
	}
	// A POST that this page itself makes is not counted, whatever its form says, and the page says why.
	made := eval[int](pg, `(() => {
		const r = new XMLHttpRequest()
		r.open('POST', document.querySelector('#waiting a.button').getAttribute('href').replace('from=here&how=link', 'from=site&how=post'), false)
		r.send()
		return r.status
	})()`)
	if made != http.StatusOK {
		t.Errorf("the page's own POST: status %d", made)
	}
	pg.do(chromedp.Reload(), chromedp.WaitVisible(chromedp.ID("waiting")))
	last := strings.Join(eval[[]string](pg, rows+`.slice(9)`), ",")
	if want := "another site|a form that writes (POST)|not counted: a request said it came from another site; Sec-Fetch-Site says same-origin"; last != want {
		t.Errorf("the grid has %q, want %q", last, want)
	}
	w.wantSameSite(t)
	pg.axe("the grid")
	pg.shoot("experiment-samesite")
	pg.do(chromedp.Click(chromedp.CSS(`button[name=stop]`)))
	pg.want("#verdict", "The cookie without SameSite came", "refused with 403", "even strict came")
	pg.want(".judgement", "That is what you predicted")
}

// nineRequests makes each of the requests that the page at address, which waits, asks for.
// What would open a new tab is opened here: the pages make the same requests.
func (pg *page) nineRequests(address string) {
	pg.t.Helper()
	links := eval[[]string](pg, `[...document.querySelectorAll('#waiting a.button')].map(a => a.href)`)
	if len(links) != 3 {
		pg.t.Fatalf("links: %v", links)
	}
	for _, how := range []string{`//a[contains(., "Follow a link")]`, `//button[contains(., "form that reads")]`, `//button[contains(., "form that writes")]`} {
		for _, from := range []string{address, links[1], links[2]} {
			pg.do(chromedp.Navigate(from), chromedp.WaitReady(chromedp.CSS("body")))
			eval[chromedp.Void](pg, `document.querySelectorAll('[target]').forEach(e => e.removeAttribute('target')), undefined`)
			pg.follow(chromedp.Click(chromedp.Search(how)))
		}
	}
	pg.do(chromedp.Navigate(links[2]), chromedp.WaitVisible(chromedp.ID("post")))
	pg.axe("the foreign page")
	pg.forgive("Failed to load resource") // the requests that were refused
}

// wantSameSite checks which of the run's cookies came with the requests from another site.
func (w *witness) wantSameSite(t *testing.T) {
	t.Helper()
	for _, method := range []string{"GET", "POST"} {
		for _, x := range w.exchanges(method + " /experiments/normal-lax-strict/live/") {
			line, _, _ := strings.Cut(x.requestHead, "\r\n")
			if !strings.Contains(line, "/land") || !strings.Contains(line, "from=site") || field(x.requestHead, "Sec-Fetch-Site") == "same-origin" {
				continue
			}
			cookie := field(x.requestHead, "Cookie")
			for name, want := range map[string]bool{"strict=": false, "lax=": method == "GET", "normal=": true} { // normal: within its first two minutes
				if got := strings.Contains(cookie, name); got != want {
					t.Errorf("%s: %s came: %t, want %t", line, name, got, want)
				}
			}
		}
	}
}

// Experiment 26: over plain http a Secure cookie comes back from 127.0.0.1, and never from
// another name.
func TestExperimentSecure(t *testing.T) {
	t.Parallel()
	p := start(t, "--allow-host", "lab.test")
	pg, _ := browseWith(t, p, true, t.TempDir(), chromedp.Flag("host-resolver-rules", "MAP lab.test 127.0.0.1"))
	for _, test := range []struct {
		base, says, judged string
	}{
		{p.url, "The cookie came back with each of the 2 presses after the first", "You predicted"},
		{"http://lab.test:" + p.port(), "The cookie never came back", "That is what you predicted"},
	} {
		pg.do(chromedp.Navigate(test.base+"/experiments/secure-on-plain-http"), chromedp.WaitVisible(chromedp.ID("do-it")))
		pg.do(chromedp.Click(chromedp.ID("prediction-2")), chromedp.Click(chromedp.ID("do-it")))
		pg.want("#waiting", "Press three times")
		for n := 1; n <= 3; n++ {
			pg.follow(chromedp.Click(chromedp.Search(`//button[.="Set"]`)))
			pg.wantValue(`String(document.querySelectorAll('#waiting tbody tr').length)`, fmt.Sprint(n))
		}
		pg.shoot("experiment-secure")
		pg.do(chromedp.Click(chromedp.CSS(`button[name=stop]`)))
		pg.want("#verdict", test.says)
		pg.want(".judgement", test.judged)
	}
	pg.forgive("Cross-Origin-Opener-Policy") // Chromium ignores it over plain http, and logs that
}
