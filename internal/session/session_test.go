package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

var secret = []byte("a secret of at least 32 bytes, for tests only")

// engine is an Engine with its memory store, and a record of its events.
type engine struct {
	*session.Engine
	backend session.Backend
	mu      sync.Mutex
	events  []session.Event
}

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

// freshSecret is one that replaces secret.
var freshSecret = []byte(strings.Repeat("a fresh secret ", 3))

// withSecrets is another engine over the same store.
func (e *engine) withSecrets(t *testing.T, secrets ...[]byte) *engine {
	t.Helper()
	return newEngine(t, func(c *session.Config) { c.Secrets, c.Backend = secrets, e.backend })
}

func (e *engine) wantStats(t *testing.T, live, expired int) {
	t.Helper()
	st, err := e.Stats(t.Context())
	if err != nil || st.Live != live || st.Expired != expired {
		t.Fatalf("the store has %+v, %v; want %d live and %d expired", st, err, live, expired)
	}
}

// browser keeps the cookie as a browser does.
type browser struct {
	t      *testing.T
	e      *engine
	cookie string // the value, "" without one
}

func (e *engine) browser(t *testing.T) *browser { return &browser{t: t, e: e} }

// load begins a request.
func (b *browser) load() *session.Session {
	b.t.Helper()
	s, err := b.e.Load(b.request())
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *browser) request() *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "sessionscope", Value: b.cookie})
	}
	return r
}

// commit ends it.
func (b *browser) commit(s *session.Session) error {
	err := s.Commit(b.t.Context())
	if c := s.SetCookie(); c != nil {
		b.cookie = c.Value
	}
	return err
}

// do is one request, which must succeed.
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

// Promises 1 and 3.
func TestReadingNeverCreates(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, func(c *session.Config) { c.Placement = p })
		b := e.browser(t)
		b.do(func(s *session.Session) {
			if _, ok := s.Get("name"); ok || s.Delete("name") {
				t.Error("a key of no session was found")
			}
			s.Clear()
			s.CycleID()
			s.SetExpiry(session.Expiry{After: time.Second})
			s.SetPlacement(session.OnServer)
			must(t, s.Flush(t.Context()))
		})
		if b.cookie != "" {
			t.Fatal("a request without a write set a cookie")
		}
		e.wantStats(t, 0, 0)

		first := b.set("name", "Rahim") // the control: a write does create
		cookie := first.SetCookie()
		if cookie == nil || cookie.MaxAge != 28800 || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Secure {
			t.Fatalf("the first cookie is %+v", cookie)
		}
		if second := b.set("more", "x"); second.ID() != first.ID() {
			t.Errorf("a later write changed the ID from %s to %s", first.ID(), second.ID())
		}
	})
}

// Promise 2.
func TestClientNeverChoosesAnID(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		stranger := newEngine(t, func(c *session.Config) { c.Secrets = [][]byte{[]byte(strings.Repeat("another secret ", 4))} })
		foreign := stranger.browser(t)
		foreign.born(p)
		alike := newEngine(t, nil) // the same secret, another store
		unknown := alike.browser(t)
		unknown.born(p)

		for name, test := range map[string]struct {
			cookie string
			want   session.Verdict
		}{
			"empty":         {"", session.VerdictAbsent},
			"garbled":       {"not-ours", session.VerdictGarbled},
			"foreign key":   {foreign.cookie, session.VerdictForged},
			"unknown":       {unknown.cookie, session.VerdictDead},
			"changed":       {flip(foreign.cookie, 40), session.VerdictForged},
			"script":        {"<script>", session.VerdictGarbled},
			"a bare ID":     {"AAAAAAAAAAAAAAAAAAAAAAAAAA", session.VerdictGarbled},
			"very long one": {strings.Repeat("A", 8000), session.VerdictGarbled},
		} {
			if name == "unknown" && p == session.InCookie {
				test.want = session.VerdictOK // without a record nobody can tell: same secret, same program
			}
			b := e.browser(t)
			b.cookie = test.cookie
			s := b.load()
			if got := s.Info().Verdict; got != test.want {
				t.Errorf("%s: verdict %q, want %q", name, got, test.want)
			}
			if test.want == session.VerdictOK {
				continue
			}
			if len(s.Keys()) != 0 || s.Exists() {
				t.Errorf("%s: the cookie opened something", name)
			}
			must(t, s.Set("a", "1"))
			must(t, b.commit(s))
			if s.ID() == "" || s.ID() == unknown.do(nil).ID() {
				t.Errorf("%s: the new session has the ID %q", name, s.ID())
			}
		}
	})
}

// flip changes one letter of a base64 text.
func flip(text string, at int) string {
	c := byte('A')
	if text[at] == c {
		c = 'B'
	}
	return text[:at] + string(c) + text[at+1:]
}

// Any changed letter is refused: the first, the last, and those between.
func TestChangeOneLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.set("name", "Rahim")
		whole := b.cookie
		b.wantKeys("name") // the control
		for i := range whole {
			b.cookie = flip(whole, i)
			if s := b.load(); s.Exists() {
				t.Fatalf("letter %d of %d changed, and the cookie still opens", i, len(whole))
			}
		}
	})
}

// Promise 4.
func TestNoChangeIsNoWrite(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		nested := func(text string) session.Value {
			v, err := session.ParseJSON(text)
			must(t, err)
			return v
		}
		b.do(func(s *session.Session) { must(t, s.Set("n", nested(`{"a":[1,{"b":2}]}`))) })
		version := b.do(nil).Info().Version
		for name, act := range map[string]func(*session.Session){
			"delete of a missing key": func(s *session.Session) { s.Delete("nope") },
			"the value it has":        func(s *session.Session) { must(t, s.Set("name", val(t, "Rahim"))) },
			"the same, other spacing": func(s *session.Session) { must(t, s.Set("n", nested("{ \"a\": [1, {\"b\":2}] }"))) },
			"there and back":          func(s *session.Session) { must(t, s.Set("x", "1")); s.Delete("x") },
		} {
			s := b.do(act)
			if s.SetCookie() != nil || s.Info().Version != version {
				t.Errorf("%s: cookie %v, version %d; want no write", name, s.SetCookie(), s.Info().Version)
			}
		}
		s := b.do(func(s *session.Session) { must(t, s.Set("n", nested(`{"a":[1,{"b":3}]}`))) })
		if s.Info().Version != version+1 {
			t.Error("a change inside a nested value was no write")
		}
	})
}

// Promise 5.
func TestClearAndFlush(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		id := b.born(p).ID()
		old := e.browser(t)
		old.cookie = b.cookie

		s := b.do(func(s *session.Session) { s.Clear() })
		if s.ID() != id || !s.Exists() {
			t.Errorf("clear changed the ID from %s to %s", id, s.ID())
		}
		b.wantKeys()
		if p != session.InCookie { // nothing could tell an older cookie there
			old.wantKeys()
		}

		b.set("name", "again")
		old.cookie = b.cookie
		old.wantKeys("name") // the control: the copy does open the session
		s = b.do(func(s *session.Session) { must(t, s.Flush(t.Context())) })
		c := s.SetCookie()
		if c == nil || c.Value != "" || c.MaxAge != -1 || c.Path != "/" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("flush sends %+v", c)
		}
		e.wantStats(t, 0, 0)
		old.wantKeys()
		if got := old.load().Info().Verdict; got != session.VerdictDead {
			t.Errorf("the kept cookie's verdict is %q", got)
		}
		reborn := old.set("name", "new")
		if reborn.ID() == id {
			t.Error("a flushed ID came back")
		}
		if diff := cmp.Diff([]string{"name"}, reborn.Keys()); diff != "" {
			t.Errorf("the new session's keys (-want +got):\n%s", diff)
		}
	})
}

// Promise 5: a flush is done when it was called, whatever comes after it.
func TestFlushActsWhenCalled(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		must(t, b.load().Flush(t.Context())) // and the page fails: no commit
		b.wantKeys()
	})
}

// Promise 6.
func TestCycle(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		was := b.do(nil).Info()
		old := e.browser(t)
		old.cookie = b.cookie
		time.Sleep(time.Hour)
		s := b.do(func(s *session.Session) { s.CycleID() })
		is := s.Info()
		if is.ID == was.ID || s.IDBefore() != was.ID {
			t.Errorf("ID %s after %s, said to be after %q", is.ID, was.ID, s.IDBefore())
		}
		if !is.Absolute.Equal(was.Absolute) || s.SetCookie().MaxAge != 7*3600 {
			t.Errorf("the absolute end moved from %v to %v, Max-Age %d", was.Absolute, is.Absolute, s.SetCookie().MaxAge)
		}
		b.wantKeys("big", "name")
		if p != session.InCookie {
			e.wantStats(t, 1, 0)
		}

		// For 30 s the old ID reads empty, sets no cookie, and a write is refused.
		time.Sleep(29 * time.Second)
		old.wantKeys()
		late := old.load()
		must(t, late.Set("a", "1"))
		if err := old.commit(late); !errors.Is(err, session.ErrMoved) || late.SetCookie() != nil {
			t.Errorf("a write with the old ID: %v, cookie %v", err, late.SetCookie())
		}
		if err := old.load().Flush(t.Context()); !errors.Is(err, session.ErrMoved) {
			t.Errorf("a flush with the old ID: %v", err)
		}
		time.Sleep(2 * time.Second) // then it is only dead
		old.wantKeys()
		if reborn := old.set("a", "1"); reborn.ID() == was.ID || reborn.ID() == is.ID {
			t.Error("the old ID came back")
		}
		b.wantKeys("big", "name")
	})
}

// Promise 6: what was acknowledged before the cycle is in it.
func TestCycleLosesNoWrite(t *testing.T) {
	for _, p := range []session.Placement{session.Hybrid, session.OnServer} {
		t.Run(p.String(), func(t *testing.T) {
			e := newEngine(t, nil)
			b := e.browser(t)
			b.born(p)
			cycling := b.load()
			cycling.CycleID()
			other := e.browser(t)
			other.cookie = b.cookie
			other.set("meanwhile", strings.Repeat("y", 300))
			must(t, b.commit(cycling))
			b.wantKeys("big", "meanwhile", "name")
		})
	}
}

// Promise 7.
func TestClocks(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		time.Sleep(2*time.Hour - time.Millisecond)
		b.wantKeys("big", "name") // reading does not move the idle clock
		time.Sleep(time.Millisecond)
		b.wantKeys()
		if got := b.load().Info().Verdict; got != session.VerdictExpired {
			t.Errorf("verdict %q, want expired", got)
		}

		b.born(p)
		for range 4 { // writing moves it, up to the absolute end
			time.Sleep(2*time.Hour - time.Minute)
			b.set("name", time.Now().String())
		}
		time.Sleep(4*time.Minute - time.Millisecond)
		b.wantKeys("big", "name")
		time.Sleep(time.Millisecond)
		b.wantKeys()
	})
}

func TestRolling(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, func(c *session.Config) { c.Rolling = true })
		b := e.browser(t)
		b.born(p)
		version := b.do(nil).Info().Version
		for range 3 {
			time.Sleep(2*time.Hour - time.Minute)
			s := b.do(nil) // a read
			if !s.Exists() || s.Info().Version != version {
				t.Fatalf("after a rolling read: %+v", s.Info())
			}
			if sent := s.SetCookie() != nil; sent != (p == session.InCookie) {
				t.Errorf("cookie sent: %v", sent)
			}
		}
		end := b.do(nil).Info().Expires
		time.Sleep(59 * time.Second) // within a minute nothing is signed again, but a record's clock moves
		s := b.do(nil)
		if moved := s.Info().Expires.After(end); s.SetCookie() != nil || moved != (p != session.InCookie) {
			t.Errorf("after 59 s: cookie %v, clock moved %v", s.SetCookie(), moved)
		}
		time.Sleep(2 * time.Hour)
		b.wantKeys()
	})
}

func TestOwnExpiry(t *testing.T) {
	expire := func(b *browser, x session.Expiry) *session.Session {
		return b.do(func(s *session.Session) { s.SetExpiry(x) })
	}
	for name, test := range map[string]func(t *testing.T, b *browser, p session.Placement){
		"seconds": func(t *testing.T, b *browser, p session.Placement) {
			s := expire(b, session.Expiry{After: 5 * time.Second})
			if s.SetCookie().MaxAge != 5 {
				t.Errorf("Max-Age %d, want 5", s.SetCookie().MaxAge)
			}
			time.Sleep(4 * time.Second)
			s = b.set("more", "x") // each write starts it again
			if s.SetCookie().MaxAge != 5 {
				t.Errorf("after a write Max-Age is %d, want 5", s.SetCookie().MaxAge)
			}
			time.Sleep(5*time.Second - time.Millisecond)
			b.wantKeys("big", "more", "name")
			time.Sleep(time.Millisecond)
			b.wantKeys()
		},
		"longer than the absolute lifetime": func(t *testing.T, b *browser, p session.Placement) {
			if s := expire(b, session.Expiry{After: 100 * time.Hour}); s.SetCookie().MaxAge != 8*3600 {
				t.Errorf("Max-Age %d, want what is left of the lifetime", s.SetCookie().MaxAge)
			}
		},
		"instant": func(t *testing.T, b *browser, p session.Placement) {
			s := expire(b, session.Expiry{At: time.Now().Add(time.Minute)})
			if s.SetCookie().MaxAge != 60 {
				t.Errorf("Max-Age %d, want 60", s.SetCookie().MaxAge)
			}
			time.Sleep(59 * time.Second)
			b.set("more", "x") // does not move it
			time.Sleep(time.Second)
			b.wantKeys()
		},
		"browser close, and back to the policy": func(t *testing.T, b *browser, p session.Placement) {
			s := expire(b, session.Expiry{BrowserClose: true})
			if s.SetCookie().MaxAge != 0 || !s.Info().BrowserClose {
				t.Errorf("Max-Age %d, %+v", s.SetCookie().MaxAge, s.Info())
			}
			if s := b.set("more", "x"); p != session.OnServer && s.SetCookie().MaxAge != 0 {
				t.Errorf("after a write Max-Age is %d", s.SetCookie().MaxAge)
			}
			if s := expire(b, session.Expiry{}); s.SetCookie().MaxAge != 8*3600 || s.Info().BrowserClose {
				t.Errorf("back to the policy: Max-Age %d", s.SetCookie().MaxAge)
			}
		},
		"past": func(t *testing.T, b *browser, p session.Placement) {
			kept := b.cookie
			s := expire(b, session.Expiry{After: -time.Second})
			if s.Exists() || s.SetCookie().MaxAge != -1 {
				t.Errorf("exists %v, Max-Age %d", s.Exists(), s.SetCookie().MaxAge)
			}
			b.cookie = kept
			b.wantKeys()
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachPlacement(t, func(t *testing.T, p session.Placement) {
				b := newEngine(t, nil).browser(t)
				b.born(p)
				test(t, b, p)
			})
		})
	}
}

// Promise 8.
func TestExpiredIsNotCleared(t *testing.T) {
	for _, p := range []session.Placement{session.Hybrid, session.OnServer} {
		t.Run(p.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, nil)
				b, other := e.browser(t), e.browser(t)
				id := b.born(p).ID()
				time.Sleep(time.Hour)
				other.born(p)
				time.Sleep(time.Hour)
				b.wantKeys()
				e.wantStats(t, 1, 1)
				if again := b.set("a", "1"); again.ID() == id {
					t.Error("an expired ID was used again")
				}
				n, err := e.ClearExpired(t.Context())
				if n != 1 || err != nil {
					t.Errorf("cleared %d, %v; want 1", n, err)
				}
				e.wantStats(t, 2, 0)
				other.wantKeys("big", "name")
			})
		})
	}
}

func TestSweeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		time.Sleep(time.Minute) // not in step with the sweeper
		e.browser(t).born(session.Hybrid)
		time.Sleep(2 * time.Hour)
		e.wantStats(t, 0, 1)
		time.Sleep(10 * time.Minute)
		e.wantStats(t, 0, 0)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// Promise 9.
func TestWriteRevivesNothing(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		for name, end := range map[string]func(s *session.Session){
			"flush": func(s *session.Session) { must(t, s.Flush(t.Context())) },
			"cycle": func(s *session.Session) { s.CycleID() },
		} {
			b := e.browser(t)
			b.born(p)
			slow := b.load()
			must(t, slow.Set("late", "1"))
			ending := e.browser(t)
			ending.cookie = b.cookie
			ending.do(end)
			if err := slow.Commit(t.Context()); !errors.Is(err, session.ErrGone) || slow.SetCookie() != nil {
				t.Errorf("%s: the slow write got %v, cookie %v", name, err, slow.SetCookie())
			}
			if _, ok := slow.Get("late"); ok {
				t.Errorf("%s: the refused change is still staged", name)
			}
		}
	})
}

func TestParallelWrites(t *testing.T) {
	for _, p := range []session.Placement{session.Hybrid, session.OnServer} {
		t.Run(p.String(), func(t *testing.T) {
			e := newEngine(t, nil)
			b := e.browser(t)
			b.do(func(s *session.Session) {
				s.SetPlacement(p)
				must(t, s.Set("counter", session.Value(`["`+strings.Repeat("-", 300)+`",0]`))) // large: on the server
			})
			var wg sync.WaitGroup
			for n := range 50 {
				wg.Go(func() {
					one := e.browser(t)
					one.cookie = b.cookie
					s := one.load()
					must(t, s.Update("counter", func(old session.Value, ok bool) session.Value {
						list := old.Any().([]any)
						var count int
						fmt.Sscan(fmt.Sprint(list[1]), &count)
						return session.Value(fmt.Sprintf(`["%s",%d]`, list[0], count+1))
					}))
					must(t, s.Set(fmt.Sprint("key", n), val(t, strings.Repeat("x", 300))))
					if err := s.Commit(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			s := b.do(nil)
			v, _ := s.Get("counter")
			if got := fmt.Sprint(v.Any().([]any)[1]); got != "50" || len(s.Keys()) != 51 {
				t.Errorf("counter %s with %d keys, want 50 with 51", got, len(s.Keys()))
			}
		})
	}
}

// Cookie-held values are last-writer-wins, and the engine says when a cookie is stale.
func TestStaleCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.set("name", "first")
		old := e.browser(t)
		old.cookie = b.cookie
		b.set("name", "second")
		if got := b.load().Info().Verdict; got != session.VerdictOK {
			t.Errorf("the newest cookie is %q", got)
		}
		s := old.load()
		if v, _ := s.Get("name"); s.Info().Verdict != session.VerdictStale || v != `"first"` {
			t.Errorf("verdict %q, value %s", s.Info().Verdict, v)
		}
		old.set("name", "third") // not refused
		if got := old.load().Info().Verdict; got != session.VerdictOK {
			t.Errorf("after a write the cookie is %q", got)
		}
	})
}

// Promise 11.
func TestLimits(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		for _, test := range []struct {
			name    string
			act     func(s *session.Session) error
			limit   session.Limit
			cookies session.Limit // with InCookie the cookie's limit is met first, if not ""
			key     string
		}{
			{"value", func(s *session.Session) error {
				return s.Set("v", val(t, strings.Repeat("x", session.MaxValueBytes-1)))
			}, session.LimitValue, session.LimitValue, "v"},
			{"updated value", func(s *session.Session) error {
				return s.Update("v", func(session.Value, bool) session.Value { return val(t, strings.Repeat("x", session.MaxValueBytes-1)) })
			}, session.LimitValue, session.LimitValue, "v"},
			{"keys", func(s *session.Session) error {
				for n := range session.MaxKeys {
					must(t, s.Set(fmt.Sprintf("k%03d", n), "1"))
				}
				return nil
			}, session.LimitKeys, session.LimitKeys, "k255"},
			{"session", func(s *session.Session) error {
				for n := range 4 {
					must(t, s.Set(fmt.Sprint("v", n), val(t, strings.Repeat("x", session.MaxValueBytes-2))))
				}
				return nil
			}, session.LimitSession, session.LimitSession, "v3"},
			{"cookie", func(s *session.Session) error {
				return s.Set("v", val(t, strings.Repeat("x", 2300)))
			}, "", session.LimitCookie, "v"},
		} {
			want := test.limit
			if p == session.InCookie {
				want = test.cookies
			}
			e := newEngine(t, nil)
			b := e.browser(t)
			b.do(func(s *session.Session) { s.SetPlacement(p); must(t, s.Set("name", val(t, "Rahim"))) })
			before := b.cookie
			s := b.load()
			err := test.act(s)
			if err == nil {
				err = b.commit(s)
			}
			if want == "" {
				if err != nil {
					t.Errorf("%s: %v", test.name, err)
				}
				continue
			}
			limit := (*session.LimitError)(nil)
			if !errors.As(err, &limit) || limit.Limit != want || limit.Key != test.key || limit.Size <= limit.Max {
				t.Errorf("%s: error %v (%+v), want the limit %q at key %q", test.name, err, limit, want, test.key)
			}
			if b.cookie != before {
				t.Errorf("%s: a refused write sent a cookie", test.name)
			}
			b.wantKeys("name")
		}
	})
}

// The cookie's budget is exact: the largest that fits, and one byte more.
func TestCookieBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *session.Config) { c.Placement = session.InCookie })
		if got := e.EnvelopeBudget(); got != 2262 {
			t.Errorf("budget %d, want 2262", got)
		}
		largest, over := 0, 0
		for n := 2100; n < 2300; n++ {
			b := e.browser(t)
			s := b.load()
			must(t, s.Set("v", val(t, strings.Repeat("x", n))))
			err := b.commit(s)
			limit := (*session.LimitError)(nil)
			switch {
			case err == nil:
				largest = n
				if size := len("sessionscope") + len(b.cookie); size > session.MaxCookieBytes {
					t.Fatalf("a cookie of %d bytes was sent", size)
				}
				if got := s.Info().Cookie.Envelope().Bytes; got > 2262 {
					t.Fatalf("an envelope of %d bytes", got)
				}
			case errors.As(err, &limit):
				if over == 0 {
					over = n
				}
				if limit.Size <= session.MaxCookieBytes {
					t.Fatalf("refused at %d bytes", limit.Size)
				}
			}
		}
		if over != largest+1 {
			t.Errorf("%d letters fit, %d do not: the limit is not one line", largest, over)
		}
	})
}

// Hybrid: where values go, and that what moved to the server stays there.
func TestHybrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := e.browser(t)
		lives := func(key string) string {
			for _, item := range b.do(nil).Info().Values {
				if item.Key == key {
					return item.Lives
				}
			}
			return "nowhere"
		}
		want := func(key, place string) {
			t.Helper()
			if got := lives(key); got != place {
				t.Errorf("%s lives in %q, want %q", key, got, place)
			}
		}
		b.set("edge", strings.Repeat("x", 254)) // 256 encoded bytes
		b.set("over", strings.Repeat("x", 255))
		want("edge", "cookie")
		want("over", "server")
		b.set("over", "small")
		want("over", "server") // moving back could lose it with one lost response
		b.do(func(s *session.Session) { s.Delete("over") })
		b.set("over", "small")
		want("over", "cookie")
		b.do(func(s *session.Session) { s.Delete("edge") })
		for n := range 12 { // 12 × 200 bytes do not fit into one cookie: the largest move
			b.set(fmt.Sprint("k", n), strings.Repeat("x", 180+n))
		}
		want("over", "cookie")
		want("k0", "cookie")
		moved := 0
		for n := range 12 {
			if lives(fmt.Sprint("k", n)) == "server" {
				moved++
			}
		}
		if moved == 0 || len(b.cookie)+12 > 4096 {
			t.Errorf("%d values moved, the cookie has %d bytes", moved, len(b.cookie)+12)
		}
		if got := len(b.do(nil).Keys()); got != 13 {
			t.Errorf("%d keys, want 13", got)
		}
	})
}

func TestPlacementMoves(t *testing.T) {
	for _, from := range placements {
		for _, to := range placements {
			t.Run(from.String()+" to "+to.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEngine(t, nil)
					b := e.browser(t)
					was := b.born(from).Info()
					kept := e.browser(t)
					kept.cookie = b.cookie
					time.Sleep(time.Hour)
					s := b.do(func(s *session.Session) { s.SetPlacement(to) })
					is := s.Info()
					if is.Placement != to || !is.Absolute.Equal(was.Absolute) {
						t.Fatalf("now %v until %v, want %v until %v", is.Placement, is.Absolute, to, was.Absolute)
					}
					b.wantKeys("big", "name")
					for _, item := range b.do(nil).Info().Values {
						want := "cookie"
						if to == session.OnServer || to == session.Hybrid && (item.Key == "big" || from == session.OnServer) {
							want = "server"
						}
						if item.Lives != want {
							t.Errorf("%s lives in %q, want %q", item.Key, item.Lives, want)
						}
					}
					records := 1
					if to == session.InCookie {
						records = 0
					}
					e.wantStats(t, records, 0)

					// After a flush no cookie of before or after opens anything.
					b.do(func(s *session.Session) { must(t, s.Flush(t.Context())) })
					time.Sleep(time.Minute)
					kept.wantKeys()
				})
			})
		}
	}
}

// A value deleted after the move to the server does not come back with an old cookie.
func TestOldCookieAfterMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.set("name", "Rahim")
		kept := e.browser(t)
		kept.cookie = b.cookie
		b.do(func(s *session.Session) { s.SetPlacement(session.OnServer) })
		b.do(func(s *session.Session) { s.Delete("name") })
		b.set("other", "x")
		kept.wantKeys("other")
		b.do(func(s *session.Session) { s.SetPlacement(session.Hybrid) })
		kept.wantKeys("other") // it lies on the server, also for hybrid
		if s := kept.load(); s.Info().Verdict != session.VerdictStale {
			t.Errorf("the old cookie is %q", s.Info().Verdict)
		}
		b.wantKeys("other")
	})
}

func TestFullStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *session.Config) { c.Backend = memory.New(memory.Config{MaxSessions: 1}) })
		b, late := e.browser(t), e.browser(t)
		b.born(session.Hybrid)
		s := late.load()
		must(t, s.Set("a", "1"))
		if err := late.commit(s); !errors.Is(err, session.ErrFull) || late.cookie != "" {
			t.Fatalf("a new session in a full store: %v", err)
		}
		b.do(func(s *session.Session) { s.CycleID() }) // neither login
		b.do(func(s *session.Session) { must(t, s.Flush(t.Context())) })
		late.set("a", "1")
		inCookie := e.browser(t) // needs no record
		inCookie.born(session.InCookie)
		inCookie.do(func(s *session.Session) { must(t, s.Flush(t.Context())) }) // nor logout is refused
	})
}

// failing is a backend that answers nothing.
type failing struct{ session.Backend }

var errDown = errors.New("down")

func (failing) Load(context.Context, session.Key) (session.Record, error) {
	return session.Record{}, errDown
}

func (failing) Create(context.Context, session.Key, session.Record) error { return errDown }

// Promise 12.
func TestStoreDown(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		down := newEngine(t, func(c *session.Config) { c.Backend = failing{e.backend} })
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "sessionscope", Value: b.cookie})
		store := (*session.StoreError)(nil)
		if _, err := down.Load(r); !errors.As(err, &store) || !errors.Is(err, errDown) {
			t.Errorf("load: %v, want a StoreError", err)
		}
		if p != session.InCookie {
			s, err := down.Load(httptest.NewRequest("GET", "/", nil))
			must(t, err)
			s.SetPlacement(p)
			must(t, s.Set("a", "1"))
			if err := s.Commit(t.Context()); !errors.As(err, &store) || s.SetCookie() != nil {
				t.Errorf("commit: %v, cookie %v", err, s.SetCookie())
			}
		}
	})
}

func TestCorruptRecord(t *testing.T) {
	for _, data := range []string{"", "{", "null", `{"placement":"hybrid","values":[]}`, `{"placement":"cookie","values":{}}`, `{"values":{}}`, `{"placement":"hybrid","expiry":"soon","values":{}}`} {
		var log strings.Builder
		e := newEngine(t, func(c *session.Config) { c.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
		b := e.browser(t)
		id := b.born(session.Hybrid).ID()
		for entry, err := range e.backend.All(t.Context()) {
			must(t, err)
			entry.Data = data
			_, err = e.backend.Save(t.Context(), entry.Key, entry.Record)
			must(t, err)
		}
		b.wantKeys()
		if again := b.set("a", "1"); again.ID() == id {
			t.Errorf("%q: the corrupt record's ID is used again", data)
		}
		b.wantKeys("a")
		if !strings.Contains(log.String(), `"level":"WARN"`) || !strings.Contains(log.String(), `"session":"`+id+`"`) {
			t.Errorf("%q: the log does not name session %s: %s", data, id, &log)
		}
	}
}

// Promise 13: the ID stands in the cookie and nowhere else.
func TestIDStaysInTheCookie(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		b.do(func(s *session.Session) { s.CycleID() })
		s := b.do(nil)
		id := s.Info().Cookie.Envelope().ID
		if raw, _ := base64.URLEncoding.DecodeString(b.cookie); len(id) != 26 || len(raw) == 0 {
			t.Fatalf("ID %q", id)
		}
		info := s.Info()
		info.Cookie = nil
		seen := fmt.Sprintf("%+v %s", info, info.Record)
		for entry := range e.backend.All(t.Context()) {
			seen += fmt.Sprintf("%+v %s", entry, entry.Data)
		}
		seen += fmt.Sprintf("%+v", e.events)
		if strings.Contains(seen, id) {
			t.Error("the ID is seen outside the cookie")
		}
		if !strings.Contains(seen, session.KeyOf(id).Name().String()) {
			t.Error("the control: its short name is not seen either")
		}
	})
}

// Promise 14.
func TestSecretsRotate(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		old := newEngine(t, nil)
		b := old.browser(t)
		b.born(p)
		b.e = old.withSecrets(t, freshSecret, secret)
		s := b.do(nil)
		if got := s.Info().Cookie; p != session.OnServer && got.Key != 2 || got.Keys != 2 {
			t.Errorf("verified by key %d of %d", got.Key, got.Keys)
		}
		if sent := s.SetCookie() != nil; sent != (p == session.OnServer) {
			t.Errorf("a read re-sent the cookie: %v", sent)
		}
		b.set("more", "x")
		b.e = old.withSecrets(t, freshSecret)
		b.wantKeys("big", "more", "name")
	})
}

func TestConfigIsChecked(t *testing.T) {
	good := session.Config{Backend: memory.New(memory.Config{MaxSessions: 1}), Secrets: [][]byte{secret}, CookieName: "a"}
	if _, err := session.New(good); err != nil {
		t.Fatal(err) // the control
	}
	for name, change := range map[string]func(*session.Config){
		"no backend":      func(c *session.Config) { c.Backend = nil },
		"no secret":       func(c *session.Config) { c.Secrets = nil },
		"empty secret":    func(c *session.Config) { c.Secrets = [][]byte{nil} },
		"short secret":    func(c *session.Config) { c.Secrets = [][]byte{secret, secret[:31]} },
		"no cookie name":  func(c *session.Config) { c.CookieName = "" },
		"bad cookie name": func(c *session.Config) { c.CookieName = "a;b" },
		"short lifetime":  func(c *session.Config) { c.Lifetime = time.Millisecond },
		"negative idle":   func(c *session.Config) { c.IdleTimeout = -time.Hour },
	} {
		cfg := good
		change(&cfg)
		if _, err := session.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
