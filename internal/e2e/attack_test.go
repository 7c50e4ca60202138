package e2e

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// victim is somebody who works in the lab while others look at what they can get of it.
type victim struct {
	*page
	second *page
	marks  []string // what nobody else may see from now on
	saw    string   // the pages that this browser was shown meanwhile
	run    string   // the address of a run's page
	bars   []string // what stood in the address bar
}

// goes does what leads to another page, or with a script to another state of this one.
func (v *victim) goes(click chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if v.javascript {
		v.do(click)
		return
	}
	v.follow(click)
}

// looks remembers what the page shows, and what stands in its address bar.
func (v *victim) looks(pg *page) {
	v.t.Helper()
	v.saw += pg.html()
	v.bars = append(v.bars, eval[string](pg, `location.href`))
}

// opens opens the lab.
func (v *victim) opens() {
	v.t.Helper()
	v.do(chromedp.Navigate(v.url), chromedp.WaitVisible(chromedp.ID("result")))
}

// works does all that leaves traces: in the cookie and on the server, pins, copies, a second
// browser, a run, the projector. tag is in all that is typed.
func (v *victim) works(tag string) {
	set := func(pg *page, key, value string) {
		pg.t.Helper()
		pg.fill("key", key)
		pg.fill("value", value)
		pg.press("Set", "set")
		v.marks = append(v.marks, key, value)
	}
	id := func(pg *page) {
		pg.t.Helper()
		v.marks = append(v.marks, strings.Trim(strings.TrimPrefix(pg.text("#server .record code"), "sha256:"), "…"))
	}
	v.opens()
	set(v.page, "KEY-"+tag, "VALUE-"+tag)
	v.looks(v.page)
	v.fill("user", "USER-"+tag)
	v.press("Log in", "logged in")
	v.marks = append(v.marks, "USER-"+tag)
	set(v.page, "BIG-"+tag, "BIGGER-"+tag+strings.Repeat("x", 300))
	id(v.page)
	v.marks = append(v.marks, v.cookie().Value)
	v.press("Pin a copy", "pinned")
	v.looks(v.page)
	v.click("#tamper summary")
	v.press("Send the copy", "copy refused")
	v.looks(v.page)
	if !v.javascript {
		v.goes(chromedp.Click(chromedp.CSS("#e2 button")))
		v.want("#moment", "moment 2")
		v.looks(v.page)
		v.goes(chromedp.Click(chromedp.ID("moment-now")))
	}
	if v.second == nil {
		opened := chromedp.WaitNewTarget(v.ctx, func(info *target.Info) bool { return strings.HasPrefix(info.URL, v.url+"/s/second-") })
		v.do(chromedp.Click(chromedp.Search(`//button[contains(., "Second browser")]`)))
		ctx, cancel := chromedp.NewContext(v.ctx, chromedp.WithTargetID(<-opened))
		v.t.Cleanup(cancel)
		v.second = &page{t: v.t, ctx: ctx, url: v.url, javascript: true}
		v.looks(v.second)
		v.bars = append(v.bars, eval[string](v.second, `location.origin + location.pathname`))
	}
	set(v.second, "SECOND-"+tag, "BESIDE-"+tag)
	id(v.second)
	v.looks(v.second)

	v.lesson("change-one-letter")
	v.do(chromedp.Click(chromedp.ID("prediction-1")))
	v.goes(chromedp.Click(chromedp.ID("do-it")))
	v.want("#verdict", "Signature refused")
	v.run = eval[string](v.page, `location.href`)
	v.looks(v.page)

	v.opens()
	v.goes(chromedp.Click(chromedp.CSS("button[name=on].unprojected")))
	v.want(".top", "show values")
	v.looks(v.page)
	v.goes(chromedp.Click(chromedp.CSS("button[name=on].projected")))
}

// found returns which of the marks a text has.
func (v *victim) found(text string) (out []string) {
	for _, mark := range v.marks {
		if strings.Contains(text, mark) {
			out = append(out, mark)
		}
	}
	return out
}

// attacker sends requests by hand.
type attacker struct {
	*victim
	requests int
}

// byHand sends an attacker's requests, without a jar of cookies.
var byHand = http.Client{Timeout: patience}

// tries sends a request with those fields in its head, and wants that nothing of the
// victim's is in the answer.
func (a *attacker) tries(method, address, form string, fields ...string) {
	a.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form))
	if err != nil {
		a.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	a.requests++
	status, text := read(a.t, r)
	found := a.found(text)
	for _, word := range []string{"data-projector", `id="verdict"`, "pinned", "Put back"} {
		if strings.Contains(text, word) {
			found = append(found, word)
		}
	}
	if len(found) > 0 || status >= 500 {
		a.t.Fatalf("%s %s %s %q: status %d, shows %q", method, address, form, fields, status, found)
	}
}

// read sends r, and returns all of the answer as text.
func read(t *testing.T, r *http.Request) (status int, text string) {
	t.Helper()
	resp, err := byHand.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return resp.StatusCode, fmt.Sprint(resp.Header) + string(body)
}

// all tries what somebody can make of all that is known of the victim: each address that its
// browser asked for, its cookies whose sessions have ended, the name of its visit, and
// numbers. It goes past the gateway, whose list would grow with it.
func (a *attacker) all(lab string, g *gateway, cookies ...*network.Cookie) {
	a.t.Helper()
	name := eval[string](a.page, `document.getElementById('timeline').dataset.visit`)
	load := eval[string](a.page, `document.body.dataset.page`)
	_, run, _ := strings.Cut(a.run, "run=")
	run, _, _ = strings.Cut(run, "&")
	base := lab + eval[string](a.second, `location.pathname`)
	from := strings.Replace(a.run, g.URL, lab, 1)

	var addresses []string
	g.mu.Lock()
	for _, asked := range g.asked {
		method, rest, _ := strings.Cut(asked, " ")
		address, referer, _ := strings.Cut(rest, " ")
		if method == http.MethodGet && !strings.HasPrefix(address, "/assets/") {
			addresses = append(addresses, lab+address)
		}
		if referer != "" {
			addresses = append(addresses, strings.Replace(referer, g.URL, lab, 1))
		}
	}
	g.mu.Unlock()
	for _, at := range []string{lab + "/", base} {
		for n := range 6 {
			addresses = append(addresses, fmt.Sprintf("%s?at=%d", at, n+1), fmt.Sprintf("%s?at=%d&v=%s", at, n+1, name), fmt.Sprintf("%sexchanges/%d", at, n+1))
		}
		addresses = append(addresses, at, at+"?v="+name, at+"?x="+name, at+"?x="+load, at+"events?since=0", at+"session?after=load", at+"?at=-1", at+"?at=99999999999999999999", at+"?x="+strings.Repeat("A", 2000))
	}
	addresses = append(addresses, lab+"/experiments/change-one-letter?at=2&run="+run, lab+"/experiments/fixation?run="+run, base+"experiments/change-one-letter?run="+run, lab+"/experiments/change-one-letter/live/"+run+"/")
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)

	dead := []string{}
	for _, c := range cookies {
		dead = append(dead, c.Name+"="+c.Value)
	}
	const browser = "text/html,application/xhtml+xml"
	heads := [][]string{
		{"Accept", browser},
		{"Accept", browser, "Cookie", strings.Join(dead, "; "), "Referer", from},
		{"Accept", "application/json", "Cookie", dead[0]},
		{"HX-Request", "true", "Sessionscope-Page", name + " " + load + " 0", "HX-Current-URL", from},
	}
	for _, address := range addresses {
		for _, head := range heads {
			a.tries(http.MethodGet, address, "", head...)
		}
		a.tries(http.MethodHead, address, "", heads[0]...)
	}

	for _, address := range []string{lab + "/experiments/change-one-letter/result", base + "experiments/change-one-letter/result", lab + "/moment", base + "moment"} {
		for _, head := range heads {
			a.tries(http.MethodPost, address, url.Values{"run": {run}, "page": {name}, "at": {"2"}}.Encode(), head...)
		}
	}
}

// What stands in an address opens nothing, and neither does a cookie whose session has
// ended. Somebody works in the lab, with and without scripts. Somebody else has planted a
// cookie in that browser, has stolen the one that came after it, and knows each address that
// the browser ever asked for: of what follows the login or the flush they see nothing.
func TestAddressOpensNothing(t *testing.T) {
	t.Parallel()
	for _, javascript := range []bool{true, false} {
		t.Run(fmt.Sprintf("JavaScript %t", javascript), func(t *testing.T) {
			t.Parallel()
			p := start(t, "--allow-host", "127.0.0.1")
			g := through(t, p)
			at := &program{url: g.URL}
			thief := browse(t, at, javascript)
			thief.fill("key", "planted")
			thief.press("Set", "set", "created a")
			planted := thief.cookie()

			v := &victim{page: browse(t, at, javascript)}
			v.setCookie(planted.Name, planted.Value)
			v.opens()
			v.fill("key", "in-the-planted")
			v.press("Set", "set", "cookie")
			thief.want("#timeline ol", "created") // the control: it is the session that the thief has too
			reload := func() { thief.do(chromedp.Navigate(thief.url), chromedp.WaitVisible(chromedp.ID("result"))) }
			reload()
			thief.want("#timeline ol", "in-the-planted → cookie")

			v.works("login") // the key before the login is in the planted session still
			v.marks = slices.DeleteFunc(v.marks, func(mark string) bool { return mark == "KEY-login" || mark == "VALUE-login" })
			sees := func(when string) {
				t.Helper()
				if found := v.found(thief.html()); len(found) > 0 {
					t.Errorf("%s the thief sees %q", when, found)
				}
			}
			sees("with the planted cookie, without another request,")
			reload()
			sees("with the planted cookie, after a login,")

			// The stolen cookie is used at once: its session is seen, and nothing beside it.
			stolen := v.cookie()
			thief.setCookie(stolen.Name, stolen.Value)
			reload()
			if found := v.found(thief.html()); !slices.Contains(found, "BIG-login") || slices.Contains(found, "SECOND-login") || slices.Contains(found, "BESIDE-login") {
				t.Errorf("with the stolen cookie the thief sees %q, want its session and no other", found)
			}
			v.opens()
			v.press("Flush", "flushed")
			v.marks, v.saw = nil, ""
			v.works("later")
			sees("after the flush, without another request,")
			reload()
			sees("after the flush, with the stolen cookie,")

			if v.opens(); javascript {
				v.want("#live-state", "· live") // the page is of the visit that the tab has
			}
			a := &attacker{victim: v}
			a.all(p.url, g, stolen, planted)

			// In a browser without the cookie: each address that stood in the victim's bar.
			thief.setCookie(stolen.Name, "")
			slices.Sort(v.bars)
			v.bars = slices.Compact(v.bars)
			for _, address := range v.bars {
				thief.do(chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("main")))
				sees("under " + address)
				if thief.has("#verdict") {
					t.Errorf("under %s the thief sees a run", address)
				}
			}
			thief.forgive("Failed to load resource") // a moment's address, and a run's
			t.Logf("%d addresses in the bar, %d requests by hand", len(v.bars), a.requests)

			// The control: the victim has seen it all, and is as before.
			if found := v.found(v.saw); len(found) != len(v.marks) || !strings.Contains(v.saw, "data-projector") || !strings.Contains(v.saw, "Put back") {
				t.Errorf("the control: the victim saw %q, want all of %q", found, v.marks)
			}
			v.press("Get", "get")
			if javascript {
				v.want("#timeline ol", "KEY-later", "pinned", "second browser", "get")
			}
			v.want("#key-BIG-later", "BIGGER-later")
			v.do(chromedp.Navigate(v.run), chromedp.WaitVisible(chromedp.ID("verdict")))
		})
	}
}

// A link on a page of another site, with a token for one use that its author has got for a
// visit of their own, does not bring the browser that follows it into that visit. Nor does
// one by the page between a form and the lab, which goes on by itself.
func TestLinkOfAnotherSite(t *testing.T) {
	t.Parallel()
	p := start(t)
	between := func(text, begins, ends string) string {
		_, text, found := strings.Cut(text, begins)
		text, _, _ = strings.Cut(text, ends)
		if !found {
			t.Fatalf("%q is not on the page", begins)
		}
		return text
	}
	// opens opens a page by hand, and returns its visit's secret, and an address that proves it once.
	opens := func(address string) (secret, once string) {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		_, text := read(t, r)
		return between(text, `data-secret="`, `"`), p.url + "/?x=" + between(text, `name="x" value="`, `"`)
	}
	link := ""
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>Another site</title><a id="link" href="%s">Look at this</a>`, html.EscapeString(link))
	}))
	t.Cleanup(site.Close)
	author, once := opens(p.url)
	if secret, _ := opens(once); secret != author {
		t.Fatal("the control: the token opens no visit")
	}
	for _, javascript := range []bool{true, false} {
		pg := browse(t, p, javascript)
		for _, more := range []string{"", "&hop=1"} {
			r, err := http.NewRequest(http.MethodGet, p.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Sessionscope-Page", author)
			r.Header.Set("Accept", "text/html")
			_, text := read(t, r)
			link = p.url + "/?x=" + between(text, `name="x" value="`, `"`) + more
			pg.do(chromedp.Navigate(strings.Replace(site.URL, "127.0.0.1", "localhost", 1)), chromedp.Click(chromedp.ID("link")), chromedp.WaitVisible(chromedp.ID("result")))
			pg.want("#timeline ol", "opened")
			if secret := eval[string](pg, `document.body.dataset.secret`); secret == author {
				t.Errorf("JavaScript %t, %s: the page is of the link's author's visit", javascript, link)
			}
		}
	}
}
