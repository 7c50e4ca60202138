package session_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

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
