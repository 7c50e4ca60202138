package app

import (
	"crypto/rand"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// lab is the page. With ?x=TOKEN it shows what the POST before it did, once.
func (a *App) lab(c *call) error {
	if c.QueryParams().Has("hop") && c.wants == formPage {
		return a.hop(c)
	}
	if n := momentParam(c.QueryParam("at")); n > 0 && c.wants != formJSON {
		return a.past(c, n)
	}
	token := c.QueryParam("x")
	if c.Request().Method != http.MethodGet || c.wants == formJSON {
		token = "" // the page that shows it is still to come
	}
	if token != "" {
		if err := c.commitRead(); err != nil {
			return err // and the result waits for the next try
		}
	}
	if r, ok := a.results.take(token); ok && r.seat == c.seat { // on another browser's side it is nothing
		if r.visit != nil {
			c.visit, _ = a.hub.Prove(r.visit.Secret, c.seat)
			c.proven = c.visit != nil
		}
		a.begin(c)
		c.quiet() // what it shows is the POST's exchange
		return a.orPlain(c, r.sentence.Verb, contain(func() error { return a.showResult(c, r) }))
	}
	a.begin(c)
	return a.answer(c, outcome{did: trace.Did{Op: "lab"}})
}

// withHop is the address of a lab's page that follows a form: from there the browser
// goes on by itself. Chromium keeps a page for Back in spite of no-store, and forgets it
// when the session's cookie changes, but not one that came by redirect of a form
// (Chromium 156): without a script it would show again what another tab has flushed.
func withHop(c *call, location string) string {
	if c.Request().Header.Get("Upgrade-Insecure-Requests") != "1" || !strings.Contains(location, "/?") {
		return location // no browser that navigates
	}
	return location + "&hop=1"
}

// hop is GET /?hop=1: it goes on to the same page, as a request of its own that takes
// this one's place in the history.
func (a *App) hop(c *call) error {
	c.quiet()
	kept := c.QueryParams()
	kept.Del("hop")
	to := html.EscapeString(c.seat.Base + "/?" + kept.Encode())
	return c.HTML(http.StatusOK, `<!doctype html><html lang="en"><title>Sessionscope</title><meta name="color-scheme" content="light dark"><link rel="icon" href="`+a.assets.url("img/icon.svg")+`">`+
		`<meta http-equiv="refresh" content="0; url=`+to+`"><a href="`+to+`">Go on</a></html>`)
}

// screen is what the lab's page is made of.
type screen struct {
	panels   trace.Seen // whose browser and server are shown
	wire     trace.Seen // whose exchange is shown
	op       string     // whose code is shown
	past     bool       // it is a moment of the timeline, and not now
	at       int        // that moment, 0 for now
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

// showResult is the page that shows what the POST before it did: all of it, and the
// composer as it was, is of that press.
func (a *App) showResult(c *call, r result) error {
	x, beside := r.packed.Unpack(), r.beside
	n := r.n
	if v := c.visit; v != nil && v == r.visit {
		a.hub.Follow(v, hub.AfterOf(c.session.Info()))
		if e, ok := v.Entry(n); ok && e.Kept() && r.wire == nil {
			x, beside = v.Look(c.ctx(), e)
		}
	} else {
		n = 0 // the number is of another visit, which has ended
	}
	seen := a.see(c, r.seat, x)
	seen.N, seen.Beside, seen.Past = n, beside, true
	l := screen{panels: seen, wire: seen, op: r.op, sentence: r.sentence, composer: r.composer, curl: r.curl, owner: c.owner(r.owner)}
	if r.wire != nil {
		sent := r.wire.Unpack()
		if e, ok := c.entry(n); ok {
			sent, beside = c.visit.Look(c.ctx(), e)
		}
		l.wire = a.see(c, r.seat, sent)
		l.wire.N, l.wire.Beside, l.wire.Past = n, beside, true
	}
	if l.wire.Hid() || seen.Cookie.Hidden {
		l.curl = ""
	}
	if value, _ := c.carried(); x.Cookie.Kept != "" && value != x.Cookie.Kept && x.Cookie.Set {
		l.note = "The request for this page did not carry the new cookie: the browser has not kept it."
	}
	return a.writeLab(c, http.StatusOK, l)
}

// entry returns the moment n of the request's visit, if it has one.
func (c *call) entry(n int) (e hub.Entry, ok bool) {
	if c.visit == nil || n == 0 {
		return e, false
	}
	e, ok = c.visit.Entry(n)
	return e, ok && e.Kept()
}

// errNoMoment is for an address that names a moment and proves nothing, or one that is gone.
func errNoMoment() error {
	return &problem{status: http.StatusNotFound, detail: "That moment is not shown. An address opens no visit: choose the moment in the lab's timeline. A visit ends after 30 idle minutes, and keeps its last 200 moments."}
}

// past is GET /?at=N: the panels as they were at a moment of the visit.
func (a *App) past(c *call, n int) error {
	c.quiet()
	e, ok := c.entry(n)
	if !ok {
		return errNoMoment()
	}
	c.session.Discard(c.ctx(), "only the past is looked at") // not even a clock moves
	l := a.momentScreen(c, e)
	verb, what, _ := say.Summary(e.Gist)
	l.sentence = say.Note("moment", say.Text(fmt.Sprintf("What you see is from %s: ", say.Clock(e.Gist.At))), say.Code(strings.TrimSpace(verb+" "+what)), say.Text(". Nothing is done by looking."))
	return a.writeLab(c, http.StatusOK, l)
}

// momentScreen is the screen of a moment of the request's visit.
func (a *App) momentScreen(c *call, e hub.Entry) screen {
	x, beside := c.visit.Look(c.ctx(), e)
	seen := a.see(c, e.Seat, x)
	seen.N, seen.Beside, seen.Past, seen.Of = e.N, beside, true, e.Kin
	return screen{panels: seen, wire: seen, op: e.Gist.Op, past: true, at: e.N, composer: a.composer(c, false), owner: c.owner("")}
}

// moment is POST /moment: a page without a script looks at a moment of its timeline.
func (a *App) moment(c *call) error {
	c.quiet()
	if c.visit == nil {
		return errNoMoment()
	}
	to := c.seat.Base + "/?x=" + c.visit.Proof()
	if n := momentParam(c.form.Get("at")); n > 0 {
		to += "&at=" + strconv.Itoa(n)
	}
	return goTo(c, to, struct {
		Op  string `json:"op"`
		URL string `json:"url"`
	}{"moment", to})
}

// projector is POST /projector: it switches a visit's large type on or off.
func (a *App) projector(c *call) error {
	if a.visitOf(c) == nil {
		return &problem{status: http.StatusBadRequest, detail: `Projector mode belongs to a visit: send its secret along, as the page's field "page" does.`}
	}
	on := c.form.Get("on") == "1"
	c.visit.SetProjector(on)
	back := "/"
	if c.form.Has("experiment") { // the switch is on the shelf's pages too
		back = a.lessonBefore(c, c.form.Get("experiment"))
	}
	return goTo(c, c.proved(back), struct {
		Op string `json:"op"`
		On bool   `json:"on"`
	}{"projector", on})
}

// proved is the address of a path on this side, with a proof of the visit for one use.
func (c *call) proved(path string) string {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return c.seat.Base + path + sep + "x=" + c.visit.Proof()
}

// goTo answers a POST whose outcome is another page: JSON says what was done.
func goTo(c *call, location string, done any) error {
	switch c.wants {
	case formJSON:
		return writeJSON(c, http.StatusOK, "application/json", done)
	case formFragment:
		c.Response().Header().Set("HX-Redirect", location)
		return c.NoContent(http.StatusOK)
	}
	return c.Redirect(http.StatusSeeOther, withHop(c, location))
}

// second is POST /second: another browser beside this one, with its own path, cookie
// name and cookie path. With the field name it is one that was opened before.
func (a *App) second(c *call) error {
	if a.visitOf(c) == nil || c.seat != a.seats.Root {
		return &problem{status: http.StatusBadRequest, detail: `A second browser belongs to a visit of the first: send its secret along, as the page's field "page" does.`}
	}
	s, err := a.seatNamed(c, c.form.Get("name"))
	if err != nil {
		return err
	}
	page := s.Base + "/?x=" + s.Invite()
	return goTo(c, page, struct {
		Op   string `json:"op"`
		Name string `json:"name"`
		URL  string `json:"url"`
		Page string `json:"page"` // its page as one of the family, once
	}{"second", s.Name, s.Base + "/", page})
}

// seatNamed returns the family's browser of that name, or a new one.
func (a *App) seatNamed(c *call, name string) (*seat.Seat, error) {
	open, _ := a.seats.Of(c.visit.Family)
	for _, s := range open {
		if s.Name == name {
			return s, nil
		}
	}
	return a.seats.Open(c.visit.Family)
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
	now := c.now()
	lab := views.Lab{
		Page: a.page(c, "Lab"), Place: c.place(), StoreName: a.cfg.StoreName, Second: c.seat.Name, Sentence: show.Sentence(l.sentence),
		Composer: l.composer, ResetComposer: l.reset, Code: codeOf(l.op), Experiments: a.experimentCount(), Expired: l.panels.Store.Figures.Expired,
	}
	lab.Sentence.At = say.Clock(now)
	lab.Composer.Invalid = lab.Sentence.Field
	learned, _ := progressIn(c.session)
	lab.Done = len(learned.Done)
	lab.Browser, lab.Server = show.Browser(l.panels, now, !l.past), show.Server(l.panels, now, l.past)
	if l.note != "" {
		lab.Browser.Note = l.note
	}
	lab.Wire = show.Wire(l.wire)
	lab.Moment = a.momentView(c, l)
	if !l.past {
		lab.Placements = a.placements(c, l)
		if c.session != nil {
			lab.Tools = a.tools(c, l)
		}
	}
	if v := c.visit; v != nil {
		seen := c.seen
		if l.at != 0 || c.wants != formFragment {
			seen = 0
		}
		lab.Timeline = show.Timeline(v.Timeline(), l.at, seen)
	}
	return lab
}

// momentView says which moment the panels show, and what changed at it.
func (a *App) momentView(c *call, l screen) views.Moment {
	m := show.Moment(l.wire)
	if l.panels.N != l.wire.N || l.wire.Copied {
		m.Changes, m.First = nil, false
	}
	if !l.past {
		return m
	}
	m.Past = true
	if _, ok := c.entry(l.at - 1); ok {
		m.Before = l.at - 1
	}
	if _, ok := c.visit.Entry(l.at + 1); ok {
		m.After = l.at + 1
	}
	return m
}

// placements is the choice of where values live. In a fragment the choice on the page
// stays, unless the session decides it or this request was about it.
func (a *App) placements(c *call, l screen) []views.Option {
	chosen := l.composer.Placement
	exists := l.panels.Session.Exists
	if exists {
		chosen = l.panels.Session.Placement.String()
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

// commitRead is the commit of a request that changes nothing.
func (c *call) commitRead() error {
	err := c.session.Commit(c.ctx())
	c.session.WriteCookie(c.Response().Header())
	return err
}

// exchange is GET /exchanges/N: the exchange as it ended. It records nothing.
func (a *App) exchange(c *call) error {
	c.quiet()
	n := momentParam(c.Param("n"))
	e, ok := c.entry(n)
	if !ok || e.Gist.Nothing {
		return &problem{status: http.StatusNotFound, detail: "There is no such exchange in this visit, or this request proves no visit: it ends after 30 idle minutes."}
	}
	if c.wants == formPage {
		return a.past(c, n)
	}
	c.session.Discard(c.ctx(), "only the past is looked at")
	l := a.momentScreen(c, e)
	if c.wants == formFragment {
		return a.write(c, http.StatusOK, views.Finished(c.place(), show.Wire(l.wire)))
	}
	return writeJSON(c, http.StatusOK, "application/json", exchangeOf(l.wire))
}

// exchangeJSON is a finished exchange. Cookies are named with their size only: the
// session ID stands in the cookie and on its browser's lab page, nowhere else.
type exchangeJSON struct {
	N        int         `json:"n"`
	By       string      `json:"by,omitempty"`
	Finished bool        `json:"finished"`
	Request  messageJSON `json:"request"`
	Response messageJSON `json:"response"`
	Took     string      `json:"took,omitempty"`
}

type messageJSON struct {
	Line      string      `json:"line"`
	Headers   [][2]string `json:"headers"`
	HeadBytes string      `json:"head_bytes,omitempty"`
	BodyBytes string      `json:"body_bytes,omitempty"`
}

func exchangeOf(s trace.Seen) exchangeJSON {
	w := show.Wire(s)
	request, answer := show.Bare(s)
	return exchangeJSON{N: s.N, By: w.By, Finished: w.Finished, Took: w.Took,
		Request:  messageJSON{w.RequestLine + " " + w.Proto, request, w.RequestHeadBytes, w.RequestBytes},
		Response: messageJSON{w.StatusLine, answer, w.ResponseHeadBytes, w.ResponseBytes},
	}
}
