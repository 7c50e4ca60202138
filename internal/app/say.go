package app

import (
	"fmt"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// This file holds the sentences under the buttons. Their rules: plain words, one
// or two sentences, what happened and why, naming the thing acted on. A value is
// shown as JSON, cut when long. Where something lives is always a coloured part.

func text(s string) views.Part { return views.Part{Text: s} }
func code(s string) views.Part { return views.Part{Kind: "code", Text: cut(s, 80)} }

// value shows a value, cut to one line.
func value(v session.Value) views.Part { return code(string(v)) }

var (
	inCookie  = views.Part{Kind: "cookie", Text: "in the cookie"}
	theCookie = views.Part{Kind: "cookie", Text: "the cookie"}
	onServer  = views.Part{Kind: "server", Text: "on the server"}
	theServer = views.Part{Kind: "server", Text: "the server"}
)

func did(verb string, parts ...views.Part) views.Sentence {
	return views.Sentence{Tone: "ok", Verb: verb, Parts: parts}
}

func note(verb string, parts ...views.Part) views.Sentence {
	return views.Sentence{Tone: "note", Verb: verb, Parts: parts}
}

func refused(p *problem) views.Sentence {
	return views.Sentence{Tone: "bad", Verb: fmt.Sprint(p.status), Parts: []views.Part{text(p.detail)}}
}

// noteOf says what is special about the cookie that came, or "".
func noteOf(info session.Info) string {
	switch info.Verdict {
	case session.Stale:
		return "This cookie is stale: a later one was sent out since. What it holds itself may be old."
	case session.Garbled:
		return "The cookie that came is not one of ours, so it opens nothing."
	case session.Forged:
		return "The signature of the cookie that came does not fit, so it opens nothing."
	case session.HasExpired:
		return "The session of the cookie that came has expired: it reads as absent, although its record may still lie in the store."
	case session.OpensNought:
		return "The cookie that came is signed well, but its session has ended, so it opens nothing."
	case session.HasMoved:
		return "The ID in the cookie that came was replaced a moment ago, so it opens nothing."
	}
	return ""
}

// noSession explains why there is none, for actions that need one.
func noSession(verb string, info session.Info, what string) views.Sentence {
	if n := noteOf(info); n != "" {
		return note(verb, text(n+" "+what))
	}
	return note(verb, text("This browser has no session. "+what))
}

func lives(key string, info session.Info) string {
	for _, item := range info.Values {
		if item.Key == key {
			return item.Lives
		}
	}
	return ""
}

func saySet(key string, v session.Value, born, same bool, info session.Info) views.Sentence {
	if same {
		return note("set", code(key), text(" is "), value(v), text(" already. Nothing changed, so nothing was written and no cookie was sent."))
	}
	parts := []views.Part{code(key), text(" is now "), value(v), text(fmt.Sprintf(": %s, ", bytesText(len(v))))}
	switch {
	case lives(key, info) == "cookie" && info.Placement == session.Hybrid:
		parts = append(parts, text("small enough to ride "), inCookie, text(". "))
	case lives(key, info) == "cookie":
		parts = append(parts, text("carried "), inCookie, text(" like every value. "))
	case info.Placement == session.Hybrid && len(v) <= session.MaxSmallBytes:
		parts = append(parts, text("kept "), onServer, text(": once there, a key stays until it is deleted, or the cookie had no room. "))
	case info.Placement == session.Hybrid:
		parts = append(parts, text("too large for the cookie, so it lives "), onServer, text(". "))
	default:
		parts = append(parts, text("kept "), onServer, text("; the cookie carries the ID alone. "))
	}
	switch {
	case born:
		parts = append(parts, text("A session was born with this first write: the server sent its first cookie."))
	case info.Placement == session.OnServer:
		parts = append(parts, text("The cookie stays as it is."))
	default:
		parts = append(parts, text("The old signature no longer fits, so the server sent a new cookie."))
	}
	return did("set", parts...)
}

func sayGet(key string, v session.Value, found bool, info session.Info) views.Sentence {
	if found {
		from := theCookie
		if lives(key, info) == "server" {
			from = theServer
		}
		return did("get", code(key), text(" is "), value(v), text(fmt.Sprintf(", a %s read from ", v.Type())), from, text(". Reading changes nothing: no value was written."))
	}
	if !info.Exists {
		s := noSession("get", info, "That is no error, and reading does not create a session.")
		s.Parts = append([]views.Part{code(key), text(" is missing. ")}, s.Parts...)
		return s
	}
	return note("get", code(key), text(" is missing: the session has no such key. That is no error, only an empty answer."))
}

func sayKeys(keys []string, info session.Info) views.Sentence {
	if len(keys) == 0 {
		if !info.Exists {
			return noSession("keys", info, "There are no keys to list, and listing does not create a session.")
		}
		return note("keys", text("The session is there, and it has no keys."))
	}
	parts := []views.Part{text(fmt.Sprintf("%d %s: ", len(keys), plural(len(keys), "key", "keys")))}
	for i, key := range keys {
		if i == 12 {
			parts = append(parts, text(fmt.Sprintf(" and %d more", len(keys)-i)))
			break
		}
		if i > 0 {
			parts = append(parts, text(", "))
		}
		parts = append(parts, code(key))
	}
	return did("keys", append(parts, text(". The loop saw both halves of the session, wherever each value lives."))...)
}

func sayDelete(key string, found bool, info session.Info) views.Sentence {
	switch {
	case found:
		return did("deleted", code(key), text(". The session itself stays, with its ID and its other keys."))
	case !info.Exists:
		return noSession("delete", info, "There was nothing to delete.")
	}
	return note("delete", code(key), text(" was not there. That is no error, and no write: no cookie was sent."))
}

func sayClear(n int, info session.Info) views.Sentence {
	switch {
	case !info.Exists:
		return noSession("clear", info, "There was nothing to clear.")
	case n == 0:
		return note("clear", text("The session had no keys already. Nothing was written."))
	}
	return did("cleared", text(fmt.Sprintf("%d %s. The session is empty but alive: the ID ", n, plural(n, "key", "keys"))), code(info.ID), text(" and its record stay. Flush would end it."))
}

func sayFlush(before string, over bool, info session.Info) views.Sentence {
	again := ""
	if over {
		again = " Everything is as at the beginning: press Set and a new session is born."
	}
	if before == "" {
		return noSession("flush", info, "There was nothing to flush."+again)
	}
	return did("flushed", text("The record is gone from "), theServer, text(" and "), theCookie,
		text(" from the browser. The ID "), code(before), text(" is dead for good: a kept copy of the old cookie opens nothing."+again))
}

func sayCycle(before string, info session.Info) views.Sentence {
	if before == "" {
		return noSession("cycle ID", info, "There is no ID to change.")
	}
	return did("cycled", text("The same data has a new ID: "), code(before), text(" became "), code(info.ID),
		text(". The old one is dead, and the absolute lifetime has not moved."))
}

func sayClearExpired(removed int, info session.Info) views.Sentence {
	if removed == 0 {
		return note("clear expired", text("No expired record lies in the store. Live sessions are not touched."))
	}
	return did("cleared", text(fmt.Sprintf("%d expired %s from ", removed, plural(removed, "record", "records"))), theServer,
		text(". They read as absent before, too: expired is not the same as cleared."))
}

func (a *App) sayExpiry(existed bool, x session.Expiry, info session.Info) views.Sentence {
	idle, _ := a.engine.Policy()
	switch {
	case !existed:
		return noSession("expiry", info, "There is nothing that could expire.")
	case !info.Exists:
		return did("expired", text("An expiry in the past ends the session at once: it reads as absent from now on."))
	case x.BrowserClose:
		return did("expiry", text("The cookie has no Max-Age any more: the browser throws it away when it closes. "), theServer, text(" keeps its own clocks all the same."))
	case x.After != 0:
		return did("expiry", text(fmt.Sprintf("This session expires %s after its last write. Max-Age tells ", seconds(x.After))), theCookie,
			text(", but it is "), theServer, text(" that decides."))
	}
	return did("expiry", text(fmt.Sprintf("Back to the policy: the session expires %s after its last write.", idle)))
}

func seconds(d time.Duration) string {
	n := int(d / time.Second)
	return fmt.Sprintf("%s %s", number(n), plural(n, "second", "seconds"))
}

func sayPlacement(p session.Placement, was, info session.Info) views.Sentence {
	where := map[session.Placement]string{
		session.InCookie: "every value rides in the cookie and the server keeps no record",
		session.Hybrid:   "small values ride in the cookie and larger ones live on the server",
		session.OnServer: "every value lives on the server and the cookie carries the ID alone",
	}[p]
	switch {
	case !info.Exists:
		return noSession("placement", info, "The next one will be born so that "+where+".")
	case was.Placement == p:
		return note("placement", text("It is so already: "+where+"."))
	}
	parts := []views.Part{text(fmt.Sprintf("From now on %s. %d %s moved at once.", where, len(info.Values), plural(len(info.Values), "value", "values")))}
	if was.ID != info.ID {
		parts = append(parts, text(" The session has a new ID, "), code(info.ID), text(": the old cookie must not open the old state."))
	}
	return did("moved", parts...)
}

func sayLogin(user, before string, info session.Info) views.Sentence {
	parts := []views.Part{code("user"), text(" is now "), code(user), text(". ")}
	if before == "" {
		return did("logged in", append(parts, text("A session was born with it, so its ID is fresh."))...)
	}
	return did("logged in", append(parts, text("With the change of privilege the ID changed, from "), code(before), text(" to "), code(info.ID),
		text(": whoever knew the old one is left outside."))...)
}

func sayLogout(before string, info session.Info) views.Sentence {
	if before == "" {
		return noSession("logout", info, "Nobody was logged in.")
	}
	s := sayFlush(before, false, info)
	s.Verb = "logged out"
	return s
}

// sayLab is what a page says when nothing was pressed.
func sayLab(info session.Info) views.Sentence {
	switch {
	case info.Exists && len(info.Values) > 0:
		keys := make([]string, 0, len(info.Values))
		for _, item := range info.Values {
			keys = append(keys, item.Key)
		}
		return note("session", text("This browser has a session: "), code(info.ID), text(fmt.Sprintf(", with %d %s (", len(keys), plural(len(keys), "key", "keys"))),
			code(strings.Join(keys, ", ")), text(")."))
	case info.Exists:
		return note("session", text("This browser has a session, "), code(info.ID), text(", and it is empty."))
	case noteOf(info) != "":
		return note("session", text(noteOf(info)))
	}
	return note("session", text("This browser has no session yet. Press Set: the first write gives birth to one."))
}
