package session_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// If it failed, a visit that only looks would fill the store, or a session would begin
// without a write or without its one cookie (promises 1 and 3 of the engine).
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

// If it failed, an attacker could fix the ID that a victim's session will have (promise 2).
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
				test.want = session.VerdictOK // without a record the two stores cannot be told apart: the secret is the same
			}
			b := &browser{t, e, test.cookie}
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

// If it failed, requests that change nothing would write and move the idle clock, or a
// change inside a nested value would be lost (promise 4).
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

// If it failed, an engine would start with settings under which no session is safe.
func TestNewRefusesBadSettings(t *testing.T) {
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
