package session_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it failed, a session that is read again and again would end, or every read would sign a
// new cookie.
func TestRollingReadsMoveTheIdleClock(t *testing.T) {
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

// bornRolling returns a browser whose session in p has an expiry of its own, so that rolling
// reads send a cookie, and a value that is too large for a hybrid cookie.
func bornRolling(t *testing.T, p session.Placement) *browser {
	t.Helper()
	b := newEngine(t, func(c *session.Config) { c.Rolling = true }).browser(t)
	b.do(func(s *session.Session) {
		s.SetPlacement(p)
		s.SetExpiry(session.Expiry{After: time.Hour})
		must(t, s.Set("big", val(t, strings.Repeat("x", 300))))
	})
	return b
}

// If it failed, a late answer to a rolling read would put the old ID over the new cookie.
func TestLateRollingReadDoesNotUndoACycle(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		b := bornRolling(t, p)
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

// If it failed, a late answer to a rolling read would put an empty hybrid cookie over one
// that carries values.
func TestLateRollingReadDoesNotUndoAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bornRolling(t, session.Hybrid)
		late := b.load()
		time.Sleep(time.Second)
		b.set("small", "x")
		must(t, late.Commit(t.Context()))
		if late.SetCookie() != nil {
			t.Error("a late read sent an older cookie")
		}
	})
}

// If it failed, a rolling read that came with an older cookie would send that cookie again,
// over the newer one.
func TestStaleRollingReadSendsNoCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bornRolling(t, session.Hybrid)
		stale := b.twin()
		b.set("small", "x")
		time.Sleep(time.Second)
		if s := stale.do(nil); s.SetCookie() != nil {
			t.Error("a stale read sent an older cookie")
		}
	})
}

// If it failed, a read with an old cookie would sign it with the new key and send it over a
// newer cookie.
func TestStaleReadAfterRotationSendsNoCookie(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		old := newEngine(t, nil)
		b := old.browser(t)
		b.born(p)
		b.do(func(s *session.Session) { s.Clear() }) // no values in the cookie
		b.e = old.withSecrets(t, freshSecret, secret)
		stale := b.twin()
		b.set("small", "x")
		if c := stale.do(nil).SetCookie(); c != nil {
			b.cookie = c.Value
		}
		b.wantKeys("small")
	})
}

// If it failed, a rolling request that changes nothing would revive a session that expired
// while it worked.
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

// If it failed, the browser would drop the cookie of a session that rolling reads keep alive.
func TestRollingMaxAgeOutlivesTheReads(t *testing.T) {
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

// If it failed, a late rolling read would undo a shorter expiry that was set meanwhile.
func TestLateRollingReadDoesNotUndoAnExpiry(t *testing.T) {
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
