package say

import (
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

func set(s *trace.Seen) Sentence {
	v := s.Did.Value
	if s.Did.Same {
		return Note("set", Code(s.Did.Key), Text(" is "), value(v), Text(" already. Nothing changed, so nothing was written and no cookie was sent."))
	}
	parts := []Part{Code(s.Did.Key), Text(" is now "), value(v), Text(": " + Bytes(v.Text.Bytes) + ", ")}
	parts = append(parts, whereSet(s)...)
	return Did("set", append(parts, cookieAfterSet(s)...)...)
}

// whereSet says where the value that was set lives, and why there.
func whereSet(s *trace.Seen) []Part {
	v, found := s.Session.Find(s.Did.Key)
	hybrid := s.Session.Placement == session.Hybrid
	small := hybrid && s.Did.Value.Text.Bytes <= session.MaxSmallBytes
	switch {
	case found && !v.OnServer && hybrid:
		return []Part{Text("small enough to live "), inCookie, Text(". ")}
	case found && !v.OnServer:
		return []Part{inCookie, Text(" like every value. ")}
	case small && s.Cookie.Verdict == session.VerdictStale:
		return []Part{Text("kept "), onServer, Text(": the cookie of this request is stale, and a new cookie would overwrite the values of a later one. ")}
	case small:
		return []Part{Text("kept "), onServer, Text(": the key was there before and stays until it is deleted, or the cookie had no room. ")}
	case hybrid:
		return []Part{Text("too large for the cookie, so it lives "), onServer, Text(". ")}
	}
	return []Part{Text("kept "), onServer, Text("; the cookie carries only the ID. ")}
}

// cookieAfterSet says whether the write sent a cookie, and why.
func cookieAfterSet(s *trace.Seen) []Part {
	switch {
	case s.Did.Born && came(s) != session.VerdictAbsent:
		return append([]Part{Text(notes[came(s)] + " This write created a new session, and its cookie replaces the one that came")}, endOfBirth(s)...)
	case s.Did.Born:
		return append([]Part{Text("This first write created a session: the server sent its first cookie")}, endOfBirth(s)...)
	case !s.Cookie.Set:
		return []Part{Text("The cookie stays as it is.")}
	case s.Session.Placement == session.OnServer:
		return []Part{Text("The server sent the same ID again, with a fresh Max-Age.")}
	}
	return []Part{Text("The old signature no longer fits, so the server sent a new cookie." + leftBehind(s))}
}

func get(s *trace.Seen) Sentence {
	key := Code(s.Did.Key)
	switch {
	case s.Did.Found:
		v, inSession := s.Session.Find(s.Did.Key)
		end := ". Reading changes nothing."
		if s.Store.Policy.Rolling {
			end = ". Reading changes no value; with --rolling it moves the idle clock."
		}
		from := theCookie
		if v.OnServer {
			from = theServer
		} else if inSession {
			end += laterCookie(s)
		}
		return Did("get", key, Text(" is "), value(s.Did.Value), Text(", "+typed(s.Did.Value)+"read from "), from, Text(end))
	case !s.Session.Exists:
		out := noSession("get", s, "That is no error, and reading does not create a session.")
		out.Parts = append([]Part{key, Text(" is missing. ")}, out.Parts...)
		return out
	}
	return Note("get", key, Text(" is missing: the session has no key of this name. That is no error, only an empty answer."+laterCookie(s)))
}

// typed names the type of v, before "read from".
func typed(v trace.Value) string {
	switch v.Type {
	case session.TypeNull:
		return ""
	case session.TypeObject:
		return "an object "
	}
	return "a " + v.Type + " "
}

func keys(s *trace.Seen) Sentence {
	k := s.Did.Keys
	switch {
	case k.Count == 0 && !s.Session.Exists:
		return noSession("keys", s, "There are no keys to list, and listing does not create a session.")
	case k.Count == 0:
		return Note("keys", Text("The session is there, and it has no keys."+laterCookie(s)))
	}
	places := make(map[bool]bool)
	for _, v := range s.Session.Values {
		places[v.OnServer] = true
	}
	end := "."
	if len(places) == 2 {
		end = ". Some values live in the cookie and some on the server: the list has the keys of both."
	}
	return Did("keys", Text(counted(k.Count, "key", "keys")+": "), Part{"code", List(k)}, Text(end+laterCookie(s)))
}

// deleted is the sentence of Delete, also when there was nothing to delete.
func deleted(s *trace.Seen) Sentence {
	switch {
	case s.Did.Found:
		return Did("deleted", Code(s.Did.Key), Text(". The session itself stays, with its ID and its other keys."))
	case !s.Session.Exists:
		return noSession("delete", s, "There was nothing to delete.")
	}
	return Note("delete", Code(s.Did.Key), Text(" was not there. That is no error, and no write: no cookie was sent."))
}

func cleared(s *trace.Seen) Sentence {
	switch {
	case !s.Session.Exists:
		return noSession("clear", s, "There was nothing to clear.")
	case s.Did.Count == 0:
		return Note("clear", Text("The session had no keys already. Nothing was written."))
	}
	stay := " and its record stay"
	if s.Session.Placement == session.InCookie {
		stay = " stays"
	}
	return Did("cleared", Text(counted(s.Did.Count, "key", "keys")+". The session is empty but alive: the ID "), ID(s.Session.ID), Text(stay+". Flush would end the session."))
}
