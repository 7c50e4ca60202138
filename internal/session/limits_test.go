package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// If it failed, a session would grow past a limit, or a refused write would change something
// or not say which limit it met (promise 11).
func TestLimitsAreTypedAndChangeNothing(t *testing.T) {
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

// If it failed, a cookie would be sent that browsers drop, or a value be refused that fits.
func TestCookieBudgetIsExact(t *testing.T) {
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

// If it failed, a full store would take new sessions, or refuse a login or a logout.
func TestFullStoreRefusesNewSessionsOnly(t *testing.T) {
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

// If it failed, a value would be stored that JSON parsers refuse to read again.
func TestValuesNestedTooDeepAreRefused(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + `"[{\"["` + strings.Repeat("]", n) }
	v, err := session.ParseJSON(nested(session.MaxDepth))
	must(t, err)
	b := newEngine(t, nil).browser(t)
	b.do(func(s *session.Session) { s.SetPlacement(session.OnServer); must(t, s.Set("deep", v)) })
	b.wantKeys("deep")
	for _, n := range []int{session.MaxDepth + 1, 9_999, 10_000, 20_000} {
		input := (*session.InputError)(nil)
		if _, err := session.ParseJSON(nested(n)); !errors.As(err, &input) {
			t.Errorf("depth %d: %v, want an InputError", n, err)
		}
	}
}

// If it failed, a client that ends IDs of placement cookie as fast as it can would fill the
// store with markers, or would make a logout fail: only new IDs may be refused.
func TestIDRoomBoundsMarkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *session.Config) { c.IDRoom = session.NewIDRoom(12, 8*time.Hour) })
		var born []*browser
		for range 6 {
			b := e.browser(t)
			b.born(session.InCookie)
			born = append(born, b)
		}
		beyond := e.browser(t).load()
		beyond.SetPlacement(session.InCookie)
		must(t, beyond.Set("a", "1"))
		if err := beyond.Commit(t.Context()); !errors.Is(err, session.ErrNoID) {
			t.Errorf("a birth in the half for live sessions: %v, want ErrNoID", err)
		}
		for range 6 {
			born[0].do(func(s *session.Session) { s.CycleID() })
		}
		wantFull := func(what string, b *browser, act func(s *session.Session)) {
			t.Helper()
			s := b.load()
			act(s)
			kept := b.cookie
			if err := b.commit(s); !errors.Is(err, session.ErrFull) || b.cookie != kept {
				t.Errorf("%s: %v, want ErrFull", what, err)
			}
		}
		wantFull("a birth", e.browser(t), func(s *session.Session) { s.SetPlacement(session.InCookie); must(t, s.Set("a", "1")) })
		wantFull("a cycle", born[1], func(s *session.Session) { s.CycleID() })
		born[1].wantKeys("big", "name")
		other := e.browser(t)
		other.born(session.Hybrid)
		wantFull("a move", other, func(s *session.Session) { s.SetPlacement(session.InCookie) })
		other.wantKeys("big", "name")
		for _, b := range born {
			b.do(func(s *session.Session) { must(t, s.Flush(t.Context())) })
		}
		if st, err := e.Stats(t.Context()); err != nil || st.Ended != 12 {
			t.Errorf("%+v, %v: want 12 ended", st, err)
		}
		time.Sleep(9 * time.Hour)
		if _, err := e.ClearExpired(t.Context()); err != nil {
			t.Fatal(err)
		}
		e.browser(t).born(session.InCookie) // there is room again
		if st, err := e.Stats(t.Context()); err != nil || st.Ended != 0 {
			t.Errorf("%+v, %v: want none ended", st, err)
		}
	})
}

// If it failed, a client that changes its ID as fast as it can would fill the store with
// markers for late requests. The replaced IDs are dead without them too.
func TestCyclesKeepFewMarkers(t *testing.T) {
	e := newEngine(t, func(c *session.Config) { c.Backend = memory.New(memory.Config{MaxSessions: 20}) })
	b := e.browser(t)
	b.born(session.OnServer)
	for range 50 {
		kept := b.cookie
		b.do(func(s *session.Session) { s.CycleID() })
		old := e.browser(t)
		old.cookie = kept
		old.wantKeys()
	}
	b.wantKeys("big", "name")
	if st, err := e.Stats(t.Context()); err != nil || st.Ended != 20 || st.Live != 1 {
		t.Errorf("%+v, %v: want one live and 20 ended", st, err)
	}
}
