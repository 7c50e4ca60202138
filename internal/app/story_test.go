package app

import (
	"regexp"
	"strings"
	"testing"
)

// lab is a page of the lab with its visit.
type lab struct {
	*browser
	secret string
}

func newLab(t *testing.T) *lab {
	b := newBrowser(t, newApp(t, nil), formFragment)
	return &lab{b, b.visit("/")}
}

// press posts a form as the page's script does, and returns what the page shows then: of a
// press that leads to a page, that page.
func (l *lab) press(target string, pairs ...string) answer {
	l.t.Helper()
	a := l.post(target, append(pairs, "page", l.secret)...)
	if next := a.Header.Get("HX-Redirect"); next != "" {
		l.form = formPage
		defer func() { l.form = formFragment }()
		return l.browser.get(next)
	}
	return a
}

func (l *lab) get(target string) answer {
	l.t.Helper()
	sep := "?"
	if strings.Contains(target, "?") {
		sep = "&"
	}
	return l.browser.get(target + sep + "page=" + l.secret)
}

// forget throws the browser's cookies away, as a person does by hand.
func (l *lab) forget() { l.jar = newBrowser(l.t, l.h, formJSON).jar }

// story wants the words of each part of one screen, and that others are not there: a word
// that begins with "!" must be missing.
func (a answer) story(parts map[string][]string) {
	a.t.Helper()
	ends := map[string]string{"result": "</p>", "moment": "</section>", "browser": "</article>", "wire": "</article>", "server": "</article>", "timeline": "</article>"}
	for id, words := range parts {
		got := a.region(id, ends[id])
		for _, w := range words {
			if w, missing := strings.CutPrefix(w, "!"); missing == strings.Contains(got, w) {
				a.t.Errorf("%s says %q; want %q there: %t", id, got, w, !missing)
			}
		}
	}
}

// A cookie that was dropped came with the press, and is thrown away by its answer.
func TestStoryOfADroppedCookie(t *testing.T) {
	l := newLab(t)
	l.press("/set", "key", "name", "value", "Rahim").want(200)
	l.press("/drop-cookie").want(200).story(map[string][]string{
		"result":   {"dropped", "it came with this press"},
		"browser":  {"No cookie any more: the server told the browser to drop it", "dropped with this answer", "!none came", "!No cookie yet"},
		"wire":     {"POST", "sessionscope=", "Max-Age=0", "read cookie"},
		"server":   {"its record is still here", "!No record of this browser"},
		"moment":   {"bytes → none"},
		"timeline": {"dropped"},
	})
}

// Who writes after a drop leaves the old record behind: it is counted and named.
func TestStoryOfTheOrphan(t *testing.T) {
	l := newLab(t)
	id := regexp.MustCompile(`[0-9a-f]{8}`).FindString(l.press("/set", "key", "name", "value", "Rahim").region("server", "</code>"))
	l.press("/drop-cookie")
	l.press("/set", "key", "name", "value", "Karim").want(200).story(map[string][]string{
		"moment": {"live records 1 → 2", "the old record", id, "is still in the store"},
		"result": {"The old record " + id + " is still in the store"},
		"server": {id, "is still here"},
	})
}

// What is put back is looked at: nothing red stands over a good cookie, and what it took
// the place of is told.
func TestStoryOfPutBack(t *testing.T) {
	l := newLab(t)
	first := regexp.MustCompile(`sha256:([0-9a-f]{8})`).FindStringSubmatch(l.press("/set", "key", "name", "value", "Rahim").body)[1]
	l.press("/pin").want(200)
	l.press("/drop-cookie")
	second := regexp.MustCompile(`sha256:([0-9a-f]{8})`).FindStringSubmatch(l.press("/set", "key", "name", "value", "Karim").body)[1]
	if first == second {
		t.Fatal("the control: no second session was born")
	}
	l.press("/set", "key", "name", "value", "again")
	a := l.press("/put-back", "pin", "1").want(200).wantNo("its session has ended", `class="refusal"`)
	a.story(map[string][]string{
		"result":   {"of this browser again", "It opens " + first, second, "is still in the store"},
		"browser":  {"valid", first},
		"server":   {first, "Rahim", second, "is still here"},
		"moment":   {second + " → " + first, "version 2 → 1", "another ID", `"again" → "Rahim"`},
		"timeline": {"put back", "!refused"},
	})
	// A copy whose session has ended opens nothing, and every part says so.
	l.press("/flush")
	l.press("/put-back", "pin", "1").want(200).story(map[string][]string{
		"result":   {"It opens nothing"},
		"browser":  {"opens nothing"},
		"timeline": {"put back", "a copy that opens nothing", "!refused"},
	})
}

// A copy is sent with a press of this browser, whose own cookie can have been replaced by hand since
// the moment before: the row of changes says so, and not that nothing changed.
func TestStoryOfACopyOfAnotherCookie(t *testing.T) {
	l := newLab(t)
	l.press("/set", "key", "name", "value", "Rahim")
	l.press("/tamper", "part", "value", "to", l.cookie()).story(map[string][]string{"moment": {"neither the browser's session cookie nor the server's record changed"}})
	other := newBrowser(t, l.h, formJSON)
	other.post("/set", "key", "name", "value", "Karim").want(200)
	l.jar = other.jar
	for _, form := range []answerForm{formFragment, formPage} {
		l.form = form
		a := l.press("/tamper", "part", "value", "to", l.cookie())
		if form == formPage {
			a = l.browser.get(a.want(303).Header.Get("Location"))
		}
		a.want(200, "copy accepted").story(map[string][]string{"moment": {"of another ID", `"Rahim" → "Karim"`, "!neither"}})
	}
}

// The copy that is replayed carries the session cookie, and the press carries none: the two requests
// have two names. A narrow screen shows the panel that has what was asked for.
func TestStoryOfAReplay(t *testing.T) {
	l := newLab(t)
	l.press("/set", "key", "name", "value", "Rahim")
	shown := func(a answer) string {
		return regexp.MustCompile(`id="show-(\w+)"[^>]* checked`).FindStringSubmatch(a.want(200).body)[1]
	}
	if got := shown(l.press("/expiry", "seconds", "60")); got != "server" {
		t.Errorf("after Expire in a narrow screen shows the panel %s, and the clock is in the server's", got)
	}
	if got := shown(l.press("/pin")); got != "browser" {
		t.Errorf("after Pin a narrow screen shows the panel %s, and the copy is in the browser's", got)
	}
	l.press("/flush")
	a := l.press("/replay", "pin", "1")
	a.story(map[string][]string{"browser": {"the press itself carried 1 other cookie", "!this request carried"}, "wire": {"Cookie: sessionscope="}})
	if got := shown(a); got != "wire" {
		t.Errorf("after Replay a narrow screen shows the panel %s", got)
	}
}

// What was done is called what it is: a logout, a cookie that was taken away, a copy in
// which nothing was changed.
func TestStoryOfNames(t *testing.T) {
	l := newLab(t)
	l.press("/login", "user", "ada")
	l.press("/plant")
	l.press("/plant", "off", "1").story(map[string][]string{"timeline": {"taken away the readable cookie"}})
	l.press("/tamper", "part", "value", "to", l.cookie()).want(200, "copy accepted").story(map[string][]string{"timeline": {"an unchanged copy", "!whole cookie"}})
	l.press("/logout").story(map[string][]string{"timeline": {"logged out", "!flushed"}, "result": {"logged out"}})
}

// A browser that has other cookies has not none, and one whose cookies were cleared is no
// newcomer.
func TestStoryOfOtherCookies(t *testing.T) {
	l := newLab(t)
	r := l.request("GET", "/?page="+l.secret, "")
	r.Header.Set("Cookie", "theirs=1; more=2")
	l.send(r).want(200).story(map[string][]string{
		"browser": {"No session cookie yet", "2 other cookies", "listed under “What scripts see”", "!none came"},
		"result":  {"none of them is the session cookie"},
	})
	l.press("/set", "key", "name", "value", "Rahim")
	l.forget()
	l.get("/").want(200).story(map[string][]string{"browser": {"No cookie: none came", "!yet"}, "server": {"its record is still here"}, "result": {"any more"}})
}

// This server's own cookies are its own, on a second browser's pages too, and sizes say
// what they count.
func TestStoryOfOwnCookies(t *testing.T) {
	l := newLab(t)
	l.press("/set", "key", "name", "value", "Rahim")
	l.press("/plant")
	l.press("/pin")
	l.form = formJSON
	page := l.post("/second", "page", l.secret).want(200).json()["page"].(string)
	l.form = formPage
	r := l.request("GET", page, "")
	r.Header.Set("Cookie", r.Header.Get("Cookie")+"; "+cookieName+"-live=ABCDEFGHIJKLMNOPQRSTUVWXYZ; theirs=123")
	l.send(r).want(200).story(map[string][]string{
		"jar":  {"!theirs 9 B of another program"},
		"wire": {"3 B of value, of another program", "26 B of value, the first browser's"},
	})
	a := l.send(r)
	if n := strings.Count(a.region("jar", "</table>"), "of another program"); n != 1 {
		t.Errorf("%d cookies are said to be of another program, one is: %s", n, a.region("jar", "</table>"))
	}
	if got := a.region("jar", "</table>"); !strings.Contains(got, "9 B with its name") {
		t.Errorf("the table does not say what its sizes count: %s", got)
	}
}

// A cookie without a name is none of ours, whatever its value is: the engine reads it as
// the page does.
func TestStoryOfANamelessCookie(t *testing.T) {
	l := newLab(t)
	for _, press := range []string{"/keys", "/set"} {
		r := l.request(map[string]string{"/keys": "GET", "/set": "POST"}[press], press+"?page="+l.secret, "key=name&value=Rahim")
		r.Header.Set("Cookie", cookieName)
		a := l.send(r).want(200).wantNo("carries no signature", "replaces the one that came", "unsigned or garbled")
		if got := a.region("jar", "</table>"); !strings.Contains(got, "(no name)") {
			t.Errorf("%s: the table says %s", press, got)
		}
	}
}

// The server keeps the record of a browser whose cookie was refused, and says so: that is
// the point of these runs.
func TestStoryOfARecordThatLiesThere(t *testing.T) {
	a := newExperiments(t, nil)
	for _, slug := range []string{"three-witnesses", "change-one-letter"} {
		b := newBrowser(t, a, formPage)
		b.post("/set", "key", "a", "value", "b")
		shown := strings.TrimSuffix(b.post("/experiments/"+slug+"/run", "prediction", "1").want(303).Header.Get("Location"), "#run")
		page := b.get(shown + "&at=3").want(200)
		for !strings.Contains(page.body, `id="verdict"`) { // the run may go on still
			page = b.get(shown + "&at=3").want(200)
		}
		if got := page.region("server", "</article>"); !strings.Contains(got, "its record is still here") || strings.Contains(got, "No record of this browser") {
			t.Errorf("%s, exchange 3: the server's panel says %q", slug, got)
		}
	}
}
