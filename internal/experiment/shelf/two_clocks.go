package shelf

import (
	"fmt"
	"strconv"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var twoClocks = experiment.Experiment{
	Slug: "two-clocks", Section: life,
	Choices: []experiment.Choice{{Name: "rolling", Label: "Rolling expiry", Options: []experiment.Option{{Name: "off", Label: "off"}, {Name: "on", Label: "on"}}}},
	Run:     runTwoClocks,
}

func runTwoClocks(r *experiment.Run) experiment.Outcome {
	in := r.Boot(experiment.Settings{Rolling: r.Choice("rolling") == "on", Idle: 2 * time.Hour, Lifetime: 8 * time.Hour})
	d := &day{in: in, b: in.Client("Rahim's browser"), reader: in.Client("Mara's browser")}
	d.b.Set("name", "Rahim").For("creates a session")
	d.reader.Set("name", "Mara").For("creates a session")
	born := d.b.Get("/session").For("asks when it ends")
	d.created, d.idle = born.Answer().Created, born.Answer().IdleExpires
	d.label()
	d.clocks = experiment.Table{Caption: "Rahim's session: which press moves which clock", Head: []string{"press", "after", "idle clock ends", "moved", "absolute end"}}
	d.row("created by a write", born)
	d.clocks.Rows[0][3] = "starts"
	d.readThenWrite()
	d.keepBusy()
	d.passTheEnd()
	return d.judge()
}

// halfHour is the step in which the day goes on.
const halfHour = 30 * time.Minute

// day is eight hours of reads and writes by three browsers.
type day struct {
	in        *experiment.Instance
	b, reader *experiment.Client
	created   time.Time // when Rahim's session was born
	idle      time.Time // when the idle clock of Rahim's session ends
	clocks    experiment.Table

	reads, writes int       // presses that moved the idle clock
	read, wrote   time.Time // the idle clock's end after the reads, and after the write

	lastAt, refusedAt string // when Mara, who only reads, was served last, and when she was refused; "" for never

	labels  experiment.Table
	labeled []*experiment.Client // they hold one cookie under three labels
	age     time.Duration        // the Max-Age of the label as it was sent
	idled   *experiment.Exchange // a browser that was idle sends its cookie, labelled as it was sent
	spare   time.Duration        // how much of that Max-Age was left then

	kept          string               // Rahim's cookie, shortly before the absolute end
	beforeAt      string               // the moment of before
	before, after *experiment.Exchange // kept is sent before the absolute end, and after it
	own           *experiment.Exchange // Rahim's browser asks after the end
}

// at is the moment, counted from the birth of Rahim's session.
func (d *day) at() string { return ends(d.in.Now(), d.created) }

// label gives three browsers one cookie under three labels.
func (d *day) label() {
	labeled := d.in.Client("Ali's browser")
	issued := labeled.Set("name", "Ali").For("creates a session")
	edited, none := d.in.Client("Ali's browser, label edited"), d.in.Client("Ali's browser, label removed")
	edited.PutFor(labeled.Cookie(), 60)
	none.Put(labeled.Cookie())
	sent := "none was sent"
	if c := issued.SetCookie(); c != nil && c.MaxAge > 0 {
		sent, d.age = fmt.Sprintf("`Max-Age=%d`, as sent", c.MaxAge), time.Duration(c.MaxAge)*time.Second
	}
	d.labels = experiment.Table{Caption: "One cookie under three labels", Head: []string{"label in the browser"}, Rows: [][]string{{sent}, {"`Max-Age=60`, edited"}, {"none: kept for ever"}}}
	d.labeled = []*experiment.Client{labeled, edited, none}
}

// row notes when both clocks end now, and returns whether the idle clock was moved.
func (d *day) row(what string, look *experiment.Exchange) bool {
	a := look.Answer()
	moved := a.IdleExpires.Sub(d.idle) > time.Minute // in between the real clock moves by a few milliseconds
	d.idle = a.IdleExpires
	cell := "no"
	if moved {
		cell = "{ok yes}"
	}
	d.clocks.Rows = append(d.clocks.Rows, []string{what, d.at(), ends(a.IdleExpires, d.created), cell, ends(a.Expires, d.created)})
	return moved
}

// readThenWrite reads twice and writes once, half an hour apart.
func (d *day) readThenWrite() {
	for i := range 2 {
		d.in.Move(halfHour)
		x := d.b.Get("/session").For("reads after " + d.at())
		if d.row("read", x) {
			d.reads++
		}
		if i == 0 {
			askEach(&d.labels, d.at(), d.labeled...)
		}
	}
	d.read = d.idle
	d.in.Move(halfHour)
	d.b.Set("city", "Graz").For("writes after " + d.at())
	wrote := d.b.Get("/session").For("asks when it ends")
	if d.row("write", wrote) {
		d.writes++
	}
	d.wrote = wrote.Answer().IdleExpires
}

// keepBusy lets Rahim write and Mara read every 90 minutes.
func (d *day) keepBusy() {
	d.reader.Get("/get", "key", "name").For("only reads")
	d.lastAt = d.at()
	for i := range 4 {
		d.in.Move(3 * halfHour)
		d.b.Set("page", strconv.Itoa(i+1)).For("writes after " + d.at())
		if d.refusedAt == "" {
			x := d.reader.Get("/get", "key", "name")
			if x.Note = "only reads, after " + d.at(); x.Answer().Found {
				d.lastAt = d.at()
			} else {
				d.refusedAt = d.at()
			}
		}
		if i == 0 {
			d.idled = askEach(&d.labels, d.at(), d.labeled...)[0]
			d.spare = d.age - d.in.Now().Sub(d.created)
		}
	}
}

// passTheEnd sends a kept cookie a minute before the absolute end, and a minute after it.
func (d *day) passTheEnd() {
	d.kept = d.b.Cookie()
	keeper := d.in.Client("A copy of Rahim's browser") // one that does not heed the label
	keeper.Put(d.kept)
	d.in.Move(halfHour - time.Minute)
	d.row("four writes more, then a read", d.b.Get("/session").For("asks when it ends"))
	d.before, d.beforeAt = keeper.Get("/get", "key", "name"), d.at()
	d.before.Note = "sends the kept cookie after " + d.beforeAt
	d.in.Move(2 * time.Minute)
	d.own = d.b.Get("/get", "key", "name").For("asks as browsers do, after " + d.at())
	d.after = keeper.Get("/get", "key", "name").For("sends the kept cookie after " + d.at())
}

// judge says which press moved the end.
func (d *day) judge() experiment.Outcome {
	out := experiment.Outcome{
		Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{d.clocks, d.labels}, Decisive: d.after, Mark: fmt.Sprint(`"found":`, d.after.Answer().Found),
		Pair: []experiment.Shot{d.before.Shot("Kept, after "+d.beforeAt, d.kept), d.after.Shot("Kept, after "+d.at(), d.kept)},
	}
	end := fmt.Sprintf(" Nothing moved the absolute end: a kept cookie was served after %s and {mac refused after %s}, %s after the last write.", d.beforeAt, d.at(), span(halfHour+time.Minute))
	if d.idled.Cookie != "" && !d.idled.Answer().Found {
		end += fmt.Sprintf(" `Max-Age` is {cookie a label}: with %s left on it an idle browser sent its cookie, and the server refused it.", span(d.spare.Round(time.Minute)))
	}
	switch {
	case d.after.Answer().Found && d.own.Cookie == "":
		out.Happened = "label"
		out.Verdict = fmt.Sprintf("{bad Only the label ended it.} After %s Rahim's browser had dropped its cookie, and a copy that was kept was still served: it read %s.", d.at(), experiment.Code(d.after.ShownValue()))
	case d.after.Answer().Found:
		out.Happened = "for-ever"
		out.Verdict = fmt.Sprintf("{bad It did not end.} After %s the busy session was still served: it read %s.", d.at(), experiment.Code(d.after.ShownValue()))
	case !d.before.Answer().Found:
		out.Decisive, out.Mark = d.before, `"found":false`
		out.Verdict = fmt.Sprintf("{bad It ended too early:} after %s, with its last write %s old, it was refused.", d.beforeAt, span(halfHour-time.Minute))
	case d.reads == 0 && d.writes == 1 && d.refusedAt != "":
		out.Happened, out.Tone = "writes-only", experiment.Refused
		out.Verdict = fmt.Sprintf("{ok Only the write moved the idle clock.} Two reads left its end at %s, the write moved it to %s; Mara, who only read, was {mac refused after %s}.", ends(d.read, d.created), ends(d.wrote, d.created), d.refusedAt) + end
	case d.reads == 2 && d.writes == 1 && d.refusedAt == "":
		out.Happened, out.Tone = "reads-and-writes", experiment.Refused
		out.Verdict = fmt.Sprintf("{ok Reads moved the idle clock too.} Two reads moved its end to %s, the write to %s; Mara, who only read, was still served after %s.", ends(d.read, d.created), ends(d.wrote, d.created), d.lastAt) + end
	default:
		out.Verdict = fmt.Sprintf("{bad The clock and the answers do not agree:} of two reads %d moved the idle clock, of one write %d, and Mara, who only read, was last served after %s.", d.reads, d.writes, d.lastAt)
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
