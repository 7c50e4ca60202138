package shelf_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var logOutThenReplay = proof{
	slug: "log-out-then-replay",
	cases: []testCase{
		{chosen: "engine=gorilla", happened: "alive", says: []string{"status 200 and the user Rahim"}, witness: afterLogout("Rahim")},
		{chosen: "engine=cookie", happened: "dead", says: []string{"and no user", "a marker: this ID has ended"}, witness: afterLogout("")},
		{chosen: "engine=hybrid", happened: "dead", says: []string{"and no user", "| a record", "the server holds nothing"}, witness: afterLogout("")},
		{chosen: "engine=server", happened: "dead", says: []string{"and no user", "| a record", "the server holds nothing"}, witness: afterLogout("")},
	},
	controls: []control{
		// A logout that tells only the browser.
		{chosen: "engine=hybrid", happened: "alive", handler: func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/logout" {
					http.SetCookie(w, &http.Cookie{Name: experiment.CookieName, Path: "/", MaxAge: -1})
					r.Header.Del("Cookie")
				}
				h.ServeHTTP(w, r)
			})
		}},
		// A server that remembers which cookies were logged out.
		{chosen: "engine=gorilla", happened: "error", handler: func(h http.Handler) http.Handler {
			var ended sync.Map
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, ok := ended.Load(r.Header.Get("Cookie")); ok && r.Header.Get("Cookie") != "" {
					http.Error(w, "ended", http.StatusForbidden)
					return
				}
				if r.URL.Path == "/logout" {
					ended.Store(r.Header.Get("Cookie"), true)
				}
				h.ServeHTTP(w, r)
			})
		}},
	},
}

func TestLogOutThenReplay(t *testing.T) { logOutThenReplay.run(t) }

// afterLogout asserts a login, a logout, and what the kept cookie reads after it.
func afterLogout(user string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 5 {
			t.Fatalf("%d requests", len(all))
		}
		login, before, logout, own, replay := all[0], all[1], all[2], all[3], all[4]
		if login.path != "/login" || login.sent() == "" || before.value() != "Rahim" || before.cookie != login.sent() {
			t.Errorf("no login: %+v, %+v", login, before)
		}
		if logout.path != "/logout" || !strings.Contains(logout.setCookie, "Max-Age=0") {
			t.Errorf("the logout sets %q", logout.setCookie)
		}
		if own.cookies != "" || own.value() != "" {
			t.Errorf("after the logout the browser sent %q and read %q", own.cookies, own.value())
		}
		if replay.client == login.client || replay.cookie != login.sent() {
			t.Errorf("%s replays %q, not what the login set", replay.client, replay.cookie)
		}
		if replay.status != 200 || replay.value() != user || replay.setCookie != "" {
			t.Errorf("the replay was answered %d %s, and sets %q; want the user %q", replay.status, replay.body, replay.setCookie, user)
		}
	}
}
