package shelf

import (
	"fmt"
	"strconv"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var twoClocks = experiment.Experiment{
	Slug: "two-clocks", Section: life,
	Choices: []experiment.Choice{{Name: "rolling", Label: "Rolling expiry", Options: []experiment.Option{{Name: "off", Label: "off: a read is no activity"}, {Name: "on", Label: "on: a read counts too"}}}},
	Run:     runTwoClocks,
}

func runTwoClocks(r *experiment.Run) experiment.Outcome {
	in := r.Boot(experiment.Settings{Rolling: r.Choice("rolling") == "on", Idle: 2 * time.Hour, Lifetime: 8 * time.Hour})
	b, reader := in.Client("Rahim's browser"), in.Client("Mara's browser")
	b.Set("name", "Rahim").For("is born")
	reader.Set("name", "Mara").For("is born")
	born := b.Get("/session").For("asks when it ends")
	created := born.Answer().Created
	at := func() string { return ends(in.Now(), created) }

	// Three browsers hold one cookie under three labels.
	label := in.Client("Ali's browser")
	issued := label.Set("name", "Ali").For("is born")
	edited, none := in.Client("Ali's browser, label edited"), in.Client("Ali's browser, label removed")
	edited.PutFor(label.Cookie(), 60)
	none.Put(label.Cookie())
	sent, age := "none was sent", time.Duration(0)
	if c := issued.SetCookie(); c != nil && c.MaxAge > 0 {
		sent, age = fmt.Sprintf("`Max-Age=%d`, as sent", c.MaxAge), time.Duration(c.MaxAge)*time.Second
	}
	labels := experiment.Table{Caption: "One cookie under three labels", Head: []string{"label in the browser"}, Rows: [][]string{{sent}, {"`Max-Age=60`, edited"}, {"none: kept for ever"}}}
	tryLabels := func() []*experiment.Exchange { return askEach(&labels, at(), label, edited, none) }

	clocks := experiment.Table{Caption: "Rahim's session: which press moves which clock", Head: []string{"press", "after", "idle clock ends", "moved", "absolute end"}}
	idle, reads, writes := born.Answer().IdleExpires, 0, 0 // clocks that moved
	row := func(what string, look *experiment.Exchange) bool {
		a := look.Answer()
		moved := a.IdleExpires.Sub(idle) > time.Minute // in between the real clock moves by a few milliseconds
		idle = a.IdleExpires
		cell := "no"
		if moved {
			cell = "{ok yes}"
		}
		clocks.Rows = append(clocks.Rows, []string{what, at(), ends(a.IdleExpires, created), cell, ends(a.Expires, created)})
		return moved
	}
	row("born by a write", born)
	clocks.Rows[0][3] = "starts"
	half := 30 * time.Minute
	for range 2 {
		in.Move(half)
		x := b.Get("/session").For("reads after " + at())
		if row("read", x) {
			reads++
		}
		if len(labels.Head) == 1 {
			tryLabels()
		}
	}
	read := idle
	in.Move(half)
	b.Set("city", "Graz").For("writes after " + at())
	wrote := b.Get("/session").For("asks when it ends")
	if row("write", wrote) {
		writes++
	}

	// Every 90 minutes Rahim writes and Mara reads.
	reader.Get("/get", "key", "name").For("only reads")
	lastAt, refusedAt := at(), ""
	var idled []*experiment.Exchange
	var spare time.Duration // on the label, when that was asked
	for i := range 4 {
		in.Move(3 * half)
		b.Set("page", strconv.Itoa(i+1)).For("writes after " + at())
		if refusedAt == "" {
			x := reader.Get("/get", "key", "name")
			if x.Note = "only reads, after " + at(); x.Answer().Found {
				lastAt = at()
			} else {
				refusedAt = at()
			}
		}
		if i == 0 {
			idled, spare = tryLabels(), age-in.Now().Sub(created)
		}
	}
	kept := b.Cookie()
	keeper := in.Client("A copy of Rahim's browser") // one that does not heed the label
	keeper.Put(kept)
	in.Move(half - time.Minute)
	last := b.Get("/session").For("asks when it ends")
	row("four writes more, then a read", last)
	before, beforeAt := keeper.Get("/get", "key", "name"), at()
	before.Note = "sends the kept cookie after " + beforeAt
	in.Move(2 * time.Minute)
	own := b.Get("/get", "key", "name").For("asks as browsers do, after " + at())
	after := keeper.Get("/get", "key", "name").For("sends the kept cookie after " + at())

	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{clocks, labels}, Decisive: after, Mark: fmt.Sprint(`"found":`, after.Answer().Found)}
	out.Pair = []experiment.Shot{before.Shot("Kept, after "+beforeAt, kept), after.Shot("Kept, after "+at(), kept)}
	end := fmt.Sprintf(" Nothing moved the absolute end: a kept cookie was served after %s and {mac refused after %s}, %s after the last write.", beforeAt, at(), span(half+time.Minute))
	if idled[0].Cookie != "" && !idled[0].Answer().Found {
		end += fmt.Sprintf(" `Max-Age` is {cookie a label}: with %s left on it an idle browser sent its cookie, and the server refused it.", span(spare.Round(time.Minute)))
	}
	switch {
	case after.Answer().Found && own.Cookie == "":
		out.Happened = "label"
		out.Verdict = fmt.Sprintf("{bad Only the label ended it.} After %s Rahim's browser had dropped its cookie, and a copy that was kept was still served: it read %s.", at(), experiment.Code(after.ShownValue()))
	case after.Answer().Found:
		out.Happened = "for-ever"
		out.Verdict = fmt.Sprintf("{bad It did not end.} After %s the busy session was still served: it read %s.", at(), experiment.Code(after.ShownValue()))
	case !before.Answer().Found:
		out.Decisive, out.Mark = before, `"found":false`
		out.Verdict = fmt.Sprintf("{bad It ended too early:} after %s, with its last write %s old, it was refused.", beforeAt, span(half-time.Minute))
	case reads == 0 && writes == 1 && refusedAt != "":
		out.Happened, out.Tone = "writes-only", experiment.Refused
		out.Verdict = fmt.Sprintf("{ok Only the write moved the idle clock.} Two reads left its end at %s, the write moved it to %s; Mara, who only read, was {mac refused after %s}.", ends(read, created), ends(wrote.Answer().IdleExpires, created), refusedAt) + end
	case reads == 2 && writes == 1 && refusedAt == "":
		out.Happened, out.Tone = "reads-and-writes", experiment.Refused
		out.Verdict = fmt.Sprintf("{ok Reads moved the idle clock too.} Two reads moved its end to %s, the write to %s; Mara, who only read, was still served after %s.", ends(read, created), ends(wrote.Answer().IdleExpires, created), lastAt) + end
	default:
		out.Verdict = fmt.Sprintf("{bad The clock and the answers do not agree:} of two reads %d moved the idle clock, of one write %d, and Mara, who only read, was last served after %s.", reads, writes, lastAt)
	}
	return out
}

// askEach lets each client read the name, and gives each row what it sent and was told.
func askEach(t *experiment.Table, after string, clients ...*experiment.Client) (answers []*experiment.Exchange) {
	t.Head = append(t.Head, "after "+after+" it sends", "and the server says")
	for i, c := range clients {
		x := c.Get("/get", "key", "name").For("asks after " + after)
		cookie := "no cookie"
		if x.Cookie != "" {
			cookie = "{cookie the cookie}"
		}
		t.Rows[i] = append(t.Rows[i], cookie, experiment.Code(x.ShownValue()))
		answers = append(answers, x)
	}
	return answers
}

// ends is a moment of a session's life, from its birth on.
func ends(at, created time.Time) string { return span(at.Sub(created).Round(time.Minute)) }
