package app

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// This file holds the sentences under the buttons. Their rules: plain words, one
// or two sentences, what happened and why, naming the thing acted on. A value is
// shown as JSON, cut when long. Where something lives is always a coloured part.

func text(s string) views.Part { return views.Part{Text: s} }
func code(s string) views.Part { return views.Part{Kind: "code", Text: shown(s, 80)} }

// value shows a value, cut to one line.
func value(v session.Value) views.Part { return code(string(v)) }

var (
	inCookie  = views.Part{Kind: "cookie", Text: "in the cookie"}
	theCookie = views.Part{Kind: "cookie", Text: "the cookie"}
	aCookie   = views.Part{Kind: "cookie", Text: "The cookie"} // at the beginning of a sentence
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
	if p.limit != nil && p.limit.Key != "" { // the words name a key: no projector shows it
		return views.Sentence{Tone: "bad", Field: p.field, Verb: fmt.Sprintf("refused (%d)", p.status), Parts: []views.Part{{Kind: "secret", Text: p.detail}}}
	}
	return views.Sentence{Tone: "bad", Field: p.field, Verb: fmt.Sprintf("refused (%d)", p.status), Parts: []views.Part{text(p.detail)}}
}

// noteOf says what is special about the cookie that came, or "".
func noteOf(info session.Info) string {
	switch info.Verdict {
	case session.VerdictStale:
		return "This cookie is stale: a later one was sent out since. What it holds itself may be old."
	case session.VerdictGarbled:
		return "The cookie that came carries no signature of ours: unsigned or garbled, it opens nothing."
	case session.VerdictForged:
		return "The signature of the cookie that came does not fit, so it opens nothing."
	case session.VerdictExpired:
		return "This cookie's session has expired, so it reads as absent."
	case session.VerdictDead:
		return "The cookie that came has a valid signature, but its session has ended: it opens nothing."
	case session.VerdictMoved:
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

func saySet(key string, v session.Value, born, same bool, came session.Verdict, info session.Info) views.Sentence {
	if same {
		return note("set", code(key), text(" is "), value(v), text(" already. Nothing changed, so nothing was written and no cookie was sent."))
	}
	parts := []views.Part{code(key), text(" is now "), value(v), text(fmt.Sprintf(": %s, ", bytesText(len(v))))}
	switch {
	case lives(key, info) == "cookie" && info.Placement == session.Hybrid:
		parts = append(parts, text("small enough to ride "), inCookie, text(". "))
	case lives(key, info) == "cookie":
		parts = append(parts, text("carried "), inCookie, text(" like every value. "))
	case info.Placement == session.Hybrid && len(v) <= session.MaxSmallBytes && info.Verdict == session.VerdictStale:
		parts = append(parts, text("kept "), onServer, text(": a later cookie than this request's was sent out, and a new one would overwrite what that carries. "))
	case info.Placement == session.Hybrid && len(v) <= session.MaxSmallBytes:
		parts = append(parts, text("kept "), onServer, text(": once there, a key stays until it is deleted, or the cookie had no room. "))
	case info.Placement == session.Hybrid:
		parts = append(parts, text("too large for the cookie, so it lives "), onServer, text(". "))
	default:
		parts = append(parts, text("kept "), onServer, text("; the cookie carries the ID alone. "))
	}
	switch {
	case born && came != session.VerdictAbsent:
		parts = append(parts, text("The cookie that came opened nothing, so a new session was born, and its cookie takes that one's place."))
	case born:
		parts = append(parts, text("A session was born with this first write: the server sent its first cookie."))
	case info.Sent == nil:
		parts = append(parts, text("The cookie stays as it is."))
	case info.Placement == session.OnServer:
		parts = append(parts, text("The server sent the same ID again, with a fresh Max-Age."))
	default:
		parts = append(parts, text("The old signature no longer fits, so the server sent a new cookie."))
	}
	return did("set", parts...)
}

func (a *App) sayGet(key string, v session.Value, found bool, info session.Info) views.Sentence {
	if found {
		end := ". Reading changes nothing."
		if a.cfg.Sessions.Rolling {
			end = ". Reading changes no value; with --rolling it moves the idle clock."
		}
		from := theCookie
		if lives(key, info) == "server" {
			from = theServer
		}
		if info.Verdict == session.VerdictStale && lives(key, info) == "cookie" {
			end += laterCookie(info)
		}
		return did("get", code(key), text(" is "), value(v), text(", "+typed(v)+"read from "), from, text(end))
	}
	if !info.Exists {
		s := noSession("get", info, "That is no error, and reading does not create a session.")
		s.Parts = append([]views.Part{code(key), text(" is missing. ")}, s.Parts...)
		return s
	}
	return note("get", code(key), text(" is missing: the session has no such key. That is no error, only an empty answer."+laterCookie(info)))
}

// typed names the type of v, before "read from".
func typed(v session.Value) string {
	switch kind := v.Type(); kind {
	case session.TypeNull:
		return ""
	case session.TypeObject:
		return "an object "
	default:
		return "a " + kind + " "
	}
}

func sayKeys(keys []string, info session.Info) views.Sentence {
	if len(keys) == 0 {
		if !info.Exists {
			return noSession("keys", info, "There are no keys to list, and listing does not create a session.")
		}
		return note("keys", text("The session is there, and it has no keys."+laterCookie(info)))
	}
	places := make(map[string]bool)
	for _, item := range info.Values {
		places[item.Lives] = true
	}
	end := "." + laterCookie(info)
	if len(places) == 2 {
		end = ". The loop saw both halves of the session, wherever each value lives." + laterCookie(info)
	}
	return did("keys", text(fmt.Sprintf("%d %s: ", len(keys), plural(len(keys), "key", "keys"))), views.Part{Kind: "code", Text: list(keys)}, text(end))
}

// leftBehind says what a new ID or placement costs by a request whose cookie was stale.
func leftBehind(came session.Verdict) string {
	if came != session.VerdictStale {
		return ""
	}
	return " The cookie that came was stale: what a later one carried is left behind."
}

// laterCookie says what a request with a stale cookie does not know.
func laterCookie(info session.Info) string {
	if info.Verdict != session.VerdictStale {
		return ""
	}
	return " But this cookie is stale: a later one was sent, and what that carries is not known here."
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
	stay := " and its record stay"
	if info.Placement == session.InCookie {
		stay = " stays"
	}
	return did("cleared", text(fmt.Sprintf("%d %s. The session is empty but alive: the ID ", n, plural(n, "key", "keys"))), code(info.ID), text(stay+". Flush would end it."))
}

func sayFlush(was session.Info, over bool, info session.Info) views.Sentence {
	again := ""
	if over {
		again = " Everything is as at the beginning: press Set and a new session is born."
	}
	dead := text(" is dead for good: a kept copy of the old cookie opens nothing." + lostProgress(was) + again)
	switch {
	case !was.Exists && over && noteOf(info) != "":
		return noSession("flush", info, "There was nothing to flush. The fields are as at the beginning; the cookie stays until the next Set replaces it.")
	case !was.Exists:
		return noSession("flush", info, "There was nothing to flush."+again)
	case was.Placement == session.InCookie:
		return did("flushed", text("The browser throws "), theCookie, text(" away, and "), theServer, text(" remembers that its ID is retired: "), code(was.ID), dead)
	}
	return did("flushed", text("The record is gone from "), theServer, text(", and the browser throws "), theCookie,
		text(" away. The ID "), code(was.ID), dead)
}

// lostProgress says that the learner's progress went with a session, if there was any.
func lostProgress(was session.Info) string {
	for _, item := range was.Values {
		if p, is := progressOf(item.Value, true); item.Key == progressKey && is && len(p.Done) > 0 {
			return fmt.Sprintf(" Your progress through the experiments, %d done, was a key of this session: it went too.", len(p.Done))
		}
	}
	return ""
}

func sayCycle(before string, came session.Verdict, info session.Info) views.Sentence {
	if before == "" {
		return noSession("cycle ID", info, "There is no ID to change.")
	}
	return did("cycled", text("The same data has a new ID: "), code(before), text(" became "), code(info.ID),
		text(". The old one is dead, and the absolute lifetime has not moved."+leftBehind(came)))
}

func sayClearExpired(removed int, info session.Info) views.Sentence {
	if removed == 0 {
		return note("clear expired", text("No expired record lies in the store. Live sessions are not touched."))
	}
	return did("cleared", text(fmt.Sprintf("%d expired %s from ", removed, plural(removed, "record", "records"))), theServer,
		text(". "+plural(removed, "It", "They")+" read as absent before, too: expired is not the same as cleared."))
}

func (a *App) sayExpiry(was session.Info, x session.Expiry, info session.Info) views.Sentence {
	s := a.sayNewExpiry(was.Exists, x, info)
	if was.Exists && info.Exists && was.ID != info.ID {
		s.Parts = append(s.Parts, text(" The session has a new ID, "), code(info.ID), text(": a copy of the old cookie, which knows another end, opens nothing."))
	}
	return s
}

func (a *App) sayNewExpiry(existed bool, x session.Expiry, info session.Info) views.Sentence {
	idle, _ := a.root.engine.Policy()
	last := "last write"
	if a.cfg.Sessions.Rolling {
		last = "last request"
	}
	switch {
	case !existed:
		return noSession("expiry", info, "There is nothing that could expire.")
	case !info.Exists:
		return did("expired", text("An expiry in the past ends the session at once: it reads as absent from now on."))
	case x.BrowserClose:
		return did("expiry", aCookie, text(" has no Max-Age any more, so the browser throws it away when it closes. On "), theServer, text(" the clocks run all the same."))
	case x.After != 0:
		latest := ""
		if info.Expires.Equal(info.Absolute) {
			latest = ", but at the latest at " + clock(info.Absolute) + ", when its absolute lifetime ends"
		}
		return did("expiry", text(fmt.Sprintf("This session expires %s after its %s%s. Max-Age tells the browser when to drop ", seconds(x.After), last, latest)), theCookie,
			text("; "), theServer, text(" decides for itself."))
	}
	return did("expiry", text(fmt.Sprintf("Back to the policy: the session expires %s after its %s.", left(idle), last)))
}

func seconds(d time.Duration) string {
	n := int(d / time.Second)
	return fmt.Sprintf("%s %s", number(n), plural(n, "second", "seconds"))
}

func sayPlacement(p session.Placement, was, info session.Info) views.Sentence {
	where := map[session.Placement]string{
		session.InCookie: "every value rides in the cookie and the server keeps no record",
		session.Hybrid:   "small values ride in the cookie, and those that are larger or were on the server before live there",
		session.OnServer: "every value lives on the server and the cookie carries the ID alone",
	}[p]
	switch {
	case !info.Exists:
		return noSession("placement", info, "In the next one, "+where+".")
	case was.Placement == p:
		return note("placement", text("It is so already: "+where+"."))
	}
	moved := 0
	for _, item := range info.Values {
		if lives(item.Key, was) != item.Lives {
			moved++
		}
	}
	what := "No value had to move."
	switch {
	case p == session.Hybrid && was.Placement == session.OnServer && len(info.Values) > 0:
		what = "What the server holds stays there until its key is deleted: if it moved into the cookie and that got lost, it would be lost too."
	case moved > 0:
		what = fmt.Sprintf("%d %s moved at once.", moved, plural(moved, "value", "values"))
	}
	parts := []views.Part{text("From now on " + where + ". " + what + leftBehind(was.Verdict))}
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
	return did("logged in", append(parts, text("At every login the ID changes, here from "), code(before), text(" to "), code(info.ID),
		text(": whoever knew the old one is left outside."))...)
}

func sayLogout(was, info session.Info) views.Sentence {
	s := sayFlush(was, false, info)
	switch {
	case !was.Exists:
		return noSession("logout", info, "Nobody was logged in.")
	case lives("user", was) == "":
		s.Parts = append(s.Parts, text(" Nobody was logged in; the session ended all the same."))
	}
	s.Verb = "logged out"
	return s
}

// sayRanOut is for the page that asks by itself because a clock on it has run
// out. It says what this request shows: whether a cookie came, and what the
// store still counts.
func (a *App) sayRanOut(c echo.Context) func(session.Info) views.Sentence {
	return func(info session.Info) views.Sentence {
		if info.Exists {
			return sayLab(info) // another tab has written meanwhile
		}
		parts := []views.Part{text("The time on this page is up. ")}
		switch info.Verdict {
		case session.VerdictAbsent:
			parts = append(parts, text("No cookie came with this request: the browser drops it when its Max-Age ends, or when another tab has flushed the session. "))
		case session.VerdictExpired:
			parts = append(parts, aCookie, text(" still came, and its session has expired. "))
		default:
			parts = append(parts, text(noteOf(info)+" "))
		}
		stats, err := idOf(c).engine.Stats(c.Request().Context())
		if err == nil && stats.Expired > 0 {
			parts = append(parts, text(fmt.Sprintf("%d expired %s, of any browser, still %s ", stats.Expired, plural(stats.Expired, "record", "records"), plural(stats.Expired, "lies", "lie"))), onServer,
				text(": expired is not cleared."))
		}
		return note("expired", parts...)
	}
}

// sayLab is what a page says when nothing was pressed.
func sayLab(info session.Info) views.Sentence {
	switch {
	case info.Exists && len(info.Values) > 0:
		keys := make([]string, 0, len(info.Values))
		for _, item := range info.Values {
			keys = append(keys, item.Key)
		}
		return note("session", text("This browser has a session: "), code(info.ID), text(fmt.Sprintf(", with %d %s: ", len(keys), plural(len(keys), "key", "keys"))),
			views.Part{Kind: "code", Text: list(keys)}, text("."))
	case info.Exists:
		return note("session", text("This browser has a session, "), code(info.ID), text(", and it is empty."))
	case noteOf(info) != "":
		return note("session", text(noteOf(info)))
	}
	return note("session", text("This browser has no session. Press Set: the first write creates one."))
}

// sayCopy tells what became of a copy that the server's own client sent.
func sayCopy(became copyOf) []views.Part {
	if became.Status >= 500 {
		return []views.Part{text(fmt.Sprintf("the server answered %d. ", became.Status))}
	}
	if became.Accepted {
		end := " it: whoever sends it is you. "
		if became.Verdict == string(session.VerdictStale) {
			end = " it, although it is stale: whoever sends it is you, as you were then. "
		}
		return []views.Part{text("the server "), {Kind: "server", Text: "accepted"}, text(end)}
	}
	return []views.Part{text("the server "), {Kind: "mac", Text: "refused"}, text(" it: " + became.Reason + ". ")}
}

func (a *App) sayTamper(how string, same bool, became copyOf, info session.Info) views.Sentence {
	s := views.Sentence{Tone: "bad", Verb: "copy refused"}
	if became.Accepted || became.Status >= 500 {
		s = note("copy accepted")
	}
	if became.Status >= 500 {
		s.Verb = "no verdict"
	}
	s.Parts = []views.Part{text("The server's own client sent a copy of "), theCookie, text(" with " + how + ", and ")}
	if same {
		s.Parts = []views.Part{text("A copy of "), theCookie, text(" with nothing changed was sent by the server's own client, and ")}
	}
	s.Parts = append(s.Parts, sayCopy(became)...)
	return a.stays(s, became, info)
}

func (a *App) sayReplay(p pin, became copyOf, info session.Info) views.Sentence {
	s := views.Sentence{Tone: "bad", Verb: "replay refused"}
	switch {
	case became.Status >= 500:
		s = note("no verdict")
	case became.Accepted:
		s = did("replay accepted")
	}
	s.Parts = append([]views.Part{text("Another client sent the copy of "), theCookie, text(" from " + clock(p.at) + ", and ")}, sayCopy(became)...)
	return a.stays(s, became, info)
}

// stays ends a sentence about a copy.
func (a *App) stays(s views.Sentence, became copyOf, info session.Info) views.Sentence {
	end := "This browser has no session of its own now."
	if info.Exists {
		end = "Your own cookie and session stay as they are."
	}
	if became.Accepted && a.cfg.Sessions.Rolling {
		end += " With --rolling the copy's request moved the idle clock, as any request does."
	}
	s.Parts = append(s.Parts, text(end))
	return s
}

func sayPlant(name string, remove bool) views.Sentence {
	if remove {
		return did("taken away", text("The browser throws "), views.Part{Kind: "cookie", Text: "the readable cookie"}, text(" away."))
	}
	return did("planted", text("The server sent "), views.Part{Kind: "cookie", Text: "a second cookie"}, text(", "), code(name),
		text(", without HttpOnly. Now document.cookie has something to show; the session cookie is still not in it. The server receives it with the next request."))
}

// summary says in a few words what a request did: the most telling of its events.
func summary(mem *request, status int) (verb, what, tone string) {
	var sets, moves []string
	seen := make(map[session.EventKind]session.Event)
	stale := false
	for _, ev := range mem.events {
		switch ev.Kind {
		case session.Refused:
			if isStale(ev) {
				stale = true
				continue
			}
		case session.Placed:
			arrow := shown(ev.Key, 30) + " → " + ev.Lives
			if set, ok := seen[session.Set]; ok && set.Key == ev.Key {
				sets = append(sets, arrow)
			} else {
				moves = append(moves, arrow)
			}
		case session.Set:
			if _, ok := seen[session.Set]; ok {
				sets = append(sets, shown(seen[session.Set].Key, 30))
			}
		}
		seen[ev.Kind] = ev
	}
	if set, ok := seen[session.Set]; ok && len(sets) == 0 {
		sets = []string{shown(set.Key, 30)}
	}
	has := func(kind session.EventKind) bool { _, ok := seen[kind]; return ok }
	out := outcome{}
	if mem.outcome != nil {
		out = *mem.outcome
	}
	key := shown(out.key, 30)
	switch {
	case status >= http.StatusBadRequest:
		return "refused", fmt.Sprintf("%d %s", status, http.StatusText(status)), "bad"
	case has(session.Flushed):
		verb, what, tone = "flushed", "record and cookie gone", "gone"
		if seen[session.Flushed].Place == session.InCookie {
			what = "cookie gone, its ID retired"
		}
		if mem.visit == nil {
			what = "ended; what cookie is left, the next request shows"
		}
		stale = false
	case has(session.Created):
		verb, what, tone = "created", strings.Join(sets, ", "), "born"
	case has(session.Cycled) && out.op == "placement":
		verb, what, tone = "moved", "to "+seen[session.Cycled].Place.String()+", new ID", "moved"
	case has(session.Cycled) && out.op == "expiry":
		verb, what, tone = "expiry", "set, new ID", "moved"
	case has(session.Cycled) && out.op == "login":
		verb, what, tone = "logged in", "new ID", "moved"
	case has(session.Cycled) && len(sets) > 0:
		verb, what, tone = "cycled", "new ID, "+strings.Join(sets, ", "), "moved"
	case has(session.Cycled):
		verb, what, tone = "cycled", "new ID, same data", "moved"
	case has(session.Cleared):
		n := seen[session.Cleared].Count
		verb, what = "cleared", fmt.Sprintf("%d %s", n, plural(n, "key", "keys"))
	case has(session.Deleted):
		verb, what = "deleted", shown(seen[session.Deleted].Key, 30)
	case len(sets) > 0:
		verb, what = "set", strings.Join(sets, ", ")
	case len(moves) > 0:
		verb, what, tone = "moved", strings.Join(moves, ", "), "moved"
	case has(session.Saved) && out.op == "placement" && mem.info != nil:
		verb, what, tone = "moved", "to "+mem.info.Placement.String()+", values stay", "moved"
	case has(session.Swept) && seen[session.Swept].Count > 0:
		verb, what, tone = "swept", fmt.Sprintf("%d expired removed", seen[session.Swept].Count), "gone"
	case has(session.Expired):
		return "expired", seen[session.Expired].Reason, "gone"
	case has(session.Refused):
		return "refused", seen[session.Refused].Reason, "bad"
	case has(session.Saved):
		verb, what, tone = "expiry", "set", "moved"
	case out.op == "get" && !out.found:
		verb, what = "get", key+" → missing"
	case out.op == "get" || out.op == "set" || out.op == "delete":
		verb, what = out.op, key
		if out.op != "get" {
			what += ", no change"
		}
	case out.op == "" && has(session.Read):
		verb = "read"
	case out.op == "":
		verb, what = "looked", "no cookie"
	case out.op == "lab":
		verb = "opened"
	case out.op == "session":
		verb = "read"
	case out.op == "plant":
		verb, what = "planted", "a readable cookie"
	case out.op == "pin":
		verb, what = "pinned", "a copy"
	case out.op == "drop-cookie" && mem.replaced != nil:
		verb, what, tone = "dropped", "the cookie, not the record", "gone"
	case out.op == "put-back":
		verb, what, tone = "put back", "a pinned copy", "moved"
	default:
		verb = out.op
	}
	switch {
	case has(session.Refused):
		what += ", a cookie refused"
	case stale:
		what = strings.TrimPrefix(what+", stale cookie", ", ")
	case what == "" && mem.info != nil && mem.info.Verdict == session.VerdictAbsent && !has(session.Flushed):
		what = "no cookie came"
	}
	return verb, what, tone
}

// isStale tells whether a refusal is of an older cookie, which still opens its session.
func isStale(ev session.Event) bool { return strings.HasPrefix(ev.Reason, "stale") }

// wrote tells whether events say that something changed, and was not merely read.
func wrote(events []session.Event) bool {
	return slices.ContainsFunc(events, func(ev session.Event) bool {
		switch ev.Kind {
		case session.Read, session.Refused, session.Expired, session.Discarded, session.Conflict:
			return false
		case session.Swept:
			return ev.Count > 0
		}
		return true
	})
}

// sayPutBack ends the sentence about a cookie that was put back with what the next
// request found out.
func sayPutBack(info session.Info) []views.Part {
	switch {
	case info.Verdict == session.VerdictStale:
		return []views.Part{text(" It opens "), code(info.ID), text(fmt.Sprintf(", but it is older than that session: its version is %d, the record's is %d.", info.Cookie.Envelope().Version, info.Version))}
	case info.Exists:
		return []views.Part{text(" It opens "), code(info.ID), text(".")}
	}
	return []views.Part{text(" It opens nothing. " + noteOf(info))}
}
