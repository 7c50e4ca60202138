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
	// pressed is one session: its cookie of before, and what came of the press.
	type pressed struct {
		old               string
		before, x, after  *experiment.Exchange
		replay            *experiment.Exchange // of the cookie of before
		record, recordWas string
	}
	press := func(who, op string, fields ...string) pressed {
		b := in.Client(who + "'s browser")
		b.Set("name", who).For("writes")
		b.Set("city", "Graz").For("writes")
		b.Set("note", strings.Repeat("remember the milk ", 20)).For("writes what is too long for a hybrid session's cookie")
		p := pressed{old: b.Cookie()}
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
	names := []string{"delete", "clear", "flush"}
	all := []pressed{press("Rahim", "delete", "key", "name"), press("Mara", "clear"), press("Ali", "flush")}

	id := func(x *experiment.Exchange) string {
		if s := x.Answer().Session; s.Exists {
			return "`" + s.ID + "`"
		}
		return "none"
	}
	t := experiment.Table{Caption: "The same three values, one press each", Head: []string{"press", "keys left", "record", "ID", "Set-Cookie", "the cookie of before"}}
	var left []int    // keys of each
	var stays []bool  // the same session goes on
	var opened []bool // by the cookie of before
	for i, p := range all {
		after, replay := p.after.Answer(), p.replay.Answer()
		left = append(left, len(after.Keys))
		stays = append(stays, after.Session.Exists && after.Session.ID == p.before.Answer().Session.ID)
		opened = append(opened, replay.Session.Exists)
		sent := "none"
		if c := p.x.SetCookie(); c != nil && c.Value == "" {
			sent = "{cookie throws the cookie away}"
		} else if c != nil {
			sent = "{cookie a new value}"
		}
		opens := "{mac opens nothing}"
		if replay.Session.Exists {
			opens = "opens, and reads " + keyList(replay.Keys)
		}
		ids := id(p.before) + ", kept"
		if !stays[i] {
			ids = id(p.before) + ", then " + id(p.after)
		}
		record := p.recordWas
		if p.record != record {
			record += ", then " + p.record
		}
		t.Rows = append(t.Rows, []string{"`" + names[i] + "`", keyList(after.Keys), record, ids, sent, opens})
	}
	del, cleared, flushed := all[0], all[1], all[2]
	had := len(del.before.Answer().Keys)

	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{t}, Decisive: flushed.x}
	for i, p := range all {
		// The next request of the browser itself: what it still has to send, and what it gets.
		shot := experiment.Shot{Title: "After " + names[i], Cookie: p.after.SessionCookie(), Exchange: p.after, Says: "no session"}
		if stays[i] {
			shot.Says = "the same session, " + experiment.Count(left[i], "key", "keys")
		}
		out.Pair = append(out.Pair, shot)
	}
	one := stays[0] && left[0] == had-1
	switch {
	case one && stays[1] && left[1] == 0 && !stays[2] && !opened[2]:
		out.Happened, out.Tone, out.Mark = "three-things", experiment.Held, "Max-Age=0"
		browser := "its answer threw {cookie the cookie} away, and"
		if flushed.after.Cookie != "" {
			out.Mark, browser = "/flush", "the browser {bad still sends its cookie}, but"
		}
		out.Verdict = fmt.Sprintf("{ok Three different things.} Of %s, `delete` left %d and `clear` none, and both kept the ID. `flush` ended the session: %s the cookie of before {mac opened nothing any more}.", experiment.Count(had, "key", "keys"), left[0], browser)
		back := del.replay.Answer().Keys
		switch again := cleared.replay.Answer().Keys; {
		case slices.Contains(back, "name") && len(again) > 0:
			out.Verdict += fmt.Sprintf(" {bad After the other two} the cookie of before brought values back: `name` after `delete`, %s after `clear`.", experiment.Count(len(again), "key", "keys"))
		case slices.Contains(back, "name"):
			out.Verdict += " {bad After delete} the cookie of before still read `name`, since that value travels in it; after `clear` it read nothing."
		case opened[0] && opened[1]:
			out.Verdict += fmt.Sprintf(" After the other two it still opened the session, and read what was left: %s and %s.", experiment.Count(len(back), "key", "keys"), experiment.Count(len(again), "key", "keys"))
		}
	case one && !stays[1] && !stays[2] && !opened[1] && !opened[2]:
		out.Happened, out.Decisive, out.Mark = "clear-ends-it", cleared.x, "/clear"
		out.Verdict = "{bad clear ended the session,} as `flush` did: after both the old cookie opened nothing. `delete` took one value."
	case one && stays[1] && stays[2]:
		out.Happened, out.Mark = "session-stays", "/flush"
		out.Verdict = fmt.Sprintf("{bad flush did not end the session:} the ID stayed after all three, with %d, %d and %s left.", left[0], left[1], experiment.Count(left[2], "key", "keys"))
	case opened[2]:
		out.Decisive, out.Mark = flushed.replay, flushed.old
		out.Verdict = fmt.Sprintf("{bad flush did not end the session:} the cookie of before still opened it, with %s.", experiment.Count(len(flushed.replay.Answer().Keys), "key", "keys"))
	default:
		out.Mark = "/flush"
		out.Verdict = fmt.Sprintf("{bad None of that:} of %s, `delete` left %d, `clear` %d and `flush` %d; the table has the rest.", experiment.Count(had, "key", "keys"), left[0], left[1], left[2])
	}
	return out
}
