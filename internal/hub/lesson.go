package hub

import (
	"net/http"
	"slices"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Lesson is how far a visit has come in the first lesson. Its moments tell that, and they are
// dropped after a while: so each moment leaves its mark here when it is added. Only what the
// visit's own browser did counts, with one exception: whoever found that the session has expired,
// it has expired.
type Lesson struct {
	Missed    bool // a key was read that was missing
	Stored    bool // a value was set, and the answer said so
	Unwrapped bool // the reader took the outer base64 off the cookie
	Read      bool // the reader decoded the payload
	Altered   bool // a copy of the cookie with a change was refused
	Pinned    bool // a copy of the cookie was pinned
	Flushed   bool // a session was flushed after that
	Replayed  bool // a copy that was pinned before the flush was sent after it, and its session had ended
	Running   bool // the browser's session has a short expiry of its own
	Expired   bool // a session expired by a short expiry of its own
	Cleared   bool // expired records were cleared after that

	Has       bool              // the browser has a session, as its last moment shows
	Placement session.Placement // of that session
	Hidden    bool              // the reader has put the lesson away
}

// lesson is a Lesson with what only the hub needs to know.
type lesson struct {
	Lesson
	pinned  int    // the number of the last pin
	flushed int    // the number of the last pin at the time of the flush
	short   string // the short name of the session with a short expiry of its own, "" for none
}

// learn marks what a moment shows. The order of the steps within one part of the lesson counts:
// a flush before the pin, or clearing before the expiry, is another story.
func (l *lesson) learn(g *trace.Gist) {
	if g.Status >= http.StatusBadRequest {
		return
	}
	switch {
	case g.Nothing:
		l.learnExpiry(g)
	case g.By != "": // the server's own client sent a copy
		refused := g.Session == ""
		l.Altered = l.Altered || refused && g.Changed
		l.Replayed = l.Replayed || refused && g.Verdict == session.VerdictDead && g.Pin != 0 && g.Pin <= l.flushed
	default:
		l.learnPress(g)
		l.learnExpiry(g)
		l.Has, l.Placement = g.Session != "", g.Placement
	}
}

// learnPress marks what the visit's own browser did.
func (l *lesson) learnPress(g *trace.Gist) {
	switch g.Op {
	case "get":
		l.Missed = l.Missed || !g.Found
	case "set":
		l.Stored = l.Stored || g.Session != ""
	case "pin":
		if g.Pinned {
			l.Pinned, l.pinned = true, g.Pin
		}
	case "flush":
		if _, ended := actOf(g, session.Flushed); ended && l.Pinned {
			l.Flushed, l.flushed = true, l.pinned
		}
	case "clear-expired":
		act, _ := actOf(g, session.Swept)
		removed := act.Count > 0
		l.Cleared = l.Cleared || removed && l.Expired
		// If nothing was left to clear, another session has to expire first.
		l.Expired = l.Expired && (removed || l.Cleared)
	}
}

// learnExpiry follows the session with a short expiry until it has expired.
func (l *lesson) learnExpiry(g *trace.Gist) {
	_, expired := actOf(g, session.Expired)
	_, cycled := actOf(g, session.Cycled)
	own := !g.Nothing
	switch {
	case expired && own && (l.short != "" || g.Short), expired && g.Session != "" && g.Session == l.short:
		l.Expired, l.short = true, ""
		if !own {
			l.Has = false
		}
	case !own:
	case g.Short:
		l.short = g.Session
	case g.Op == "expiry", g.Session != l.short && !cycled:
		l.short = "" // it has another expiry, or the browser has another session
	case l.short != "":
		l.short = g.Session
	}
	l.Running = l.short != ""
}

// actOf returns the act of that kind.
func actOf(g *trace.Gist, kind session.EventKind) (act trace.Act, ok bool) {
	for _, act := range g.Acts {
		if act.Kind == kind {
			return act, true
		}
	}
	return act, false
}

// Lesson returns how far v has come in the first lesson. Pins can go, as with Start over: then a
// copy has to be pinned again.
func (v *Visit) Lesson() Lesson {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.lesson.Lesson
	if !l.Replayed {
		l.Pinned = l.Pinned && len(v.pins) > 0
		l.Flushed = l.Flushed && slices.ContainsFunc(v.pins, func(p Pin) bool { return p.N <= v.lesson.flushed })
	}
	return l
}

// Peel marks that the reader has taken the base64 off the cookie; with payload, that the reader
// has decoded the payload too. No request of the session shows that: the page tells it.
func (v *Visit) Peel(payload bool) {
	v.changeLesson(func(l *Lesson) { l.Unwrapped, l.Read = true, l.Read || payload })
}

// HideLesson puts the first lesson away, or offers it again.
func (v *Visit) HideLesson(hide bool) { v.changeLesson(func(l *Lesson) { l.Hidden = hide }) }

// changeLesson changes the lesson, and wakes the streams: another page of the visit shows it too.
func (v *Visit) changeLesson(change func(*Lesson)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(&v.lesson.Lesson)
	v.signalStreams()
}
