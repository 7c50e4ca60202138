package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sessionscope/sessionscope/internal/hub"
)

// All limits follow from the number of seats, as the table says: a limit that did not would
// stop a class of 300 at the size of a class of 32.
func TestCapacityFollowsFromSeats(t *testing.T) {
	t.Parallel()
	for seats, want := range map[int]capacity{
		32:  {connections: 2048, visits: 64, browsers: 32, holds: 32, moments: 24 << 20, bodies: 16 << 20, results: 192, resultBytes: 8 << 20, runs: 50, runsAddress: 8},
		300: {connections: 2600, visits: 600, browsers: 300, holds: 300, moments: 91 << 20, bodies: 99 << 19, results: 1800, resultBytes: 75 << 20, runs: 117, runsAddress: 75},
	} {
		if got := capacityFor(seats); got != want {
			t.Errorf("%d seats: %+v, want %+v", seats, got, want)
		}
	}
	for seats, opened := range map[int]int{1: 2 * hub.OpenedEach, 2: 4 * hub.OpenedEach} {
		h := newApp(t, func(c *Config) { c.Seats = seats })
		b := newBrowser(t, h, formPage)
		for range opened + 1 {
			b.get("/")
		}
		if n := h.hub.Count(); n != opened || cap(h.holds) != seats {
			t.Errorf("%d visits and %d holds, want %d and %d", n, cap(h.holds), opened, seats)
		}
	}
}

// fullHouse is an application all of whose visits are in use.
func fullHouse(t *testing.T) *App {
	h := newApp(t, func(c *Config) { c.Seats = 2 })
	for n := range h.capacity.visits {
		b := newBrowser(t, h, formFragment)
		v := b.visit("/")
		for range 2 {
			b.post("/set", "key", "a", "value", fmt.Sprint(n), "page", v).want(200)
		}
	}
	return h
}

// When all visits are in use, one more is refused in words that say so, and nobody loses a
// visit for it. Presses are done without one.
func TestAFullHouseRefusesPages(t *testing.T) {
	t.Parallel()
	h := fullHouse(t)
	const words = "This lab is full: 4 visits are in use, and no more are allowed"
	page := newBrowser(t, h, formPage)
	a := page.get("/").want(http.StatusTooManyRequests, words).wantNo("two other pages")
	if after, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || after <= 1200 || after > 1800 || a.Header.Get("Set-Cookie") != "" { // none of these pages has a script
		t.Errorf("the refusal's head is %v", a.Header)
	}
	page.get("/").want(http.StatusTooManyRequests, "5 minutes later, or 30 if its browser runs no scripts. The next place is free in", "at the earliest: load this page again then.")
	next := page.post("/set", "key", "name", "value", "Rahim").want(http.StatusSeeOther).Header.Get("Location")
	page.get(next).want(200, "Rahim")
	lost := newBrowser(t, h, formFragment)
	lost.post("/set", "key", "name", "value", "Karim", "page", "AVISITOFANOTHERPROGRAMRUN1").want(200)
	lost.post("/pin", "page", "AVISITOFANOTHERPROGRAMRUN1").want(http.StatusTooManyRequests, words)
	lost.get("/get?key=name").want(200, "Karim")
	json := newBrowser(t, h, formJSON)
	json.post("/set", "key", "name", "value", "Rahim").want(200, "Rahim")
	page.get("/experiments").want(200)
	if n := h.hub.Count(); n != h.capacity.visits {
		t.Errorf("%d visits", n)
	}
}

// Presses that show secrets which strangers made up push out no visit.
func TestMadeUpSecretsPushOutNoVisit(t *testing.T) {
	t.Parallel()
	h := newApp(t, func(c *Config) { c.Seats = 2 })
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	for range 2 {
		b.post("/set", "key", "a", "value", "1", "page", v).want(200)
	}
	stranger := newBrowser(t, h, formFragment)
	for i := range 20 {
		for _, secret := range []string{fmt.Sprint("ASECRETOFNOBODYATALL", i), v[:len(v)-3] + fmt.Sprint(100+i)} {
			stranger.post("/set", "key", "a", "value", "1", "page", secret).want(200)
			stranger.get("/get?key=a&page=" + secret).want(200)
		}
	}
	if got, _ := h.hub.Prove(v, h.seats.Root); got == nil {
		t.Error("strangers' secrets have pushed out a visit")
	}
}

// However many streams strangers hold, a page of another visit is kept up to date: there is no
// limit to share, and no page hears that two others of its visit are open when none is.
func TestStrangersStreamsTakeNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, func(c *Config) { c.Seats = 2 })
		defer h.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		open := func(b *browser, v string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			go h.ServeHTTP(w, b.request("GET", "/events?page="+v, "").WithContext(ctx))
			synctest.Wait()
			return w
		}
		b := newBrowser(t, h, formFragment)
		v := b.visit("/")
		strangers := 0
		for range h.capacity.visits - 1 {
			stranger := newBrowser(t, h, formFragment)
			w := stranger.visit("/")
			for range hub.MaxStreams {
				if open(stranger, w).Code == http.StatusOK {
					strangers++
				}
			}
		}
		for n := range hub.MaxStreams {
			if got := open(b, v).Code; got != http.StatusOK {
				t.Errorf("beside %d streams of strangers, stream %d of a page is answered %d", strangers, n+1, got)
			}
		}
		if w := open(b, v); w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "At most 2 pages of one visit") {
			t.Errorf("the control: a third page of a visit is answered %d %q", w.Code, w.Body)
		}
	})
}

// Requests with a dead cookie of a session, however many, push nothing out of the timeline of
// the page that had it: they stay one row, which counts them. Nor does somebody who has a live
// copy push out more than a quarter.
func TestStrangersPushOutNoMoments(t *testing.T) {
	t.Parallel()
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	b.post("/set", "key", "first", "value", "1", "page", v).want(200)
	dead := b.cookie()
	b.post("/flush", "page", v).want(200)
	for i := range hub.MaxMoments - 4 {
		b.post("/set", "key", fmt.Sprint("k", i%9), "value", fmt.Sprint(i), "page", v).want(200)
	}
	timeline := func() []string { return b.get("/?at=" + fmt.Sprint(hub.MaxMoments-2) + "&page=" + v).entries() }
	thief := newBrowser(t, h, formJSON)
	send := func(n int, target, cookie string) {
		for range n {
			r := thief.request("GET", target, "")
			if strings.HasPrefix(target, "/set") {
				r = thief.request("POST", "/set", strings.TrimPrefix(target, "/set?"))
			}
			r.Header.Set("Cookie", cookieName+"="+cookie)
			thief.h.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	for n := 50; n <= 250; n += 50 { // fewer than wait in the hub's queue, which drops what finds it full
		send(50, "/get?key=name", dead)
		waitFor(t, func() bool {
			return strings.Contains(fmt.Sprint(timeline()), fmt.Sprintf("another client, %d times", n))
		})
	}
	if got := timeline(); len(got) != hub.MaxMoments || !strings.Contains(got[1], "created") {
		t.Errorf("%d rows, the first %q", len(got), got[:2])
	}
	visit, _ := h.hub.Prove(v, h.seats.Root)
	for i := range 150 {
		last := visit.Last()
		send(1, fmt.Sprint("/set?key=stolen&value=", i), b.cookie())
		waitFor(t, func() bool { return visit.Last() > last })
	}
	own := 0
	for _, line := range visit.Timeline(0).Entries {
		if !line.Gist.Nothing {
			own++
		}
	}
	if want := hub.MaxMoments * 3 / 4; own < want-1 {
		t.Errorf("of the %d moments that are the page's own, want at least %d", own, want)
	}
}
