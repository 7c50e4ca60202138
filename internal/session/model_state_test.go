package session_test

import (
	"context"
	"maps"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// lifetime is the engine's absolute lifetime by default.
const lifetime = 8 * time.Hour

// state is what a session holds, as one cookie opens it. In placement cookie all of it is
// in the cookie. In the others all of it is in the record, but for the values that the
// cookie carries.
type state struct {
	values    map[string]string
	placement session.Placement
	expiry    session.Expiry
	expires   time.Time
	version   uint64
}

// modelSession is a session with the record that the server has of it.
type modelSession struct {
	state
	floor   uint64 // the values in a hybrid cookie of an older version count no more
	changed uint64 // the version at which the values in the cookie changed last
	created time.Time
	id      int // the number of its ID: 0, then one more with each new ID
	dead    bool
}

// modelCookie is a cookie that was sent once.
type modelCookie struct {
	value string
	of    *modelSession
	id    int       // the number of the ID that it carries
	left  time.Time // when the ID was replaced
	state           // with the values that the cookie carries
}

// modelJar is a browser with the cookie that arrived last, or nil.
type modelJar struct{ cookie *modelCookie }

// flight is a request that has loaded its session and not committed yet.
type flight struct {
	jar    *modelJar
	cookie *modelCookie
	s      *session.Session
	act    modelAct
	saw    state // with all values that the request sees
	exists bool  // the session
	moved  bool  // its ID was replaced less than 30 s before
	stale  bool  // a later cookie was sent
	missed bool  // the later cookie carries other values than this request's
	blind  bool  // this request's cookie is older than the floor
}

// modelAct is what a request does.
type modelAct struct {
	kind      string
	key, text string
	expiry    session.Expiry
	placement session.Placement
}

// modelFault is what happens to the first write to the store of one commit.
type modelFault struct {
	before bool // it is not done
	after  bool // it is done, and the answer is lost
}

func (f *modelFault) hook(_ context.Context, op string) (before, after error) {
	if op != "save" && op != "create" {
		return nil, nil
	}
	now := *f
	*f = modelFault{}
	if now.before {
		before = errNth
	}
	if now.after {
		after = errNth
	}
	return before, after
}

func (w *world) wentBack() bool { return w.clock.Now().Before(w.latest) }

// or returns err, or the error of a lost answer: what was lost may be the refusal.
func (f *modelFault) or(err error) error {
	if f.after {
		return errNth
	}
	return err
}

func (m *modelSession) alive(now time.Time) bool { return m != nil && !m.dead && now.Before(m.expires) }

func clocks(created, now time.Time, x session.Expiry) time.Time {
	expires := now.Add(2 * time.Hour)
	switch {
	case !x.At.IsZero():
		expires = x.At
	case x.After != 0:
		expires = now.Add(x.After)
	}
	if absolute := created.Add(lifetime); expires.After(absolute) {
		return absolute
	}
	return expires
}

// opens returns what c opens now, and whether it knows less than a later cookie.
func (w *world) opens(c *modelCookie) (saw state, exists, moved, stale bool) {
	if c == nil {
		return saw, false, false, false
	}
	m, now := c.of, w.clock.Now()
	switch {
	case c.id != m.id:
		deadline := m.created.Add(lifetime)
		if c.placement == session.InCookie {
			deadline = c.expires
		}
		return saw, false, now.Before(c.left.Add(30*time.Second)) && now.Before(deadline), false
	case m.dead:
	case c.placement == session.InCookie:
		saw = c.state
		saw.values = maps.Clone(c.values)
		return saw, now.Before(c.expires), false, false
	case m.alive(now):
		saw = m.state
		saw.values = map[string]string{}
		if m.placement == session.Hybrid {
			stale = c.version < m.version
			if c.placement == session.Hybrid && c.version >= m.floor {
				maps.Copy(saw.values, c.values)
			}
		}
		maps.Copy(saw.values, m.values)
		return saw, true, false, stale
	}
	return saw, false, false, false
}

// forgets tells whether m expired while the clock was ahead, so that the store may
// have forgotten whether its ID was ended.
func (w *world) forgets(m *modelSession) bool {
	return w.wentBack() && w.swept && !m.created.Add(lifetime).After(w.latest)
}

// blind tells whether c says nothing of the values in later cookies of a hybrid session.
func (w *world) blind(c *modelCookie) bool {
	m := c.of
	return m.placement == session.Hybrid && (c.placement != session.Hybrid || c.version < m.floor) && m.version > m.floor && c.version < m.version
}

// count returns how many records there must be.
func (w *world) count() (live, expired int) {
	now := w.clock.Now()
	for _, m := range w.sessions {
		switch {
		case m.dead || m.placement == session.InCookie:
		case m.alive(now):
			live++
		default:
			expired++
		}
	}
	return live, expired
}
