package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// visitor is a browser of the test's own for experiments of the learner's browser.
type visitor struct {
	t     *testing.T
	a     *App
	slug  string
	token string
	jar   map[string]string
}

func openLive(t *testing.T, slug string) *visitor {
	t.Helper()
	a := newExperiments(t, nil)
	return &visitor{t, a, slug, tokenOf(t, learn(a, "10.0.0.1", "POST", "/experiments/"+slug+"/run", "prediction=1")), map[string]string{}}
}

// visit sends a request below the run's path, with the named cookies of the jar.
func (v *visitor) visit(method, path string, cookies []string, more ...string) int {
	v.t.Helper()
	var pairs []string
	for _, name := range cookies {
		if value, ok := v.jar[name]; ok {
			pairs = append(pairs, name+"="+value)
		}
	}
	w := learn(v.a, "10.0.0.1", method, "/experiments/"+v.slug+"/live/"+v.token+path, "", append(more, "Cookie", strings.Join(pairs, "; "))...)
	for _, line := range w.Header()["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			v.t.Fatal(err)
		}
		if want := "/experiments/" + v.slug + "/live/" + v.token; c.Path != want || !c.HttpOnly {
			v.t.Errorf("%s has the path %q, want %q, HttpOnly %t", c.Name, c.Path, want, c.HttpOnly)
		}
		v.jar[c.Name] = c.Value
	}
	return w.Code
}

// end ends the run and checks what it found.
func (v *visitor) end(happened int, says ...string) {
	v.t.Helper()
	w := learn(v.a, "10.0.0.1", "POST", "/experiments/"+v.slug+"/result", "stop=1&run="+v.token)
	f := runFoundIn(v.t, w.Body.Bytes())
	if f.State != "ended" || f.Happened != happened {
		v.t.Errorf("state %q, prediction %d came true, want %d: %s", f.State, f.Happened, happened, f.all())
	}
	for _, words := range says {
		if !strings.Contains(f.all(), words) {
			v.t.Errorf("it does not say %q: %s", words, f.all())
		}
	}
	if code := v.visit("POST", "/look", nil); code != http.StatusNotFound {
		v.t.Errorf("after its end the run answers with status %d", code)
	}
}

// broken is openLive on servers with a fault.
func (v *visitor) broken(fault func(http.Handler) http.Handler) *visitor {
	v.t.Helper()
	v.a = newExperiments(v.t, func(cfg *experiment.Config) {
		cfg.WrapHandler = func(_ string, h http.Handler) http.Handler { return fault(h) }
	})
	v.token = tokenOf(v.t, learn(v.a, "10.0.0.1", "POST", "/experiments/"+v.slug+"/run", "prediction=1"))
	return v
}

// cookieless is a server that takes no notice of cookies.
func cookieless(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Cookie")
		h.ServeHTTP(w, r)
	})
}

// Each way in which it can come out, by what a browser sends.
func TestLiveClosing(t *testing.T) {
	both := []string{"with-max-age", "until-close"}
	for _, test := range []struct {
		name     string
		sends    []string
		forged   bool
		happened int
		says     string
	}{
		{"quit", both[:1], false, 2, "Only the cookie with Max-Age came back"},
		{"not quit", both, false, 1, "Both cookies came back"},
		{"private window", nil, false, 3, "Neither cookie came back"},
		{"odd", both[1:], false, 0, "without Max-Age came back"},
		{"forged", both[:1], true, 2, "came, and opens nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := openLive(t, "closes-with-the-browser")
			v.visit("POST", "/cookies", nil)
			if len(v.jar) != 2 {
				t.Fatalf("cookies: %v", v.jar)
			}
			if test.forged {
				v.jar["with-max-age"] = "forged"
			}
			v.visit("POST", "/look", both)
			v.visit("POST", "/look-again", test.sends)
			v.end(test.happened, test.says, "2 records, and a copy of the cookie without Max-Age is still let in")
		})
	}
	openLive(t, "closes-with-the-browser").end(0, "You did not quit the browser and look again")
	v := openLive(t, "closes-with-the-browser")
	v.visit("POST", "/cookies", nil)
	v.visit("POST", "/look", both)
	v.end(0, "You did not quit the browser and look again", "came, and opens its session")
	v = openLive(t, "closes-with-the-browser").broken(cookieless)
	v.visit("POST", "/cookies", nil)
	v.visit("POST", "/look-again", both[:1])
	v.end(0, "The server did not give the two cookies that it should", "came, and opens nothing", "opens nothing")
	v = openLive(t, "closes-with-the-browser").broken(func(h http.Handler) http.Handler { // both labelled
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/expiry" {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader("seconds=60")), int64(len("seconds=60"))
			}
			h.ServeHTTP(w, r)
		})
	})
	v.visit("POST", "/cookies", nil)
	v.visit("POST", "/look-again", both)
	v.end(0, "The server did not give the two cookies that it should")
}

func TestLiveSecure(t *testing.T) {
	name := []string{"secure-session"}
	v := openLive(t, "secure-on-plain-http")
	v.visit("POST", "/set", nil)
	v.visit("POST", "/set", name)
	v.visit("POST", "/set", name)
	v.end(1, "The cookie came back with each of the 2 presses", "1 record")

	v = openLive(t, "secure-on-plain-http")
	for range 3 {
		v.visit("POST", "/set", nil)
	}
	v.end(2, "The cookie never came back", "3 records")

	v = openLive(t, "secure-on-plain-http")
	v.visit("POST", "/set", nil)
	v.end(0, "Press at least twice")

	v = openLive(t, "secure-on-plain-http").broken(cookieless)
	v.visit("POST", "/set", nil)
	v.visit("POST", "/set", name)
	v.end(0, "The cookie came back with 1 of the 1 press after the first, and the server has 2 records")

	v = openLive(t, "secure-on-plain-http").broken(func(h http.Handler) http.Handler { // no Secure
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			for name, values := range rec.Header() {
				for _, value := range values {
					w.Header().Add(name, strings.ReplaceAll(value, "; Secure", ""))
				}
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
		})
	})
	v.visit("POST", "/set", nil)
	v.visit("POST", "/set", name)
	v.end(0, "The server set no cookie with Secure")
}

// Also: what comes from another site is written down and refused all the same.
func TestLiveSameSite(t *testing.T) {
	all := []string{"normal", "lax", "strict"}
	for _, test := range []struct {
		sends    []string
		happened int
		says     string
	}{
		{all, 1, "All three cookies came"},
		{all[:1], 2, "The cookie without SameSite came"},
		{nil, 3, "None of the three cookies came"},
		{all[:2], 0, "normal, lax"},
	} {
		v := openLive(t, "normal-lax-strict")
		v.visit("POST", "/cookies", nil)
		if code := v.visit("POST", "/land?from=site&how=post", test.sends, "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"); code != http.StatusForbidden {
			t.Errorf("status %d, want 403", code)
		}
		if code := v.visit("POST", "/cookies", nil, "Sec-Fetch-Site", "cross-site"); code != http.StatusForbidden {
			t.Errorf("fresh cookies for another site: status %d", code)
		}
		for _, path := range []string{"/land?from=moon&how=post", "/land?from=site&how=get", "/land", "/nothing", "/"} { // nothing of the grid
			if code := v.visit("POST", path, all); code != http.StatusSeeOther {
				t.Errorf("%s: status %d", path, code)
			}
		}
		v.end(test.happened, test.says, "refused (403)", "refused with 403")
	}
	// A form that says so, and that no other site's page submitted, is not counted.
	v := openLive(t, "normal-lax-strict")
	v.visit("POST", "/cookies", nil)
	for _, headers := range [][]string{{}, {"Sec-Fetch-Site", "same-origin", "Origin", origin}} {
		if code := v.visit("POST", "/land?from=site&how=post", all, headers...); code != http.StatusOK {
			t.Errorf("with %q: status %d", headers, code)
		}
	}
	v.end(0, "was not submitted from another site", "not counted: a request said it came from another site; Sec-Fetch-Site says")
}
