package say

import (
	"fmt"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Witnesses is what one request showed, as three short lines: what the browser keeps, what
// travelled, and what the server keeps. Each goes on after the name of the witness.
type Witnesses struct{ Browser, Wire, Server []Part }

// Showed is what a request showed that only looked. It says nothing that the request does not show.
func Showed(s trace.Seen) Witnesses {
	return Witnesses{Browser: keeps(&s), Wire: travelled(&s), Server: stands(&s)}
}

// keeps says what the browser keeps of the session cookie after the answer.
func keeps(s *trace.Seen) []Part {
	c := s.Cookie
	switch {
	case c.Ignored:
		return []Part{Text("drops the cookie of this answer: it has Secure, and this address is plain http")}
	case c.Thrown:
		return []Part{Text("is told to drop its cookie")}
	case c.CameEmpty():
		return []Part{Text("keeps a cookie without a value")}
	case c.Kept == "" && !c.Hidden:
		return []Part{Text("has sent no session cookie")}
	}
	line := "keeps " + Bytes(len(c.Name)+c.Bytes)
	if !s.Session.Exists && !s.Store.Down {
		line = "still " + line
	}
	if layers, ok := session.Peel(c.Kept); ok && c.Key > 0 { // without a signature that fits, the time is anybody's
		line += ", signed " + Clock(layers.SignedAt())
	}
	return []Part{Text(line)}
}

// travelled says whether a session cookie came, and what became of it.
func travelled(s *trace.Seen) []Part {
	c := s.Cookie
	why := refusals[c.Verdict]
	if c.CameEmpty() {
		why = "it is empty"
	}
	switch {
	case !c.Came:
		return []Part{Text("the request carried no session cookie")}
	case s.Store.Down:
		return []Part{Text("it was sent; without the store nobody knows what it opens")}
	case c.Verdict == session.VerdictStale:
		return []Part{Text("it was sent, and opened the session; a later cookie was sent since")}
	case s.Session.Exists && c.CameTwice():
		return []Part{Text("two of this name were sent, and one opened the session")}
	case s.Session.Exists:
		return []Part{Text("it was sent, and opened the session")}
	}
	return []Part{Text("it was sent, and "), {"mac", "refused"}, Text(": " + why)}
}

// refusals say why a cookie opened nothing, in a few words.
var refusals = map[session.Verdict]string{
	session.VerdictGarbled: "it carries no signature of this server",
	session.VerdictForged:  "its signature does not fit",
	session.VerdictExpired: "its session has expired",
	session.VerdictDead:    "its session has ended",
	session.VerdictMoved:   "its ID was replaced a moment ago",
}

// stands says what the server keeps of the session that the cookie names.
func stands(s *trace.Seen) []Part {
	st, id := s.Store, ID(s.Store.ID)
	switch {
	case st.Down:
		return []Part{Text("the store does not answer")}
	case st.ID == "" && s.Cookie.Came:
		return []Part{Text("looked for no record: it trusts nothing in this cookie")}
	case st.ID == "":
		return []Part{Text("has nothing to look for: only a cookie names a record")}
	case st.Unknown:
		return []Part{Text("the store did not answer when it was asked for the record "), id}
	case s.Session.Exists && s.Session.Placement == session.InCookie:
		return []Part{Text("keeps no record of "), id, Text(": every value lives "), inCookie}
	}
	switch st.State {
	case session.StateLive:
		return []Part{Text("the record "), id, Text(fmt.Sprintf(" is there, version %d", st.Record.Version))}
	case session.StateExpired:
		return []Part{Text("the record "), id, Text(" has expired, and stays until it is cleared")}
	case session.StateEnded:
		return []Part{Text("a marker is there: the session "), id, Text(" has ended")}
	case session.StateCycled:
		return []Part{Text("a marker is there: the ID "), id, Text(" was replaced")}
	case session.StateCorrupt:
		return []Part{Text("the record "), id, Text(" is there, and cannot be read")}
	}
	return []Part{Text("has no record of "), id}
}

// Came is what a request to the join page brought along.
type Came struct {
	Own    []string // the names of the cookies that this page has set
	Others int      // cookies of other programs
	Lines  int      // of its head, without the request line
	Fetch  bool     // one of them is a Sec-Fetch-*
	Plain  bool     // it came over plain http
}

// Gave says what a browser gave with its first request: cookies, and lines of its head.
func Gave(g Came) (cookies, about, lines, fetch string) {
	cookies, lines = counted(len(g.Own)+g.Others, "cookie", "cookies"), counted(g.Lines, "header line", "header lines")
	if about = strings.Join(g.Own, " and "); about != "" {
		about += ", which this page has set"
	}
	switch {
	case len(g.Own)+g.Others == 0:
		about = "nothing says that it was here before"
	case g.Others > 0 && about != "":
		about += "; and " + counted(g.Others, "cookie of another program", "cookies of other programs")
	case g.Others > 0:
		about = counted(g.Others, "is of another program at this address", "are of other programs at this address")
	}
	switch {
	case g.Fetch:
		fetch = "Sec-Fetch-* is among them: it tells which page a request comes from"
	case g.Plain:
		fetch = "no Sec-Fetch-*: browsers do not send it to an address that is plain http"
	default:
		fetch = "no Sec-Fetch-*: this client does not send it"
	}
	return cookies, about, lines, fetch
}

// Spins says how many other nicknames a visitor can ask for: "2 spins left".
func Spins(left int) string { return counted(left, "spin left", "spins left") }

// WrongCode says that a code is not the one of a seat, and how many more can be wrong.
func WrongCode(left int) string {
	if left == 0 {
		return "That is not the code. It was the fifth wrong one, so the seat has a new code now: the page of the seat shows it. Without that page, ask the teacher to give the seat back."
	}
	return "No seat has this nickname with this code. After " + counted(left, "more wrong code", "more wrong codes") + " the seat gets a new one."
}

// TooFast says that a device has joined too often, or a seat was tried too often.
func TooFast(what string, after time.Duration) string {
	return what + " Wait " + Left(max(after, time.Second)) + ", then press again."
}

// ClassFull says that every seat is taken. after is when an unused one gives way, 0 for never.
func ClassFull(seats int, after time.Duration) string {
	full := fmt.Sprintf("The class is full: all %s seats are taken.", Number(seats))
	if after <= 0 {
		return full + " Tell the teacher: removing a seat on the board makes room."
	}
	return full + " One of them was never used and makes room in " + Left(after) + ": press again then."
}
