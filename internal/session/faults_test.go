package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// Each of these tests keeps a fault that was found from coming back.

// A value that JSON parsers would refuse to read again is refused before.
func TestDeepValue(t *testing.T) {
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

// A session that expires between load and write is not revived.
func TestExpiresBetweenLoadAndWrite(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		for name, act := range map[string]func(s *session.Session){
			"write": func(s *session.Session) { must(t, s.Set("late", "1")) },
			"cycle": func(s *session.Session) { s.CycleID() },
		} {
			for what, x := range map[string]session.Expiry{"idle": {}, "its own expiry": {After: 5 * time.Second}} {
				b := newEngine(t, nil).browser(t)
				b.born(p)
				b.do(func(s *session.Session) { s.SetExpiry(x) })
				s := b.load()
				act(s)
				time.Sleep(9 * time.Hour)
				if err := b.commit(s); !errors.Is(err, session.ErrGone) || s.SetCookie() != nil {
					t.Errorf("%s after %s: %v, cookie %v", name, what, err, s.SetCookie())
				}
				if s.Exists() || len(s.Keys()) != 0 {
					t.Errorf("%s after %s: the session that is gone is still shown", name, what)
				}
			}
		}
	})
}

// A late answer to a rolling read does not put the old ID over the new cookie.
func TestRollingReadAfterCycle(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, func(c *session.Config) { c.Rolling = true })
		b := e.browser(t)
		b.do(func(s *session.Session) {
			s.SetPlacement(p)
			s.SetExpiry(session.Expiry{After: time.Hour})
			must(t, s.Set("big", val(t, strings.Repeat("x", 300))))
		})
		time.Sleep(2 * time.Minute)
		control := b.load()
		must(t, control.Commit(t.Context()))
		if control.SetCookie() == nil {
			t.Fatal("the control: a rolling read sends no cookie")
		}
		late := b.load()
		time.Sleep(time.Second)
		b.do(func(s *session.Session) { s.CycleID() })
		must(t, late.Commit(t.Context()))
		if late.SetCookie() != nil {
			t.Error("a late read sent a cookie with the old ID")
		}
		b.wantKeys("big")
	})
}

// Nor does it put an empty hybrid cookie over one with values.
func TestRollingReadAfterWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *session.Config) { c.Rolling = true })
		b := e.browser(t)
		b.do(func(s *session.Session) {
			s.SetExpiry(session.Expiry{After: time.Hour})
			must(t, s.Set("big", val(t, strings.Repeat("x", 300))))
		})
		late := b.load()
		time.Sleep(time.Second)
		b.set("small", "x")
		must(t, late.Commit(t.Context()))
		if late.SetCookie() != nil {
			t.Error("a late read sent an older cookie")
		}
	})
}

// Nor does a read that came with the older cookie after the write.
func TestStaleReadSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *session.Config) { c.Rolling = true })
		b := e.browser(t)
		b.do(func(s *session.Session) {
			s.SetExpiry(session.Expiry{After: time.Hour})
			must(t, s.Set("big", val(t, strings.Repeat("x", 300))))
		})
		stale := e.browser(t)
		stale.cookie = b.cookie
		b.set("small", "x")
		time.Sleep(time.Second)
		if s := stale.do(nil); s.SetCookie() != nil {
			t.Error("a stale read sent an older cookie")
		}
	})
}

// Nor does a read re-sign, with a new key, what a newer cookie has replaced.
func TestStaleReadAfterRotation(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		old := newEngine(t, nil)
		b := old.browser(t)
		b.born(p)
		b.do(func(s *session.Session) { s.Clear() }) // no values in the cookie
		b.e = old.withSecrets(t, freshSecret, secret)
		stale := b.e.browser(t)
		stale.cookie = b.cookie
		b.set("small", "x")
		if c := stale.do(nil).SetCookie(); c != nil {
			b.cookie = c.Value
		}
		b.wantKeys("small")
	})
}

// A rolling request that changes nothing does not revive what ran out meanwhile.
func TestRollingRevivesNothing(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		b := newEngine(t, func(c *session.Config) { c.Rolling = true }).browser(t)
		b.born(p)
		b.do(func(s *session.Session) { s.SetExpiry(session.Expiry{After: 61 * time.Second}) })
		time.Sleep(60 * time.Second)
		s := b.load()
		must(t, s.Set("name", val(t, "Rahim"))) // the value it has
		time.Sleep(4 * time.Second)
		must(t, b.commit(s))
		if b.load().Exists() {
			t.Error("the session lives again")
		}
	})
}

// With rolling reads the browser does not drop a session that is in use.
func TestRollingLabel(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		b := newEngine(t, func(c *session.Config) { c.Rolling = true }).browser(t)
		b.born(p)
		s := b.do(func(s *session.Session) { s.SetExpiry(session.Expiry{After: 5 * time.Minute}) })
		drops := time.Now().Add(time.Duration(s.SetCookie().MaxAge) * time.Second)
		for range 5 {
			time.Sleep(2 * time.Minute)
			if !time.Now().Before(drops) {
				t.Fatal("the label ran out while the session was read")
			}
			if s := b.do(nil); !s.Exists() {
				t.Fatal("the session ran out while it was read")
			} else if c := s.SetCookie(); c != nil {
				drops = time.Now().Add(time.Duration(c.MaxAge) * time.Second)
			}
		}
		time.Sleep(5 * time.Minute)
		b.wantKeys()
	})
}

// After ErrGone the same request neither begins another session nor sends a
// cookie of before: it would lie over the new one.
func TestNothingAfterGone(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		s := b.load()
		s.SetExpiry(session.Expiry{After: time.Hour})
		must(t, s.Commit(t.Context()))
		other := e.browser(t)
		other.cookie = s.SetCookie().Value
		other.do(func(s *session.Session) { s.CycleID() })
		for range 2 {
			must(t, s.Set("x", "2"))
			if err := s.Commit(t.Context()); !errors.Is(err, session.ErrGone) || s.SetCookie() != nil {
				t.Errorf("%v, cookie %v; want ErrGone and none", err, s.SetCookie())
			}
		}
		other.wantKeys("big", "name")
	})
}

// Nor does it undo a shorter expiry that was set meanwhile.
func TestRollingReadAfterExpiry(t *testing.T) {
	for _, p := range []session.Placement{session.Hybrid, session.OnServer} {
		t.Run(p.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, func(c *session.Config) { c.Rolling = true })
				b := e.browser(t)
				b.born(p)
				late := b.load()
				time.Sleep(time.Second)
				b.do(func(s *session.Session) { s.SetExpiry(session.Expiry{After: 5 * time.Second}) })
				must(t, late.Commit(t.Context()))
				time.Sleep(5 * time.Second)
				if b.load().Exists() {
					t.Error("the session outlived its own expiry")
				}
			})
		})
	}
}

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

// A flush that meets a cycle does not say that the session is dead while it lives on.
func TestFlushMeetsCycle(t *testing.T) {
	for _, p := range []session.Placement{session.Hybrid, session.OnServer} {
		m := &meddling{Backend: memory.New(memory.Config{})}
		e := newEngine(t, func(c *session.Config) { c.Backend = m })
		b := e.browser(t)
		b.born(p)
		s := b.load()
		other := e.browser(t)
		other.cookie = b.cookie
		m.before = func() { other.do(func(s *session.Session) { s.CycleID() }) }
		if err := s.Flush(t.Context()); !errors.Is(err, session.ErrMoved) || s.SetCookie() != nil {
			t.Errorf("%v: flush says %v, cookie %v; want ErrMoved", p, err, s.SetCookie())
		}
		other.wantKeys("big", "name")
	}
}

// A cycle that meets a write leaves no copy behind, and one that meets a flush none either.
func TestCycleLeavesNoCopy(t *testing.T) {
	m := &meddling{Backend: memory.New(memory.Config{})}
	e := newEngine(t, func(c *session.Config) { c.Backend = m })
	b := e.browser(t)
	b.born(session.OnServer)
	other := e.browser(t)
	other.cookie = b.cookie
	s := b.load()
	s.CycleID()
	m.before = func() { other.set("meanwhile", "x") }
	must(t, b.commit(s))
	b.wantKeys("big", "meanwhile", "name")
	e.wantStats(t, 1, 0)

	s = b.load()
	s.CycleID()
	other.cookie = b.cookie
	m.before = func() { other.do(func(s *session.Session) { must(t, s.Flush(t.Context())) }) }
	if err := b.commit(s); !errors.Is(err, session.ErrGone) {
		t.Errorf("a cycle that met a flush: %v", err)
	}
	e.wantStats(t, 0, 0)
}

// conflicting never saves.
type conflicting struct{ session.Backend }

func (conflicting) Save(context.Context, session.Key, session.Record) (uint64, error) {
	return 0, session.ErrConflict
}

func TestConflictEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *session.Config) { c.Backend = conflicting{memory.New(memory.Config{})} })
		b := e.browser(t)
		b.born(session.Hybrid)
		s := b.load()
		must(t, s.Set("a", "1"))
		begin := time.Now()
		err := b.commit(s)
		if took := time.Since(begin); !errors.Is(err, session.ErrConflict) || took < 2*time.Second || took > 2100*time.Millisecond {
			t.Errorf("after %v: %v, want ErrConflict after 2 s", took, err)
		}
	})
}

// With the placement's limit the key is named even if none was set.
func TestPlacementLimitNamesTheLargest(t *testing.T) {
	b := newEngine(t, nil).browser(t)
	b.do(func(s *session.Session) {
		must(t, s.Set("small", val(t, strings.Repeat("x", 2000))))
		must(t, s.Set("large", val(t, strings.Repeat("x", 5000))))
	})
	s := b.load()
	s.SetPlacement(session.InCookie)
	limit := (*session.LimitError)(nil)
	if err := b.commit(s); !errors.As(err, &limit) || limit.Key != "large" {
		t.Errorf("%v, %+v; want the key large", err, limit)
	}
}

func TestSecondCookieOfOurName(t *testing.T) {
	e := newEngine(t, nil)
	one, two := e.browser(t), e.browser(t)
	one.set("one", "1")
	two.set("two", "2")
	for _, test := range []struct {
		cookies []string
		want    []string
	}{
		{[]string{"junk", one.cookie}, []string{"one"}},
		{[]string{one.cookie, "junk"}, []string{"one"}},
		{[]string{one.cookie, two.cookie}, []string{"one"}},
		{[]string{two.cookie, one.cookie}, []string{"two"}},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for _, c := range test.cookies {
			r.AddCookie(&http.Cookie{Name: "sessionscope", Value: c})
		}
		s, err := e.Load(r)
		must(t, err)
		if diff := cmp.Diff(test.want, s.Keys()); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	e := newEngine(t, func(c *session.Config) { c.Secure, c.CookiePath, c.CookieName = true, "/s/x/", "a" })
	r := httptest.NewRequest("GET", "/", nil)
	s, err := e.Load(r)
	must(t, err)
	must(t, s.Set("k", "1"))
	must(t, s.Commit(t.Context()))
	for _, c := range []*http.Cookie{s.SetCookie(), func() *http.Cookie { must(t, s.Flush(t.Context())); return s.SetCookie() }()} {
		if c.Name != "a" || c.Path != "/s/x/" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %+v", c)
		}
	}
}

// The signature is bound to the purpose, not to the cookie's name, and the
// envelope's deadline decides, not securecookie's own thirty days.
func TestSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *session.Config) { c.Lifetime, c.IdleTimeout = 90*24*time.Hour, 90*24*time.Hour })
		b := e.browser(t)
		b.set("a", "1")
		time.Sleep(60 * 24 * time.Hour)
		b.wantKeys("a")

		named := newEngine(t, func(c *session.Config) {
			c.Backend, c.CookieName, c.Lifetime = e.backend, "other", 90*24*time.Hour
		})
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "other", Value: b.cookie})
		if s, err := named.Load(r); err != nil || !s.Exists() {
			t.Errorf("under another name: %v", err)
		}

		shorter := newEngine(t, func(c *session.Config) { c.Backend, c.Lifetime = e.backend, time.Hour })
		b.e = shorter
		if got := b.load().Info().Verdict; got != session.VerdictExpired {
			t.Errorf("with a shorter lifetime the verdict is %q", got)
		}
	})
}

// Every letter of a cookie counts, also the last, whose spare bits base64 ignores.
func TestLastLetter(t *testing.T) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	e := newEngine(t, nil)
	for _, text := range []string{"R", "Ra", "Rah"} { // one of them leaves spare bits
		b := e.browser(t)
		b.set("name", text)
		whole := b.cookie
		at := len(strings.TrimRight(whole, "=")) - 1
		for _, c := range letters {
			b.cookie = whole[:at] + string(c) + whole[at+1:]
			if opens := b.load().Exists(); opens != (b.cookie == whole) {
				t.Errorf("%q instead of %q: opens %v", c, whole[at], opens)
			}
		}
	}
}

func TestMaxAgeRoundsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newEngine(t, nil).browser(t)
		b.set("a", "1")
		time.Sleep(500 * time.Millisecond)
		if s := b.set("a", "2"); s.SetCookie().MaxAge != 28800 {
			t.Errorf("Max-Age %d half a second later, want 28800", s.SetCookie().MaxAge)
		}
	})
}

func TestAbsoluteCapsIdle(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		b := newEngine(t, nil).browser(t)
		b.born(p)
		for range 4 {
			time.Sleep(2*time.Hour - time.Minute)
			b.set("name", time.Now().String())
		}
		if info := b.do(nil).Info(); !info.Expires.Equal(info.Absolute) || !info.Absolute.Equal(info.Created.Add(8*time.Hour)) {
			t.Errorf("expires %v, absolute end %v", info.Expires, info.Absolute)
		}
	})
}

func TestClearExpiredInSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *session.Config) { c.Backend = memory.New(memory.Config{}) })
		for range 2500 {
			e.browser(t).set("a", "1")
		}
		time.Sleep(3 * time.Hour)
		if n, err := e.ClearExpired(t.Context()); n != 2500 || err != nil {
			t.Errorf("%d cleared, %v; want 2500", n, err)
		}
	})
}

// A write with an old key's cookie signs with the new one, and only then.
func TestWriteSignsWithTheNewKey(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		old := newEngine(t, nil)
		b := old.browser(t)
		b.born(p)
		b.e = old.withSecrets(t, freshSecret, secret)
		b.set("more", "x")
		b.e = old.withSecrets(t, freshSecret)
		b.wantKeys("big", "more", "name")
	})
}

// One request, several acts: the last cookie counts.
func TestOneCookieARequest(t *testing.T) {
	b := newEngine(t, nil).browser(t)
	s := b.load()
	must(t, s.Set("a", "1"))
	must(t, b.commit(s))
	must(t, s.Flush(t.Context()))
	if c := s.SetCookie(); c == nil || c.MaxAge != -1 {
		t.Errorf("after set and flush the cookie is %v", c)
	}
	must(t, s.Set("b", "2"))
	must(t, b.commit(s))
	if c := s.SetCookie(); c == nil || c.MaxAge <= 0 {
		t.Errorf("after flush and set the cookie is %v", c)
	}
	b.wantKeys("b")
}

// What each act tells, in order; and that no event holds the ID.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := e.browser(t)
		id := ""
		act := func(want string, f func(s *session.Session)) {
			t.Helper()
			e.events = nil
			s := b.do(f)
			var kinds []string
			for _, ev := range e.events {
				kinds = append(kinds, string(ev.Kind))
				if id != "" && strings.Contains(fmt.Sprintf("%+v", ev), id) {
					t.Errorf("an event holds the ID: %+v", ev)
				}
				if ev.Time.IsZero() {
					t.Errorf("an event has no time: %+v", ev)
				}
			}
			if got := strings.Join(kinds, " "); got != want {
				t.Errorf("events %q, want %q", got, want)
			}
			if c := s.Info().Cookie; c != nil {
				id = c.Envelope().ID
			}
		}
		act("", nil)
		act("created set placed saved signed", func(s *session.Session) { must(t, s.Set("a", "1")) })
		act("read", nil)
		act("read set placed saved signed", func(s *session.Session) { must(t, s.Set("a", "2")) })
		act("read deleted saved signed", func(s *session.Session) { s.Delete("a") })
		act("read set placed set placed saved signed", func(s *session.Session) { must(t, s.Set("a", "1")); must(t, s.Set("b", "1")) })
		act("read cycled saved signed", func(s *session.Session) { s.CycleID() })
		act("read placed placed saved signed", func(s *session.Session) { s.SetPlacement(session.OnServer) })
		act("read set placed saved", func(s *session.Session) { must(t, s.Set("a", "3")) })
		act("read discarded", func(s *session.Session) { must(t, s.Set("a", "4")); s.Discard(t.Context(), "test") })
		act("read saved signed", func(s *session.Session) { s.SetPlacement(session.Hybrid) })
		kept := b.cookie
		act("read set placed saved signed", func(s *session.Session) { must(t, s.Set("a", "5")) })
		newest := b.cookie
		b.cookie = kept
		act("refused read", nil)
		b.cookie = newest
		act("read cleared saved signed", func(s *session.Session) { s.Clear() })
		act("read flushed", func(s *session.Session) { must(t, s.Flush(t.Context())) })
		b.cookie = newest
		act("refused", nil)
		b.cookie = "junk"
		act("refused", nil)
		b.cookie = ""
		act("created set placed saved signed", func(s *session.Session) { must(t, s.Set("a", "1")) })
		time.Sleep(3 * time.Hour)
		act("expired", nil)
		e.events = nil
		_, err := e.ClearExpired(t.Context())
		must(t, err)
		if len(e.events) != 1 || e.events[0].Kind != session.Swept || e.events[0].Count != 1 {
			t.Errorf("events of the sweeper: %+v", e.events)
		}
	})
}
