package shelf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var deleteClearFlush = experiment.Experiment{
	Slug: "delete-clear-flush", Section: life,
	Choices: []experiment.Choice{experiment.Placements},
	Run:     runDeleteClearFlush,
}

func runDeleteClearFlush(r *experiment.Run) experiment.Outcome {
	in := r.Boot(experiment.Settings{Placement: r.Placement()})
	p := presses{pressIn(in, "Rahim", "delete", "key", "name"), pressIn(in, "Mara", "clear"), pressIn(in, "Ali", "flush")}
	out := p.judge()
	out.Tables = []experiment.Table{p.table()}
	for _, one := range p.each() {
		// The browser's own next request shows which cookie it still has, and what that opens.
		shot := experiment.Shot{Title: "After " + one.op, Cookie: one.after.SessionCookie(), Exchange: one.after, Says: "no session"}
		if one.stays() {
			shot.Says = "the same session, " + experiment.Count(one.left(), "key", "keys")
		}
		out.Pair = append(out.Pair, shot)
	}
	return out
}

// pressed is one session: its cookie from before the press, and what the press did.
type pressed struct {
	op, old           string
	before, x, after  *experiment.Exchange
	replay            *experiment.Exchange // the cookie from before the press is sent again
	record, recordWas string
}

// pressIn begins a session of three values and presses op in it.
func pressIn(in *experiment.Instance, who, op string, fields ...string) pressed {
	b := in.Client(who + "'s browser")
	b.Set("name", who).For("writes")
	b.Set("city", "Graz").For("writes")
	b.Set("note", strings.Repeat("remember the milk ", 20)).For("writes what is too long for a hybrid session's cookie")
	p := pressed{op: op, old: b.Cookie()}
	p.recordWas = recordCell(in, p.old)
	p.before = b.Get("/keys").For("before")
	p.x = b.Post("/"+op, fields...).For("presses " + op)
	p.after = b.Get("/keys").For("after " + op)
	p.record = recordCell(in, p.old)
	copied := in.Client("A copy of " + who + "'s browser")
	copied.Put(p.old)
	p.replay = copied.Get("/keys").For("sends the cookie of before")
	return p
}

// left is how many keys the press left.
func (p pressed) left() int { return len(p.after.Answer().Keys) }

// stays tells whether the same session goes on.
func (p pressed) stays() bool {
	after := p.after.Answer().Session
	return after.Exists && after.ID == p.before.Answer().Session.ID
}

// opens tells whether the cookie from before the press opens the session after the press.
func (p pressed) opens() bool { return p.replay.Answer().Session.Exists }

// row is the press in the table.
func (p pressed) row() []string {
	id := func(x *experiment.Exchange) string {
		if s := x.Answer().Session; s.Exists {
			return "`" + s.ID + "`"
		}
		return "none"
	}
	sent := "none"
	if c := p.x.SetCookie(); c != nil && c.Value == "" {
		sent = "{cookie drops the cookie}"
	} else if c != nil {
		sent = "{cookie a new value}"
	}
	opens := "{mac opens nothing}"
	if p.opens() {
		opens = "opens, and reads " + keyList(p.replay.Answer().Keys)
	}
	ids := id(p.before) + ", kept"
	if !p.stays() {
		ids = id(p.before) + ", then " + id(p.after)
	}
	record := p.recordWas
	if p.record != record {
		record += ", then " + p.record
	}
	return []string{"`" + p.op + "`", keyList(p.after.Answer().Keys), record, ids, sent, opens}
}

// presses are the three sessions.
type presses struct{ deleted, cleared, flushed pressed }

func (p presses) each() []pressed { return []pressed{p.deleted, p.cleared, p.flushed} }

func (p presses) table() experiment.Table {
	t := experiment.Table{Caption: "The same three values, one press each", Head: []string{"press", "keys left", "record", "ID", "Set-Cookie", "the cookie of before"}}
	for _, one := range p.each() {
		t.Rows = append(t.Rows, one.row())
	}
	return t
}

// judge says which of the presses ended its session.
func (p presses) judge() experiment.Outcome {
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Decisive: p.flushed.x}
	del, cleared, flushed := p.deleted, p.cleared, p.flushed
	had := len(del.before.Answer().Keys)
	one := del.stays() && del.left() == had-1
	switch {
	case one && cleared.stays() && cleared.left() == 0 && !flushed.stays() && !flushed.opens():
		p.threeThings(&out, had)
	case one && !cleared.stays() && !flushed.stays() && !cleared.opens() && !flushed.opens():
		out.Happened, out.Decisive, out.Mark = "clear-ends-it", cleared.x, "/clear"
		out.Verdict = "{bad clear ended the session,} as `flush` did: after both the cookie of before opened nothing. `delete` took one value."
	case one && cleared.stays() && flushed.stays():
		out.Happened, out.Mark = "session-stays", "/flush"
		out.Verdict = fmt.Sprintf("{bad flush did not end the session:} the ID stayed after all three, with %d, %d and %s left.", del.left(), cleared.left(), experiment.Count(flushed.left(), "key", "keys"))
	case flushed.opens():
		out.Decisive, out.Mark = flushed.replay, flushed.old
		out.Verdict = fmt.Sprintf("{bad flush did not end the session:} the cookie of before still opened it, with %s.", experiment.Count(len(flushed.replay.Answer().Keys), "key", "keys"))
	default:
		out.Mark = "/flush"
		out.Verdict = fmt.Sprintf("{bad None of that:} of %s, `delete` left %d, `clear` %d and `flush` %d; the table has the rest.", experiment.Count(had, "key", "keys"), del.left(), cleared.left(), flushed.left())
	}
	return out
}

// threeThings says that each press did what its word says, and what the cookies from before
// the presses bring back.
func (p presses) threeThings(out *experiment.Outcome, had int) {
	out.Happened, out.Tone, out.Mark = "three-things", experiment.Held, "Max-Age=0"
	browser := "its answer had {cookie the cookie} dropped, and"
	if p.flushed.after.Cookie != "" {
		out.Mark, browser = "/flush", "the browser {bad still sends its cookie}, but"
	}
	out.Verdict = fmt.Sprintf("{ok Three different things.} Of %s, `delete` left %d and `clear` none, and both kept the ID. `flush` ended the session: %s the cookie of before {mac opened nothing any more}.", experiment.Count(had, "key", "keys"), p.deleted.left(), browser)
	back := p.deleted.replay.Answer().Keys
	switch again := p.cleared.replay.Answer().Keys; {
	case slices.Contains(back, "name") && len(again) > 0:
		out.Verdict += fmt.Sprintf(" {bad After the other two} the cookie of before brought values back: `name` after `delete`, %s after `clear`.", experiment.Count(len(again), "key", "keys"))
	case slices.Contains(back, "name"):
		out.Verdict += " {bad After delete} the cookie of before still read `name`, since that value travels in it; after `clear` it read nothing."
	case p.deleted.opens() && p.cleared.opens():
		out.Verdict += fmt.Sprintf(" After the other two it still opened the session, and read what was left: %s and %s.", experiment.Count(len(back), "key", "keys"), experiment.Count(len(again), "key", "keys"))
	}
}
