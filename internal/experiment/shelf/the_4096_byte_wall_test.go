package shelf_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var the4096ByteWall = proof{
	slug: "the-4096-byte-wall",
	cases: []testCase{
		{chosen: "where=cookie", happened: "low-wall", says: []string{"between 2,195 and 2,196", "would be 4,100 bytes"}, witness: wallAt(2195, 413, 4096)},
		{chosen: "where=hybrid", happened: "high-wall", says: []string{"between 65,534 and 65,535", "10,000 | 200", "value number 4"}, witness: wallAt(65534, 413, 172)},
		{chosen: "where=server", happened: "high-wall", says: []string{"between 65,534 and 65,535", "10,000 | 200", "would be 262,194 bytes"}, witness: wallAt(65534, 413, 148)},
		{chosen: "where=gorilla-cookie", happened: "lost", says: []string{"Lost without an error", "4,100 bytes", "the value is too long: 4104"}, witness: wallAt(2180, 200, 4108)},
		{chosen: "where=gorilla-file", happened: "low-wall", says: []string{"status 500", "the value is too long: 4104", "had 172 bytes"}, witness: wallAt(2189, 500, 172)},
	},
	controls: []control{
		{chosen: "where=server", happened: "lost", handler: func(h http.Handler) http.Handler { // what is large is dropped in silence
			return onSet(h, func(w http.ResponseWriter, r *http.Request, form url.Values) {
				if len(form.Get("value")) > 3000 {
					instead(h, w, r, nil)
					return
				}
				h.ServeHTTP(w, r)
			})
		}},
		{chosen: "where=server", happened: "no-wall", handler: func(h http.Handler) http.Handler { // no limit
			var kept sync.Map
			set := onSet(h, func(w http.ResponseWriter, r *http.Request, form url.Values) {
				kept.Store(form.Get("key"), form.Get("value"))
				instead(h, w, r, nil)
			})
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/get" {
					set.ServeHTTP(w, r)
					return
				}
				value, found := kept.Load(r.URL.Query().Get("key"))
				instead(h, w, r, map[string]any{"found": found, "value": value})
			})
		}},
		{chosen: "where=cookie", happened: experiment.None, handler: func(h http.Handler) http.Handler { // a refusal ends the session
			var ended sync.Map // by its cookie
			set := onSet(h, func(w http.ResponseWriter, r *http.Request, form url.Values) {
				if len(form.Get("value")) > 2195 {
					ended.Store(r.Header.Get("Cookie"), true)
				} else {
					ended.Delete(r.Header.Get("Cookie"))
				}
				h.ServeHTTP(w, r)
			})
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, is := ended.Load(r.Header.Get("Cookie")); is && r.URL.Path == "/get" {
					r.Header.Del("Cookie")
				}
				set.ServeHTTP(w, r)
			})
		}},
	},
}

func TestThe4096ByteWall(t *testing.T) { the4096ByteWall.run(t) }

// wallAt is the witness of "The 4096-byte wall": keeps bytes of text were written and
// read back; one more got status over, and was not.
func wallAt(keeps, over, largestCookie int) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		readBack, tooMuch := 0, 0
		for i, s := range all {
			switch n := len(s.form.Get("value")); {
			case s.form.Get("key") != "text":
			case n == keeps+1:
				if tooMuch++; s.status != over {
					t.Errorf("%d bytes: status %d, want %d", n, s.status, over)
				}
			case n > keeps && s.status < 400 && over >= 400:
				t.Errorf("%d bytes: status %d", n, s.status)
			case n <= keeps && s.status != http.StatusOK:
				t.Errorf("%d bytes: status %d", n, s.status)
			}
			if strings.HasPrefix(s.path, "/get") && s.answer["key"] == "text" {
				if n := len(s.value()); n > keeps {
					t.Errorf("%d bytes were read back", n)
				} else if n == keeps {
					readBack++
				}
			}
			if n := len(experiment.CookieName) + len(s.sent()); s.sent() != "" && n > largestCookie {
				t.Errorf("a cookie of %d bytes was sent", n)
			}
			if n := len(experiment.CookieName) + len(s.cookie); s.cookie != "" && n > 4096 {
				t.Errorf("request %d: a cookie of %d bytes came back", i+1, n)
			}
		}
		if readBack < 2 || tooMuch == 0 { // before the byte too many, and after it
			t.Errorf("%d bytes were read back %d times, and %d were tried %d times", keeps, readBack, keeps+1, tooMuch)
		}
	}
}
