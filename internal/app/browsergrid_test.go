package app

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/seat"
)

// scripted sends what a page's script sends when it is bidden. trustworthy plays a browser that keeps
// cookies with Secure, sends Sec-Fetch-* and has a secure context.
func scripted(v *guest, url string, n int, trustworthy bool) answer {
	v.Helper()
	ask := func(fields string) *http.Request {
		r := v.request("POST", url, "n="+strconv.Itoa(n)+"&"+fields)
		r.Header.Set("Accept", "*/*")
		if trustworthy {
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.Header.Set("Sec-Fetch-Mode", "cors")
			r.Header.Set("Sec-Fetch-Dest", "empty")
		}
		return r
	}
	given := v.send(ask("step=1")).want(204)
	r := ask("step=2&secure_context=" + strconv.FormatBool(trustworthy) + "&cookie_store=" + strconv.FormatBool(trustworthy))
	r.Header.Del("Cookie")
	for _, cookie := range given.Cookies() {
		if !cookie.Secure || trustworthy { // net/http's jar has rules of its own for Secure
			r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
		}
	}
	if url == "/classroom/browser" {
		r.AddCookie(&http.Cookie{Name: cookieName + "-teacher", Value: v.cookie("/classroom", cookieName+"-teacher")})
	}
	return v.send(r)
}

// askEveryBrowser presses the button of the board as a page with a script does.
func askEveryBrowser(w *classWorld) {
	w.Helper()
	r := w.teacher.request("POST", "/classroom/browsers", "")
	r.Header.Set("Accept", "application/json")
	w.teacher.send(r).want(200)
}

// gridOf returns the table of the board as its rows of text.
func gridOf(w *classWorld) (rows []string, page string) {
	w.Helper()
	page = w.teacher.get("/classroom").want(200).body
	_, page, _ = strings.Cut(page, `<section id="grid"`)
	page, _, _ = strings.Cut(page, "</section>")
	_, body, _ := strings.Cut(page, "<tbody>")
	body, _, _ = strings.Cut(body, "</tbody>")
	for row := range strings.SplitSeq(body, "</tr>") {
		if row = strings.Join(strings.Fields(regexp.MustCompile("<[^>]*>").ReplaceAllString(row, " ")), " "); row != "" {
			rows = append(rows, row)
		}
	}
	return rows, page
}

// wantGrid checks the rows of the board's table.
func wantGrid(w *classWorld, want ...string) (page string) {
	w.Helper()
	rows, page := gridOf(w)
	if strings.Join(rows, "\n") != strings.Join(want, "\n") {
		w.Errorf("the table is\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
	return page
}

// Phones that gave the same share a row, the teacher's own browser has one of its own, and what
// follows is said of what was seen. If it failed, the board would show what nobody's request showed.
func TestWhatTheBrowsersGave(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	phones := []*guest{w.phone(), w.phone(), w.phone()}
	bases := make([]string, len(phones))
	for i, p := range phones {
		bases[i] = p.join()
	}
	for i, p := range phones {
		if scripted(p, bases[i]+"/class/browser", 1, false).want(204); len(gridRows(w)) != 0 {
			t.Error("something was given before anybody asked")
		}
	}
	askEveryBrowser(w)
	board := w.class.board
	tile, _ := board.Tile(w.seatAt(bases[0]).ID)
	for i, p := range phones[:2] {
		got := scripted(p, bases[i]+"/class/browser", 1, false).want(204)
		for _, cookie := range got.Cookies() {
			if cookie.MaxAge >= 0 || cookie.Path != bases[i]+"/class" || !strings.HasPrefix(cookie.Name, seatAt(w.app, bases[i]).Engine.CookieName()+"-probe-") {
				t.Errorf("the second answer has the cookie %s", cookie)
			}
		}
	}
	after, _ := board.Tile(w.seatAt(bases[0]).ID)
	if after.Flash != tile.Flash || after.LastOp != tile.LastOp || after.State != tile.State {
		t.Errorf("the probe is an act on the tile: %+v", after)
	}
	page := wantGrid(w, "2 browsers of the class at the class’s address none not kept kept kept not there false")
	for _, want := range []string{"1 seat was not heard from.", "The teacher’s own browser was not heard from yet.", "None of the 2 browsers of the class kept the cookie with Secure. "} {
		if !strings.Contains(page, want) {
			t.Errorf("the board does not say %q: %s", want, page)
		}
	}
	scripted(w.teacher, "/classroom/browser", 1, true).want(204)
	page = wantGrid(w, "2 browsers of the class at the class’s address none not kept kept kept not there false",
		"The teacher’s own browser at 127.0.0.1 Site same-origin, Mode cors, Dest empty kept kept kept there true")
	for _, want := range []string{`data-asks=""`, "kept the cookie with Secure; the teacher’s own did. If the session cookie had Secure, it would never come back from there", "isSecureContext is true at the teacher’s address, and false"} {
		if !strings.Contains(page, want) {
			t.Errorf("the board does not say %q: %s", want, page)
		}
	}
	scripted(phones[0], bases[0]+"/class/browser", 1, true).want(204) // too late: it has given what it has
	wantGrid(w, "2 browsers of the class at the class’s address none not kept kept kept not there false",
		"The teacher’s own browser at 127.0.0.1 Site same-origin, Mode cors, Dest empty kept kept kept there true")
	screen := w.teacher.get("/classroom/screen").want(200, "2 browsers of the class", "The teacher’s own browser").body
	for i, p := range phones {
		if strings.Contains(screen, w.seatAt(bases[i]).Nickname) {
			t.Error("the beamer names a seat")
		}
		if name := w.seatAt(bases[i]).Nickname; strings.Contains(page, name) {
			t.Errorf("the table names %s", name)
		}
		if body := p.get(bases[i] + "/").want(200).body; strings.Contains(body, "probe") {
			t.Error("the lab shows the probe")
		}
	}
	w.teacher.post("/classroom/pause").want(303) // everybody looks up, and the pages answer by themselves
	scripted(phones[2], bases[2]+"/class/browser", 1, true).want(204)
	if len(gridRows(w)) != 3 {
		t.Errorf("during a pause the table is %q", gridRows(w))
	}
	w.teacher.post("/classroom/browsers", "done", "1").want(303)
	if rows := gridRows(w); len(rows) != 0 {
		t.Errorf("taken away, the table has %q", rows)
	}
}

// The program's own browsers, with which a teacher practises, have rows of their own: nothing is said of the
// class because of them. They have no script.
func TestTheProgramsOwnBrowsersGiveToo(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	small := w.phone()
	token := "the visitor of a small browser"
	w.class.roster.Offer(token)
	joined, err := w.class.roster.Rehearse(t.Context(), token, netip.MustParseAddr("192.168.77.1"))
	if err != nil {
		t.Fatal(err)
	}
	url := "/s/" + joined.Seat.Place() + "/class/browser"
	askEveryBrowser(w)
	small.post(url, "n", "1", "step", "1").want(204)
	small.post(url, "n", "1", "step", "2").want(204)
	page := wantGrid(w, "1 browser of the program’s own at the class’s address none not kept kept kept no script no script")
	if strings.Contains(page, "of the class kept") || strings.Contains(page, "of the class sent") || strings.Contains(page, "not heard from.") {
		t.Errorf("the board says of the class: %s", page)
	}
	if n := w.class.browsers.Asks(joined.Seat.ID, true); n != 0 {
		t.Error("it is asked for what only a script tells")
	}
	askEveryBrowser(w)
	for range 2 { // two loads of its page do the same
		small.get("/s/" + joined.Seat.Place() + "/class").want(200)
	}
	wantGrid(w, "1 browser of the program’s own at the class’s address none not kept kept kept no script no script")
}

// An open question is not taken off the phones by asking the browsers.
func TestBrowsersWaitForAnOpenQuestion(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	if err := w.class.together.Ask(t.Context(), "cookie-or-server", nil, 3, 0); err != nil {
		t.Fatal(err)
	}
	w.teacher.post("/classroom/browsers").want(409, "A question is open")
	if w.class.browsers.Now().N != 0 || !w.class.together.Present().Question.Open() {
		t.Error("the browsers are asked, or the question is closed")
	}
}

// The beamer would show the browsers and the survivors of an act at once, each half off the screen.
func TestAnActTakesTheBrowsersOffTheScreens(t *testing.T) {
	t.Parallel()
	w := openRestartable(t, "memory")
	askEveryBrowser(w.classWorld)
	w.everyone("restart").want(200)
	if w.class.gridView().Asked || w.class.survivorsView() == nil {
		t.Error("the browsers are still shown after an act for everyone, or what came of the act is not")
	}
}

func gridRows(w *classWorld) []string {
	rows, _ := gridOf(w)
	return rows
}

// A page without a script is in the table once it has loaded itself twice, with what its requests showed.
// A browser that keeps no cookie is known by its second load; after the cookies' life the first load
// counts no more.
func TestBrowsersWithoutAScript(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	keeps, drops := w.phone(), w.phone()
	kept, dropped := keeps.join(), drops.join()
	w.teacher.post("/classroom/browsers").want(303)
	keeps.get(kept + "/class").want(200)
	drops.get(dropped + "/class").want(200)
	teacher := "The teacher’s own browser at 127.0.0.1 none kept kept kept no script no script" // net/http keeps Secure at a loopback address too
	if keeps.cookie(kept+"/class", seatAt(w.app, kept).Engine.CookieName()+"-probe-lax") != "1" || keeps.cookie(kept+"/", seatAt(w.app, kept).Engine.CookieName()+"-probe-lax") != "" {
		t.Error("the probe's cookies are not those of the class page")
	}
	w.clock.Move(2 * probeLife) // the phones slept: a load so much later shows nothing of the first
	drops.forget()
	drops.get(dropped + "/class").want(200)
	if rows := gridRows(w); len(rows) != 1 {
		t.Errorf("after one load each, and one far too late: %q", rows)
	}
	drops.forget()
	drops.get(dropped + "/class").want(200)
	keeps.get(kept + "/class").want(200)
	wantGrid(w, "1 browser of the class at the class’s address none not kept kept kept no script no script", "1 browser of the class at the class’s address none not kept not kept not kept no script no script", teacher)
	if keeps.cookie(kept+"/class", seatAt(w.app, kept).Engine.CookieName()+"-probe-lax") != "" {
		t.Error("the probe's cookies are still there")
	}
	scripted(keeps, kept+"/class/browser", 1, false).want(204) // a script tells more
	page := wantGrid(w, "1 browser of the class at the class’s address none not kept kept kept not there false", "1 browser of the class at the class’s address none not kept not kept not kept no script no script", teacher)
	if want := "1 browser of the class kept no cookie at all"; !strings.Contains(page, want) {
		t.Errorf("the board does not say %q: %s", want, page)
	}
}

// Nothing that a phone sends stands on the board but words that the program knows, and a page that
// sends anything but yes or no gives nothing. Nobody gives in the name of another seat.
func TestHostileBrowsers(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	phone, other := w.phone(), w.phone()
	base, others := phone.join(), other.join()
	w.teacher.post("/classroom/browsers").want(303)
	for _, form := range []string{"", "n=1", "step=2", "n=1&step=3", "n=x&step=1", "n=1&step=2&secure_context=true", "n=1&step=2&secure_context=<b>&cookie_store=true", "n=1&step=2&secure_context=1&cookie_store=0"} {
		phone.send(phone.request("POST", base+"/class/browser", form)).want(422)
	}
	for _, form := range []string{"n=0&step=2", "n=-1&step=2", "n=2&step=2&secure_context=true&cookie_store=true"} {
		phone.send(phone.request("POST", base+"/class/browser", form)).want(204)
	}
	second := phone.post(base+"/second", "page", fieldOf(phone.get(base+"/").body, "page"))
	if to := second.Header.Get("Location"); second.StatusCode != 303 || to == "" {
		t.Errorf("no second browser: %d", second.StatusCode)
	} else {
		place, _, _ := seat.PlaceOf(to)
		phone.post("/s/"+place+"/class/browser", "n", "1", "step", "1").want(404)
	}
	phone.post("/classroom/browser", "n", "1", "step", "1").want(404)
	foreign := phone.request("POST", others+"/class/browser", "n=1&step=2&secure_context=true&cookie_store=true")
	foreign.Header.Set("Origin", "http://evil.example")
	phone.send(foreign).want(403)
	r := phone.request("POST", base+"/class/browser", "n=1&step=2&secure_context=true&cookie_store=true")
	r.Header.Set("Sec-Fetch-Mode", "Rahim was here")
	r.Header["Sec-Fetch-Dest"] = []string{"empty", "empty"}
	r.Header.Set("Cookie", seatAt(w.app, base).Engine.CookieName()+"-probe-secure=<b>; "+seatAt(w.app, base).Engine.CookieName()+"-probe-lax=1")
	r.Header.Set("User-Agent", "<i>Amber</i>")
	phone.send(r).want(204)
	load := other.request("GET", others+"/class", "") // of a POST the server refuses such a site
	load.Header.Set("Sec-Fetch-Site", `"><script>alert(1)</script>`)
	load.Header.Set("Cookie", seatAt(w.app, others).Engine.CookieName()+"-probe-plain=1")
	other.send(load).want(200)
	page := wantGrid(w, "1 browser of the class at the class’s address Site an unknown word, Mode missing, Dest missing not kept kept not kept no script no script",
		"1 browser of the class at the class’s address Site missing, Mode an unknown word, Dest an unknown word not kept not kept kept there true",
		"The teacher’s own browser at 127.0.0.1 none kept kept kept no script no script")
	if strings.Contains(page, "Rahim") || strings.Contains(page, "alert") || strings.Contains(page, "Amber") {
		t.Errorf("the board shows what the phone sent: %s", page)
	}
}

// The stream bids a page that opens it later, and does so no more once the browser has given.
func TestPagesAreBiddenByTheStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openClassWorld(t, nil)
		defer w.app.Close()
		phone := w.phone()
		base := phone.join()
		told := func(s *guestStream, want string) {
			t.Helper()
			if synctest.Wait(); want == "" && strings.Contains(s.told.String(), "event: browsers") || !strings.Contains(s.told.String(), want) {
				t.Errorf("the page was told %q, want %q", s.told, want)
			}
		}
		bidden := func(n int) string { return fmt.Sprintf("event: browsers\ndata: %d %d", bidAfter(w.seatAt(base).ID), n) }
		early := phone.stream(base + "/class/events")
		told(early, "")
		askEveryBrowser(w)
		told(early, bidden(1)+" now\n\n")
		late := phone.stream(base + "/class/events?page=class")
		told(late, bidden(1)+"\n\n")
		time.Sleep(classBeat + time.Second) // nothing came, so it is asked once more
		if synctest.Wait(); strings.Count(late.told.String(), "event: browsers") != 2 {
			t.Errorf("a page that gave nothing was told %q", late.told)
		}
		scripted(phone, base+"/class/browser", 1, false).want(204)
		after := phone.stream(base + "/class/events")
		told(after, "")
		askEveryBrowser(w)
		told(after, bidden(2)+" now\n\n")
		after.stop()
	})
}

// The table is there after a crash, without the seats that went and without what was given before the
// class was asked again.
func TestWhatTheBrowsersGaveSurvives(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	stays, goes := w.phone(), w.phone()
	base, gone := stays.join(), goes.join()
	w.teacher.post("/classroom/browsers").want(303)
	scripted(stays, base+"/class/browser", 1, false).want(204)
	scripted(goes, gone+"/class/browser", 1, true).want(204)
	scripted(w.teacher, "/classroom/browser", 1, true).want(204)
	before := w.class.browsers.Now()
	again := func() *classroom.Browsers {
		b, err := classroom.OpenBrowsers(t.Context(), classroom.BrowsersConfig{
			Documents: w.documents, Log: w.app.cfg.Log, Changed: func(bool) {},
			There: func(id classroom.ID) bool { _, there := w.class.roster.Seat(id); return there },
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if got := again().Now(); len(got.Class) != 2 || got.N != 1 || got.Heard != before.Heard || *got.Teacher != *before.Teacher || got.Class[0] != before.Class[0] || got.Class[1] != before.Class[1] {
		t.Errorf("after a crash %+v, before it %+v", got, before)
	}
	w.teacher.post("/classroom/remove", "seat", w.seatAt(gone).Name).want(303)
	for _, b := range []*classroom.Browsers{w.class.browsers, again()} {
		if got := b.Now(); got.Heard != 1 || got.Class[0].Context {
			t.Errorf("without the seat that went: %+v", got)
		}
	}
	w.teacher.post("/classroom/browsers").want(303)
	for _, b := range []*classroom.Browsers{w.class.browsers, again()} {
		if got := b.Now(); got.N != 2 || got.Heard != 0 || got.Teacher != nil {
			t.Errorf("asked again: %+v", got)
		}
	}
}

// The table would name another host than the teacher's address bar, or one that a client made up.
func TestTheTableNamesTheTeachersHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"localhost:8080": "localhost", "LOCALHOST.": "localhost", "127.0.0.1:8080": "127.0.0.1", "[::1]:8080": "::1", "<b>.localhost": "a name below localhost", "192.0.2.7:8080": "",
	} {
		if got := localName(host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}
