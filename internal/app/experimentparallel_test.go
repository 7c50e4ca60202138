package app

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// twoTabs is a case of that experiment: how many of the two values are there in the
// end, and the versions that the answers name, the lower one first; 0 for none.
func twoTabs(placement, size string, kept int, versions [2]float64, says ...string) experimentCase {
	happened := 2
	if kept == 2 {
		happened = 1
	}
	return experimentCase{slug: "two-tabs", chosen: "placement=" + placement + "&size=" + size, happened: happened, says: says, witness: func(t *testing.T, all []seen) {
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

var parallelCases = []experimentCase{
	twoTabs("cookie", "short", 1, [2]float64{2, 2}, twoLost, "Both answers say version 2"),
	twoTabs("cookie", "long", 1, [2]float64{2, 2}, twoLost, "the browser kept the one with"),
	twoTabs("hybrid", "short", 1, [2]float64{2, 3}, twoLost, "counted both writes"),
	twoTabs("hybrid", "long", 2, [2]float64{2, 3}, twoKept, "from 1 to 3"),
	twoTabs("server", "short", 2, [2]float64{2, 3}, twoKept, "from 1 to 3", "version 1 once more, refused"),
	twoTabs("server", "long", 2, [2]float64{2, 3}, twoKept, "now at version 3"),
	twoTabs("gorilla-cookie", "short", 1, [2]float64{}, twoLost, "Without a version"),
	twoTabs("gorilla-cookie", "long", 1, [2]float64{}, twoLost, "Without a version"),
	twoTabs("gorilla-file", "short", 1, [2]float64{}, twoLost, "keeps 1 file"),
	twoTabs("gorilla-file", "long", 1, [2]float64{}, twoLost, "keeps 1 file"),
	{slug: "save-after-write", chosen: "program=engine", happened: 3, says: []string{"it is too late to save the session", "set no cookie"}, witness: sawWroteFirst(true)},
	{slug: "save-after-write", chosen: "program=gorilla", happened: 2, says: []string{"Saving returned no error", "set no cookie"}, witness: sawWroteFirst(false)},
}

// sawWroteFirst is the witness of save-after-write.
func sawWroteFirst(refuses bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 5 {
			t.Fatalf("%d requests", len(all))
		}
		late, lateRead, log, early, earlyRead := all[0], all[1], all[2], all[3], all[4]
		if late.status != 200 || late.body != "saved" || late.setCookie != "" || lateRead.cookie != "" || lateRead.answer["found"] != false {
			t.Errorf("write, then save: %+v, %+v", late, lateRead)
		}
		if text, ok := log.answer["error"].(string); !ok || (text != "") != refuses {
			t.Errorf("the save returned %q", log.body)
		}
		if early.sent() == "" || earlyRead.cookie != early.sent() || earlyRead.value() != "Mina" {
			t.Errorf("save, then write: %+v, %+v", early, earlyRead)
		}
	}
}

// unversioned is a store that saves over whatever is there.
type unversioned struct {
	session.Backend
	mu sync.Mutex
}

func (u *unversioned) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	is, err := u.Load(ctx, k)
	if err != nil {
		return 0, err
	}
	r.Version = is.Version
	return u.Backend.Save(ctx, k, r)
}

func unversionedStore(b session.Backend) session.Backend { return &unversioned{Backend: b} }

// merging is a server that takes one request after the other, and uses the newest
// cookie that it sent in the place of each that it gets.
func merging(h http.Handler) http.Handler {
	var mu sync.Mutex
	newest := ""
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if newest != "" && r.Header.Get("Cookie") != "" {
			r.Header.Set("Cookie", newest)
		}
		h.ServeHTTP(w, r)
		if line, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";"); line != "" {
			newest = line
		}
	})
}

// answeredInstead gives an answer of its own to some requests. The program behind it
// sees a read in their place, since the client waits for what that shows.
func answeredInstead(is func(*http.Request) bool, status int, body string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !is(r) {
				h.ServeHTTP(w, r)
				return
			}
			read := r.Clone(r.Context())
			read.Method, read.URL.Path, read.Body = http.MethodGet, "/get", http.NoBody
			h.ServeHTTP(httptest.NewRecorder(), read)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
}

// buffering sends nothing before the handler has returned.
func buffering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &heldBack{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(kept, r)
		for name, lines := range kept.Header() {
			w.Header()[name] = lines
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.body.Bytes())
	})
}

// heldBack is a ResponseWriter whose head can be changed until the end.
type heldBack struct {
	*httptest.ResponseRecorder
	body bytes.Buffer
}

func (h *heldBack) WriteHeader(status int)      { h.Code = status }
func (h *heldBack) Write(p []byte) (int, error) { return h.body.Write(p) }

func onRoute(method, path string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && r.URL.Path == path }
}

var parallelControls = []control{
	{slug: "two-tabs", chosen: "placement=server&size=short", happened: 2, store: unversionedStore},
	{slug: "two-tabs", chosen: "placement=hybrid&size=long", happened: 2, store: unversionedStore},
	{slug: "two-tabs", chosen: "placement=cookie&size=short", happened: 1, handler: merging},
	{slug: "two-tabs", chosen: "placement=server&size=long", happened: 3, handler: answeredInstead(func(r *http.Request) bool {
		return r.URL.Path == "/set" && r.UserAgent() == "Rahim's second tab"
	}, http.StatusConflict, `{"status":409}`)},
	{slug: "two-tabs", chosen: "placement=gorilla-file&size=short", happened: 0, handler: answeredInstead(onRoute("POST", "/set"), http.StatusServiceUnavailable, "")},
	{slug: "save-after-write", chosen: "program=engine", happened: 2, handler: answeredInstead(onRoute("GET", "/late"), http.StatusOK, `{"error":""}`)},
	{slug: "save-after-write", chosen: "program=gorilla", happened: 1, handler: buffering},
	{slug: "save-after-write", chosen: "program=gorilla", happened: 4, handler: answeredInstead(onRoute("POST", "/late"), http.StatusInternalServerError, "")},
	{slug: "save-after-write", chosen: "program=engine", happened: 0, handler: answeredInstead(onRoute("GET", "/late"), http.StatusNotFound, "")},
}

func TestParallel(t *testing.T)         { runCases(t, parallelCases) }
func TestParallelControls(t *testing.T) { runControls(t, parallelControls) }
