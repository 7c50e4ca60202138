package app

import (
	"strings"
	"testing"
)

// An empty cookie has one name, whatever was pressed: it is empty, and not garbled.
func TestStoryOfAnEmptyCookie(t *testing.T) {
	for _, press := range []string{"/keys", "/set", "/login", "/flush"} {
		l := newLab(t)
		method, form := "POST", "key=name&value=Rahim&type=text&user=ada"
		if press == "/keys" {
			method, form = "GET", ""
		}
		r := l.request(method, press+"?page="+l.secret, form)
		r.Header.Set("Cookie", cookieName+"=")
		a := l.send(r).want(200).wantNo("unsigned or garbled", "no signature of this server")
		if got := a.region("wire", "</article>"); !strings.Contains(got, "the cookie is empty") {
			t.Errorf("%s: the engine's steps: %s", press, got)
		}
	}
}

// Two cookies of the session cookie's name came, and the server has one thrown away: the
// other one comes again.
func TestStoryOfTwoCookiesOfAName(t *testing.T) {
	for _, press := range []string{"/drop-cookie", "/expiry", "/flush"} {
		l := newLab(t)
		l.press("/set", "key", "name", "value", "Rahim")
		r := l.request("POST", press+"?page="+l.secret, "seconds=-1")
		r.Header.Set("Cookie", cookieName+"="+l.cookie()+"; "+cookieName+"=xyz")
		a := l.send(r).want(200)
		if next := a.Header.Get("Hx-Redirect"); next != "" {
			a = l.get(next).want(200)
		}
		a.story(map[string][]string{
			"browser": {"two cookies of this name came", "the other one", "!No cookie any more"},
			"jar":     {"!dropped with this answer"},
			"server":  {"!has no cookie any more that opens it"},
		})
	}
}
