package say

import (
	"fmt"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// MaxCookieAge is the longest that browsers keep a cookie, in seconds, whatever its Max-Age says:
// 400 days (RFC 6265bis, section 5.5).
const MaxCookieAge = 400 * 24 * 60 * 60

// partNames are the parts of a cookie that a copy can have changed.
var partNames = map[string]string{
	"letter": "one letter", "time": "the time of signing", "id": "the session ID", "version": "the version", "created": "the time of creation",
	"deadline": "the deadline", "values": "the values", "signature": "the signature", "value": "the whole cookie",
}

// PartOf names a part of a cookie, one of session.TamperParts.
func PartOf(part string) string { return partNames[part] }

// CopyBy says who sent a copy of a cookie, after what did changed in it.
func CopyBy(did trace.Did) string {
	switch {
	case did.Op == "replay":
		return "a pinned copy"
	case did.Same:
		return "an unchanged copy"
	}
	if did.How == "letter" {
		return fmt.Sprintf("a copy with letter %d, as sent, changed from %s to %s", did.Letter.At, did.Letter.Was, did.Letter.Now)
	}
	return "a copy with " + change(did)
}

// change says what was changed in a copy. A letter's number counts in the value as it is sent,
// and a reader may see the value peeled: both places are named.
func change(did trace.Did) string {
	if l := did.Letter; did.How == "letter" {
		return fmt.Sprintf("letter %d as sent%s changed from %s to %s", l.At, within(l.Part, l.In), l.Was, l.Now)
	}
	return "a change in " + partNames[did.How]
}

func tampered(s *trace.Seen) Sentence {
	if s.Did.Copy == nil {
		return noSession("tamper", s, "There is no cookie to copy.")
	}
	out := Sentence{Tone: "bad", Verb: "copy refused"}
	switch {
	case s.Did.Copy.Status >= 500:
		out = Note("no verdict")
	case s.Did.Copy.Accepted:
		out = Note("copy accepted")
	}
	if s.Did.Same {
		out.Parts = []Part{Text("The server's own client sent an unchanged copy of "), theCookie, Text(", and ")}
	} else {
		out.Parts = []Part{Text("The server's own client sent a copy of "), theCookie, Text(" with " + change(s.Did) + ", and ")}
	}
	out.Parts = append(out.Parts, became(s)...)
	return out
}

func replayed(s *trace.Seen) Sentence {
	if s.Did.Copy == nil {
		return noSession("replay", s, "There is no copy to send.")
	}
	out := Sentence{Tone: "bad", Verb: "replay refused"}
	switch {
	case s.Did.Copy.Status >= 500:
		out = Note("no verdict")
	case s.Did.Copy.Accepted:
		out = Did("replay accepted")
	}
	out.Parts = append([]Part{Text("Another client sent the copy of "), theCookie, Text(" from " + Clock(s.Did.PinnedAt) + ", and ")}, became(s)...)
	return out
}

// became ends the sentence about a copy: whether the server accepted it, and what that means
// for this browser's own session.
func became(s *trace.Seen) (out []Part) {
	switch c := s.Did.Copy; {
	case c.Status >= 500:
		out = []Part{Text(fmt.Sprintf("the server answered %d. ", c.Status))}
	case c.Accepted && c.Verdict == session.VerdictStale:
		out = []Part{Text("the server "), {"server", "accepted"}, Text(" it, although it is stale: whoever sends it is you, as you were then. ")}
	case c.Accepted:
		out = []Part{Text("the server "), {"server", "accepted"}, Text(" it: whoever sends it is you. ")}
	default:
		out = []Part{Text("the server "), {"mac", "refused"}, Text(fmt.Sprintf(" it: %s. The answer is %d, as for a request without a session. ", c.Reason, c.Status))}
	}
	end := "This browser has no session of its own now."
	if s.Session.Exists {
		end = "Your own cookie and session stay as they are."
	}
	if s.Did.Copy.Accepted && s.Store.Policy.Rolling {
		end += " With --rolling the copy's request moved the idle clock, as any request does."
	}
	return append(out, Text(end))
}

func pinned(s *trace.Seen) Sentence {
	if s.Cookie.Bytes == 0 {
		return noSession("pin", s, "There is no cookie to keep.")
	}
	return Did("pinned", Text("The visit keeps a copy of "), theCookie, Text(", as a thief would. Flush, cycle the ID or let the session expire, then replay the copy and see whether it still opens anything."))
}

func planted(s *trace.Seen) Sentence {
	if s.Did.Away {
		return Did("taken away", Text("The browser drops "), Part{"cookie", "the readable cookie"}, Text("."))
	}
	return Did("planted", Text("The server sent "), Part{"cookie", "a readable cookie"}, Text(", "), Code(s.Did.Cookie),
		Text(", without HttpOnly. Now document.cookie shows it, and still does not show the session cookie. The server receives the readable cookie with the next request."))
}

func dropped(s *trace.Seen) Sentence {
	if !s.Cookie.Put || !s.Cookie.Thrown {
		return noSession("drop cookie", s, "There is no cookie to drop.")
	}
	out := Did("dropped", Text("The browser dropped "), theCookie, Text(": it came with this press, and the next press comes without it. "))
	if was := s.Did.Was; was.Exists && was.Placement == session.InCookie {
		out = out.and(Text("With placement cookie "), theServer, Text(" keeps no record: only a copy of the cookie still opens this session."))
	} else {
		out = out.and(Text("What "), theServer, Text(" keeps is as it was."))
	}
	switch {
	case s.Did.Pins > 0:
		out = out.and(Text(" Put back makes a pinned copy the cookie of this browser again."))
	case s.Did.Was.Exists: // who keeps a copy of a cookie that opens nothing has nothing to put back
		out = out.and(Text(" Pin a copy first, and you can put it back."))
	}
	if n := s.Did.Learned; n > 0 {
		out = out.and(Text(fmt.Sprintf(" Your progress through the experiments, %d done, is a key of that session: no cookie of this browser reaches it now.", n)))
	}
	return out
}

// putBack names the copy that is this browser's cookie again, and says what it opens and
// what became of the session that the browser had before.
func putBack(s *trace.Seen) Sentence {
	parts := []Part{Text("The copy from " + Clock(s.Did.PinnedAt) + " is "), theCookie, Text(" of this browser again.")}
	out := Did("put back", append(append(parts, opens(s)...), overwritten(s)...)...)
	if !s.Session.Exists {
		out.Tone = "note"
	}
	return out
}

// opens says what a cookie that was put back opens, or why it opens nothing.
func opens(s *trace.Seen) []Part {
	envelope, known := session.Envelope{}, false
	if layers, ok := session.Peel(s.Cookie.Kept); ok {
		envelope, known = layers.Envelope()
	}
	verdict := s.Cookie.Verdict
	switch {
	case s.Store.Down:
		return []Part{Text(" Nobody can say what it opens: the store does not answer.")}
	case s.Session.Exists && verdict == session.VerdictStale && known:
		return []Part{Text(" It opens "), ID(s.Session.ID), Text(fmt.Sprintf(", but it is older than that session: its version is %d, the record's is %d.", envelope.Version, s.Session.Version))}
	case s.Session.Exists && verdict == session.VerdictStale:
		return []Part{Text(" It opens "), ID(s.Session.ID), Text(fmt.Sprintf(", but it is older than that session, whose version is %d.", s.Session.Version))}
	case s.Session.Exists:
		return []Part{Text(" It opens "), ID(s.Session.ID), Text(".")}
	case known && ends[verdict] != "": // the signature fits, so the ID in the cookie is genuine
		return []Part{Text(" It opens nothing: the session "), ID(session.KeyOf(envelope.ID).Name().String()), Text(ends[verdict])}
	case faults[verdict] != "":
		return []Part{Text(" It opens nothing: " + faults[verdict] + ".")}
	}
	return []Part{Text(" It opens nothing.")}
}

// ends say why a cookie whose signature fits opens nothing: what became of its session.
var ends = map[session.Verdict]string{
	session.VerdictExpired: " has expired.",
	session.VerdictDead:    " has ended.",
	session.VerdictMoved:   " got a new ID a moment ago.",
}

// overwritten says what became of the session that this browser had before a copy replaced
// its cookie. It returns nil when there was no session.
func overwritten(s *trace.Seen) []Part {
	was, until := s.Did.Was, "before"
	if s.Cookie.Came { // or that session's cookie was dropped by an earlier press
		until = "until now"
	}
	left := s.Store.Left
	if st := s.Store; !s.Session.Exists && st.State == session.StateLive { // the copy does not say its session, so the store was asked for the one before
		left = trace.Left{ID: st.ID, State: st.State, Version: st.Record.Version}
	}
	switch {
	case left.State == session.StateLive && left.ID != s.Session.ID:
		return []Part{Text(" The session "), ID(left.ID), Text(fmt.Sprintf(", version %d, which this browser had %s, is still in the store, and no cookie of this browser opens it.", left.Version, until))}
	case was.Exists && was.ID != s.Session.ID && was.Placement == session.InCookie:
		return []Part{Text(" The session "), ID(was.ID), Text(fmt.Sprintf(", version %d, which this browser had until now, was only in the cookie that the copy replaced.", was.Version))}
	}
	return nil
}
