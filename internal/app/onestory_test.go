package app

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// A page that asks for its exchange as it ended gets it without the store, and no new
// moment, or it would ask for that one too, and so on.
func TestFinishedExchangeInAnOutage(t *testing.T) {
	b, v, down := openFailing(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	down.Store(true)
	b.get("/get?key=name&page="+v).want(503, `hx-get="/exchanges/3"`)
	b.get("/exchanges/3?page="+v).want(200, `data-n="3"`, "503 Service Unavailable", b.cookie()).wantNo("/exchanges/4", `id="result"`)
	thief := newBrowser(t, b.h, formFragment)
	thief.get("/exchanges/3?page="+v).want(200, "hidden: the request for this page came without it").wantNo(b.cookie())
	down.Store(false)
	b.get("/get?key=name&page="+v).want(200).wantEntries("opened no session cookie", "created name → cookie", "refused get: 503 Service Unavailable", "get name")
}

// The exchange as it ended is still the one that just travelled.
func TestFinishedExchangeIsNoPast(t *testing.T) {
	_, b, v := openLab(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200, "what just travelled")
	b.get("/exchanges/2?page="+v).want(200, "what just travelled").wantNo("what travelled with your press")
}

// The bar over a moment of the past says when it was and what it did, as the sentence does.
func TestPastSaysWhichMomentItIs(t *testing.T) {
	_, b, v := openLab(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	got := b.get("/?at=2&page=" + v).want(200).changes()
	if !regexp.MustCompile(`^\d\d:\d\d:\d\d The panels show the past: moment 2, created name → cookie \.`).MatchString(got) {
		t.Errorf("the bar: %q", got)
	}
}

// A look at the past leaves the page's own controls as they are now: without a script the
// choice of where values live. The button under the server's figures is for the present.
func TestPastKeepsTheControls(t *testing.T) {
	_, b, v := openLab(t, formPage)
	b.post("/set", "key", "name", "value", "Rahim", "placement", "server", "page", v)
	b.post("/expiry", "seconds", "-1", "page", v)
	page := b.get("/?at=1&page="+v).want(200, "The panels show the past", `id="placement-server"`).wantNo("Clear expired")
	if n := strings.Count(page.body, "checked"); n == 0 {
		t.Error("no placement is chosen")
	}
	b.get("/?page="+v).want(200, `<span id="expired-count" class="count">1</span>`)
}

// A page that is loaded anew, and goes on with its visit, shows the present: no moment of
// the timeline is marked as the one on the screen, and the load can be copied as a command.
func TestReloadShowsThePresent(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formPage)
	r := b.request("GET", "/", "")
	r.Header.Set("Accept", "text/html")
	first := b.send(r).secret()
	b.post("/set", "key", "name", "value", "Rahim", "page", first)
	r = b.request("GET", "/", "")
	r.Header.Set("Accept", "text/html")
	loaded := b.send(r)
	second := loaded.secret()
	_, page, _ := strings.Cut(loaded.body, `data-page="`)
	page = page[:pageIDLen]
	r = b.request("GET", "/session?after=load", "")
	r.Header.Set("Hx-Request", "true")
	r.Header.Set(trace.PageHeader, first+" "+page+" 2")
	r.Header.Set(trace.LoadHeader, second)
	b.send(r).want(200, "what just travelled", "This browser has a session", "curl -si").wantNo(`aria-current="true"`, "what travelled with your press")
}

// The press that threw the cookie away, or put one over it, can be copied as a command: it
// carries the cookie that the browser has afterwards, and none that is hidden.
func TestCurlOfAReplacedCookie(t *testing.T) {
	_, b, v := openLab(t, formPage)
	b.post("/set", "key", "name", "value", "1", "page", v)
	b.post("/pin", "page", v)
	pinned := b.cookie()
	shows := func(a answer) answer { return b.get(a.Header.Get("Location")).want(200) }
	shows(b.post("/drop-cookie", "page", v)).want(200, "/drop-cookie&#39;", "--data-raw").wantNo(pinned)
	b.post("/set", "key", "name", "value", "2", "page", v)
	over := b.cookie()
	shows(b.post("/put-back", "pin", "1", "page", v)).want(200, "/put-back&#39;", "Cookie: sessionscope="+pinned).wantNo(over)
}

// What another client asked for is told by its name, and a refusal as that.
func TestOthersAreToldOfByName(t *testing.T) {
	h, b, v := openLab(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	other := newBrowser(t, h, formJSON)
	other.jar = b.jar
	told := 2
	for _, test := range []struct {
		press func()
		want  string
	}{
		{func() { other.get("/get?key=name").want(200) }, "get name another client"},
		{func() { other.get("/get?key=nope").want(200) }, "get nope → missing another client"},
		{func() { other.get("/keys").want(200) }, "keys another client"},
		{func() { other.get("/session").want(200) }, "read another client"},
		{func() { other.post("/set", "key", "", "value", "1").want(422) }, "refused set: 422 Unprocessable Entity another client"},
		{func() { other.post("/login", "user", "ada").want(200) }, "logged in new ID another client"},
	} {
		test.press()
		told++
		waitFor(t, func() bool { return len(b.get("/?at=1&page="+v).entries()) == told })
		if got := b.get("/?at=1&page=" + v).entries()[told-1]; !strings.Contains(got, test.want) {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// Of of another program exchange the lab knows what the client saw: it lists no steps of an
// engine that was not asked, and does not read a payload in that program's own coding.
func TestAnotherProgramsExchange(t *testing.T) {
	_, b, v := openLab(t, formPage)
	run := b.post("/experiments/a-stolen-cookie/run", "prediction", "1", "page", v)
	address, _, _ := strings.Cut(run.want(http.StatusSeeOther).Header.Get("Location"), "#")
	login := b.ended(address, "&at=1")
	if text := login.region("wire", "</article>"); strings.Contains(text, "no session cookie") {
		t.Errorf("an engine was asked: %q", text)
	}
	page := b.get(address+"&at=2").want(200, "Another program than the lab", "checked by that program", "in that program")
	for _, panel := range []struct{ id, no string }{{"wire", "to read"}, {"browser", "Payload decoded"}, {"browser", "fit"}, {"browser", "its SHA-256"}} {
		if text := page.region(panel.id, "</article>"); strings.Contains(text, panel.no) {
			t.Errorf("the %s panel says %q: %q", panel.id, panel.no, text)
		}
	}
}
