package app

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// A moment of the past says when it was and what was done, and its clocks stand still at
// that time.
func TestPastIsAsItWasThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b, v := openLab(t, formFragment)
		b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
		at := time.Now().Local().Format("15:04:05")
		time.Sleep(10 * time.Minute)
		a := b.get("/?at=2&page="+v).want(200, "2 h 0 m 0 s", "8 h 0 m 0 s").wantNo("1 h 50 m")
		if got, want := a.changes(), at+" The panels show the past: moment 2, created name → cookie ."; !strings.Contains(got, want) {
			t.Errorf("the bar says %q, want %q", got, want)
		}
		if got := a.region("browser", "</article>"); !strings.Contains(got, at+" 9 B") {
			t.Errorf("the cookie was signed: %q", got)
		}
		b.form = formPage // without a script the whole page comes, with the choice for the next press
		b.get("/?at=1&page="+v).want(200, `id="placement-hybrid" name="placement" value="hybrid" checked`)
		b.form = formFragment
		if got := b.get("/session?page="+v).want(200, "1 h 50 m").changes(); strings.Contains(got, "past") {
			t.Errorf("now is told as the past: %q", got)
		}
	})
}

// A press that sends a copy shows this browser and its server; only the exchange is the
// copy's. In the timeline the copy's moment says so.
func TestPanelsBesideACopyAreThisBrowsers(t *testing.T) {
	t.Parallel()
	_, b, v := openLab(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	const ofCopy = "These panels are of a copy"
	if got := b.post("/tamper", "part", "values", "page", v).want(200).changes(); strings.Contains(got, ofCopy) || !strings.Contains(got, unchanged) {
		t.Errorf("after the press: %q", got)
	}
	b.form = formPage
	to := b.post("/tamper", "part", "values", "page", v).want(303).Header.Get("Location")
	if got := b.get(to).want(200).changes(); strings.Contains(got, ofCopy) || !strings.Contains(got, unchanged) {
		t.Errorf("on the page after the press: %q", got)
	}
	b.form = formFragment
	if got := b.get("/?at=3&page=" + v).want(200).changes(); !strings.Contains(got, ofCopy) {
		t.Errorf("of the copy's moment: %q", got)
	}
}

// What others did to a session that this browser does not have any more is no change of
// what it has.
func TestOlderSessionIsNoChange(t *testing.T) {
	t.Parallel()
	h, b, v := openLab(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "placement", "server", "page", v).want(200)
	old := b.cookie()
	b.post("/drop-cookie", "page", v).want(200)
	b.post("/set", "key", "other", "value", "thing", "placement", "server", "page", v).want(200)
	r := newBrowser(t, h, formJSON).request("POST", "/set", "key=name&value=Karim")
	r.Header.Set("Cookie", cookieName+"="+old)
	b.send(r).want(200)
	waitFor(t, func() bool { return len(b.get("/?at=1&page="+v).entries()) == 5 })
	if got := b.get("/?at=5&page=" + v).want(200).changes(); strings.Contains(got, "Karim") || !strings.Contains(got, "These panels are of another client") {
		t.Errorf("of the older session's moment: %q", got)
	}
}

// A page that proves its visit after it was loaded shows its own load, whatever others did
// in the visit meanwhile.
func TestLoadShowsItself(t *testing.T) {
	t.Parallel()
	_, b, v := openLab(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	b.form = formPage
	a := b.get("/").want(200)
	b.form = formFragment
	own := a.secret()
	page := pageOf(a)
	load := func() answer {
		r := b.request("GET", "/session?after=load", "")
		r.Header.Set(trace.PageHeader, v+" "+page+" 0")
		r.Header.Set(trace.LoadHeader, own)
		return b.send(r).want(200)
	}
	load()
	b.post("/tamper", "part", "values", "page", v).want(200)
	a = load().wantNo(`aria-current="true"`, "a copy with a change in the values carried")
	if got := a.region("moment", "</section>"); strings.Contains(got, "These panels are of") || strings.Contains(got, "past") {
		t.Errorf("the page says %q", got)
	}
	if n := len(a.entries()); n != 4 {
		t.Errorf("%d moments", n)
	}
}

// So many pages may be loaded by others that a page's own load has no visit any more when its
// script asks. The page would show an older press of its tab, beside a timeline that has a newer one.
func TestLoadInAFlood(t *testing.T) {
	t.Parallel()
	h := newApp(t, func(c *Config) { c.Seats = 1 })
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	b.post("/flush", "page", v).want(200)
	b.post("/set", "key", "other", "value", "thing").want(200) // by another tab: this one does not see it
	b.form = formPage
	a := b.get("/").want(200)
	b.form = formFragment
	flood := newBrowser(t, h, formPage)
	for range 3 * hub.OpenedEach {
		flood.get("/").want(200)
	}
	r := b.request("GET", "/session?after=load", "")
	r.Header.Set(trace.PageHeader, v+" "+pageOf(a)+" 0")
	r.Header.Set(trace.LoadHeader, a.secret())
	got := b.send(r).want(200, "This browser has a session").wantNo("pressed at", "No live record", "half an hour")
	if !slices.ContainsFunc(got.entries(), func(e string) bool { return strings.Contains(e, "read ") }) {
		t.Errorf("its moment is missing: %q", got.entries())
	}
	// The tab of a newcomer whose visit gave way was not idle.
	newcomer := newBrowser(t, h, formFragment)
	w := newcomer.visit("/")
	for range 3 * hub.OpenedEach {
		flood.get("/").want(200)
	}
	next := newcomer.post("/set", "key", "a", "value", "1", "page", w).want(200).Header.Get("HX-Redirect")
	newcomer.form = formPage
	newcomer.get(next).want(200, "others needed its place").wantNo("half an hour")
}

// pageOf returns the ID of a page's load.
func pageOf(a answer) string {
	_, page, _ := strings.Cut(a.body, `data-page="`)
	page, _, _ = strings.Cut(page, `"`)
	return page
}

// When the store does not answer the one question that a page asks it, nobody knows what
// changed: a record that was not found is not told as one that is gone.
func TestUnansweredQuestionIsNoChange(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	h := newApp(t, func(c *Config) {
		c.Sessions.Backend = &storetest.Hooked{Backend: c.Sessions.Backend, Hook: func(_ context.Context, op string) (before, after error) {
			if op == "peek" && down.Load() {
				return errDown, nil
			}
			return nil, nil
		}}
	})
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	b.post("/set", "key", "name", "value", "Rahim", "placement", "server", "page", v).want(200)
	b.post("/drop-cookie", "page", v).want(200)
	down.Store(true)
	a := b.get("/session?page=" + v).want(200)
	if got := a.changes(); !strings.Contains(got, "nobody can say whether anything changed") {
		t.Errorf("%q", got)
	}
}
