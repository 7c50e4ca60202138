package shelf

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var rotateTheSecret = experiment.Experiment{
	Slug: "rotate-the-secret", Section: trust,
	Choices: []experiment.Choice{
		{Name: "keep", Label: "The old secret", Options: []experiment.Option{{Name: "while", Label: "still verifies for an hour"}, {Name: "dropped", Label: "is dropped at once"}}},
		experiment.Placements,
	},
	Run: runRotateTheSecret,
}

func runRotateTheSecret(r *experiment.Run) experiment.Outcome {
	before, after := session.NewSecret(), session.NewSecret()
	in := r.Boot(experiment.Settings{Placement: r.Placement(), Secrets: [][]byte{before}})
	type person struct {
		name, did   string
		b           *experiment.Client
		issued      string               // the cookie of the login
		first, last *experiment.Exchange // who the server says it is: before the change, and after all
		renewed     bool                 // in between, by a Set-Cookie
		with        string               // the secret that verified the cookie then
	}
	var ps []*person
	for _, p := range []*person{{name: "Aisha", did: "wrote"}, {name: "Rahim", did: "read"}, {name: "Mina", did: "was away"}} {
		p.b = in.Client(p.name + "'s browser")
		p.b.Post("/login", "user", p.name).For("logs in")
		p.issued = p.b.Cookie()
		p.first = p.b.Get("/get", "key", "user").For("asks who it is, before the change")
		p.with = "–"
		ps = append(ps, p)
	}
	undisturbed, keep := true, r.Choice("keep") == "while"
	if keep {
		in.SetSecrets(after, before)
		for i, p := range ps[:2] {
			var x *experiment.Exchange
			if i == 0 {
				x = p.b.Set("city", "Graz").For("writes, while both secrets verify")
			} else {
				x = p.b.Get("/get", "key", "user").For("reads, while both secrets verify")
			}
			p.renewed = x.SetCookie() != nil
			look := p.b.Get("/session").For("looks which secret verifies the cookie")
			p.with = look.Answer().CookieInfo.Key
			undisturbed = undisturbed && look.Answer().Exists && look.Answer().ID == p.first.Answer().Session.ID
		}
		in.Move(time.Hour)
	}
	in.SetSecrets(after)
	t := experiment.Table{Caption: "Who is logged in", Head: []string{"who", "before the change", "new cookie in between", "it verified with secret", "when the old secret is gone"}}
	var stay, out, came []string
	known := true
	for _, p := range ps {
		p.last = p.b.Get("/get", "key", "user").For("asks who it is, now that the old secret is gone")
		known = known && p.first.Value() == p.name
		if p.last.Value() == p.name {
			stay = append(stay, p.name)
		} else {
			out = append(out, p.name)
		}
		renewed := "–"
		if p.with != "–" {
			renewed = experiment.YesNo(p.renewed, true)
			came = append(came, p.name+" "+p.did+map[bool]string{true: ", and got {cookie a new cookie}", false: ", and got no new cookie"}[p.renewed])
		}
		who := p.name
		if keep {
			who += " " + p.did
		}
		t.Rows = append(t.Rows, []string{who, experiment.YesNo(p.first.Value() == p.name, true), renewed, p.with, experiment.YesNo(p.last.Value() == p.name, true)})
	}
	o := experiment.Outcome{Happened: experiment.None, Tone: experiment.Held, Tables: []experiment.Table{t}, Decisive: ps[1].last, Mark: `"found":` + strconv.FormatBool(ps[1].last.Answer().Found)}
	o.Pair = []experiment.Shot{
		ps[1].first.Shot("Rahim, before", ps[1].issued),
		ps[1].last.Shot("Rahim, after", ps[1].b.Cookie()),
	}
	if len(stay) > 0 && ps[0].b.Cookie() != ps[0].issued {
		// The one that was renewed still has the old cookie in a drawer.
		renewed := ps[0].b.Cookie()
		ps[0].b.Put(ps[0].issued)
		old := ps[0].b.Get("/get", "key", "user").For("replays the cookie of the login, which the old secret signed")
		o.Pair = []experiment.Shot{
			old.Shot("Aisha, old secret", ps[0].issued),
			ps[0].last.Shot("Aisha, new secret", renewed),
		}
	}
	switch {
	case !known:
		o.Tone, o.Verdict = experiment.Lost, "{bad Not all three were logged in before the change,} so that nothing can be said of it."
		return o
	case len(out) == 0:
		o.Happened, o.Verdict = "all-three", "{ok All three are logged in,} with no secret left that signed their first cookies."
	case len(stay) == 0:
		o.Happened, o.Tone = "nobody", experiment.Refused
		o.Verdict = "{bad Nobody is logged in any more:} all three cookies are signed with a secret that the server does not know now."
		if n := in.Stats().Live; n > 0 {
			o.Verdict += fmt.Sprintf(" {server The store} still holds %s, which no cookie opens.", experiment.Count(n, "session", "sessions"))
		}
	case len(stay) == 1 && stay[0] == "Aisha":
		o.Happened, o.Verdict = "writer", "{ok Aisha alone is logged in.}"
	case len(stay) == 2 && out[0] == "Mina":
		o.Happened, o.Verdict = "visitors", "{ok Aisha and Rahim are logged in,} and {bad Mina is not.}"
	default:
		o.Tone, o.Verdict = experiment.Lost, fmt.Sprintf("{bad None of what was predicted:} logged in are %s, and not %s.", strings.Join(stay, " and "), strings.Join(out, " and "))
	}
	if len(came) > 0 {
		o.Verdict += " While both secrets verified: " + strings.Join(came, "; ") + "."
	}
	if keep {
		if undisturbed {
			o.Verdict += " Both stayed logged in."
		} else {
			o.Verdict += " {bad Not both of them stayed logged in.}"
		}
	}
	return o
}
