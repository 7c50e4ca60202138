package say

import (
	"fmt"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

func set(s *trace.Seen) Sentence {
	v := s.Did.Value
	if s.Did.Same {
		return Note("set", Code(s.Did.Key), Text(" is "), value(v), Text(" already. Nothing changed, so nothing was written and no cookie was sent."))
	}
	parts := []Part{Code(s.Did.Key), Text(" is now "), value(v), Text(": " + Bytes(v.Text.Bytes))}
	parts = append(append(parts, whereSet(s)...), cookieAfterSet(s)...)
	if root, is := pathLike(s.Did.Key, s.Session); is { // no tick: what was meant was another thing
		return Note("set", append(parts, noPath(root, s.Session, " is unchanged. To change a part of it, set all of it again, as json.")...)...)
	}
	return Did("set", parts...)
}

// whereSet says where the value that was set lives, and why there.
func whereSet(s *trace.Seen) []Part {
	v, found := s.Session.Find(s.Did.Key)
	hybrid := s.Session.Placement == session.Hybrid
	switch {
	case found && !v.OnServer && hybrid:
		return append([]Part{Text(". Values of at most " + small + " live "), inCookie, Text(". ")}, madeRoom(s)...)
	case found && !v.OnServer:
		return []Part{Text(", "), inCookie, Text(" like every value. ")}
	case hybrid:
		return whyOnServer(s, s.Did.Key)
	}
	return []Part{Text(", kept "), onServer, Text("; the cookie carries only the ID. ")}
}

// small is the most that a value has which placement hybrid puts into the cookie.
var small = Bytes(session.MaxSmallBytes)

// whyOnServer says why placement hybrid put the value of key on the server.
func whyOnServer(s *trace.Seen, key string) []Part {
	kept := func(why string) []Part { return []Part{Text(", kept "), onServer, Text(why + ". ")} }
	switch reasonOf(s, session.Placed, key) {
	case session.PlacedLarge:
		return []Part{Text(". Values of more than " + small + " live "), onServer, Text(". ")}
	case session.PlacedStays:
		return kept(": the key was there before, and stays there until it is deleted")
	case session.PlacedStale:
		return kept(": the cookie of this request is stale, and a new cookie would overwrite the values of a later one")
	case session.PlacedNoRoom:
		return kept(": it has at most " + small + ", but the cookie has no room for it")
	}
	return kept("")
}

// madeRoom says which other values left the cookie, so that the value which was set fits.
func madeRoom(s *trace.Seen) (out []Part) {
	for _, ev := range s.Events {
		if ev.Kind == session.Placed && ev.Reason == session.PlacedNoRoom && ev.Key != s.Did.Key {
			out = append(out, Text("The cookie was full, so "), Code(ev.Key), Text(" moved to "), theServer, Text(". "))
		}
	}
	return out
}

// reasonOf is the reason that the engine gave for what it did last of that kind, with that
// key; "" if it did nothing of the kind.
func reasonOf(s *trace.Seen, kind session.EventKind, key string) (reason string) {
	for _, ev := range s.Events {
		if ev.Kind == kind && ev.Key == key {
			reason = ev.Reason
		}
	}
	return reason
}

// cookieAfterSet says whether the write sent a cookie, and why.
func cookieAfterSet(s *trace.Seen) []Part {
	switch {
	case s.Did.Born && came(s) != session.VerdictAbsent:
		return append([]Part{Text(noteOfCame(s) + " This write created a new session, and its cookie replaces the one that came")}, endOfBirth(s)...)
	case s.Did.Born:
		return append([]Part{Text("This first write created a session: the server sent its first cookie")}, endOfBirth(s)...)
	case !s.Cookie.Set:
		return []Part{Text("The cookie stays as it is.")}
	}
	return []Part{Text(newCookie(s) + leftBehind(s))}
}

// newCookie says why the server sent another cookie for a session that has one.
func newCookie(s *trace.Seen) string {
	switch reasonOf(s, session.Signed, "") {
	case session.SignedValues:
		return "The values in the cookie changed, so the server sent a new cookie."
	case session.SignedVersion:
		return fmt.Sprintf("No value in the cookie changed, but the cookie carries the version of the session, now %d: so the server sent a new cookie.", s.Session.Version)
	case session.SignedSecret:
		return "An older secret had signed the cookie, so the server signed it with the newest and sent it again."
	case session.SignedMaxAge:
		return "This session has an expiry of its own, so the server sent the same ID again, with a fresh Max-Age."
	case session.SignedClock:
		return "The idle clock of this session is in the cookie, and this request moved it: so the server sent a new cookie."
	}
	return "The server sent a new cookie."
}

func get(s *trace.Seen) Sentence {
	key := Code(s.Did.Key)
	switch {
	case s.Did.Found:
		v, inSession := s.Session.Find(s.Did.Key)
		end := ". Reading changes nothing."
		switch sent := sentByRead(s); {
		case sent != "":
			end = ". Reading changes no value." + sent
		case s.Store.Policy.Rolling:
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
	out := Note("get", key, Text(" is missing: the session has no key of this name. That is no error, only an empty answer."+laterCookie(s)+sentByRead(s)))
	if root, is := pathLike(s.Did.Key, s.Session); is {
		out = out.and(noPath(root, s.Session, " is there: get it, and look into its value.")...)
	}
	return out
}

// sentByRead says why a request that only read was answered with a cookie, or "".
func sentByRead(s *trace.Seen) string {
	if reasonOf(s, session.Signed, "") == "" {
		return ""
	}
	return " " + newCookie(s)
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
		return Note("keys", Text("The session is there, and it has no keys."+laterCookie(s)+sentByRead(s)))
	}
	places := make(map[bool]bool)
	for _, v := range s.Session.Values {
		places[v.OnServer] = true
	}
	end := "."
	if len(places) == 2 {
		end = ". Some values live in the cookie and some on the server: the list has the keys of both."
	}
	return Did("keys", Text(counted(k.Count, "key", "keys")+": "), Part{"code", List(k)}, Text(end+laterCookie(s)+sentByRead(s)))
}

// deleted is the sentence of Delete, also when there was nothing to delete.
func deleted(s *trace.Seen) Sentence {
	switch {
	case s.Did.Found && len(s.Session.Values) == 0 && laterCookie(s) == "":
		return Did("deleted", Code(s.Did.Key), Text(". It was the last key. The session itself stays, with its ID."))
	case s.Did.Found:
		return Did("deleted", Code(s.Did.Key), Text(". The session itself stays, with its ID and its other keys."))
	case !s.Session.Exists:
		return noSession("delete", s, "There was nothing to delete.")
	}
	out := Note("delete", Code(s.Did.Key), Text(" was not there. That is no error, and no write: no cookie was sent."))
	if root, is := pathLike(s.Did.Key, s.Session); is {
		out = out.and(noPath(root, s.Session, " is unchanged.")...)
	}
	return out
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
