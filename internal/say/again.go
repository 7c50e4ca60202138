package say

import (
	"fmt"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// answersAgain is for the page that asked by itself, after it had got no answer.
func answersAgain(s *trace.Seen) Sentence {
	why := NewTimeline(s.Did.OldPage)
	if why == "" {
		why = "The connection was lost, and the program was not restarted."
	}
	return Note("answers again", append([]Part{Text(why)}, found(s)...)...)
}

// found says what became of the session of a page that heard nothing of the server for a
// while, or whose visit has ended, and why. A press may have changed the session since: the
// words are about the request, before anything was done.
func found(s *trace.Seen) []Part {
	f := s.Did.Return
	restarted := s.Did.OldPage == "restarted"
	switch {
	case f.Verdict == "": // nobody knows, since the store did not answer
		return nil
	case f.ID != "":
		return opened(f, restarted)
	case f.Verdict == session.VerdictAbsent:
		return []Part{Text(" No session cookie came with this request, so there was no session to find again.")}
	case f.Verdict == session.VerdictForged && restarted && f.Store == "memory":
		return []Part{Text(" The cookie that came opened nothing: none of the secrets that the program has now signed it. Without --secret-file each start makes a new secret, and the memory store begins empty at each start.")}
	case f.Verdict == session.VerdictForged && restarted:
		return []Part{Text(" The cookie that came opened nothing: none of the secrets that the program has now signed it.")}
	case f.Verdict == session.VerdictDead && restarted && f.Store == "memory":
		return []Part{Text(" The signature of the cookie that came fits, since the secret is the same. The cookie opened nothing all the same: the memory store begins empty at each start, and has no record of the session.")}
	}
	return []Part{Text(" The cookie that came opened nothing: " + faults[f.Verdict] + ".")}
}

// opened says which session a request found, and why it is there.
func opened(f trace.Return, restarted bool) []Part {
	younger := restarted && f.Created.After(f.Began)
	same := ", with the same ID, at"
	if younger {
		same = ","
	}
	parts := []Part{Text(" "), aCookie, Text(" that came opened the session "), ID(f.ID), Text(fmt.Sprintf("%s version %d", same, f.Version))}
	switch {
	case younger:
		parts = append(parts, Text(", which began after the restart."))
	case restarted && f.Placement == session.InCookie:
		parts = append(parts, Text(": its values are "), inCookie, Text(", and the program still has the secret that signed it."))
	case restarted && storeNames[f.Store] != "":
		parts = append(parts, Text(": the program still has the secret that signed it, and "+storeNames[f.Store]+" kept the record "), onServer, Text("."))
	default:
		parts = append(parts, Text("."))
	}
	if f.Verdict == session.VerdictStale {
		parts = append(parts, Text(" The cookie is stale: a later one was sent, and the values in this one may be old."))
	}
	return parts
}

// storeNames are the stores that outlive the program, as a sentence names them.
var storeNames = map[string]string{"sqlite": "SQLite", "redis": "Redis"}
