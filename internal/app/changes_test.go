package app

import (
	"strings"
	"testing"
)

// changes is what the bar above the panels says.
func (a answer) changes() string { a.t.Helper(); return a.region("moment", "</section>") }

const unchanged = "neither the browser's session cookie nor the server's record changed"

// What changed is this press's doing, and all of it.
func TestChanges(t *testing.T) {
	h, b, v := openLab(t, formFragment)
	press := func(target string, pairs ...string) string {
		return b.post(target, append(pairs, "page", v)...).changes()
	}
	press("/set", "key", "big", "value", strings.Repeat("x", 3000)+"a")
	if got := press("/set", "key", "big", "value", strings.Repeat("x", 3000)+"b"); !strings.Contains(got, "big") || !strings.Contains(got, "another value that begins alike") || !strings.Contains(got, "3,003 B in all") {
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
	a := b.send(r).want(200, "its session has ended: it opens nothing. This write created a new session, and its cookie replaces the one that came").wantNo("first cookie")
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

// An outage is not told as a logout: nobody knows what changed.
func TestOutageIsNoChange(t *testing.T) {
	b, v, down := openFailing(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	down.Store(true)
	a := b.get("/get?key=name&page="+v).want(503, "nobody can say whether anything changed", "172 B", "nobody can say what a cookie opens").wantNo("No cookie yet", "does not fit")
	if got := a.changes(); strings.Contains(got, "none") || strings.Contains(got, "missing") {
		t.Errorf("an outage changed %q", got)
	}
	down.Store(false)
	if got := b.get("/get?key=name&page=" + v).want(200).changes(); !strings.Contains(got, unchanged) {
		t.Errorf("after an outage: %q", got)
	}
}

// What a copy was is no part of what this browser keeps.
func TestCopyIsNoChange(t *testing.T) {
	h, b, v := openLab(t, formFragment)
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

// What a client does to an older session of this browser is told of that one.
func TestOlderSession(t *testing.T) {
	h, b, v := openLab(t, formFragment)
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
