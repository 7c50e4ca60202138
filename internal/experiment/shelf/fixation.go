package shelf

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var fixation = experiment.Experiment{
	Slug: "fixation", Section: trust,
	Choices: []experiment.Choice{{Name: "rotation", Label: "A login", Options: []experiment.Option{
		{Name: "off", Label: "writes the user into the session"}, {Name: "on", Label: "calls cycle too"},
	}}},
	Run: runFixation,
}

func runFixation(r *experiment.Run) experiment.Outcome {
	in := r.Boot(experiment.Settings{Placement: session.OnServer, Secure: true})
	attacker, victim := in.Client("The attacker's browser"), in.Client("Rahim's browser")
	path := "/login"
	if r.Choice("rotation") == "off" {
		path = "/login-keeping-id"
	}
	var p planting
	p.born = attacker.Set("language", "en").For("gets a session of their own")
	p.cookie = attacker.Cookie()
	victim.Put(p.cookie)
	p.visit = victim.Get("/session").For("visits with the planted cookie")
	p.login = victim.Post(path, "user", "Rahim").For("logs in")
	p.ask = attacker.Get("/get", "key", "user").For("asks who is logged in, with the cookie that was planted")
	p.own = victim.Get("/get", "key", "user").For("asks the same")
	in.Move(time.Minute)
	p.later = attacker.Get("/get", "key", "user").For("asks again, a minute later")

	out := p.judge()
	out.Pair = []experiment.Shot{
		{Title: "The planted cookie, before the login", Cookie: p.cookie, Exchange: p.visit, Says: "ID " + p.visit.Answer().ID},
		{Title: "Rahim's, after it", Cookie: victim.Cookie(), Exchange: p.own, Says: loggedIn(p.own)},
		{Title: "The attacker's, after it", Cookie: attacker.Cookie(), Exchange: p.ask, Says: loggedIn(p.ask)},
	}
	out.Tables = []experiment.Table{p.table()}
	return out
}

// planting is a cookie that an attacker planted in Rahim's browser.
type planting struct {
	cookie             string
	born, visit, login *experiment.Exchange // the attacker gets the cookie; Rahim visits with it, and logs in
	ask, own, later    *experiment.Exchange // who is logged in: for the attacker, for Rahim, and for the attacker a minute later
}

// ids returns the session's IDs before the planting, after the planting, and after the login.
func (p planting) ids() (before, after, now string) {
	return p.born.Answer().Session.ID, p.visit.Answer().ID, p.login.Answer().Session.ID
}

// nameOf shows an ID.
func nameOf(id string) string { return experiment.Code(cmp.Or(id, "none")) }

// flagsOf says which of the flags that protect a cookie an answer set on it.
func flagsOf(x *experiment.Exchange) string {
	c := x.SetCookie()
	if c == nil {
		return "none sent"
	}
	var on []string
	for _, word := range []string{"HttpOnly", "Secure", "SameSite=Lax"} {
		if strings.Contains(c.Raw, "; "+word) {
			on = append(on, "`"+word+"`")
		}
	}
	return cmp.Or(strings.Join(on, ", "), "none of them")
}

func (p planting) table() experiment.Table {
	before, after, now := p.ids()
	return experiment.Table{Caption: "The ID at three moments, hashed", Head: []string{"moment", "browser", "ID", "flags in its Set-Cookie"}, Rows: [][]string{
		{"before planting", p.born.Client, nameOf(before), flagsOf(p.born)},
		{"after planting", p.visit.Client, nameOf(after), flagsOf(p.visit)},
		{"after the login", p.login.Client, nameOf(now), flagsOf(p.login)},
	}}
}

// judge says who the attacker is after Rahim's login.
func (p planting) judge() experiment.Outcome {
	before, after, now := p.ids()
	ask, later := loggedIn(p.ask), loggedIn(p.later)
	out := experiment.Outcome{Happened: experiment.None, Decisive: p.ask, Mark: `"found":false`}
	switch {
	case loggedIn(p.own) != "Rahim":
		out.Tone, out.Verdict, out.Decisive, out.Mark = experiment.Lost, "{bad There was no login:} asked afterwards, the server did not say that Rahim is logged in.", p.own, ""
	case ask == "Rahim":
		out.Happened, out.Tone, out.Mark = "known-id", experiment.Lost, `"Rahim"`
		out.Verdict = fmt.Sprintf("{bad The attacker is Rahim.} The cookie that was planted had come with %s. ", flagsOf(p.born))
		if before == after && after == now {
			out.Verdict += fmt.Sprintf("Its ID %s was the same at all three moments, so Rahim's login made the attacker's session his.", nameOf(now))
		} else {
			out.Verdict += fmt.Sprintf("Its ID was %s, then %s, and %s after the login, and the server let the attacker in all the same.", nameOf(before), nameOf(after), nameOf(now))
		}
	case before == "" || after != before:
		out.Happened, out.Tone, out.Decisive, out.Mark = "kept-out", experiment.Refused, p.visit, p.cookie
		out.Verdict = fmt.Sprintf("{ok The planted cookie did not take.} It named the session %s, and Rahim's visit with it was in the session %s. The attacker is %s.", nameOf(before), nameOf(after), experiment.Plain(ask))
	case now != before && ask == "nobody" && later == "nobody":
		out.Happened, out.Tone = "fresh-id", experiment.Refused
		out.Verdict = fmt.Sprintf("{ok The attacker is nobody.} Planting worked: Rahim's browser was in the session %s. But the login gave it the new ID %s, and the cookie that the attacker knows opens nothing, then and a minute later.", nameOf(after), nameOf(now))
	default:
		out.Tone, out.Mark = experiment.Lost, ""
		out.Verdict = fmt.Sprintf("{bad Another outcome:} the ID was %s before the login and %s after it. The attacker was %s, and a minute later %s.", nameOf(before), nameOf(now), experiment.Plain(ask), experiment.Plain(later))
	}
	return out
}
