package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

var placements = []session.Placement{session.InCookie, session.Hybrid, session.OnServer}

// eachPlacement runs test for every placement, each on a fake clock of its own.
func eachPlacement(t *testing.T, test func(t *testing.T, p session.Placement)) {
	for _, p := range placements {
		t.Run(p.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, p) })
		})
	}
}

// secret signs the cookies of all engines that a test does not give another.
var secret = []byte("a secret of at least 32 bytes, for tests only")

// engine is an Engine with its memory store, and a record of its events.
type engine struct {
	*session.Engine
	backend session.Backend
	mu      sync.Mutex
	events  []session.Event
}

// newEngine returns an engine over a memory store with room for 100 sessions, with the
// settings that change makes of the default ones.
func newEngine(t *testing.T, change func(*session.Config)) *engine {
	t.Helper()
	e := &engine{backend: memory.New(memory.Config{MaxSessions: 100})}
	cfg := session.Config{
		Backend: e.backend, Secrets: [][]byte{secret}, CookieName: "sessionscope",
		OnEvent: func(_ context.Context, ev session.Event) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.events = append(e.events, ev)
		},
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if e.Engine, err = session.New(cfg); err != nil {
		t.Fatal(err)
	}
	return e
}

// freshSecret is a secret that replaces secret.
var freshSecret = []byte(strings.Repeat("a fresh secret ", 3))

// withSecrets returns another engine over the same store, with these secrets.
func (e *engine) withSecrets(t *testing.T, secrets ...[]byte) *engine {
	t.Helper()
	return newEngine(t, func(c *session.Config) { c.Secrets, c.Backend = secrets, e.backend })
}

// wantStats checks how many sessions the store has.
func (e *engine) wantStats(t *testing.T, live, expired int) {
	t.Helper()
	st, err := e.Stats(t.Context())
	if err != nil || st.Live != live || st.Expired != expired {
		t.Fatalf("the store has %+v, %v; want %d live and %d expired", st, err, live, expired)
	}
}

// browser is a browser that keeps the session cookie.
type browser struct {
	t      *testing.T
	e      *engine
	cookie string // the value, "" without one
}

// browser returns a new browser, without a cookie.
func (e *engine) browser(t *testing.T) *browser { return &browser{t: t, e: e} }

// twin returns another tab of the same browser, or a copy of its cookie somewhere else: it
// keeps the cookie that b has now.
func (b *browser) twin() *browser { return &browser{b.t, b.e, b.cookie} }

// load begins a request with the browser's cookie.
func (b *browser) load() *session.Session {
	b.t.Helper()
	s, err := b.e.Load(b.request())
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// request returns a request with the browser's cookie.
func (b *browser) request() *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "sessionscope", Value: b.cookie})
	}
	return r
}

// commit ends the request of s and keeps the cookie.
func (b *browser) commit(s *session.Session) error {
	err := s.Commit(b.t.Context())
	if c := s.SetCookie(); c != nil {
		b.cookie = c.Value
	}
	return err
}

// do is one request that does act, if it is not nil, and commits. It must succeed.
func (b *browser) do(act func(s *session.Session)) *session.Session {
	b.t.Helper()
	s := b.load()
	if act != nil {
		act(s)
	}
	if err := b.commit(s); err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *browser) set(key, text string) *session.Session {
	b.t.Helper()
	return b.do(func(s *session.Session) { must(b.t, s.Set(key, val(b.t, text))) })
}

// born gives b a session in that placement, with a small value and a large one.
func (b *browser) born(p session.Placement) *session.Session {
	b.t.Helper()
	return b.do(func(s *session.Session) {
		s.SetPlacement(p)
		must(b.t, s.Set("name", val(b.t, "Rahim")))
		must(b.t, s.Set("big", val(b.t, strings.Repeat("x", 300))))
	})
}

// wantKeys checks what a new request sees, and that looking sent no cookie.
func (b *browser) wantKeys(want ...string) {
	b.t.Helper()
	s := b.do(nil)
	if diff := cmp.Diff(want, s.Keys()); diff != "" {
		b.t.Fatalf("keys (-want +got):\n%s", diff)
	}
	if s.SetCookie() != nil {
		b.t.Fatal("a read sent a cookie")
	}
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Fatal(...any)
}

func must(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func val(t tester, text string) session.Value {
	t.Helper()
	v, err := session.Text(text)
	must(t, err)
	return v
}

// failing is a backend that answers nothing.
type failing struct{ session.Backend }

var errDown = errors.New("down")

func (failing) Load(context.Context, session.Key) (session.Record, error) {
	return session.Record{}, errDown
}

func (failing) Create(context.Context, session.Key, session.Record) error { return errDown }

// meddling calls before once, ahead of the next Delete or Save.
type meddling struct {
	session.Backend
	before func()
}

func (m *meddling) meddle() {
	if f := m.before; f != nil {
		m.before = nil
		f()
	}
}

func (m *meddling) Delete(ctx context.Context, k session.Key) error {
	m.meddle()
	return m.Backend.Delete(ctx, k)
}

func (m *meddling) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	m.meddle()
	return m.Backend.Save(ctx, k, r)
}
