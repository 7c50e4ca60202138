package session_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// observer is a browser whose requests are compared with the events that they tell.
type observer struct {
	*browser
	id string // of the session, once there is one
}

// act is one request, which must tell events of the kinds in want and never the ID.
func (o *observer) act(want string, f func(s *session.Session)) {
	o.t.Helper()
	o.e.events = nil
	s := o.do(f)
	var kinds []string
	for _, ev := range o.e.events {
		kinds = append(kinds, string(ev.Kind))
		if o.id != "" && strings.Contains(fmt.Sprintf("%+v", ev), o.id) {
			o.t.Errorf("an event holds the ID: %+v", ev)
		}
		if ev.Time.IsZero() {
			o.t.Errorf("an event has no time: %+v", ev)
		}
	}
	if got := strings.Join(kinds, " "); got != want {
		o.t.Errorf("events %q, want %q", got, want)
	}
	if c := s.Info().Cookie; c != nil {
		o.id = c.Envelope().ID
	}
}

// If it failed, the lab's timeline would tell of something that did not happen, be silent
// about something that did, or show a session ID.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := &observer{browser: e.browser(t)}
		b.act("", nil)
		b.act("created set placed saved signed", func(s *session.Session) { must(t, s.Set("a", "1")) })
		b.act("read", nil)
		b.act("read set placed saved signed", func(s *session.Session) { must(t, s.Set("a", "2")) })
		b.act("read deleted saved signed", func(s *session.Session) { s.Delete("a") })
		b.act("read set placed set placed saved signed", func(s *session.Session) { must(t, s.Set("a", "1")); must(t, s.Set("b", "1")) })
		b.act("read cycled saved signed", func(s *session.Session) { s.CycleID() })
		b.act("read placed placed saved signed", func(s *session.Session) { s.SetPlacement(session.OnServer) })
		b.act("read set placed saved", func(s *session.Session) { must(t, s.Set("a", "3")) })
		b.act("read discarded", func(s *session.Session) { must(t, s.Set("a", "4")); s.Discard(t.Context(), "test") })
		b.act("read saved signed", func(s *session.Session) { s.SetPlacement(session.Hybrid) })
		kept := b.cookie
		b.act("read set placed saved signed", func(s *session.Session) { must(t, s.Set("a", "5")) })
		newest := b.cookie
		b.cookie = kept
		b.act("refused read", nil)
		b.cookie = newest
		b.act("read cleared saved signed", func(s *session.Session) { s.Clear() })
		b.act("read flushed", func(s *session.Session) { must(t, s.Flush(t.Context())) })
		b.cookie = newest
		b.act("refused", nil)
		b.cookie = "junk"
		b.act("refused", nil)
		b.cookie = ""
		b.act("created set placed saved signed", func(s *session.Session) { must(t, s.Set("a", "1")) })
		time.Sleep(3 * time.Hour)
		b.act("expired", nil)
		e.events = nil
		_, err := e.ClearExpired(t.Context())
		must(t, err)
		if len(e.events) != 1 || e.events[0].Kind != session.Swept || e.events[0].Count != 1 {
			t.Errorf("events of the sweeper: %+v", e.events)
		}
	})
}
