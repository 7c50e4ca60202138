package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it failed, a session would outlive its idle timeout or its absolute lifetime, or end
// before (promise 7).
func TestIdleAndAbsoluteClocks(t *testing.T) {
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

// If it failed, a session's own expiry would not end it, or Max-Age would say another time
// (promise 7).
func TestOwnExpiryEndsTheSessionAndSetsMaxAge(t *testing.T) {
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

// If it failed, a session that expires between load and write would live again.
func TestWriteAfterExpiryRevivesNothing(t *testing.T) {
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

// If it failed, a session in use would outlive its absolute lifetime.
func TestAbsoluteEndCapsTheIdleClock(t *testing.T) {
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

// If it failed, a copy of the cookie would open the session after an expiry that another
// request set, which may not have known of the copy's.
func TestNoCopyOutlivesAnExpiryThatWasSet(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		first := b.cookie
		late := b.load()
		b.do(func(s *session.Session) { s.SetExpiry(session.Expiry{After: 20 * time.Hour}) })
		longest := b.cookie
		late.SetExpiry(session.Expiry{After: 3 * time.Hour}) // longer than what it knows
		must(t, b.commit(late))
		b.do(func(s *session.Session) { s.SetExpiry(session.Expiry{After: 2 * time.Second}) })
		b.wantKeys("big", "name")
		time.Sleep(3 * time.Second)
		for name, cookie := range map[string]string{"first": first, "longest": longest, "browser's own": b.cookie} {
			seen := e.browser(t)
			seen.cookie = cookie
			s := seen.load()
			if s.Exists() {
				t.Errorf("the %s cookie opens the session", name)
			}
			must(t, s.Set("late", "1"))
			if err := s.Commit(t.Context()); err == nil && p == session.InCookie && s.IDBefore() != "" {
				t.Errorf("the %s cookie writes to the session", name)
			}
		}
	})
}
