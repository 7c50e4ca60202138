package shelf_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var bornOnFirstWrite = proof{
	slug: "born-on-first-write",
	cases: []testCase{
		{happened: "first-write", says: []string{"from 0 to 1 record", "The fifth request was the first to send that cookie, and kept the ID", "wrote 3 times: 3 records more, 3 IDs"}, witness: func(t *testing.T, all []seen) {
			if len(all) != 8 {
				t.Fatalf("%d requests", len(all))
			}
			ids := make(map[any]int)
			for i, s := range all {
				if writes := s.path == "/set"; writes != (i >= 3) || (s.sent() != "") != writes {
					t.Errorf("request %d, %s %s: Set-Cookie %q", i+1, s.method, s.path, s.setCookie)
				}
				if sends := s.cookie != ""; sends != (i == 4) || sends && s.cookie != all[3].sent() {
					t.Errorf("request %d sends the cookie %q", i+1, s.cookie)
				}
				of, _ := s.answer["session"].(map[string]any)
				ids[of["id"]]++
			}
			if of := all[4].answer["session"].(map[string]any); len(ids) != 5 || ids[nil] != 3 || ids[of["id"]] != 2 {
				t.Errorf("the IDs, and how often: %v", ids)
			}
		}},
	},
	controls: []control{
		{happened: "first-request", handler: func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // a cookie for everybody
				http.SetCookie(w, &http.Cookie{Name: experiment.CookieName, Value: "visitor"})
				h.ServeHTTP(w, r)
			})
		}},
		{happened: "first-read", handler: answering(func(r *http.Request, w *httptest.ResponseRecorder) {
			if r.URL.Path == "/get" {
				http.SetCookie(w, &http.Cookie{Name: experiment.CookieName, Value: "reader"})
			}
		})},
		{happened: experiment.None, handler: answering(dropCookies)},
		{happened: experiment.None, says: "the first write's answer set no cookie, and the store held 1 record", handler: answering(dropCookies)},
		{happened: experiment.None, says: "Not at the first write: its answer, with status 503", handler: unwritten("/set", 1)},
		{happened: experiment.None, says: "Never created", handler: unwritten("/set", 5)},
	},
}

func TestBornOnFirstWrite(t *testing.T) { bornOnFirstWrite.run(t) }
