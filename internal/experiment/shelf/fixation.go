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
		{Name: "off", Label: "keeps the session's ID"}, {Name: "on", Label: "gives the session a new ID"},
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
	born := attacker.Set("language", "en").For("gets a session of their own")
	planted := attacker.Cookie()
	victim.Put(planted)
	visit := victim.Get("/session").For("visits with the planted cookie")
	login := victim.Post(path, "user", "Rahim").For("logs in")
	ask := attacker.Get("/get", "key", "user").For("asks who is logged in, with the cookie that was planted")
	own := victim.Get("/get", "key", "user").For("asks the same")
	in.Move(time.Minute)
	later := attacker.Get("/get", "key", "user").For("asks again, a minute later")

	before, after, now := born.Answer().Session.ID, visit.Answer().ID, login.Answer().Session.ID
	flags := func(x *experiment.Exchange) string {
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
	name := func(id string) string { return experiment.Code(cmp.Or(id, "none")) }
	out := experiment.Outcome{
		Happened: experiment.None, Decisive: ask, Mark: `"found":false`,
		Pair: []experiment.Shot{
			{Title: "The planted cookie, before the login", Cookie: planted, Exchange: visit, Says: "ID " + after},
			{Title: "Rahim's, after it", Cookie: victim.Cookie(), Exchange: own, Says: loggedIn(own)},
			{Title: "The attacker's, after it", Cookie: attacker.Cookie(), Exchange: ask, Says: loggedIn(ask)},
		},
		Tables: []experiment.Table{{Caption: "The ID at three moments, hashed", Head: []string{"moment", "browser", "ID", "flags in its Set-Cookie"}, Rows: [][]string{
			{"before planting", attacker.Name(), name(before), flags(born)},
			{"after planting", victim.Name(), name(after), flags(visit)},
			{"after the login", victim.Name(), name(now), flags(login)},
		}}},
	}
	switch {
	case loggedIn(own) != "Rahim":
		out.Tone, out.Verdict, out.Decisive, out.Mark = experiment.Lost, "{bad There was no login:} asked afterwards, the server did not say that Rahim is logged in.", own, ""
	case loggedIn(ask) == "Rahim":
		out.Happened, out.Tone, out.Mark = "known-id", experiment.Lost, `"Rahim"`
		out.Verdict = fmt.Sprintf("{bad The attacker is Rahim.} The cookie that was planted had come with %s. ", flags(born))
		if before == after && after == now {
			out.Verdict += fmt.Sprintf("Its ID %s was the same at all three moments, so that Rahim's login made the attacker's own session his.", name(now))
		} else {
			out.Verdict += fmt.Sprintf("Its ID was %s, then %s, and %s after the login, and the attacker was let in all the same.", name(before), name(after), name(now))
		}
	case before == "" || after != before:
		out.Happened, out.Tone, out.Decisive, out.Mark = "kept-out", experiment.Refused, visit, planted
		out.Verdict = fmt.Sprintf("{ok The planted cookie did not take.} It named the session %s, and Rahim's visit with it was in the session %s. The attacker is %s.", name(before), name(after), experiment.Plain(loggedIn(ask)))
	case now != before && loggedIn(ask) == "nobody" && loggedIn(later) == "nobody":
		out.Happened, out.Tone = "fresh-id", experiment.Refused
		out.Verdict = fmt.Sprintf("{ok The attacker is nobody.} Planting worked: Rahim's browser was in the session %s. But the login gave it the new ID %s, and the cookie that the attacker knows opens nothing, then and a minute later.", name(after), name(now))
	default:
		out.Tone, out.Mark = experiment.Lost, ""
		out.Verdict = fmt.Sprintf("{bad Something else:} the ID was %s before the login and %s after it. The attacker was %s, and a minute later %s.", name(before), name(now), experiment.Plain(loggedIn(ask)), experiment.Plain(loggedIn(later)))
	}
	return out
}
