package app

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// changes is what the bar above the panels says.
func (a answer) changes() string { a.t.Helper(); return a.region("moment", "</section>") }

const unchanged = "neither the browser's cookie nor the server's record changed"

// An outage is not told as a logout: nobody knows what changed.
func TestOutageIsNoChange(t *testing.T) {
	var down bool
	h := newApp(t, func(c *Config) { c.Sessions.Backend = failing(&down) })
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	down = true
	a := b.get("/get?key=name&page="+v).want(503, "nobody can say whether anything changed", "172 B", "nobody can say what a cookie opens").wantNo("No cookie yet", "does not fit")
	if got := a.changes(); strings.Contains(got, "none") || strings.Contains(got, "missing") {
		t.Errorf("an outage changed %q", got)
	}
	down = false
	if got := b.get("/get?key=name&page=" + v).want(200).changes(); !strings.Contains(got, unchanged) {
		t.Errorf("after an outage: %q", got)
	}
}

// What a copy was is no part of what this browser keeps.
func TestCopyIsNoChange(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	b.post("/set", "key", "name", "value", "Rahim", "page", v)
	const ofCopy = "These panels are of a copy with a change in the values"
	sent := b.post("/tamper", "part", "values", "page", v).want(200, "what your browser keeps", "what travelled with a copy")
	if got := sent.changes(); !strings.Contains(got, unchanged) || strings.Contains(got, "These panels") {
		t.Errorf("the press that sent a copy, whose page shows this browser and server: %q", got)
	}
	if got := b.get("/get?key=name&page=" + v).changes(); !strings.Contains(got, unchanged) {
		t.Errorf("after a copy was sent: %q", got)
	}
	b.get("/?at=3&page="+v).want(200, ofCopy, "what a copy with a change in the values carried", "The copy opened nothing", "{&#34;exists&#34;:false")
	elsewhere := newBrowser(t, h, formJSON)
	elsewhere.jar = b.jar
	elsewhere.get("/get?key=name").want(200)
	waitFor(t, func() bool { return len(b.get("/?at=1&page="+v).entries()) == 5 })
	own := b.get("/?at=4&page="+v).region("raw", "</span>")
	if got := b.get("/?at=5&page="+v).region("raw", "</span>"); got != own {
		t.Errorf("another client's moment shows the cookie %q, this browser keeps %q", got, own)
	}
	// Values in the cookie, which the store does not know, are no news afterwards.
	if got := b.get("/get?key=name&page=" + v).changes(); strings.Contains(got, "missing") {
		t.Errorf("after another client's read: %q", got)
	}
}

// A stream that is refused is no moment, and renders no page.
func TestRefusedStreamIsNoMoment(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	visit := proved(h, v)
	for range hub.MaxStreams {
		visit.Subscribe()
	}
	if a := b.get("/events?page=" + v).want(429); len(a.body) > 200 || a.Header.Get("Retry-After") == "" {
		t.Errorf("the refusal: %v %q", a.Header, a.body)
	}
	b.get("/events?page=nonsense").want(404)
	b.get("/?at=1&page=" + v).wantEntries("opened")
}

// The clock ends only what it ended: not what was flushed before, nor what another
// tab has kept alive; and it asks again when the store did not answer.
func TestClockTellsTheTruth(t *testing.T) {
	for _, placement := range []string{"cookie", "hybrid"} {
		synctest.Test(t, func(t *testing.T) {
			var down atomic.Bool
			h := newApp(t, func(c *Config) {
				c.Sessions.Backend = &storetest.Hooked{Backend: c.Sessions.Backend, Hook: func(context.Context, string) (before, after error) {
					if down.Load() {
						return errDown, nil
					}
					return nil, nil
				}}
			})
			b := newBrowser(t, h, formFragment)
			v := b.visit("/")
			entries := func() string { synctest.Wait(); return strings.Join(b.get("/?at=1&page="+v).entries(), "; ") }
			elsewhere := newBrowser(t, h, formJSON)
			b.post("/set", "key", "a", "value", "1", "placement", placement, "page", v).want(200)
			b.post("/expiry", "seconds", "600", "page", v)
			elsewhere.jar = b.jar
			time.Sleep(5 * time.Minute)
			elsewhere.post("/set", "key", "a", "value", "2").want(200)
			time.Sleep(6 * time.Minute)
			if got := entries(); strings.Contains(got, "the clock") {
				t.Fatalf("%s: kept alive elsewhere: %s", placement, got)
			}
			time.Sleep(5 * time.Minute)
			if got := entries(); !strings.Contains(got, "the clock") {
				t.Errorf("%s: at its end: %s", placement, got)
			}

			b.post("/set", "key", "a", "value", "3", "placement", placement, "page", v)
			b.post("/expiry", "seconds", "600", "page", v)
			elsewhere.post("/flush").want(200)
			if got := entries(); !strings.HasSuffix(got[:strings.LastIndex(got, "another client")], "the next request shows ") {
				t.Errorf("%s: flushed elsewhere: %s", placement, got)
			}
			time.Sleep(11 * time.Minute)
			if got := entries(); strings.Count(got, "the clock") != 1 {
				t.Errorf("%s: after a flush: %s", placement, got)
			}

			b.post("/set", "key", "a", "value", "4", "placement", placement, "page", v).want(200)
			b.post("/expiry", "seconds", "600", "page", v)
			time.Sleep(9 * time.Minute)
			down.Store(true)
			time.Sleep(time.Minute)
			synctest.Wait()
			down.Store(false)
			time.Sleep(10 * time.Second)
			if got := entries(); strings.Count(got, "the clock") != 2 {
				t.Errorf("%s: after an outage: %s", placement, got)
			}
		})
	}
}

// What a client does to an older session of this browser is told of that one.
func TestOlderSession(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	first := b.post("/set", "key", "a", "value", "1", "page", v).entries()[1]
	older := newBrowser(t, h, formJSON)
	older.jar = b.jar
	cookie := b.cookie()
	// This browser gets another session: its cookie is gone, its record is not.
	b.jar = newBrowser(t, h, formJSON).jar
	if got := b.get("/keys?page="+v).region("server", "</article>"); !strings.Contains(got, "its record is still here, and no cookie that came opens it") || strings.Contains(got, "No record") {
		t.Errorf("only the cookie is gone: %q", got)
	}
	b.post("/set", "key", "b", "value", "2", "page", v)
	r := older.request("POST", "/set", "key=c&value=3")
	r.Header.Set("Cookie", cookieName+"="+cookie)
	older.send(r).want(200)
	waitFor(t, func() bool { return len(b.get("/?at=1&page="+v).entries()) == 5 })
	id := first[strings.LastIndex(first, " ")+1:]
	if got := b.get("/?at=1&page=" + v).entries()[4]; !strings.HasSuffix(got, "another client "+id) {
		t.Errorf("an older session's write is told as %q, it is of %s", got, id)
	}
	if got := b.get("/keys?page=" + v).changes(); !strings.Contains(got, unchanged) {
		t.Errorf("an older session's write changed %q", got)
	}
}

// A visit's token alone does not give a session away: not by a moment, nor by an
// exchange, nor by a pin. Cookies that open nothing any more are shown.
func TestTokenIsNoKey(t *testing.T) {
	for _, f := range []form{formPage, formFragment} {
		h := newApp(t, nil)
		b := newBrowser(t, h, f)
		v := b.visit("/")
		b.post("/set", "key", "name", "value", "nobody else's", "page", v)
		b.post("/pin", "page", v)
		cookie := b.cookie()
		l, _ := session.Peel(cookie)
		e, _ := l.Envelope()
		secret := []string{cookie, l.Payload, e.ID}
		thief := newBrowser(t, h, f)
		for _, target := range []string{"/?at=2&page=" + v, "/exchanges/2?page=" + v, "/?at=3&page=" + v, "/exchanges/3?page=" + v, "/keys?page=" + v, "/?page=" + v} {
			thief.get(target).want(200).wantNo(secret...)
		}
		for _, target := range []string{"/replay", "/put-back"} { // another browser's pin is none
			if a := thief.post(target, "pin", "1", "page", v).want(404).wantNo(secret...); a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s gave the thief %q", target, a.Header.Get("Set-Cookie"))
			}
		}
		if f == formPage { // what a POST leaves for the page after it is of its own browser too
			next := b.post("/set", "key", "name", "value", "nobody else's", "page", v).Header.Get("Location")
			thief.get(next).want(200).wantNo(secret...)
			second := newBrowser(t, h, formJSON)
			second.jar = b.jar
			base := strings.TrimSuffix(second.post("/second", "page", v).json()["url"].(string), "/")
			next = b.post("/set", "key", "name", "value", "nobody else's", "page", v).Header.Get("Location")
			b.get(base+next).want(200, "This browser has no session").wantNo(secret...)
		}
		b.get("/?at=2&page="+v).want(200, secret...) // the control: its own browser sees it
		b.post("/flush", "page", v)
		thief.get("/?at=2&page="+v).want(200, cookie, e.ID) // it opens nothing any more
	}
}

// A cookie that was typed into the form of a copy is hidden as any other that opens a session.
func TestTypedCookieIsHidden(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	b.post("/set", "key", "name", "value", "Rahim", "page", v)
	b.post("/set", "key", "x", "value", "", "to", b.cookie(), "page", v).want(200)
	cookie := b.cookie()
	b.post("/set", "key", "y", "value", "1", "to", cookie, "page", v).want(200)
	typed := url.QueryEscape(cookie)
	b.get("/?at=4&page="+v).want(200, typed) // the control: its own browser sees it
	newBrowser(t, h, formFragment).get("/?at=4&page="+v).want(200, "to=").wantNo(typed, cookie)
}

// Whatever a head is written like, what is a cookie in it is treated as one.
func TestOddHeads(t *testing.T) {
	conn, r, addr := dial(t)
	for _, head := range []string{
		"X-A: 1\nCookie: theirs=verysecret\r\n", "Cookie: a=b;\r\n theirs=verysecret\r\n", "Cookie: verysecret\r\n",
		"Cookie: verysecret; a=b\r\n", "Authorization: Basic\r\n verysecret\r\n",
	} {
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: " + addr + "\r\nAccept: text/html\r\n" + head + "\r\n")); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 200<<10)
		n := 0
		for {
			k, err := resp.Body.Read(body[n:])
			if n += k; err != nil {
				break
			}
		}
		if page := string(body[:n]); resp.StatusCode == 200 && (strings.Contains(page, "verysecret") || !strings.Contains(page, "not ours")) {
			t.Errorf("%q: the page shows it", head)
		}
		if resp.Close {
			conn, r, addr = dial(t)
		}
	}
}

// To look at the past does nothing: with --rolling, not even a clock moves.
func TestLookingDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, func(c *Config) { c.Sessions.Rolling = true })
		b := newBrowser(t, h, formFragment)
		v := b.visit("/")
		b.post("/set", "key", "a", "value", "1", "page", v)
		expires := func() any { // without a request that could move it
			r := b.request("GET", "/", "")
			s, err := h.seats.Root.Engine.Load(r)
			if err != nil {
				t.Fatal(err)
			}
			return s.Info().Expires
		}
		before := expires()
		time.Sleep(10 * time.Minute)
		b.get("/?at=2&page=" + v).want(200)
		b.get("/exchanges/2?page=" + v).want(200)
		if after := expires(); after != before {
			t.Errorf("looking moved the clock from %v to %v", before, after)
		}
		b.get("/keys?page=" + v).want(200)
		if after := expires(); after == before {
			t.Error("the control: a read does not move the clock")
		}
	})
}

// Without a script a press makes no visit of its own.
func TestNoOrphanVisits(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formPage)
	v := b.visit("/")
	for range 5 {
		if again := b.visit(b.post("/flush", "page", v).Header.Get("Location")); again != v {
			t.Fatal("the page after a press has another visit")
		}
	}
	if n := h.hub.Count(); n != 1 {
		t.Errorf("%d visits", n)
	}
}

// A failure that was asked for, and a refusal as JSON, are moments too.
func TestRefusalsAreMoments(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	b.post("/set", "key", "a", "value", "1", "fail", "500", "page", v).want(500, "Nothing was saved", "<b>discard</b>")
	b.form = formJSON
	b.post("/set", "key", "", "value", "1", "page", v).want(422)
	b.form = formFragment
	b.get("/?at=1&page="+v).wantEntries("opened", "refused 500", "refused 422")
}

// Second browsers' moments are told as theirs, and numbers are of this visit.
func TestKin(t *testing.T) {
	h, addr := serve(t, nil)
	base := "http://" + addr
	cl := newClientOf(t)
	v := openVisit(t, cl, base+"/")
	r, _ := http.NewRequest("POST", base+"/second", strings.NewReader("page="+v))
	r.Header.Set("Content-Type", formType)
	page := base + fetch(t, cl, r).Header.Get("Location")
	v2 := openVisit(t, cl, page)
	second, _, _ := strings.Cut(page, "?")
	for range 3 {
		get(t, cl, base+"/keys?page="+v, "HX-Request", "true").want(200)
	}
	r, _ = http.NewRequest("POST", second+"set", strings.NewReader("key=a&value=1&page="+v2))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("HX-Request", "true")
	fetch(t, cl, r).want(200)
	a := get(t, cl, base+"/?at=6&page="+v, "HX-Request", "true").want(200, "a press of the second browser", "Set-Cookie: sessionscope", "hidden: the request for this page came without it")
	if got := a.region("wire-changes", "</p>"); !strings.Contains(got, "Against exchange 2,") {
		t.Errorf("compared %q; the second browser's exchange before is 2 here", got)
	}
	get(t, cl, second+"?at=5&page="+v2, "HX-Request", "true").want(200, "what travelled with").wantNo("a press of", "Against exchange 6")
	h.Close()
}

// A visit whose page presses after it ended goes on with a new timeline.
func TestPressAfterTheVisit(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formPage)
	next := b.post("/set", "key", "a", "value", "1", "page", "OFAPROGRAMBEFORETHISONE123").want(303).Header.Get("Location")
	page := b.get(next).want(200, "a new timeline begins", "POST "+origin+"/set")
	page.wantEntries("created a → cookie")
	if m := visitToken.FindStringSubmatch(page.body); m == nil || m[1] == "OFAPROGRAMBEFORETHISONE123" {
		t.Errorf("the page's visit is %v", m)
	}
	b.post("/projector", "on", "1", "page", "OFAPROGRAMBEFORETHISONE123").want(303)
}

func TestProjector(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formPage)
	v := b.visit("/")
	b.get("/?page=" + v).wantNo("data-projector")
	next := b.post("/projector", "on", "1", "page", v).want(303).Header.Get("Location")
	b.get(next).want(200, "<html lang=\"en\" data-projector", "show values")
	b.get(b.post("/projector", "on", "0", "page", v).Header.Get("Location")).want(200).wantNo("data-projector")
	b.form = formJSON
	if out := b.post("/projector", "on", "1", "page", v).want(200).json(); out["op"] != "projector" || out["on"] != true {
		t.Errorf("as JSON: %v", out)
	}
	b.post("/projector").want(400)
	b.form = formFragment
	if got := b.post("/projector", "on", "1", "page", v).want(200).Header.Get("HX-Redirect"); !strings.HasPrefix(got, "/?x=") {
		t.Errorf("HX-Redirect %q", got)
	}
}

// The code on the page is of the handler that the route has, and of a function of
// the engine that this handler calls; each act stands in every peer's samples.
func TestCode(t *testing.T) {
	h := newApp(t, nil)
	set := token.NewFileSet()
	calls := func(l string, name string) bool {
		file, err := parser.ParseFile(set, "", "package p\n"+l, 0)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == name {
				found = true
			}
			return true
		})
		return found
	}
	for _, route := range h.echo.Routes() {
		op := strings.TrimPrefix(route.Path, "/")
		switch {
		case op == "":
			op = "lab"
		case slices.Contains([]string{"healthz", "events", "moment", "second", "projector", "assets/*", "exchanges/:n"}, op):
			continue // they act on no session
		case strings.HasPrefix(op, "experiments"):
			continue // what a run shows is what it sent
		}
		act, ok := acts[op]
		if !ok {
			t.Errorf("%s %s has no code to show", route.Method, route.Path)
			continue
		}
		code := codeOf(op)
		if len(code.Listings) != 2+len(peers) {
			t.Errorf("%s: %d listings, want %d", op, len(code.Listings), 2+len(peers))
			continue
		}
		text := make([]string, len(code.Listings))
		for i, l := range code.Listings {
			for _, token := range l.Tokens {
				text[i] += token.Text
			}
			if strings.TrimSpace(text[i]) == "" {
				t.Errorf("%s: the listing of %q is empty", op, l.Name)
			}
			if i >= 2 && (l.URL == "" || l.URLText == "") {
				t.Errorf("%s: %s has no link", op, l.Name)
			}
		}
		_, handler, _ := strings.Cut(act.handler, ".")
		_, engine, _ := strings.Cut(act.engine, ".")
		if !strings.Contains(text[0], ") "+handler+"(") || !strings.Contains(text[1], ") "+engine+"(") {
			t.Errorf("%s: the code is of others: %.80s … %.80s", op, text[0], text[1])
		}
		indirect := map[string]bool{"Engine.Load": true, "codec.verify": true, "Session.open": true} // with calls it for all, the copy's request comes to it
		if !indirect[act.engine] && !calls(text[0], engine) {
			t.Errorf("%s: the handler does not call %s", op, engine)
		}
	}
	if codeOf("nothing of ours").Listings != nil {
		t.Error("code of nothing")
	}
}

// The figures that many strangers move are told without the whole timeline.
func TestFiguresAreTold(t *testing.T) {
	h, addr := serve(t, func(c *Config) { c.Sessions.Backend = memory.New(memory.Config{MaxSessions: 1000}) })
	base := "http://" + addr
	cl := newClientOf(t)
	v := openVisit(t, cl, base+"/")
	_, stream := openStream(t, cl, base+"/events?since=1&page="+v)
	r, _ := http.NewRequest("POST", base+"/set", strings.NewReader("key=a&value=1"))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("Accept", "application/json")
	fetch(t, newClientOf(t), r).want(200)
	if message := reading(t, stream, `id="figures"`, "<b>1</b>"); strings.Contains(message, `id="timeline"`) {
		t.Error("a stranger's write sends the timeline anew")
	}
	h.Close()
}

// What changed is this press's doing, and all of it.
func TestChanges(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	press := func(target string, pairs ...string) string {
		return b.post(target, append(pairs, "page", v)...).changes()
	}
	press("/set", "key", "big", "value", strings.Repeat("x", 3000)+"a")
	if got := press("/set", "key", "big", "value", strings.Repeat("x", 3000)+"b"); !strings.Contains(got, "big") || !strings.Contains(got, "another that begins alike") || !strings.Contains(got, "3,003 B in all") {
		t.Errorf("two long values that begin alike: %q", got)
	}
	newBrowser(t, h, formJSON).post("/set", "key", "a", "value", "1").want(200) // somebody else's
	if got := press("/set", "key", "name", "value", "1"); strings.Contains(got, "live records") {
		t.Errorf("another browser's session is told as this press's doing: %q", got)
	}
	if got := press("/plant"); !strings.Contains(got, "readable cookie none → there") {
		t.Errorf("planted: %q", got)
	}
	old := b.cookie()
	press("/flush")
	r := b.request("POST", "/set", "key=name&value=2&page="+v)
	r.Header.Set("Cookie", cookieName+"="+old)
	a := b.send(r).want(200, "The cookie that came opened nothing, so a new session was born").wantNo("first cookie")
	if got := a.changes(); !strings.Contains(got, "session ID, hashed none →") || !strings.Contains(got, "live records 1 → 2") {
		t.Errorf("born again: %q", got)
	}
	many := b.visit("/")
	for i := range 30 {
		b.post("/set", "key", "k"+string(rune('a'+i%26))+string(rune('a'+i/26)), "value", "1", "page", many)
	}
	if got := b.post("/clear", "page", many).changes(); !strings.Contains(got, "more") || strings.Count(got, "→") > 12 {
		t.Errorf("thirty keys at once: %q", got)
	}
}

// The head of a page that says who it is, is bounded, and shown by its size.
func TestPageHeader(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	for _, id := range []string{strings.Repeat("x", 20_000), strings.Repeat("A", pageIDLen)} {
		r := b.request("GET", "/keys", "")
		r.Header.Set(trace.PageHeader, v+" "+id+" 1")
		b.send(r).want(200).wantNo(id)
	}
	pages := map[string]int{}
	for _, e := range proved(h, v).Timeline().Entries {
		pages[e.Gist.Page]++
	}
	if len(pages) != 3 || pages[strings.Repeat("A", pageIDLen)] != 1 || pages[""] != 1 { // one is the page's own load
		t.Errorf("the pages are %v", pages)
	}
}

// HEAD says what GET would, and is no moment; a target without a path is the root.
func TestHeadAndBareTarget(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formPage)
	v := b.visit("/")
	for _, target := range []string{"/?at=1&page=" + v, "/exchanges/1?page=" + v, "/keys?page=" + v} {
		b.send(b.request("HEAD", target, "")).want(200)
	}
	if n := len(proved(h, v).Timeline().Entries); n != 1 {
		t.Errorf("after HEAD there are %d moments", n)
	}
	r := b.request("GET", "/", "")
	r.URL.Path = ""
	b.send(r).want(200)
}

// Refused presses on a page whose visit has ended begin no visits, and those that
// are done share one.
func TestOneHeir(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	const lost = "AVISITOFANOTHERPROGRAMRUN1"
	for range 5 {
		b.post("/set", "key", "", "value", "x", "page", lost).want(422)
	}
	if n := h.hub.Count(); n != 0 {
		t.Errorf("%d visits of refused presses", n)
	}
	for range 3 {
		b.post("/set", "key", "a", "value", "1", "page", lost).want(200)
		b.get("/get?key=a&page=" + lost).want(200)
	}
	if n := h.hub.Count(); n != 1 {
		t.Errorf("%d visits go on for one", n)
	}
	next := b.get("/keys?page=" + lost).want(200).Header.Get("HX-Redirect")
	b.form = formPage
	page := b.get(next).want(200, "a new timeline begins").wantNo("belongs to no visit")
	if got := page.entries(); len(got) != 7 || got[6] != "keys "+got[0][strings.LastIndex(got[0], " ")+1:] {
		t.Errorf("its timeline is %q", got)
	}
	h.Close()
	if v := h.hub.Begin(h.seats.Root, "", session.Key{}); h.hub.Any() || v == nil {
		t.Error("a visit began after the end")
	}
}

// A copy with a letter changed is one letter from the cookie that it was made of, and
// is hidden with it; and a cookie that opens nothing any more proves nothing.
func TestTokenIsNoKeyToCopies(t *testing.T) {
	for _, placement := range session.Placements() {
		synctest.Test(t, func(t *testing.T) {
			h := newApp(t, nil)
			defer h.Close()
			b := newBrowser(t, h, formFragment)
			v := b.visit("/")
			b.post("/set", "key", "a", "value", "1", "placement", placement, "page", v).want(200)
			for _, part := range session.TamperParts[:8] {
				b.post("/tamper", "part", part, "page", v).want(200)
			}
			l, _ := session.Peel(b.cookie())
			secret := []string{b.cookie()[:40], b.cookie()[len(b.cookie())-40:], l.Payload[:30]}
			thief := newBrowser(t, h, formFragment)
			for n := 3; n <= 10; n++ {
				for _, target := range []string{"/?at=", "/exchanges/"} {
					address := target + strconv.Itoa(n) + map[string]string{"/?at=": "&", "/exchanges/": "?"}[target] + "page=" + v
					thief.get(address).want(200, "hidden: the request for this page came without it").wantNo(secret...)
					b.get(address).want(200).wantNo("hidden: the request for this page came without it") // the control
				}
			}
			// An older cookie of the same session that is over in itself.
			b.post("/expiry", "seconds", "2", "page", v)
			old := b.cookie()
			b.post("/expiry", "seconds", "", "page", v)
			time.Sleep(3 * time.Second)
			live := b.cookie()
			r := thief.request("GET", "/?at=12&page="+v, "")
			r.Header.Set("Cookie", cookieName+"="+old)
			a := thief.send(r).want(200)
			if about := newBrowser(t, h, formJSON); placement == "cookie" {
				r := about.request("GET", "/session", "")
				r.Header.Set("Cookie", cookieName+"="+old)
				if about.send(r).json()["exists"] != false {
					t.Fatal("the control: the older cookie opens a session")
				}
				a.wantNo(live)
			}
		})
	}
}

// Pins are counted for each browser: nobody pushes another's out.
func TestPinsOfTwoBrowsers(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formJSON)
	v := b.visit("/")
	b.post("/set", "key", "a", "value", "1", "page", v)
	b.post("/pin", "page", v).want(200)
	other := newBrowser(t, h, formJSON)
	other.post("/set", "key", "a", "value", "1")
	for range hub.MaxPins + 2 {
		other.post("/pin", "page", v).want(200)
	}
	b.post("/replay", "pin", "1", "page", v).want(200, `"accepted":true`)
	other.post("/replay", "pin", "1", "page", v).want(404)
	other.post("/replay", "pin", "2", "page", v).want(404) // its own, which made room
	other.post("/replay", "pin", "8", "page", v).want(200)
}
