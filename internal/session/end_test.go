package session_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// If it failed, a clear would end the session, or a flush would leave an old cookie alive
// (promise 5).
func TestClearAndFlush(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		id := b.born(p).ID()
		old := b.twin()

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

// If it failed, a page that fails after a logout would leave the session alive (promise 5).
func TestFlushActsWhenCalled(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		must(t, b.load().Flush(t.Context())) // and the page fails: no commit
		b.wantKeys()
	})
}

// If it failed, a slow write would revive a session that was flushed or cycled meanwhile
// (promise 9).
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
			ending := b.twin()
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

// If it failed, a request that met ErrGone would begin another session, or send its older
// cookie over the new one.
func TestNoCookieAfterErrGone(t *testing.T) {
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

// If it failed, a flush would say that the session is dead while it lives under a new ID.
func TestFlushThatMeetsACycleIsErrMoved(t *testing.T) {
	for _, p := range []session.Placement{session.Hybrid, session.OnServer} {
		m := &meddling{Backend: memory.New(memory.Config{})}
		e := newEngine(t, func(c *session.Config) { c.Backend = m })
		b := e.browser(t)
		b.born(p)
		s := b.load()
		other := b.twin()
		m.before = func() { other.do(func(s *session.Session) { s.CycleID() }) }
		if err := s.Flush(t.Context()); !errors.Is(err, session.ErrMoved) || s.SetCookie() != nil {
			t.Errorf("%v: flush says %v, cookie %v; want ErrMoved", p, err, s.SetCookie())
		}
		other.wantKeys("big", "name")
	}
}

// End is a flush without the browser's request. If it failed, a session that a class flushed would
// open again, by its cookie or a copy, or a flush would miss that the session lives under a new ID.
func TestEndEndsAsFlushDoes(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b, other := e.browser(t), e.browser(t)
		known := b.born(p).Known()
		other.born(p)
		slow := b.load()
		must(t, slow.Set("late", "1"))
		must(t, e.End(t.Context(), session.Known{}))
		b.wantKeys("big", "name") // the control: nothing is known, and nothing ends
		for range 2 {
			must(t, e.End(t.Context(), known))
		}
		if err := slow.Commit(t.Context()); !errors.Is(err, session.ErrGone) {
			t.Errorf("a write under way got %v, want ErrGone", err)
		}
		if got := b.load(); got.Info().Verdict != session.VerdictDead || got.Known() != (session.Known{}) {
			t.Errorf("the cookie's verdict is %q, known is %+v", got.Info().Verdict, got.Known())
		}
		other.wantKeys("big", "name")
		cycled := e.browser(t)
		before := cycled.born(p).Known()
		cycled.do(func(s *session.Session) { s.CycleID() })
		if err := e.End(t.Context(), before); !errors.Is(err, session.ErrMoved) {
			t.Errorf("the ID before a cycle: %v, want ErrMoved", err)
		}
		cycled.wantKeys("big", "name")
	})
}
