package shelf_test

import (
	"net/http"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// visitor is the learner's browser in a test of an experiment that needs one.
type visitor struct {
	t   *testing.T
	run *experiment.Run
	jar map[string]string
}

// openLive starts a run that waits for the browser. fault stands before its private
// servers; it may be nil.
func openLive(t *testing.T, slug string, fault func(http.Handler) http.Handler) *visitor {
	t.Helper()
	r := start(t, slug, "", func(cfg *experiment.Config) {
		if fault != nil {
			cfg.WrapHandler = func(_ string, h http.Handler) http.Handler { return fault(h) }
		}
	})
	return &visitor{t, r, map[string]string{}}
}

// post sends a form below the run's path, with the named cookies of the jar.
func (v *visitor) post(path string, cookies ...string) {
	v.t.Helper()
	visit := experiment.Visit{Method: http.MethodPost, Host: "localhost:8080", Path: path, Cookies: map[string]string{}}
	for _, name := range cookies {
		if value, ok := v.jar[name]; ok {
			visit.Cookies[name] = value
		}
	}
	reply, ok := v.run.Visit(visit)
	if !ok {
		v.t.Fatalf("the run does not answer %s", path)
	}
	for _, line := range reply.SetCookies {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			v.t.Fatal(err)
		}
		if want := v.run.Base(); c.Path != want || !c.HttpOnly {
			v.t.Errorf("%s has the path %q, want %q, HttpOnly %t", c.Name, c.Path, want, c.HttpOnly)
		}
		v.jar[c.Name] = c.Value
	}
}

// end ends the run and checks what it found.
func (v *visitor) end(happened string, says ...string) {
	v.t.Helper()
	v.run.Stop()
	found{v.run.Found()}.want(v.t, happened, says...)
}

// cookieless is a server that takes no notice of cookies.
func cookieless(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Cookie")
		h.ServeHTTP(w, r)
	})
}
