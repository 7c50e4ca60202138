// Package say has every sentence under a button, and every number as people read it. It
// makes them of facts: of what an exchange was and did, as it may be shown. Begin with
// Press, which is the sentence of a press; Summary is its few words in a timeline. All
// words of the program, those of other packages too, stand in testdata/sentences.txt.
//
// The words follow these rules:
//   - Plain words, one or two sentences: what happened, and why. Subject, verb, consequence.
//   - A sentence names what was acted on: the key, the ID, how many.
//   - It says what this exchange shows, and nothing that is only likely.
//   - A value is shown as JSON, cut when it is long.
//   - Where a thing lives is a coloured part: the cookie, the server.
//   - A projector shows neither keys nor values: they are parts of the kinds "code" and
//     "secret". The short name of a session is one of the kind "id", and stays readable.
//
// The same thing has the same name on every page:
//   - A session has an ID and values. The first write creates it. It expires when a clock
//     runs out, and it ends by a flush or a logout. A session, or an ID, that has ended
//     opens nothing any more.
//   - The session ID is shown as the beginning of its SHA-256: "session ID, hashed".
//   - The cookie, or session cookie, is sent by the server, kept and dropped by the browser,
//     and comes with a request. It opens a session, or nothing. It is stale when the server
//     sent a later one. Its payload is what the signature is over.
//   - A copy of the cookie is made by a press; a pinned copy is kept by the visit. What somebody
//     pastes, to be checked, is a value: it may be any browser's.
//   - The readable cookie is the one without HttpOnly.
//   - The store holds records. A record is what the server keeps of a session. It is live or
//     expired; an expired record stays until it is cleared. A marker stands in the store for
//     an ID that has ended.
//   - A store answers, or does not. It takes no writes while it can only be read, and it is
//     full while it has no room for a new session.
//   - A key is a name, and no path into a value. A key has a value. The value lives in the cookie or on the server: the placement
//     decides. Values are set, read, deleted; Clear removes all of them.
//   - A press is what a person does with a button, an exchange is a request with its
//     answer, and a moment is an exchange in the timeline of a visit.
//   - A class has seats. A visitor of the join page is offered a nickname, takes a seat, and is a
//     learner then. A seat has a nickname, a code by which its owner comes back, pages with the
//     strip at their top, and a session like any browser. It moves when its owner comes back with
//     the code. Who comes to a closed door knocks. The teacher has the board. A class ends when what
//     there is of it is wiped. In a rehearsal the program's own browsers have seats: they are clients
//     of the class, and no learners.
//   - A class is asked a question: what comes out of an experiment. A seat answers it with a
//     prediction, and the teacher counts raised hands. The question is open until it is closed, and
//     revealed by one run.
//   - A lesson plan has steps, and the class is at one of them. The phones are told what to do there,
//     and the teacher has a note. Next begins the step after it; the plan is through after the last.
//   - A page is what one load shows, in a tab. A browser has the cookies. The second browser
//     is a lab with a cookie of its own. A client is whatever sends requests.
package say

import (
	"fmt"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Part is a piece of a sentence.
type Part struct {
	// Kind is how it looks: "" plain, "cookie" and "server" in the colour of where a
	// thing lives, "mac" in that of a refusal, "id" the short name of a session, "code" a
	// key, a value or a name, "secret" words that name a key. A projector hides the last two.
	Kind string
	Text string
}

// Sentence is what a page says under the buttons.
type Sentence struct {
	At    string // the time of day, "" until the page fills it in
	Tone  string // "ok" something was done, "note" nothing was, or perhaps not what was meant, "bad" it was refused
	Field string // of the form, if that is what was refused
	Verb  string // what was done, in one or two words
	Parts []Part
}

// maxCode is how much of a key or value a sentence shows, in bytes.
const maxCode = 80

// Text is a part of plain words.
func Text(s string) Part { return Part{Text: s} }

// Code is a key, a value or a name, which a projector hides.
func Code(s string) Part { return Part{"code", Shown(s, maxCode)} }

// ID is the short name of a session, which a projector may show.
func ID(name string) Part { return Part{"id", name} }

// value shows a value, cut to one line.
func value(v trace.Value) Part { return Part{"code", ShownText(v.Text, maxCode)} }

var (
	inCookie  = Part{"cookie", "in the cookie"}
	theCookie = Part{"cookie", "the cookie"}
	aCookie   = Part{"cookie", "The cookie"} // at the beginning of a sentence
	onServer  = Part{"server", "on the server"}
	theServer = Part{"server", "the server"}
)

// Did says that something was done.
func Did(verb string, parts ...Part) Sentence {
	return Sentence{Tone: "ok", Verb: verb, Parts: parts}
}

// Note says how things are, when nothing was done.
func Note(verb string, parts ...Part) Sentence {
	return Sentence{Tone: "note", Verb: verb, Parts: parts}
}

// and returns s with more parts.
func (s Sentence) and(parts ...Part) Sentence {
	s.Parts = append(s.Parts, parts...)
	return s
}

// Refused says why a press was refused. field is the one of the form that is wrong, ""
// for none. With secret the words name a key, and no projector shows them.
func Refused(status int, detail, field string, secret bool) Sentence {
	part := Text(detail)
	if secret {
		part.Kind = "secret"
	}
	return Sentence{Tone: "bad", Field: field, Verb: fmt.Sprintf("refused (%d)", status), Parts: []Part{part}}
}

// presses has the sentence of each press, by its Op.
var presses = map[string]func(*trace.Seen) Sentence{
	"lab": looked, "session": looked,
	"set": set, "get": get, "keys": keys, "delete": deleted, "clear": cleared,
	"flush": flushed, "cycle-id": cycled, "clear-expired": clearedExpired, "expiry": expiry, "placement": placed,
	"login": loggedIn, "logout": loggedOut,
	"tamper": tampered, "replay": replayed, "pin": pinned, "plant": planted, "check": checked, "drop-cookie": dropped, "put-back": putBack,
}

// Press is the sentence under the buttons after a press that was not refused, or after a
// look at the page. An Op that it does not know gets the words of a look.
func Press(s trace.Seen) Sentence {
	say, ok := presses[s.Did.Op]
	if !ok {
		say = looked
	}
	if s.Did.Asked {
		return answersAgain(&s)
	}
	out := say(&s)
	if why := NewTimeline(s.Did.OldPage); why != "" {
		out.Parts = append(append(out.Parts, Text(" "+why)), found(&s)...)
	}
	return out
}

// NewTimeline says why a press goes on with another visit than its page began with. why
// is that of trace.Did: "restarted", "idle", "ended", or "" when it does not.
func NewTimeline(why string) string {
	switch why {
	case "restarted":
		return "The program was restarted: a new timeline begins."
	case "idle":
		return "This page was idle for half an hour, and the program was not restarted: a new timeline begins."
	case "ended":
		return "The visit of this page has ended, since the page was idle or others needed its place: a new timeline begins."
	}
	return ""
}

// NoteOf says what is special about the cookie of an exchange, whose session is s, or "".
// It is about the cookie that came, or about the one that the press put back.
func NoteOf(s trace.Session, c trace.Cookie) string {
	switch {
	case c.Verdict == session.VerdictStale:
		return "This cookie is stale: a later one was sent since. The values in this one may be old."
	case s.Exists:
		return "" // whatever came, the browser's cookie opens its session now
	case c.Put && faults[c.Verdict] != "":
		return "This cookie opens nothing: " + faults[c.Verdict] + "."
	case c.CameEmpty():
		return emptyNote
	}
	return notes[c.Verdict]
}

const emptyNote = "The cookie that came is empty, so it opens nothing."

// noteOfCame says why the cookie that came opened nothing, whatever the browser has now.
func noteOfCame(s *trace.Seen) string {
	if s.Cookie.CameEmpty() {
		return emptyNote
	}
	return notes[came(s)]
}

// notes say why the cookie that came opens nothing.
var notes = map[session.Verdict]string{
	session.VerdictGarbled: "The cookie that came is unsigned or garbled: it carries no signature of this server, so it opens nothing.",
	session.VerdictForged:  "The signature of the cookie that came does not fit, so it opens nothing.",
	session.VerdictExpired: "The session of the cookie that came has expired, so it reads as absent.",
	session.VerdictDead:    "The cookie that came has a valid signature, but its session has ended: it opens nothing.",
	session.VerdictMoved:   "The ID in the cookie that came was replaced a moment ago, so it opens nothing.",
}

// faults say why a cookie that was put back opens nothing: it did not come with the press.
var faults = map[session.Verdict]string{
	session.VerdictGarbled: "it carries no signature of this server",
	session.VerdictForged:  "its signature does not fit",
	session.VerdictExpired: "its session has expired",
	session.VerdictDead:    "its signature is valid, but its session has ended",
	session.VerdictMoved:   "its ID was replaced a moment ago",
}

// noSession is for an action that needs a session and found none: it says why there is
// none, and then what, which tells what that means for the action.
func noSession(verb string, s *trace.Seen, what string) Sentence {
	if n := NoteOf(s.Session, s.Cookie); n != "" {
		return Note(verb, Text(n+" "+what))
	}
	return Note(verb, Text("This browser has no session. "+what))
}

// came is the verdict on the cookie that came, before anything was done.
func came(s *trace.Seen) session.Verdict {
	if s.Did.Came != "" {
		return s.Did.Came
	}
	return s.Cookie.Verdict
}

// leftBehind says what a new ID or placement costs after a press whose cookie was stale.
func leftBehind(s *trace.Seen) string {
	if came(s) != session.VerdictStale {
		return ""
	}
	return " The cookie that came was stale: values that only a later cookie carried are left behind."
}

// laterCookie says what a press with a stale cookie does not know.
func laterCookie(s *trace.Seen) string {
	if s.Cookie.Verdict != session.VerdictStale {
		return ""
	}
	return " But this cookie is stale: a later one was sent, and this request does not know the values of the later one."
}

// endOfBirth ends the sentence about the birth of a session. When the store still has the
// record of the session that this browser had before, it says so: nobody ended that one.
func endOfBirth(s *trace.Seen) []Part {
	left := s.Store.Left
	switch {
	case left.ID == "" || left.ID == s.Session.ID:
	case left.InCookie:
		return []Part{Text(". The session before, "), ID(left.ID), Text(", was only in a cookie that this browser does not have any more: a copy of that cookie still opens it.")}
	case left.State == session.StateLive:
		return []Part{Text(". The old record "), ID(left.ID), Text(" is still in the store, and no cookie of this browser opens it.")}
	case left.State == session.StateExpired:
		return []Part{Text(". The old record "), ID(left.ID), Text(" has expired, and is still in the store: expired is not cleared.")}
	}
	return []Part{Text(".")}
}
