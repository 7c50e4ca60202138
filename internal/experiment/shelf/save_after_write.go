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
	b := in.Client("Rahim's browser")
	late := b.Post("/late").For("the program writes, then saves")
	lateRead := b.Get("/get", "key", "name").For("the next request reads it")
	log := in.Client("the program's log").Get("/late").For("what that save returned")
	b = in.Client("Mina's browser")
	early := b.Set("name", "Mina").For("the program saves, then writes")
	earlyRead := b.Get("/get", "key", "name").For("the next request reads it")

	row := func(order string, x, read *experiment.Exchange) []string {
		return []string{order, fmt.Sprint(x.Status), experiment.YesNo(x.SetCookie() != nil, true), experiment.YesNo(read.Answer().Found, true)}
	}
	shot := func(order string, x, read *experiment.Exchange) experiment.Shot {
		s := experiment.Shot{Title: order, Exchange: x, Says: "next request: " + read.ShownValue()}
		if c := x.SetCookie(); c != nil {
			s.Cookie = c.Value
		}
		return s
	}
	out := experiment.Outcome{
		Happened: experiment.None, Tone: experiment.Lost, Decisive: late, Mark: strings.TrimSpace(late.Body),
		Tables: []experiment.Table{{
			Caption: "The two orders", Head: []string{"order", "status", "Set-Cookie", "value at the next request"},
			Rows: [][]string{row("write, then save", late, lateRead), row("save, then write", early, earlyRead)},
		}},
		Pair: []experiment.Shot{shot("Write, then save", late, lateRead), shot("Save, then write", early, earlyRead)},
	}
	var returned struct{ Error *string }
	logged := json.Unmarshal([]byte(log.Body), &returned) == nil && returned.Error != nil
	lost := late.Status < 400 && !lateRead.Answer().Found
	what := "set {bad no cookie}"
	if late.SetCookie() != nil {
		what = "set a cookie"
	}
	switch {
	case late.Status >= 400:
		out.Happened, out.Tone, out.Mark = "error-page", experiment.Refused, late.Received[0]
		out.Verdict = fmt.Sprintf("{mac An error page:} where “saved” was to stand, the browser got status %d.", late.Status)
	case !lost:
		out.Happened, out.Tone = "saved", experiment.Held
		out.Verdict = fmt.Sprintf("{ok Saved all the same.} The answer %s, and at the next request `name` is %s.", what, experiment.Code(lateRead.Value()))
	case logged && *returned.Error == "":
		out.Happened = "lost-in-silence"
		out.Verdict = fmt.Sprintf("{bad Lost without a word.} The browser was told “%s” with status %d; the answer %s, and at the next request `name` is missing. Saving returned {bad no error}.",
			experiment.Plain(strings.TrimSpace(late.Body)), late.Status, what)
	case logged:
		out.Happened, out.Tone = "lost-with-error", experiment.Refused
		out.Verdict = fmt.Sprintf("{bad Lost,} and {mac the program was told.} The browser read “%s” with status %d; the answer %s, and at the next request `name` is missing. Saving returned an error: “%s”.",
			experiment.Plain(strings.TrimSpace(late.Body)), late.Status, what, experiment.Plain(*returned.Error))
	default:
		out.Verdict = fmt.Sprintf("{bad Lost,} and what saving returned is not known: the log was answered with status %d.", log.Status)
	}
	if early.SetCookie() != nil && earlyRead.Answer().Found {
		out.Verdict += " In the right order the answer has a cookie, and the value is there."
	} else {
		out.Verdict += " {bad In the right order it was lost too.}"
	}
	return out
}
