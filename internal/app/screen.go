package app

import (
	"crypto/rand"
	"strings"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// screen is what the lab's page is made of.
type screen struct {
	panels   trace.Seen // whose browser and server are shown
	wire     trace.Seen // whose exchange is shown
	op       string     // whose code is shown
	past     hub.Entry  // the moment of the timeline that is shown; its N is 0 for now
	sentence say.Sentence
	composer views.Composer
	reset    bool   // the composer goes back to its first state
	curl     string // the press as a command
	owner    string // of the pins
	note     string // about the cookie, which only this request can say
}

// labOf is the screen of what this request did.
func (a *App) labOf(c *call, seen trace.Seen, out *outcome) screen {
	return screen{
		panels: seen, wire: seen, op: out.did.Op, sentence: say.Press(seen), composer: a.composer(c, startsOver(out)), reset: startsOver(out),
		curl: a.curl(c, seen), owner: c.owner(out.owner),
	}
}

// newPage gives the page that answers this request its ID: the request is the page's own.
func (c *call) newPage() {
	if c.page == "" {
		c.page = rand.Text()
	}
}

// page is what every page needs.
func (a *App) page(c *call, title string) views.Page {
	if c.wants == formPage {
		c.newPage()
	}
	p := views.Page{
		Title: title, Base: c.seat.Base, Proven: c.proven, ID: c.page,
		Theme: a.assets.url("js/theme.js"), CSS: a.assets.url("css/sessionscope.css"), HTMX: a.assets.url("vendor/htmx-4.0.1/htmx.min.js"),
		SSE:    a.assets.url("vendor/htmx-4.0.1/hx-sse.min.js"),
		Script: a.assets.url("js/sessionscope.js"), Icon: a.assets.url("img/icon.svg"),
	}
	if c.visit != nil {
		p.Projector = c.visit.Projector()
	}
	return p
}

// place is where a page's addresses begin, with its visit if it has one.
func (c *call) place() views.Place {
	p := views.Place{Base: c.seat.Base}
	if v := c.visit; v != nil {
		p.Visit, p.Secret = v.Name, v.Secret
		if c.wants == formPage && c.proof == "" {
			c.proof = v.Proof()
		}
		p.Proof = c.proof
	}
	return p
}

// labView is the page of a screen.
func (a *App) labView(c *call, l screen) views.Lab {
	now, past := c.now(), l.past.N != 0
	lab := views.Lab{
		Page: a.page(c, "Lab"), Place: c.place(), StoreName: a.cfg.StoreName, Second: c.seat.Name, Sentence: show.Sentence(l.sentence),
		Composer: l.composer, ResetComposer: l.reset, Code: codeOf(l.op), Experiments: a.experimentCount(), Expired: l.panels.Store.Figures.Expired,
	}
	lab.Sentence.At = say.Clock(now)
	lab.Composer.Invalid = lab.Sentence.Field
	learned, _ := a.progressIn(c.session)
	lab.Done = len(learned.Done)
	if past {
		now = l.panels.At // its clocks stand still
		if stats, err := c.seat.Engine.Stats(c.ctx()); err == nil {
			lab.Expired = stats.Expired // what there is to clear is of the present
		}
	}
	lab.Browser, lab.Server = show.Browser(l.panels, now, !past), show.Server(l.panels, now, past)
	if l.note != "" {
		lab.Browser.Note = l.note
	}
	lab.Wire = show.Wire(l.wire)
	lab.Moment = a.momentView(c, l)
	lab.Placements = a.placements(c, l)
	if !past && c.session != nil {
		lab.Tools = a.tools(c, l)
	}
	if v := c.visit; v != nil {
		seen := c.seen
		if past || c.wants != formFragment {
			seen = 0
		}
		lab.Timeline = show.Timeline(v.Timeline(), l.past.N, seen)
	}
	return lab
}

// momentView says which moment the panels show, and what changed at it.
func (a *App) momentView(c *call, l screen) views.Moment {
	e, m := l.past, show.Moment(l.panels, l.wire)
	if e.N == 0 {
		return m
	}
	m.Past, m.At, m.Verb = true, say.Clock(e.Gist.At), summary(e)
	if e.Gist.Aside && e.Gist.By != "" {
		m.Aside, m.Changes, m.First = e.Gist.By, nil, false
	}
	if _, ok := c.entry(e.N - 1); ok {
		m.Before = e.N - 1
	}
	if _, ok := c.entry(e.N + 1); ok {
		m.After = e.N + 1
	}
	return m
}

// summary is what a timeline says of a moment.
func summary(e hub.Entry) string {
	verb, what, _ := say.Summary(e.Gist)
	return strings.TrimSpace(verb + " " + what)
}

// placements is the choice of where values live. In a fragment the choice on the page
// stays, unless the session decides it or this request was about it.
func (a *App) placements(c *call, l screen) []views.Option {
	chosen := l.composer.Placement
	exists, placement := l.panels.Session.Exists, l.panels.Session.Placement
	if l.past.N != 0 { // the choice is for the next press
		exists, placement = c.session.Exists(), c.session.Placement()
	}
	if exists {
		chosen = placement.String()
	}
	if l.reset || exists || c.wants == formPage || c.session == nil || c.submitted().Has("placement") {
		return show.PlacementOptions(chosen)
	}
	return nil
}

// writeLab renders a screen: the page, or what changed of it.
func (a *App) writeLab(c *call, status int, l screen) error {
	lab := a.labView(c, l)
	if c.wants == formFragment {
		return a.write(c, status, views.Fragments(lab))
	}
	return a.write(c, status, views.LabPage(lab))
}

// composer is the composer with what this request typed into it.
func (a *App) composer(c *call, startOver bool) views.Composer {
	typed := views.Composer{Key: "name", Value: "Rahim", Type: "text", User: "ada", Seconds: "5", Placement: c.seat.Engine.Placement().String()}
	form := c.submitted()
	if startOver {
		form = nil
	}
	for name, into := range map[string]*string{
		"key": &typed.Key, "value": &typed.Value, "user": &typed.User, "seconds": &typed.Seconds,
	} {
		if form.Has(name) {
			*into = form.Get(name)
		}
	}
	if p, err := session.ParsePlacement(form.Get("placement")); err == nil {
		typed.Placement = p.String()
	}
	for _, kind := range typed.Types() {
		if kind.Name == form.Get("type") {
			typed.Type = kind.Name
		}
	}
	return typed
}
