package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// If it failed, a login would lose data, extend the absolute lifetime, or leave the ID alive
// that an attacker knows; or a late request would undo the new cookie (promise 6).
func TestCycleKeepsDataAndKillsTheOldID(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		before := b.do(nil).Info()
		old := b.twin()
		time.Sleep(time.Hour)
		s := b.do(func(s *session.Session) { s.CycleID() })
		after := s.Info()
		if after.ID == before.ID || s.IDBefore() != before.ID {
			t.Errorf("ID %s after %s, said to be after %q", after.ID, before.ID, s.IDBefore())
		}
		if !after.Absolute.Equal(before.Absolute) || s.SetCookie().MaxAge != 7*3600 {
			t.Errorf("the absolute end moved from %v to %v, Max-Age %d", before.Absolute, after.Absolute, s.SetCookie().MaxAge)
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
		if reborn := old.set("a", "1"); reborn.ID() == before.ID || reborn.ID() == after.ID {
			t.Error("the old ID came back")
		}
		b.wantKeys("big", "name")
	})
}

// If it failed, a write that was acknowledged before a cycle would be missing after it
// (promise 6).
func TestCycleLosesNoWrite(t *testing.T) {
	for _, p := range []session.Placement{session.Hybrid, session.OnServer} {
		t.Run(p.String(), func(t *testing.T) {
			e := newEngine(t, nil)
			b := e.browser(t)
			b.born(p)
			cycling := b.load()
			cycling.CycleID()
			other := b.twin()
			other.set("meanwhile", strings.Repeat("y", 300))
			must(t, b.commit(cycling))
			b.wantKeys("big", "meanwhile", "name")
		})
	}
}

// If it failed, a cycle that meets a write or a flush would leave a second record, which
// takes room and could revive the session.
func TestCycleLeavesNoCopy(t *testing.T) {
	m := &meddling{Backend: memory.New(memory.Config{})}
	e := newEngine(t, func(c *session.Config) { c.Backend = m })
	b := e.browser(t)
	b.born(session.OnServer)
	other := b.twin()
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
