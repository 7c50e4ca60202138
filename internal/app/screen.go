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

// screen is the content of the lab's page, before it becomes a view.
type screen struct {
	panels   trace.Seen // for the Browser and Server panels
	wire     trace.Seen // for the Wire panel
	op       string     // for the code panel
	past     hub.Entry  // the moment that is shown; its N is 0 for the present
	sentence say.Sentence
	composer views.Composer
	reset    bool   // the composer goes back to its first state
	choice   bool   // the page may show another choice of a placement than its visit keeps
	curl     string // the press as a command
	owner    string // of the pins
	note     string // replaces the Browser panel's note, if only this request knows it
}

// labOf returns the screen after this request.
func (a *App) labOf(c *call, seen trace.Seen, out *outcome) screen {
	return screen{
		panels: seen, wire: seen, op: out.did.Op, sentence: say.Press(seen), composer: a.composer(c, startsOver(out)), reset: startsOver(out),
		curl: a.curl(c, seen), owner: c.owner(out.owner),
	}
}

// newPage gives the page that answers this request an ID.
func (c *call) newPage() {
	if c.page == "" {
		c.page = rand.Text()
	}
}

// page returns the view of what every page has.
func (a *App) page(c *call, title string) views.Page {
	if c.wants == formPage {
		c.newPage()
	}
	p := views.Page{
		Title: title, Version: a.cfg.Version, Reach: a.reachOf(c), Base: c.seat.Base, Proven: c.proven, ID: c.page,
		Theme: a.assets.url("js/theme.js"), CSS: a.assets.url("css/sessionscope.css"), HTMX: a.assets.url("third-party/htmx-4.0.1/htmx.min.js"),
		SSE:    a.assets.url("third-party/htmx-4.0.1/hx-sse.min.js"),
		Script: a.assets.url("js/sessionscope.js"), Icon: a.assets.url("img/icon.svg"),
	}
	if c.visit != nil {
		p.Projector = c.visit.Projector()
	}
	p.Quit = a.of == nil && a.canQuit(c)
	switch {
	case a.of != nil:
		p.Strip = a.of.strip(c)
		p.ClassScript, p.ClassCSS = a.assets.url("js/class.js"), a.assets.url("css/class.css")
	case a.cfg.Class == nil, c.seat != a.seats.Root, !fromHere(c.Request()):
	case a.openClass() != nil && a.openClass().over.Load() == nil:
		p.Class = "The board"
	default:
		p.Class = "Open a class"
	}
	return p
}

// place returns the base of a page's addresses, with its visit if it has one.
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

// labView returns the view of a screen.
func (a *App) labView(c *call, l screen) views.Lab {
	now, past := c.now(), l.past.N != 0
	lab := views.Lab{
		Page: a.page(c, "Lab"), Place: c.place(), StoreName: a.cfg.StoreName, Second: c.seat.Name, Sentence: show.Sentence(l.sentence),
		Composer: l.composer, ResetComposer: l.reset, Code: codeOf(l.op), Experiments: a.experimentCount(),
	}
	lab.Sentence.At = say.Clock(now)
	if c.gathered { // the timeline says the same time
		lab.Sentence.At = say.Clock(c.x.At)
	}
	lab.Composer.Invalid = lab.Sentence.Field
	learned, _ := a.learned(c)
	lab.Done = a.doneCount(c, learned)
	if past {
		now = l.panels.At // the clocks of the past stand still
	}
	lab.Browser, lab.Server = show.Browser(l.panels, now, !past), show.Server(l.panels, now, past)
	if l.note != "" {
		lab.Browser.Note = l.note
	}
	lab.Wire = show.Wire(l.wire)
	if c.wants == formFragment && lab.Wire.Asks() && c.code == l.op {
		lab.Code, lab.Wire.Code = views.Code{}, l.op // the page has it, and says so again when it asks for the sizes
	}
	lab.Moment, lab.Guide = a.momentView(c, l), a.guide(c, l, len(learned.Done))
	lab.Placements = a.placements(c, l)
	if !past {
		lab.Server.Clear = &lab.Place
	}
	if !past && c.session != nil {
		lab.Tools = a.tools(c, l)
	}
	if c.wants == formPage {
		a.withoutScript(c, &lab)
	}
	if v := c.visit; v != nil {
		seen := c.seen
		if past || c.wants != formFragment {
			seen = 0
		}
		if lab.Timeline = show.Timeline(v.Timeline(seen), l.past.N); lab.Timeline.NextBeside() {
			lab.Timeline = show.Timeline(v.Timeline(0), l.past.N)
		}
	}
	return lab
}

// panelOf are the panels that a narrow screen shows after some presses, whatever changed: a pinned
// copy is in the browser's panel, and the clock that a press on Expire in sets is in the server's.
var panelOf = map[string]string{"pin": "browser", "expiry": "server"}

// momentView returns the view of the moment that the panels show, and of its changes.
func (a *App) momentView(c *call, l screen) views.Moment {
	e, m := l.past, show.Moment(l.panels, l.wire)
	if e.N == 0 {
		m.Panel = panelOf[l.op]
		if l.panels.Did.Late {
			m.Panel = "server"
		}
		return m
	}
	m.Past, m.At, m.Verb = true, say.Clock(e.Gist.At), summary(e)
	if e.Gist.Aside && e.Gist.By != "" {
		m.Aside, m.Changes, m.First = e.Gist.By, nil, false
	}
	m.Before, m.After = c.visit.Neighbours(e.N)
	return m
}

// summary returns a moment's line in the timeline.
func summary(e hub.Entry) string {
	verb, what, _ := say.Summary(e.Gist)
	return strings.TrimSpace(verb + " " + what)
}

// placementOf returns where values live, as the page's choice says it: chosen is the placement of
// the session. Without a session the choice stays as it was.
func (c *call) placementOf(l screen) (chosen string, exists bool) {
	exists, placement := l.panels.Session.Exists, l.panels.Session.Placement
	if l.past.N != 0 { // the choice is about the next press, so it is that of the present
		exists, placement = c.session.Exists(), c.session.Placement()
	}
	if exists {
		return placement.String(), true
	}
	return l.composer.Placement, false
}

// placements returns the options of where values live. It returns nil in a fragment that leaves the
// page's choice as it is: there is no session to decide it, and the request was not about it.
func (a *App) placements(c *call, l screen) []views.Option {
	chosen, exists := c.placementOf(l)
	if l.reset || l.choice || exists || c.wants == formPage || c.session == nil || c.submitted().Has("placement") {
		return show.PlacementOptions(chosen)
	}
	return nil
}

// writeLab renders a screen as a page or as fragments. The visit keeps the choice of a placement
// that the page shows then: the next session begins so.
func (a *App) writeLab(c *call, status int, l screen) error {
	chosen, _ := c.placementOf(l)
	if p, err := session.ParsePlacement(chosen); err == nil && c.visit != nil {
		c.visit.SetPlacement(p)
	}
	lab := a.labView(c, l)
	if c.wants == formFragment {
		return a.write(c, status, views.Fragments(lab))
	}
	return a.write(c, status, views.LabPage(lab))
}

// composer returns the composer with the fields of this request, or in its first state.
func (a *App) composer(c *call, startOver bool) views.Composer {
	typed := views.Composer{Key: "name", Value: "Rahim", Type: "text", User: "ada", Seconds: "5", Placement: c.seat.Engine.Placement().String()}
	form := c.submitted()
	if v := c.visit; v != nil && v.Placement() != 0 && !startOver {
		typed.Placement = v.Placement().String()
	}
	switch {
	case startOver:
		form = nil
	case c.typed != nil:
		return *c.typed
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
