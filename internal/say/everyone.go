package say

import (
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// EveryoneAct is something that a teacher can do to every session of a class.
type EveryoneAct struct {
	Name  string // as the form sends it
	Label string // of its button
	Does  string // what it does, in one line
	after string // "the restart": what the table of the survivors comes after
	lead  string // "The teacher restarted the server.", for a phone
	sure  string // the button that does it
}

// EveryoneActs are all of them, in the order of the board.
var EveryoneActs = []EveryoneAct{
	{"restart", "Restart, same secret", "The store is closed and opened again. The same secret signs the cookies.", "the restart", "The teacher restarted the server.", "Restart the server for everyone"},
	{"restart-new-secret", "Restart, new secret", "The store is closed and opened again, and another secret signs the cookies.", "the restart with a new secret", "The teacher restarted the server with a new secret.", "Restart with a new secret for everyone"},
	{"expire", "Expire all", "The deadline of every record is now.", "every record expired", "The teacher set the deadline of every record to that moment.", "Expire everybody’s records"},
	{"flush", "Flush all", "Each seat’s session ends, as its own Flush ends it.", "the flush of every session", "The teacher flushed everybody’s session.", "Flush everybody’s session"},
	{"forget", "Forget all", "The store loses all records, and all markers of sessions that have ended.", "the store forgot everything", "The teacher let the store forget all records and markers.", "Let the store forget everything"},
}

// everyoneAct returns the act of that name.
func everyoneAct(name string) EveryoneAct {
	for _, a := range EveryoneActs {
		if a.Name == name {
			return a
		}
	}
	return EveryoneAct{}
}

// EveryoneLabel is the button that asks whether the act shall be done.
func EveryoneLabel(act string) string { return everyoneAct(act).Label }

// SureButton is the button that does the act.
func SureButton(act string) string { return everyoneAct(act).sure }

// AfterEveryone is the title of the table of what became of the sessions.
func AfterEveryone(act string) string { return "After " + everyoneAct(act).after }

// PhonesSent says whose requests the table counts: heard of the seats have sent one. A browser of the program's
// own, in a rehearsal, is no phone.
func PhonesSent(seats, heard, rehearsing int) string {
	if seats == 0 {
		return "nobody had joined: no session was there"
	}
	who, whose := counted(seats, "phone", "phones"), ""
	if rehearsing > 0 {
		who, whose = "pages of "+counted(seats, "seat", "seats"), RehearsedAnswers(rehearsing)
	}
	switch {
	case heard == 0:
		return "no request of the " + who + " yet" + whose
	case heard == seats:
		return "what the " + who + " really sent" + whose
	case rehearsing > 0:
		return "what the pages of " + Number(heard) + " of " + counted(seats, "seat", "seats") + " really sent" + whose
	}
	return "what " + Number(heard) + " of " + who + " really sent"
}

// Reaches says whom an act reaches.
func Reaches(seats, awake int) string {
	if seats == 0 {
		return "Nobody has joined: it reaches no seat."
	}
	return "It reaches " + counted(seats, "seat", "seats") + ", " + Number(awake) + " awake. Who wakes later finds it done."
}

// whereKept says where a store keeps its records.
var whereKept = map[string]string{"memory": "in the server’s memory", "sqlite": "in its file", "redis": "in Redis"}

// keptIn returns where a store keeps its records.
func keptIn(store string) string {
	if where := whereKept[store]; where != "" {
		return where
	}
	return "in its store"
}

// WillBecome says what an act does to the sessions of a placement, whose records that store keeps.
func WillBecome(act string, p session.Placement, store string) string {
	inCookie := p == session.InCookie
	switch act {
	case "restart":
		switch {
		case inCookie && store == "memory":
			return "live on: every value is in the cookie. The memory forgets which sessions had ended: a kept copy of their cookie opens them again"
		case inCookie:
			return "live on: every value is in the cookie"
		case store == "memory":
			return "end: their records are " + keptIn(store) + ", which is empty afterwards"
		}
		return "live on: their records are " + keptIn(store) + ", and are there again"
	case "restart-new-secret":
		switch {
		case inCookie:
			return "open nothing any more: the signature does not fit"
		case store == "memory":
			return "open nothing any more: the signature does not fit, and the memory is empty"
		}
		return "open nothing any more: the signature does not fit. Their records stay " + keptIn(store)
	case "expire":
		if inCookie {
			return "live on: they have no record, and their deadline is in the cookie"
		}
		return "expire: their records stay until they are cleared"
	case "flush":
		if inCookie {
			return "end: a marker in the store says so"
		}
		return "end: their records are deleted"
	}
	if inCookie {
		return "live on: the store has nothing of them. Without markers a kept copy of the cookie of a session that had ended opens it again"
	}
	return "end: their records are gone, and nothing says why"
}

// DoneForEveryone says that an act was done, and whom it reached.
func DoneForEveryone(act string, seats, awake int, failed bool) Sentence {
	if failed {
		return Sentence{Tone: "bad", Verb: "not for all", Parts: []Part{Text(FailedForEveryone(act))}}
	}
	if seats == 0 {
		return Did("done", Text(everyoneAct(act).Does+" Nobody has joined: there was no session that it could reach."))
	}
	return Did("done", Text(everyoneAct(act).Does+" "+counted(seats, "seat", "seats")+", "+Number(awake)+" awake: their pages ask now by themselves what became of their sessions."))
}

// FailedForEveryone says that an act could not be done for all.
func FailedForEveryone(act string) string {
	switch act {
	case "restart", "restart-new-secret":
		return "The store could not be opened again. Until it can, seats are told that it does not answer. Press Restart once more; the program’s log says why."
	}
	return "The store did not answer in the middle, so it was not done for all. Press once more for the rest; the program’s log says why."
}

// Becoming is what is known of what became of a seat's session.
type Becoming struct {
	Act     string
	Store   string
	Lived   session.Placement // where its values lived before; 0 if no session was known
	Outcome string            // of the first request after the act: "there", "refused", "ended", "none"
	Why     string            // of refused and ended, in the engine's words
	At      time.Time         // of that first request
	Has     bool              // the present request has a session
	Same    bool              // it is the one of before
	Unread  bool              // the server trusts nothing in the cookie that came
	Left    session.State     // what the store holds of the session of before
	ID      string            // its short name; "" if it is not known
}

// Fate says what became of a session, for the phone of its seat.
type Fate struct {
	Tone   string // "ok" it is there, "bad" it is gone, "note" neither
	Title  string
	Text   string
	Server []Part // what the server keeps of it; nil if the request itself shows that
}

// Became says what became of a seat's session, and why. It agrees with what the present request shows.
func Became(b Becoming) (f Fate) {
	f.Text = everyoneAct(b.Act).lead
	switch b.Outcome {
	case "there":
		f.Tone, f.Title = "ok", "Your session is still there."
		f.Text += " Your browser sent its cookie, and it opened the session." + whyThere(b)
		switch {
		case !b.Has:
			f.Tone, f.Title = "note", "Your session outlived it, and has ended since."
		case !b.Same:
			f.Title = "Your session outlived it."
			f.Text += " Since then your browser has another ID."
		}
	case "refused", "ended":
		f.Tone, f.Title = "bad", "Your session is gone."
		if b.Lived == 0 {
			f.Title = "Your cookie opened nothing."
		}
		f.Text += " Your browser sent its cookie: " + b.Why + "." + whyGone(b)
		if b.Has {
			f.Tone, f.Text = "note", f.Text+" You have a new session since."
		}
	default:
		f.Tone, f.Title = "note", "No session cookie came."
		f.Text += " The request of your browser at " + Clock(b.At) + " carried none."
		if b.Has {
			f.Text += " You have a new session since."
		}
	}
	f.Server = keepsOf(b)
	return f
}

// whyThere says why a session outlived an act.
func whyThere(b Becoming) string {
	inCookie := b.Lived == session.InCookie
	switch {
	case b.Lived == 0:
		return ""
	case inCookie && b.Act == "expire":
		return " It has no record whose deadline could be set: its deadline is in the cookie."
	case inCookie && (b.Act == "restart" || b.Act == "forget"):
		return " All of it is in the cookie: the server had nothing to lose."
	case b.Act == "restart":
		return " Its record is " + keptIn(b.Store) + ", and was there again."
	case b.Act == "flush" && !b.Same:
		return " It had another ID by then than the class knew."
	}
	return ""
}

// whyGone says what the reason of the engine means after the act.
func whyGone(b Becoming) string {
	switch {
	case b.Act == "restart-new-secret" && b.Unread:
		return " What the old secret signed opens nothing any more."
	case b.Lived == session.InCookie && b.Act == "flush":
		return " A marker in the store says that: the cookie would open it otherwise."
	case b.Lived == session.InCookie, b.Lived == 0, b.Left != session.StateNone:
		return ""
	case b.Act == "restart" && b.Store == "memory":
		return " It was in the server’s memory, which is empty after a restart."
	case b.Act == "flush":
		return " It was deleted."
	case b.Act == "forget":
		return " Nothing says that there was one."
	}
	return ""
}

// keepsOf says what the server keeps of the session of before, if the cookie that came does not say
// which that was.
func keepsOf(b Becoming) []Part {
	id := ID(b.ID)
	switch {
	case !b.Unread || b.ID == "" || b.Has:
		return nil
	case b.Left == session.StateLive:
		return []Part{Text("the record "), id, Text(" is still there; nothing opens it")}
	case b.Left == session.StateExpired:
		return []Part{Text("the record "), id, Text(" has expired, and is still there; nothing opens it")}
	case b.Left == session.StateNone && b.Lived == session.InCookie:
		return []Part{Text("keeps nothing of "), id, Text(": every value was "), inCookie}
	case b.Left == session.StateNone:
		return []Part{Text("has no record of "), id, Text(" any more")}
	}
	return nil
}
