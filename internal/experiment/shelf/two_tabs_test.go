package shelf_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var twoTabs = proof{
	slug: "two-tabs",
	cases: []testCase{
		atOnceIn("cookie", "short", 1, [2]float64{2, 2}, twoLost, "Both answers say version 2"),
		atOnceIn("cookie", "long", 1, [2]float64{2, 2}, twoLost, "the browser kept the one with"),
		atOnceIn("hybrid", "short", 1, [2]float64{2, 3}, twoLost, "counted both writes"),
		atOnceIn("hybrid", "long", 2, [2]float64{2, 3}, twoKept, "from 1 to 3"),
		atOnceIn("server", "short", 2, [2]float64{2, 3}, twoKept, "from 1 to 3", "version 1 once more, refused"),
		atOnceIn("server", "long", 2, [2]float64{2, 3}, twoKept, "now at version 3"),
		atOnceIn("gorilla-cookie", "short", 1, [2]float64{}, twoLost, "Without a version"),
		atOnceIn("gorilla-cookie", "long", 1, [2]float64{}, twoLost, "Without a version"),
		atOnceIn("gorilla-file", "short", 1, [2]float64{}, twoLost, "keeps 1 file"),
		atOnceIn("gorilla-file", "long", 1, [2]float64{}, twoLost, "keeps 1 file"),
	},
	controls: []control{
		{chosen: "placement=server&size=short", happened: "one-lost", store: unversionedStore},
		{chosen: "placement=hybrid&size=long", happened: "one-lost", store: unversionedStore},
		{chosen: "placement=cookie&size=short", happened: "both-kept", handler: merging},
		{chosen: "placement=server&size=short", happened: experiment.None, says: "Not at once", handler: inTurn},
		{chosen: "placement=gorilla-file&size=short", happened: experiment.None, says: "Not at once", handler: inTurn},
		{chosen: "placement=server&size=long", happened: "one-refused", handler: answeredInstead(func(r *http.Request) bool {
			return r.URL.Path == "/set" && r.UserAgent() == "Rahim's second tab"
		}, http.StatusConflict, `{"status":409}`)},
		{chosen: "placement=gorilla-file&size=short", happened: experiment.None, handler: answeredInstead(onRoute("POST", "/set"), http.StatusServiceUnavailable, "")},
	},
}

func TestTwoTabs(t *testing.T) { twoTabs.run(t) }

// atOnceIn is a case with that placement and size. kept is how many of the two values are
// there in the end, and versions are the versions that the answers name, the lower one first; 0
// for none.
func atOnceIn(placement, size string, kept int, versions [2]float64, says ...string) testCase {
	happened := "one-lost"
	if kept == 2 {
		happened = "both-kept"
	}
	return testCase{chosen: "placement=" + placement + "&size=" + size, happened: happened, says: says, witness: func(t *testing.T, all []seen) {
		var held []seen
		var began seen
		found := make(map[string]string)
		for _, s := range all {
			switch {
			case s.form.Get("key") == "name": // a slow machine makes it begin anew
				began, held = s, nil
			case s.form.Get("hold") != "":
				held = append(held, s)
			case strings.HasPrefix(s.path, "/get?key="):
				if s.answer["found"] == true {
					found[strings.TrimPrefix(s.path, "/get?key=")] = s.value()
				}
			}
		}
		if len(held) != 2 || held[0].client == held[1].client {
			t.Fatalf("%d requests held the session", len(held))
		}
		got := [2]float64{}
		for i, s := range held {
			if s.status != 200 || s.cookie == "" || s.cookie != began.sent() {
				t.Errorf("%s: status %d, with the cookie from before: %v", s.client, s.status, s.cookie == began.sent())
			}
			if value, ok := found[s.form.Get("key")]; ok && value != s.form.Get("value") {
				t.Errorf("%s was written, %s was read", s.form.Get("value"), value)
			}
			about, _ := s.answer["session"].(map[string]any)
			got[i], _ = about["version"].(float64)
		}
		if got[0] > got[1] {
			got[0], got[1] = got[1], got[0]
		}
		if len(found) != kept || got != versions {
			t.Errorf("%d values are there, want %d; versions %v, want %v", len(found), kept, got, versions)
		}
	}}
}

const twoLost, twoKept = "One update is lost", "Both are kept"

// merging is a server that puts the values of two requests with the field hold into one cookie, and
// gives it to both.
func merging(h http.Handler) http.Handler {
	one, both := make(chan string), make(chan string) // Set-Cookie: of one request, and of both
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		serve := func() *httptest.ResponseRecorder {
			answer := httptest.NewRecorder()
			r.Body = io.NopCloser(bytes.NewReader(body))
			h.ServeHTTP(answer, r)
			return answer
		}
		answer := serve()
		if bytes.Contains(body, []byte("hold=")) {
			select {
			case one <- answer.Header().Get("Set-Cookie"):
				answer.Header().Set("Set-Cookie", <-both)
			case others := <-one:
				cookie, _, _ := strings.Cut(others, ";")
				r.Header.Set("Cookie", cookie)
				body = bytes.ReplaceAll(body, []byte("hold="), []byte("held="))
				r = r.WithContext(context.Background()) // what the run notes of r was noted
				answer = serve()
				both <- answer.Header().Get("Set-Cookie")
			}
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	})
}

// inTurn is a server that takes one request after the other: none of two is loaded before the other
// one is written, although both have left.
func inTurn(h http.Handler) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		h.ServeHTTP(w, r)
	})
}
