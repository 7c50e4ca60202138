package shelf

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var saveAfterWrite = experiment.Experiment{
	Slug: "save-after-write", Section: together,
	Choices: []experiment.Choice{{Name: "program", Label: "Program", Options: []experiment.Option{{Name: "engine", Label: "this engine"}, {Name: "gorilla", Label: "plain gorilla, CookieStore"}}}},
	Run:     runSaveAfterWrite,
}

func runSaveAfterWrite(r *experiment.Run) experiment.Outcome {
	set := experiment.Settings{}
	if r.Choice("program") == "gorilla" {
		set.Twin = experiment.CookieTwin(session.NewSecret(), nil)
	}
	in := r.Boot(set)
	var o orders
	b := in.Client("Rahim's browser")
	o.late = b.Post("/late").For("the program writes, then saves")
	o.lateRead = b.Get("/get", "key", "name").For("the next request reads it")
	o.log = in.Client("the program's log").Get("/late").For("what that save returned")
	b = in.Client("Mina's browser")
	o.early = b.Set("name", "Mina").For("the program saves, then writes")
	o.earlyRead = b.Get("/get", "key", "name").For("the next request reads it")
	out := o.judge()
	if o.early.SetCookie() != nil && o.earlyRead.Answer().Found {
		out.Verdict += " In the right order the answer has a cookie, and the value is there."
	} else {
		out.Verdict += " {bad In the right order it was lost too.}"
	}
	return out
}

// orders is one request to each order, and a read after each.
type orders struct {
	late, lateRead   *experiment.Exchange // the program writes, then saves
	log              *experiment.Exchange // the program's log, which has what that save returned
	early, earlyRead *experiment.Exchange // the program saves, then writes
}

// logged returns the error that saving returned, "" for none; known is false if the
// program's log does not say.
func (o orders) logged() (text string, known bool) {
	var returned struct{ Error *string }
	if json.Unmarshal([]byte(o.log.Body), &returned) != nil || returned.Error == nil {
		return "", false
	}
	return *returned.Error, true
}

// evidence is the outcome without its verdict.
func (o orders) evidence() experiment.Outcome {
	row := func(order string, x, read *experiment.Exchange) []string {
		return []string{order, fmt.Sprint(x.Status), experiment.Fact(x.SetCookie() != nil), experiment.YesNo(read.Answer().Found, true)}
	}
	shot := func(order string, x, read *experiment.Exchange) experiment.Shot {
		s := experiment.Shot{Title: order, Exchange: x, Says: "next request: " + read.ShownValue()}
		if c := x.SetCookie(); c != nil {
			s.Cookie = c.Value
		}
		return s
	}
	return experiment.Outcome{
		Happened: experiment.None, Tone: experiment.Lost, Decisive: o.late, Mark: strings.TrimSpace(o.late.Body),
		Tables: []experiment.Table{{
			Caption: "The two orders", Head: []string{"order", "status", "Set-Cookie", "value at the next request"},
			Rows: [][]string{row("write, then save", o.late, o.lateRead), row("save, then write", o.early, o.earlyRead)},
		}},
		Pair: []experiment.Shot{shot("Write, then save", o.late, o.lateRead), shot("Save, then write", o.early, o.earlyRead)},
	}
}

// judge says what became of the value that was saved too late.
func (o orders) judge() experiment.Outcome {
	out := o.evidence()
	late, read := o.late, o.lateRead
	problem, known := o.logged()
	sets := "set {bad no cookie}"
	if late.SetCookie() != nil {
		sets = "set a cookie"
	}
	switch {
	case late.Status >= 400:
		out.Happened, out.Tone, out.Mark = "error-page", experiment.Refused, late.Received[0]
		out.Verdict = fmt.Sprintf("{mac An error page:} where “saved” was to stand, the browser got status %d.", late.Status)
	case read.Answer().Found:
		out.Happened, out.Tone = "saved", experiment.Held
		out.Verdict = fmt.Sprintf("{ok Saved all the same.} The answer %s, and at the next request `name` is %s.", sets, experiment.Code(read.Value()))
	case known && problem == "":
		out.Happened = "lost-in-silence"
		out.Verdict = fmt.Sprintf("{bad Lost without a word.} The browser was told “%s” with status %d; the answer %s, and at the next request `name` is missing. Saving returned {bad no error}.",
			experiment.Plain(strings.TrimSpace(late.Body)), late.Status, sets)
	case known:
		out.Happened, out.Tone = "lost-with-error", experiment.Refused
		out.Verdict = fmt.Sprintf("{bad Lost,} and {mac the program was told.} The browser read “%s” with status %d; the answer %s, and at the next request `name` is missing. Saving returned an error: “%s”.",
			experiment.Plain(strings.TrimSpace(late.Body)), late.Status, sets, experiment.Plain(problem))
	default:
		out.Verdict = fmt.Sprintf("{bad Lost,} and what saving returned is not known: the log was answered with status %d.", o.log.Status)
	}
	return out
}
