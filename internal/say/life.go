package say

import (
	"fmt"
	"strings"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

func flushed(s *trace.Seen) Sentence {
	was := s.Did.Was
	parts := []Part{Text(" The session "), ID(was.ID), Text(" has ended for good: a copy of its cookie opens nothing." + lostProgress(s))}
	switch {
	case s.Did.Away && !was.Exists:
		return startedOver(s)
	case !was.Exists:
		return noSession("flush", s, "There was nothing to flush.")
	case was.Placement == session.InCookie:
		parts = append([]Part{Text("The browser drops "), theCookie, Text(", and "), theServer, Text(" remembers that this ID has ended.")}, parts...)
	default:
		parts = append([]Part{Text("The record is gone from "), theServer, Text(", and the browser drops "), theCookie, Text(".")}, parts...)
	}
	if s.Did.Away {
		return Did("started over", append(parts, takenAway(s)...)...)
	}
	return Did("flushed", parts...)
}

// startedOver is for a page that starts over without a session.
func startedOver(s *trace.Seen) Sentence {
	if s.Cookie.Thrown {
		return Did("started over", append([]Part{Text("The browser drops "), theCookie, Text(" that came: it opened nothing.")}, takenAway(s)...)...)
	}
	return Note("started over", append([]Part{Text("This browser has no session, so there was nothing to flush.")}, takenAway(s)...)...)
}

// takenAway says what else went when a page starts over, and what stays.
func takenAway(s *trace.Seen) (parts []Part) {
	over := s.Did.Over
	var gone []string
	if over.Readable {
		gone = append(gone, "the readable cookie")
	}
	if over.Pins > 0 {
		gone = append(gone, counted(over.Pins, "pinned copy", "pinned copies"))
	}
	if over.Owner {
		gone = append(gone, "the cookie that says which browser pinned")
	}
	if n := len(gone); n > 1 {
		gone = []string{strings.Join(gone[:n-1], ", ") + " and " + gone[n-1]}
	}
	if len(gone) > 0 {
		parts = append(parts, Text(" Taken away too: "+gone[0]+"."))
	}
	stay := " The timeline stays, since it tells what happened."
	if len(s.Store.Figures.Family) > 1 {
		stay = " The timeline stays, and so do the other browsers of this lab with their sessions."
	}
	write := "next write"
	if !s.Did.Was.Exists && !s.Cookie.Known && !s.Cookie.Thrown {
		write = "first write"
	}
	return append(parts, Text(stay+" The "+write+", with Set, creates a session."))
}

// lostProgress says that the learner's progress went with a session, if there was any.
func lostProgress(s *trace.Seen) string {
	if s.Did.Learned == 0 {
		return ""
	}
	return fmt.Sprintf(" Your progress through the experiments, %d done, was a key of this session: it is gone too.", s.Did.Learned)
}

func loggedIn(s *trace.Seen) Sentence {
	parts := []Part{Code("user"), Text(" is now "), Code(s.Did.User), Text(". ")}
	if s.Did.Before == "" {
		parts = append(parts, Text("This login created the session, so its ID is new"))
		return Did("logged in", append(parts, endOfBirth(s)...)...)
	}
	return Did("logged in", append(parts, Text("Every login changes the ID, here from "), ID(s.Did.Before), Text(" to "), ID(s.Session.ID),
		Text(": the old ID opens nothing, whoever knows it."))...)
}

func loggedOut(s *trace.Seen) Sentence {
	if !s.Did.Was.Exists {
		return noSession("log out", s, "Nobody was logged in.")
	}
	out := flushed(s)
	if _, in := s.Did.Was.Find("user"); !in {
		out.Parts = append(out.Parts, Text(" Nobody was logged in; the session ended all the same."))
	}
	out.Verb = "logged out"
	return out
}

func cycled(s *trace.Seen) Sentence {
	if s.Did.Before == "" {
		return noSession("cycle ID", s, "There is no ID to change.")
	}
	return Did("cycled", Text("The same values have a new ID. The hash of the ID, "), ID(s.Did.Before), Text(", became "), ID(s.Session.ID),
		Text(". The old ID opens nothing any more, and the absolute lifetime is as it was."+leftBehind(s)))
}

func clearedExpired(s *trace.Seen) Sentence {
	n := s.Did.Count
	if n == 0 {
		return Note("clear expired", Text("The store holds no expired record. Live records are not touched."))
	}
	return Did("cleared", Text(fmt.Sprintf("%d expired %s from ", n, Plural(n, "record", "records"))), theServer,
		Text(". An expired session reads as absent already; its record stays until it is cleared."))
}

func expiry(s *trace.Seen) Sentence {
	out := newExpiry(s)
	if was := s.Did.Was; was.Exists && s.Session.Exists && was.ID != s.Session.ID {
		out.Parts = append(out.Parts, Text(" The session has a new ID, "), ID(s.Session.ID), Text(": a copy of the old cookie, which carries another deadline, opens nothing."))
	}
	return out
}

func newExpiry(s *trace.Seen) Sentence {
	last := "last write"
	if s.Store.Policy.Rolling {
		last = "last request"
	}
	x, now := s.Did.Expiry, s.Session
	switch {
	case !s.Did.Was.Exists:
		return noSession("expiry", s, "There is nothing that could expire.")
	case !now.Exists:
		return Did("expired", Text("With an expiry in the past the session expires at once: it reads as absent from now on."+lostProgress(s)))
	case x.BrowserClose:
		out := Did("expiry", aCookie, Text(" has no Max-Age any more, so the browser drops it on closing. On "), theServer, Text(" the clocks still run."))
		if n := s.Did.Learned; n > 0 {
			out = out.and(Text(fmt.Sprintf(" Your progress through the experiments, %d done, is a key of this session: once the browser drops the cookie, it cannot reach the progress.", n)))
		}
		return out
	case x.After != 0:
		latest := ""
		if now.Expires.Equal(now.Absolute) {
			latest = ", but at the latest at " + Clock(now.Absolute) + ", when its absolute lifetime ends"
		}
		until := "; "
		if s.Cookie.Label.MaxAge > MaxCookieAge {
			until = ", and browsers drop it after 400 days at the latest (RFC 6265bis); "
		}
		return Did("expiry", Text("This session expires "+Seconds(x.After)+" after its "+last+latest+". Max-Age tells the browser when to drop "), theCookie,
			Text(until), theServer, Text(" decides for itself."))
	}
	return Did("expiry", Text("Back to the policy: the session expires "+Left(s.Store.Policy.Idle)+" after its "+last+"."))
}

// placements say what each placement means for the values.
var placements = map[session.Placement]string{
	session.InCookie: "every value lives in the cookie and the server keeps no record",
	session.Hybrid:   "values of at most " + small + " live in the cookie while it has room; larger values, and values that were on the server before, live on the server",
	session.OnServer: "every value lives on the server and the cookie carries only the ID",
}

func placed(s *trace.Seen) Sentence {
	was, where := s.Did.Was, placements[s.Did.Placement]
	switch {
	case !s.Session.Exists:
		return noSession("placement", s, "In the next session, "+where+".")
	case was.Placement == s.Did.Placement:
		return Note("placement", Text("It is so already: "+where+"."))
	}
	parts := []Part{Text("From now on " + where + ". " + whatMoved(s) + leftBehind(s))}
	if was.ID != s.Session.ID {
		parts = append(parts, Text(" The session has a new ID, "), ID(s.Session.ID), Text(": the old cookie must not open the old values."))
	}
	return Did("moved", parts...)
}

// whatMoved says what another placement meant for the values that were there.
func whatMoved(s *trace.Seen) string {
	moved := 0
	for _, v := range s.Session.Values {
		if old, had := s.Did.Was.Find(v.Key); !had || old.OnServer != v.OnServer {
			moved++
		}
	}
	switch {
	case s.Did.Placement == session.Hybrid && s.Did.Was.Placement == session.OnServer && len(s.Session.Values) > 0:
		return "A value on the server stays there until its key is deleted: in the cookie it could be lost with the cookie."
	case moved > 0:
		return counted(moved, "value", "values") + " moved at once."
	}
	return "No value had to move."
}
