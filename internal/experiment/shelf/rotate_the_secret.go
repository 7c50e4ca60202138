package shelf

import (
	"fmt"
	"slices"
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
	c := change{keep: r.Choice("keep") == "while", undisturbed: true}
	for _, p := range []*person{{name: "Aisha", did: "wrote"}, {name: "Rahim", did: "read"}, {name: "Mina", did: "was away"}} {
		p.logIn(in)
		c.people = append(c.people, p)
	}
	if c.keep {
		in.SetSecrets(after, before)
		c.visitMeanwhile()
		in.Move(time.Hour)
	}
	in.SetSecrets(after)
	for _, p := range c.people {
		p.last = p.b.Get("/get", "key", "user").For("asks who it is, now that the old secret is gone")
	}
	return c.judge(in)
}

// person is somebody who was logged in when the secrets were changed.
type person struct {
	name, did   string
	b           *experiment.Client
	issued      string               // the cookie of the login
	first, last *experiment.Exchange // whom the server takes the person for: before the change, and at the end
	renewed     bool                 // a Set-Cookie in between renewed the cookie
	with        string               // the secret that verified the cookie in between
}

func (p *person) logIn(in *experiment.Instance) {
	p.b = in.Client(p.name + "'s browser")
	p.b.Post("/login", "user", p.name).For("logs in")
	p.issued = p.b.Cookie()
	p.first = p.b.Get("/get", "key", "user").For("asks who it is, before the change")
	p.with = "–"
}

// stays tells whether p is logged in when the old secret is gone.
func (p *person) stays() bool { return p.last.Value() == p.name }

// change is a change of the secrets, and the three people who were there.
type change struct {
	keep        bool // the old secret verifies for an hour
	people      []*person
	undisturbed bool // whoever came in between stayed logged in
}

// visitMeanwhile lets Aisha write and Rahim read while both secrets verify.
func (c *change) visitMeanwhile() {
	for i, p := range c.people[:2] {
		var x *experiment.Exchange
		if i == 0 {
			x = p.b.Set("city", "Graz").For("writes, while both secrets verify")
		} else {
			x = p.b.Get("/get", "key", "user").For("reads, while both secrets verify")
		}
		p.renewed = x.SetCookie() != nil
		look := p.b.Get("/session").For("looks which secret verifies the cookie")
		p.with = look.Answer().CookieInfo.Key
		c.undisturbed = c.undisturbed && look.Answer().Exists && look.Answer().ID == p.first.Answer().Session.ID
	}
}

func (c *change) table() experiment.Table {
	t := experiment.Table{Caption: "Who is logged in", Head: []string{"who", "before the change", "new cookie in between", "it verified with secret", "when the old secret is gone"}}
	for _, p := range c.people {
		renewed, who := "–", p.name
		if p.with != "–" {
			renewed = experiment.Fact(p.renewed)
		}
		if c.keep {
			who += " " + p.did
		}
		t.Rows = append(t.Rows, []string{who, experiment.YesNo(p.first.Value() == p.name, true), renewed, p.with, experiment.YesNo(p.stays(), true)})
	}
	return t
}

// pair is what to look at: Rahim before and after, or Aisha's two cookies, if hers was
// renewed and anybody is logged in.
func (c *change) pair() []experiment.Shot {
	aisha, rahim := c.people[0], c.people[1]
	anybody := slices.ContainsFunc(c.people, (*person).stays)
	renewed := aisha.b.Cookie()
	if !anybody || renewed == aisha.issued {
		return []experiment.Shot{rahim.first.Shot("Rahim, before", rahim.issued), rahim.last.Shot("Rahim, after", rahim.b.Cookie())}
	}
	aisha.b.Put(aisha.issued) // a browser whose cookie was renewed may have kept the old cookie
	old := aisha.b.Get("/get", "key", "user").For("replays the cookie of the login, which the old secret signed")
	return []experiment.Shot{old.Shot("Aisha, old secret", aisha.issued), aisha.last.Shot("Aisha, new secret", renewed)}
}

// judge says who is logged in.
func (c *change) judge(in *experiment.Instance) experiment.Outcome {
	var stay, gone []string
	known := true
	for _, p := range c.people {
		known = known && p.first.Value() == p.name
		if p.stays() {
			stay = append(stay, p.name)
		} else {
			gone = append(gone, p.name)
		}
	}
	rahim := c.people[1]
	out := experiment.Outcome{
		Happened: experiment.None, Tone: experiment.Held, Tables: []experiment.Table{c.table()}, Pair: c.pair(),
		Decisive: rahim.last, Mark: `"found":` + strconv.FormatBool(rahim.last.Answer().Found),
	}
	switch {
	case !known:
		out.Tone, out.Verdict = experiment.Lost, "{bad Not all three were logged in before the change:} this run shows nothing."
		return out
	case len(gone) == 0:
		out.Happened, out.Verdict = "all-three", "{ok All three are logged in,} although the secret that signed their first cookies is gone."
	case len(stay) == 0:
		out.Happened, out.Tone = "nobody", experiment.Refused
		out.Verdict = "{bad Nobody is logged in any more:} the secret that signed all three cookies is gone."
		if n := in.Stats().Live; n > 0 {
			out.Verdict += fmt.Sprintf(" {server The store} still holds %s, which no cookie opens.", experiment.Count(n, "session", "sessions"))
		}
	case len(stay) == 1 && stay[0] == "Aisha":
		out.Happened, out.Verdict = "writer", "{ok Only Aisha is logged in.}"
	case len(stay) == 2 && gone[0] == "Mina":
		out.Happened, out.Verdict = "visitors", "{ok Aisha and Rahim are logged in,} and {bad Mina is not.}"
	default:
		out.Tone, out.Verdict = experiment.Lost, fmt.Sprintf("{bad None of the predictions:} logged in: %s; not logged in: %s.", strings.Join(stay, " and "), strings.Join(gone, " and "))
	}
	out.Verdict += c.meanwhile()
	return out
}

// meanwhile says what became of the people who came while both secrets verified.
func (c *change) meanwhile() (said string) {
	if !c.keep {
		return ""
	}
	var came []string
	for _, p := range c.people {
		switch {
		case p.with == "–":
		case p.renewed:
			came = append(came, p.name+" "+p.did+", and got {cookie a new cookie}")
		default:
			came = append(came, p.name+" "+p.did+", and got no new cookie")
		}
	}
	if len(came) > 0 {
		said = " While both secrets verified: " + strings.Join(came, "; ") + "."
	}
	if c.undisturbed {
		return said + " Both stayed logged in."
	}
	return said + " {bad Not both of them stayed logged in.}"
}
