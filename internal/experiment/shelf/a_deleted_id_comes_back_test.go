package shelf_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

var aDeletedIDComesBack = proof{
	slug: "a-deleted-id-comes-back",
	cases: []testCase{
		{chosen: "engine=gorilla", happened: "old-id", says: []string{"is alive again, with a file of that name", "reads Graz"},
			witness: wroteWithOld("Graz", func(t *testing.T, old, set string) {
				was, _ := session.Peel(old)
				is, _ := session.Peel(set)
				if was.Payload == "" || was.Payload != is.Payload { // the ID, encoded by gorilla
					t.Errorf("the ID was %q and is %q", was.Payload, is.Payload)
				}
			})},
		{chosen: "engine=gorilla-stops", happened: "refused", says: []string{"refused with status 500", "still has no file of the old ID"},
			witness: func(t *testing.T, all []seen) {
				if len(all) != 5 {
					t.Fatalf("%d requests", len(all))
				}
				for _, s := range all[2:] {
					if s.cookie != all[0].sent() || s.cookie == "" || s.status != 500 || s.setCookie != "" {
						t.Errorf("%s %s with %q: %d, sets %q", s.method, s.path, s.cookie, s.status, s.setCookie)
					}
				}
			}},
		{chosen: "engine=engine", happened: "new-id", says: []string{"began a new session"},
			witness: wroteWithOld("", func(t *testing.T, old, set string) {
				if namedIn(old) == "" || namedIn(set) == "" || namedIn(old) == namedIn(set) {
					t.Errorf("the ID was %q and is %q", namedIn(old), namedIn(set))
				}
			})},
	},
	controls: []control{
		// A store that deletes nothing: what the logout leaves is there for the old cookie.
		{chosen: "engine=engine", happened: "old-id", store: func(b session.Backend) session.Backend { return undying{b} }},
		// A server that refuses a write with a cookie that opens nothing.
		{chosen: "engine=gorilla", happened: "refused", handler: func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/set" {
					http.Error(w, "gone", http.StatusConflict)
					return
				}
				h.ServeHTTP(w, r)
			})
		}},
	},
}

func TestADeletedIDComesBack(t *testing.T) { aDeletedIDComesBack.run(t) }

// wroteWithOld asserts a write with a cookie whose session was deleted, and what
// another copy of that cookie reads of it.
func wroteWithOld(city string, more func(t *testing.T, old, set string)) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 5 {
			t.Fatalf("%d requests", len(all))
		}
		old := all[0].sent()
		if all[1].path != "/logout" || !strings.Contains(all[1].setCookie, "Max-Age=0") {
			t.Errorf("the logout sets %q", all[1].setCookie)
		}
		read, write, other := all[2], all[3], all[4]
		if old == "" || read.cookie != old || write.cookie != old || other.cookie != old {
			t.Errorf("not all came with the old cookie %q: %q, %q, %q", old, read.cookie, write.cookie, other.cookie)
		}
		if read.value() != "" || write.status != 200 || write.form.Get("city")+write.form.Get("value") != "Graz" || other.value() != city {
			t.Errorf("read %q, write %d, another copy reads %q; want %q", read.value(), write.status, other.value(), city)
		}
		more(t, old, write.sent())
	}
}

// undying is a store that deletes nothing.
type undying struct{ session.Backend }

func (undying) Delete(context.Context, session.Key) error { return nil }
