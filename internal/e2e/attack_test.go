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
	"github.com/chromedp/chromedp"
)

// victim is somebody who works in the lab while an attacker tries to see that work.
type victim struct {
	*page
	second *page
	marks  []string // words that nobody else may see from now on
	saw    string   // the HTML of the pages that this browser was shown meanwhile
	run    string   // the address of a run's page
	bars   []string // what stood in the address bar
}

// goes clicks a link or button. Without scripts it waits for the page that follows.
func (v *victim) goes(click chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if v.javascript {
		v.do(click)
		return
	}
	v.follow(click)
}

// looks records what the page shows, and what stands in its address bar.
func (v *victim) looks(pg *page) {
	v.t.Helper()
	v.saw += pg.html()
	v.bars = append(v.bars, eval[string](pg, `location.href`))
}

// works leaves traces wherever the lab keeps any: in the cookie, on the server, as a pin and
// a copy, in a second browser, in a run and in projector mode. All that it types contains tag.
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
		v.marks = append(v.marks, pg.sessionID())
	}
	v.open()
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
		v.second = v.openSecond()
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

	v.open()
	v.goes(chromedp.Click(chromedp.CSS("button[name=on].unprojected")))
	v.want(".top", "show values")
	v.looks(v.page)
	v.goes(chromedp.Click(chromedp.CSS("button[name=on].projected")))
}

// found returns the marks that a text contains.
func (v *victim) found(text string) (out []string) {
	for _, mark := range v.marks {
		if strings.Contains(text, mark) {
			out = append(out, mark)
		}
	}
	return out
}

// attacker sends requests without a browser, to see something of the victim's.
type attacker struct {
	*victim
	requests int
}

// byHand sends an attacker's requests, without a jar of cookies.
var byHand = http.Client{Timeout: patience}

// tries sends a request with the header fields, given as names and values. The answer must
// contain nothing of the victim's.
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

// read sends r, and returns the answer's header and body as text.
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

// addresses returns each address that the victim's browser asked the lab for or named as
// its Referer, and what somebody can make of them with the name of the visit and with
// numbers. They lead past the gateway, whose list would otherwise grow with each try.
func (a *attacker) addresses(lab string, g *gateway, name, load, run string) []string {
	a.t.Helper()
	base := lab + eval[string](a.second, `location.pathname`)
	var all []string
	g.mu.Lock()
	for _, asked := range g.asked {
		method, rest, _ := strings.Cut(asked, " ")
		address, referer, _ := strings.Cut(rest, " ")
		if method == http.MethodGet && !strings.HasPrefix(address, "/assets/") {
			all = append(all, lab+address)
		}
		if referer != "" {
			all = append(all, strings.Replace(referer, g.URL, lab, 1))
		}
	}
	g.mu.Unlock()
	for _, at := range []string{lab + "/", base} {
		for n := range 6 {
			all = append(all, fmt.Sprintf("%s?at=%d", at, n+1), fmt.Sprintf("%s?at=%d&v=%s", at, n+1, name), fmt.Sprintf("%sexchanges/%d", at, n+1))
		}
		all = append(all, at, at+"?v="+name, at+"?x="+name, at+"?x="+load, at+"events?since=0", at+"session?after=load", at+"?at=-1", at+"?at=99999999999999999999", at+"?x="+strings.Repeat("A", 2000))
	}
	all = append(all, lab+"/experiments/change-one-letter?at=2&run="+run, lab+"/experiments/fixation?run="+run, base+"experiments/change-one-letter?run="+run, lab+"/experiments/change-one-letter/live/"+run+"/")
	slices.Sort(all)
	return slices.Compact(all)
}

// all tries each of the addresses, and the forms that take a run or a visit, with what an
// attacker can put into a request's header: the cookies whose sessions have ended, the name
// of the visit, a Referer.
func (a *attacker) all(lab string, g *gateway, ended ...*network.Cookie) {
	a.t.Helper()
	name := eval[string](a.page, `document.getElementById('timeline').dataset.visit`)
	load := eval[string](a.page, `document.body.dataset.page`)
	base := lab + eval[string](a.second, `location.pathname`)
	from := strings.Replace(a.run, g.URL, lab, 1)
	_, run, _ := strings.Cut(a.run, "run=")
	run, _, _ = strings.Cut(run, "&")
	var cookies []string
	for _, c := range ended {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	const browser = "text/html,application/xhtml+xml"
	headers := [][]string{
		{"Accept", browser},
		{"Accept", browser, "Cookie", strings.Join(cookies, "; "), "Referer", from},
		{"Accept", "application/json", "Cookie", cookies[0]},
		{"HX-Request", "true", "Sessionscope-Page", name + " " + load + " 0", "HX-Current-URL", from},
	}
	for _, address := range a.addresses(lab, g, name, load, run) {
		for _, header := range headers {
			a.tries(http.MethodGet, address, "", header...)
		}
		a.tries(http.MethodHead, address, "", headers[0]...)
	}
	for _, address := range []string{lab + "/experiments/change-one-letter/result", base + "experiments/change-one-letter/result", lab + "/moment", base + "moment"} {
		for _, header := range headers {
			a.tries(http.MethodPost, address, url.Values{"run": {run}, "page": {name}, "at": {"2"}}.Encode(), header...)
		}
	}
}

// What stands in an address opens nothing, and neither does a cookie whose session has
// ended. The victim works in the lab, with and without scripts. The thief has planted a
// cookie in the victim's browser, has stolen the next one, and knows each address that the
// browser asked for. Of what follows the login or the flush the thief sees nothing.
func TestAddressOpensNothing(t *testing.T) {
	t.Parallel()
	for _, javascript := range []bool{true, false} {
		t.Run(fmt.Sprintf("JavaScript %t", javascript), func(t *testing.T) {
			t.Parallel()
			p := start(t, "--allow-host", "127.0.0.1")
			g := through(t, p)
			at := &program{url: g.URL}
			thief := browse(t, at, javascript)
			v := &victim{page: browse(t, at, javascript)}
			planted := plant(thief, v)
			v.works("login") // the key set before the login is still in the planted session
			v.marks = slices.DeleteFunc(v.marks, func(mark string) bool { return mark == "KEY-login" || mark == "VALUE-login" })
			v.wantUnseen(thief, "with the planted cookie, without another request,")
			thief.open()
			v.wantUnseen(thief, "with the planted cookie, after a login,")

			stolen := v.cookie()
			thief.setCookie(stolen.Name, stolen.Value)
			thief.open()
			if found := v.found(thief.html()); !slices.Contains(found, "BIG-login") || slices.Contains(found, "SECOND-login") || slices.Contains(found, "BESIDE-login") {
				t.Errorf("with the stolen cookie the thief sees %q, want its session and no other", found)
			}
			v.open()
			v.press("Flush", "flushed")
			v.marks, v.saw = nil, ""
			v.works("later")
			v.wantUnseen(thief, "after the flush, without another request,")
			thief.open()
			v.wantUnseen(thief, "after the flush, with the stolen cookie,")

			if v.open(); javascript {
				v.live() // the page goes on with the tab's visit
			}
			a := &attacker{victim: v}
			a.all(p.url, g, stolen, planted)
			thief.setCookie(stolen.Name, "")
			v.wantClosedAddresses(thief)
			t.Logf("%d addresses in the bar, %d requests without a browser", len(v.bars), a.requests)
			v.wantAllThere()
		})
	}
}

// plant gives the victim's browser the cookie of a session that the thief has begun, and
// returns it. The control: the thief sees what the victim does in that session.
func plant(thief *page, v *victim) *network.Cookie {
	v.t.Helper()
	thief.fill("key", "planted")
	thief.press("Set", "set", "created a")
	planted := thief.cookie()
	v.setCookie(planted.Name, planted.Value)
	v.open()
	v.fill("key", "in-the-planted")
	v.press("Set", "set", "cookie")
	thief.want("#timeline ol", "created")
	thief.open()
	thief.want("#timeline ol", "in-the-planted → cookie")
	return planted
}

// wantUnseen checks that the thief's page contains none of the victim's marks.
func (v *victim) wantUnseen(thief *page, when string) {
	v.t.Helper()
	if found := v.found(thief.html()); len(found) > 0 {
		v.t.Errorf("%s the thief sees %q", when, found)
	}
}

// wantClosedAddresses opens each address that stood in the victim's address bar in a browser
// without the victim's cookie: it must show none of the marks, and no run.
func (v *victim) wantClosedAddresses(thief *page) {
	v.t.Helper()
	slices.Sort(v.bars)
	v.bars = slices.Compact(v.bars)
	for _, address := range v.bars {
		thief.do(chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("main")))
		v.wantUnseen(thief, "under "+address)
		if thief.has("#verdict") {
			v.t.Errorf("under %s the thief sees a run", address)
		}
	}
	thief.forgive("Failed to load resource") // the address of a moment or of a run is a 404
}

// wantAllThere is the control: the victim has seen all of the marks, and goes on as before.
func (v *victim) wantAllThere() {
	v.t.Helper()
	if found := v.found(v.saw); len(found) != len(v.marks) || !strings.Contains(v.saw, "data-projector") || !strings.Contains(v.saw, "Put back") {
		v.t.Errorf("the control: the victim saw %q, want all of %q", found, v.marks)
	}
	v.press("Get", "get")
	if v.javascript {
		v.want("#timeline ol", "KEY-later", "pinned", "second browser", "get")
	}
	v.want("#key-BIG-later", "BIGGER-later")
	v.do(chromedp.Navigate(v.run), chromedp.WaitVisible(chromedp.ID("verdict")))
}

// A link on another site, with a one-time token for a visit of the link's author, does not
// bring the browser that follows it into that visit. Neither does a link to the page between
// a form and the lab, which leads on by itself.
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
	// visit asks for a page without a browser, with the secret of a visit or "", and returns
	// its visit's secret and an address that proves the visit once.
	visit := func(address, proof string) (secret, once string) {
		t.Helper()
		r := must(http.NewRequest(http.MethodGet, address, nil))
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Sessionscope-Page", proof)
		_, text := read(t, r)
		return between(text, `data-secret="`, `"`), p.url + "/?x=" + between(text, `name="x" value="`, `"`)
	}
	link := ""
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>Another site</title><a id="link" href="%s">Look at this</a>`, html.EscapeString(link))
	}))
	t.Cleanup(site.Close)
	author, once := visit(p.url, "")
	if secret, _ := visit(once, ""); secret != author {
		t.Fatal("the control: the token opens no visit")
	}
	for _, javascript := range []bool{true, false} {
		pg := browse(t, p, javascript)
		for _, more := range []string{"", "&hop=1"} {
			_, once := visit(p.url, author)
			link = once + more
			pg.do(chromedp.Navigate(strings.Replace(site.URL, "127.0.0.1", "localhost", 1)), chromedp.Click(chromedp.ID("link")), chromedp.WaitVisible(chromedp.ID("result")))
			pg.want("#timeline ol", "opened")
			if secret := eval[string](pg, `document.body.dataset.secret`); secret == author {
				t.Errorf("JavaScript %t, %s: the page is of the link's author's visit", javascript, link)
			}
		}
	}
}
