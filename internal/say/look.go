package say

import (
	"fmt"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// looked is what a page says when nothing was pressed.
func looked(s *trace.Seen) Sentence {
	now := s.Session
	switch {
	case now.Exists && len(now.Values) > 0:
		names := make([]string, 0, len(now.Values))
		for _, v := range now.Values {
			names = append(names, v.Key)
		}
		return Note("session", Text("This browser has a session: "), ID(now.ID), Text(", with "+counted(len(names), "key", "keys")+": "),
			Part{"code", List(trace.KeysOf(names))}, Text("."+sentByRead(s)))
	case now.Exists:
		return Note("session", Text("This browser has a session, "), ID(now.ID), Text(", and it is empty."+sentByRead(s)))
	case s.Did.Late:
		return ranOut(s)
	}
	if n := NoteOf(now, s.Cookie); n != "" {
		return Note("session", Text(n))
	}
	return Note("session", Text(without(s)))
}

// without is for a page whose browser has no session. The page lists every cookie that came,
// so the words may not say that no cookie came.
func without(s *trace.Seen) string {
	none, write := "This browser has no session", "first write"
	if s.Cookie.Known {
		none, write = "This browser has no session any more", "next write"
	}
	switch n := len(s.Cookie.Jar); {
	case s.Cookie.Came:
	case s.Cookie.More:
		none += fmt.Sprintf(": more than %d cookies came, and none of them is the session cookie", n)
	case n == 1:
		none += ": 1 cookie came, and it is not the session cookie"
	case n > 1:
		none += fmt.Sprintf(": %d cookies came, and none of them is the session cookie", n)
	}
	return none + ". The " + write + ", with Set, creates a session."
}

// ranOut is for the page that asks by itself because a clock on it has run out. It says
// what this request shows: whether a cookie came, and what the store still counts.
func ranOut(s *trace.Seen) Sentence {
	parts := []Part{Text("A clock on this page has run out. ")}
	switch s.Cookie.Verdict {
	case session.VerdictAbsent:
		parts = append(parts, Text("No session cookie came with this request: the browser drops it when its Max-Age ends, or when another page has flushed the session. "))
	case session.VerdictExpired:
		parts = append(parts, aCookie, Text(" still came, and its session has expired. "))
	default:
		if n := NoteOf(s.Session, s.Cookie); n != "" {
			parts = append(parts, Text(n+" "))
		}
	}
	if n := s.Store.Figures.Expired; s.Store.Figures.Known && n > 0 {
		parts = append(parts, Text(fmt.Sprintf("%d expired %s, of any browser, %s still ", n, Plural(n, "record", "records"), Plural(n, "is", "are"))), onServer,
			Text(": expired is not cleared."))
	}
	return Note("expired", parts...)
}
