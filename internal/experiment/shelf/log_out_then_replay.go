package shelf

import (
	"fmt"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var logOutThenReplay = experiment.Experiment{
	Slug: "log-out-then-replay", Section: trust,
	Choices: []experiment.Choice{{Name: "engine", Label: "The server keeps sessions with", Options: []experiment.Option{
		{Name: "gorilla", Label: "plain gorilla CookieStore"}, {Name: "cookie", Label: "this engine, values in the cookie"},
		{Name: "hybrid", Label: "this engine, hybrid"}, {Name: "server", Label: "this engine, values on the server"},
	}}},
	Run: runLogOutThenReplay,
}

func runLogOutThenReplay(r *experiment.Run) experiment.Outcome {
	set := experiment.Settings{}
	gorilla := r.Choice("engine") == "gorilla"
	if gorilla {
		set.Twin = experiment.CookieTwin(session.NewSecret(), nil)
	} else {
		set.Placement = r.PlacementNamed(r.Choice("engine"))
	}
	in := r.Boot(set)
	b := in.Client("Rahim's browser")
	b.Post("/login", "user", "Rahim").For("logs in")
	l := logout{kept: b.Cookie()}
	// holds is what the server has under the ID of the kept cookie.
	holds := func() string {
		if gorilla {
			return "nothing: it has no store"
		}
		switch st, ok := in.Record(l.kept); {
		case !ok:
			return "nothing"
		case st.Marker:
			return "{server a marker: this ID has ended}"
		}
		return "{server a record}"
	}
	l.before = b.Get("/get", "key", "user").For("asks who is logged in")
	l.had = holds()
	l.bye = b.Post("/logout").For("logs out")
	l.has = holds()
	l.own = b.Get("/get", "key", "user").For("asks again, without a cookie")
	if l.own.Cookie != "" {
		l.own.Note = "asks again, still with a cookie"
	}
	thief := in.Client("The thief's browser")
	thief.Put(l.kept)
	l.replay = thief.Get("/get", "key", "user").For("replays the kept cookie")
	out := l.judge()
	out.Tables = []experiment.Table{l.table()}
	return out
}

// logout is a logout, and a copy of the cookie that is sent after it.
type logout struct {
	kept        string               // the copied cookie
	before, bye *experiment.Exchange // Rahim asks who is logged in, and logs out
	own, replay *experiment.Exchange // who is logged in afterwards: for Rahim's browser, and for the copy
	had, has    string               // what the server holds, before the logout and after it
}

func (l logout) table() experiment.Table {
	row := func(what string, x *experiment.Exchange, holds string) []string {
		who := loggedIn(x)
		if x.Status >= 400 {
			who = fmt.Sprintf("status %d", x.Status)
		}
		return []string{what, experiment.Fact(x.Cookie != ""), experiment.Code(who), holds}
	}
	return experiment.Table{Caption: "Who am I?", Head: []string{"asked", "with a cookie", "the answer", "the server holds"}, Rows: [][]string{
		row("by Rahim's browser, before the logout", l.before, l.had),
		row("by Rahim's browser, after it", l.own, l.has),
		row("by the thief's browser, with the kept cookie", l.replay, l.has),
	}}
}

// judge says who the server takes the copy for.
func (l logout) judge() experiment.Outcome {
	replay := l.replay
	out := experiment.Outcome{
		Happened: experiment.None, Decisive: replay, Mark: l.kept,
		Pair: []experiment.Shot{
			{Title: "Before the logout", Cookie: l.kept, Exchange: l.before, Says: loggedIn(l.before)},
			{Title: "The copy, after it", Cookie: l.kept, Exchange: replay, Says: loggedIn(replay)},
		},
	}
	asked := "The logout did not tell the browser to drop its cookie."
	if c := l.bye.SetCookie(); c != nil && c.MaxAge < 0 {
		asked = "The logout told {cookie Rahim's browser} to drop its cookie (`Max-Age=0`), and asked there again, the server says " + experiment.Code(loggedIn(l.own)) + "."
	}
	switch {
	case loggedIn(l.before) != "Rahim":
		out.Tone, out.Verdict, out.Decisive, out.Mark = experiment.Lost, "{bad There was nothing to log out from:} after the login the server did not say that Rahim is logged in.", l.before, ""
	case replay.Status >= 400:
		out.Happened, out.Tone = "error", experiment.Refused
		out.Verdict = fmt.Sprintf("{mac Refused with an error.} %s The kept copy, sent by another browser, was answered with status %d.", asked, replay.Status)
	case loggedIn(replay) == "Rahim":
		out.Happened, out.Tone, out.Mark = "alive", experiment.Lost, `"Rahim"`
		out.Verdict = fmt.Sprintf("{bad Logged in all the same.} %s But the kept copy, sent by another browser, was answered with status %d and the user `Rahim`.", asked, replay.Status)
	case loggedIn(replay) == "nobody":
		out.Happened, out.Tone, out.Mark = "dead", experiment.Refused, `"found":false`
		out.Verdict = fmt.Sprintf("{mac The copy opens nothing.} %s The kept copy, sent by another browser, was answered with status %d and no user. Under its ID the server holds %s.", asked, replay.Status, l.has)
	default:
		out.Tone, out.Verdict = experiment.Lost, fmt.Sprintf("{bad Another user:} the kept copy was answered with the user %s.", experiment.Code(loggedIn(replay)))
	}
	return out
}
