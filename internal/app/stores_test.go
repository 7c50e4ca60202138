package app

import (
	"sync/atomic"
	"testing"

	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// An outage is a 503 with Retry-After, and never a logout.
func TestStoreDown(t *testing.T) {
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			var down atomic.Bool
			b := newBrowser(t, newApp(t, func(c *Config) { c.Sessions.Backend = failing(&down) }), f)
			b.post("/set", "key", "name", "value", "Rahim")
			before := b.cookie()
			down.Store(true)
			for _, step := range actions {
				a := b.do(step)
				if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s %s: status %d, headers %v", step.method, step.target, a.StatusCode, a.Header)
				}
				a.wantNo("the store is down") // the cause is for the log
			}
			if a := b.get("/healthz"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
				t.Errorf("/healthz: %d", a.StatusCode)
			}
			down.Store(false)
			b.form = formJSON
			if b.cookie() != before || b.get("/get?key=name").json()["found"] != true {
				t.Error("the outage was a logout")
			}
		})
	}
}

// A full store is a 507 to a new session; the sessions that it has go on.
func TestFullStore(t *testing.T) {
	t.Parallel()
	h := newApp(t, func(c *Config) { c.Sessions.Backend = memory.New(memory.Config{MaxSessions: 1}) })
	first := newBrowser(t, h, formJSON)
	first.post("/set", "key", "a", "value", "1").want(200)
	for _, f := range forms {
		b := newBrowser(t, h, f)
		if a := b.post("/set", "key", "a", "value", "1").want(507, "full"); a.Header.Get("Retry-After") == "" || b.cookie() != "" {
			t.Errorf("headers %v", a.Header)
		}
	}
	first.post("/login", "user", "ada").want(200)
	first.post("/logout").want(200)
	newBrowser(t, h, formJSON).post("/set", "key", "a", "value", "1").want(200)
}
