package app

import (
	"strings"
	"testing"
)

// Each attribute of the cookie, as it stands in the header.
func TestSetCookie(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formJSON)
	parts := func(a answer) []string { return strings.Split(a.Header.Get("Set-Cookie"), "; ") }
	check := func(got []string, want ...string) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("attributes %v, want %v", got, want)
		}
		for i, w := range want {
			if got[i] != w && !(w == "" && strings.HasPrefix(got[i], cookieName+"=")) {
				t.Errorf("attribute %q, want %q", got[i], w)
			}
		}
	}
	check(parts(b.post("/set", "key", "a", "value", "1")), "", "Path=/", "Max-Age=28800", "HttpOnly", "SameSite=Lax")
	check(parts(b.post("/expiry", "seconds", "60")), "", "Path=/", "Max-Age=60", "HttpOnly", "SameSite=Lax")
	check(parts(b.post("/expiry", "seconds", "0")), "", "Path=/", "HttpOnly", "SameSite=Lax")
	check(parts(b.post("/flush")), cookieName+"=", "Path=/", "Max-Age=0", "HttpOnly", "SameSite=Lax")
}

func TestNotASession(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formJSON)
	b.post("/set", "key", "a", "value", "1")
	kept := b.cookie()
	b.post("/flush")
	for name, value := range map[string]string{"garbled": "xyz", "flushed": kept, "forged": kept[:30] + "A" + kept[31:], "empty": ""} {
		for formName, f := range forms {
			b := newBrowser(t, h, f)
			r := b.request("GET", "/get?key=a", "")
			r.Header.Set("Cookie", cookieName+"="+value)
			a := b.send(r).want(200)
			if a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s as %s: a cookie was set", name, formName)
			}
			if f == formJSON && a.json()["found"] != false {
				t.Errorf("%s: found", name)
			}
		}
	}
	r := b.request("GET", "/get?key=a", "") // an ID anywhere else than in the cookie is nothing
	r.Header.Set("Authorization", "Bearer "+kept)
	r.Header.Set("X-Session-ID", kept)
	if b.send(r).json()["found"] != false {
		t.Error("a session was taken from another header")
	}
}

// A change of privilege is a change of ID: whoever planted or stole the old
// cookie is left outside.
func TestLoginChangesTheID(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formJSON)
	b.post("/set", "key", "a", "value", "1")
	planted := b.request("GET", "/get?key=user", "")
	p := b.post("/login", "user", "ada").want(200).json()
	if p["id_before"] == "" || p["id_before"] == p["session"].(map[string]any)["id"] {
		t.Errorf("login says %v", p)
	}
	b.get("/keys").want(200, `"keys":["a","user"]`)
	newBrowser(t, h, formJSON).send(planted).want(200, `"found":false`)
	if p := b.post("/logout").json(); p["id_before"] == nil {
		t.Errorf("logout says %v", p)
	}
}
