package shelf_test

import (
	"net/http"
	"strings"
	"testing"
)

var fixation = proof{
	slug: "fixation",
	cases: []testCase{
		{chosen: "rotation=off", happened: "known-id", says: []string{"HttpOnly, Secure, SameSite=Lax", "the same at all three moments"}, witness: fixed("/login-keeping-id", "Rahim", true)},
		{chosen: "rotation=on", happened: "fresh-id", says: []string{"HttpOnly, Secure, SameSite=Lax", "the login gave it the new ID"}, witness: fixed("/login", "", false)},
	},
	controls: []control{
		// A login that forgets to renew the ID.
		{chosen: "rotation=on", happened: "known-id", handler: rewriting(func(r *http.Request) {
			if r.URL.Path == "/login" {
				r.URL.Path = "/login-keeping-id"
			}
		})},
		// A server that takes a cookie only from the browser that it gave the cookie to.
		{chosen: "rotation=off", happened: "kept-out", handler: rewriting(func(r *http.Request) {
			if strings.HasPrefix(r.UserAgent(), "Rahim") && r.URL.Path == "/session" {
				r.Header.Del("Cookie")
			} else if strings.HasPrefix(r.UserAgent(), "The attacker") && r.URL.Path == "/get" {
				r.Header.Del("Cookie")
			}
		})},
	},
}

func TestFixation(t *testing.T) { fixation.run(t) }

// fixed asserts a planted cookie, a login, and what the attacker reads.
func fixed(path, user string, same bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 6 {
			t.Fatalf("%d requests", len(all))
		}
		born, visit, login, ask, own, later := all[0], all[1], all[2], all[3], all[4], all[5]
		planted := born.sent()
		for _, flag := range []string{"; HttpOnly", "; Secure", "; SameSite=Lax"} {
			if !strings.Contains(born.setCookie, flag) {
				t.Errorf("%q lacks %q", born.setCookie, flag)
			}
		}
		if planted == "" || visit.cookie != planted || login.cookie != planted || visit.client == born.client || login.path != path {
			t.Errorf("the planted cookie %q was not the victim's: %q, %q, %s", planted, visit.cookie, login.cookie, login.path)
		}
		if ask.client != born.client || later.client != born.client || ask.cookie != planted || later.cookie != planted {
			t.Errorf("the attacker asked with %q and %q", ask.cookie, later.cookie)
		}
		if own.value() != "Rahim" || ask.value() != user || later.value() != user {
			t.Errorf("the victim reads %q, the attacker %q and %q; want %q", own.value(), ask.value(), later.value(), user)
		}
		if visit.answer["id"] != namedIn(planted) || (namedIn(own.cookie) == namedIn(planted)) != same {
			t.Errorf("planted %s, visited %v, after the login %s", namedIn(planted), visit.answer["id"], namedIn(own.cookie))
		}
	}
}
