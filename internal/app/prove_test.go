package app

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// A page's secret finds its visit, and nothing that stands in an address does. A page that
// proves nothing has a visit of its own, with the moments of the session that its cookie
// opens, and no others.
func TestVisitIsFoundAgain(t *testing.T) {
	t.Parallel()
	h, b, v := openLab(t, formPage)
	if again := b.visit("/"); again == v {
		t.Error("a page without a session found another's visit")
	}
	if again := b.visit("/?page=" + v); again != v {
		t.Error("the secret does not find its visit")
	}
	b.post("/set", "key", "a", "value", "1", "page", v)
	b.post("/cycle-id", "page", v)
	b.post("/set", "key", "b", "value", "2", "page", v)
	page := b.get("/").want(200)
	if page.secret() == v {
		t.Error("a session's cookie opens the visit that saw it")
	}
	page.wantEntries("cycled new ID, same values", "set b → cookie", "opened")
	other := newBrowser(t, h, formPage)
	for _, address := range []string{"/?v=" + proved(h, v).Name, "/?v=" + v, "/?x=" + v, "/?x=" + proved(h, v).Name} {
		page := other.get(address).want(200)
		if page.secret() == v {
			t.Errorf("the address %s opens a visit", address)
		}
		page.wantEntries("opened")
	}
	other.get("/?at=2&v=" + proved(h, v).Name).want(404)
	for name, r := range map[string]*http.Request{
		"JSON": newBrowser(t, h, formJSON).request("GET", "/", ""), "HEAD": other.request("HEAD", "/", ""), "a fragment": newBrowser(t, h, formFragment).request("GET", "/", ""),
	} {
		before := h.hub.Count()
		b.send(r)
		if after := h.hub.Count(); after != before {
			t.Errorf("%s began a visit", name)
		}
	}
	r := other.request("GET", "/", "")
	r.Header.Set("Accept", "*/*")
	if a := other.send(r); visitToken.MatchString(a.body) {
		t.Error("a client that asks for anything got a visit")
	}
}

// Without a visit nothing is recorded, and JSON costs no events.
func TestNothingIsRecordedWithoutAVisit(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formJSON)
	wanted := func() (is bool) {
		h.echo.GET("/wanted", handler(func(c *call) error { is = h.showsEvents(c.ctx()); return c.NoContent(204) }))
		b.get("/wanted").want(204)
		return is
	}
	if wanted() {
		t.Error("events are wanted although nobody looks")
	}
	newBrowser(t, h, formPage).visit("/")
	if !wanted() {
		t.Error("the control: nobody wants events although a page is open")
	}
}

func TestVisitsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, b, v := openLab(t, formFragment)
		time.Sleep(hub.VisitLife - time.Second)
		b.get("/keys?page="+v).want(200, "opened") // still there, and in use
		time.Sleep(hub.VisitLife - time.Second)
		b.get("/keys?page="+v).want(200, "opened")
		time.Sleep(hub.VisitLife + time.Second)
		if n := h.hub.Count(); n != 0 {
			t.Fatalf("%d visits after 30 idle minutes", n)
		}
		// A press on such a page is done, and the page loads anew to show it.
		a := b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
		next := a.Header.Get("HX-Redirect")
		if !strings.HasPrefix(next, "/?x=") || a.body != "" {
			t.Fatalf("a press of an ended visit: HX-Redirect %q, %q", next, a.body)
		}
		if again := b.visit(next); again == v {
			t.Error("an ended visit came back under its token")
		}
		b.get("/get?key=name").want(200, "Rahim")
		b.get("/exchanges/1?page=" + v).want(404)
		b.get("/events?page=" + v).want(404)

	})
}

// Without a script a press makes no visit of its own.
func TestNoOrphanVisits(t *testing.T) {
	h, b, v := openLab(t, formPage)
	for range 5 {
		if again := b.visit(b.post("/flush", "page", v).Header.Get("Location")); again != v {
			t.Fatal("the page after a press has another visit")
		}
	}
	if n := h.hub.Count(); n != 1 {
		t.Errorf("%d visits", n)
	}
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
	if v, err := h.hub.Begin(h.seats.Root, "", session.Key{}); h.hub.Any() || v == nil || err != nil {
		t.Error("a visit began after the end")
	}
}

// The head of a page that says who it is, is bounded, and shown by its size.
func TestPageHeader(t *testing.T) {
	h, b, v := openLab(t, formFragment)
	for _, id := range []string{strings.Repeat("x", 20_000), strings.Repeat("A", pageIDLen)} {
		r := b.request("GET", "/keys", "")
		r.Header.Set(trace.PageHeader, v+" "+id+" 1")
		b.send(r).want(200).wantNo(id)
	}
	pages := map[string]int{}
	for _, e := range proved(h, v).Timeline(0).Entries {
		pages[e.Gist.Page]++
	}
	if len(pages) != 3 || pages[strings.Repeat("A", pageIDLen)] != 1 || pages[""] != 1 { // one is the page's own load
		t.Errorf("the pages are %v", pages)
	}
}

// HEAD says what GET would, and is no moment; a target without a path is the root.
func TestHeadAndBareTarget(t *testing.T) {
	h, b, v := openLab(t, formPage)
	for _, target := range []string{"/?at=1&page=" + v, "/exchanges/1?page=" + v, "/keys?page=" + v} {
		b.send(b.request("HEAD", target, "")).want(200)
	}
	if n := len(proved(h, v).Timeline(0).Entries); n != 1 {
		t.Errorf("after HEAD there are %d moments", n)
	}
	r := b.request("GET", "/", "")
	r.URL.Path = ""
	b.send(r).want(200)
}
