package app

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
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

// A store that can be read and takes no writes does not "not answer": reads go on, a page shows
// the session, a write is refused and says why, and so does /healthz.
func TestStoreThatTakesNoWrites(t *testing.T) {
	t.Parallel()
	full := fmt.Errorf("%w (disk)", session.ErrFull)
	for _, test := range []struct {
		no     session.ReadOnlyError
		status int
		says   string
	}{
		{session.ReadOnlyError{Why: "it is a replica, which only reads", Err: errDown}, 503, "The session store can be read, and takes no writes now: it is a replica, which only reads. Nothing was changed, and your cookie is untouched."},
		{session.ReadOnlyError{Why: "its disk is full", Full: true, Err: errDown}, 503, "The disk of the session store is full: what is stored can be read, and this could not be written."},
		{session.ReadOnlyError{Why: "its disk is full", Full: true, Err: full}, 507, "The disk of the session store is full: what is stored can be read, and this could not be written."},
	} {
		for name, f := range forms {
			var refuses atomic.Bool
			backend := &storetest.Hooked{Backend: memory.New(memory.Config{}), Hook: func(_ context.Context, op string) (before, after error) {
				if refuses.Load() && !slices.Contains([]string{"load", "stats", "peek", "all", "forgotten"}, op) {
					return &test.no, nil
				}
				return nil, nil
			}}
			b := newBrowser(t, newApp(t, func(c *Config) { c.Sessions.Backend = backend }), f)
			b.post("/set", "key", "name", "value", "Rahim").want(200 + 103*map[answerForm]int{formPage: 1}[f])
			refuses.Store(true)
			before := b.cookie()
			a := b.post("/set", "key", "name", "value", "Karim").want(test.status)
			a.wantSaid(name, f, test.status, test.says)
			if a.wantNo("does not answer", "the store is down"); f != formJSON {
				a.want(test.status, `id="key-name"`, "Rahim")
			}
			if a.Header.Get("Retry-After") == "" || b.cookie() != before {
				t.Errorf("%s: headers %v", name, a.Header)
			}
			b.get("/get?key=name").want(200, "Rahim")
			b.get("/healthz").want(503, `"status":"the store can be read, and takes no writes now: `+test.no.Why+`"`)
			refuses.Store(false)
			b.get("/healthz").want(200, `"status":"ok"`)
		}
	}
}

// A full store is a 507 to a new session; the sessions that it has go on.
func TestFullStore(t *testing.T) {
	t.Parallel()
	h := newApp(t, func(c *Config) { c.Sessions.Backend = memory.New(memory.Config{MaxSessions: 1}) })
	first := newBrowser(t, h, formJSON)
	first.get("/healthz").want(200, `"status":"ok"`)
	first.post("/set", "key", "a", "value", "1").want(200)
	first.get("/healthz").want(200, `"status":"the store is full: it takes no new session"`)
	for _, f := range forms {
		b := newBrowser(t, h, f)
		if a := b.post("/set", "key", "a", "value", "1").want(507, "full"); a.Header.Get("Retry-After") == "" || b.cookie() != "" {
			t.Errorf("headers %v", a.Header)
		}
	}
	first.post("/login", "user", "ada").want(200)
	first.post("/logout").want(200)
	first.get("/healthz").want(200, `"status":"ok"`)
	newBrowser(t, h, formJSON).post("/set", "key", "a", "value", "1").want(200)
}
