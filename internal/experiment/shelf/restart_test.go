package shelf_test

import (
	"net/http"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var restart = proof{
	slug: "restart",
	cases: []testCase{
		{chosen: "placement=cookie&secret=same", happened: "logged-in", says: []string{"keeps no record"}, witness: throughRestart("Rahim", "Rahim", "Rahim", "Rahim")},
		{chosen: "placement=hybrid&secret=same", happened: "logged-in", says: []string{"still in the store, as it was"}, witness: throughRestart("Rahim", "Rahim", "Rahim", "Rahim")},
		{chosen: "placement=server&secret=same", happened: "logged-in", says: []string{"still in the store, as it was"}, witness: throughRestart("Rahim", "Rahim", "Rahim", "Rahim")},
		{chosen: "placement=cookie&secret=new", happened: "signature-refused", says: []string{"keeps no record", "logs Rahim in again"}, witness: throughRestart("Rahim", "", "Rahim")},
		{chosen: "placement=hybrid&secret=new", happened: "signature-refused", says: []string{"still in the store, as it was", "sent | 2"}, witness: throughRestart("Rahim", "", "Rahim")},
		{chosen: "placement=server&secret=new", happened: "signature-refused", says: []string{"still in the store, as it was", "sent | 2"}, witness: throughRestart("Rahim", "", "Rahim")},
		{chosen: "placement=cookie&secret=both", happened: "signed-anew", says: []string{"2 of 2", "the first write"}, witness: signedAnew("/set")},
		{chosen: "placement=hybrid&secret=both", happened: "signed-anew", says: []string{"2 of 2", "the first write"}, witness: signedAnew("/set")},
		{chosen: "placement=server&secret=both", happened: "signed-anew", says: []string{"after the answer its cookie is signed by secret", "1 of 2 | sent", "the first read"}, witness: signedAnew("/session")},
	},
	controls: []control{
		{chosen: "placement=hybrid&secret=same", happened: "record-gone", store: forgetful},
		{chosen: "placement=server&secret=new", happened: "record-gone", store: forgetful},
		{chosen: "placement=server&secret=both", happened: experiment.None, handler: func(h http.Handler) http.Handler { // no cookie is ever replaced
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Cookie") != "" {
					w = &noCookie{ResponseWriter: w}
				}
				h.ServeHTTP(w, r)
			})
		}},
	},
}

func TestRestart(t *testing.T) { restart.run(t) }

// userSeen is who an answer to GET /session knows, "" for nobody.
func userSeen(s seen) string {
	values, _ := s.answer["values"].([]any)
	for _, v := range values {
		if m, _ := v.(map[string]any); m["key"] == "user" {
			user, _ := m["value"].(string)
			return user
		}
	}
	return ""
}

// throughRestart is the witness of "Restart the server": who is known by each look at
// the session, and which one of all answers sets the cookie of later.
func throughRestart(known ...string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		var looks []seen
		for _, s := range all {
			if s.path == "/session" {
				looks = append(looks, s)
				if s.cookie == "" || s.status != http.StatusOK {
					t.Errorf("look %d: cookie %q, status %d", len(looks), s.cookie, s.status)
				}
			}
		}
		if len(looks) != len(known) {
			t.Fatalf("%d looks at the session", len(looks))
		}
		for i, s := range looks {
			if got := userSeen(s); got != known[i] {
				t.Errorf("look %d: %q is logged in, want %q", i+1, got, known[i])
			}
		}
		if looks[0].cookie != looks[1].cookie || looks[0].cookie != looks[len(looks)-1].cookie {
			t.Error("it is not the cookie from before the restart that was sent after it, and at last")
		}
	}
}

// signedAnew is throughRestart, and the request whose answer replaces the cookie.
func signedAnew(path string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		throughRestart("Rahim", "Rahim", "Rahim", "")(t, all)
		for i, s := range all {
			if i > 1 && s.setCookie != "" { // after the login and the look before the restart
				if s.path != path {
					t.Errorf("%s %s set the first cookie after the restart", s.method, s.path)
				}
				return
			}
		}
		t.Error("no cookie was sent after the restart")
	}
}
