package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// This file asks the browsers of a class, and the teacher's own, for what they have at their address.
// It takes two requests of each: the answer to the first sets three cookies, the second shows which
// of them the browser kept, and its answer removes them. A page with a script sends both when the
// class's stream bids it to. A page without one loads itself, and two loads do the same.
//
// The cookies are sent to the class page and to what is below it, and to no page of the lab: nothing
// that the lab shows of a browser's cookies is changed by them.

// probeLife is how long a browser keeps the cookies of a probe whose second request never comes.
const probeLife = time.Minute

// The cookies of a probe, by the ends of their names.
const (
	probeSecure     = "secure"
	probeNoSameSite = "plain"
	probeLax        = "lax" // the control
)

var probeKinds = []string{probeSecure, probeNoSameSite, probeLax}

// gridRoutes adds the routes of what the browsers of the class gave.
func (a *App) gridRoutes() {
	a.post("/classroom/browsers", a.teacher(a.setGrid))
	a.post("/classroom/browser", a.teacher(func(c *call, cl *class) error { return cl.gave(c, "") }))
}

// openBrowsers reads what the browsers gave before the program was started again.
func (cl *class) openBrowsers(ctx context.Context) (err error) {
	cl.browsers, err = classroom.OpenBrowsers(ctx, classroom.BrowsersConfig{
		Documents: cl.parts.Documents, Log: cl.app.cfg.Log,
		There: cl.sits, Changed: cl.shownChanged,
	})
	return err
}

// gridView returns the board's panel of what the browsers of the class gave.
func (cl *class) gridView() views.Grid { return show.Grid(cl.browsers.Now(), cl.roster.Count()) }

// askBrowsers asks every page of the class for what its browser has. What was shown to everybody before
// is taken away.
func (cl *class) askBrowsers(ctx context.Context) error {
	if err := cl.clearStage(ctx); err != nil {
		return err
	}
	return cl.browsers.Ask(ctx)
}

// setGrid is POST /classroom/browsers: it asks every page, and with done=1 takes the table away.
func (a *App) setGrid(c *call, cl *class) error {
	do, said := cl.askBrowsers, say.BrowsersAsked()
	asked := c.form.Get("done") == ""
	switch {
	case !asked:
		do, said = cl.browsers.End, say.BrowsersDone()
	case cl.together.Present().Question.Open():
		return errStillAsked
	}
	if err := do(c.ctx()); err != nil {
		return notWritten(err)
	}
	if asked && c.wants == formPage { // the press leads to the page again: that is the second request
		cl.probeByLoad(c, "")
	}
	return cl.leadToBoard(c, cl.saying(c, said), "", struct {
		Op    string `json:"op"`
		Asked bool   `json:"asked"`
	}{"browsers", asked})
}

var errStillAsked = &problem{status: http.StatusConflict, brief: true, detail: "A question is open, and this would take it off the phones. Close it first, or take it away. Nothing was changed."}

// seatGave is POST /s/NAME-SUFFIX/class/browser.
func (a *App) seatGave(c *call) error {
	c.quiet()
	if !c.seat.IsFirst() {
		return errSeatGone
	}
	return a.of.gave(c, classroom.ID(c.seat.Class))
}

// gave is a request of a page's script. step=1 gets the cookies of the probe, step=2 shows which of
// them were kept, and tells what only a script can tell: yes or no. A client without a script leaves
// that out. n is the number that the page was bidden with.
func (cl *class) gave(c *call, id classroom.ID) error {
	n, err := strconv.Atoi(c.form.Get("n"))
	step := c.form.Get("step")
	if err != nil || step != "1" && step != "2" {
		return errNoProbe
	}
	if n == 0 || cl.browsers.Asks(id, true) != n { // it is known already, or not asked any more
		return c.NoContent(http.StatusNoContent)
	}
	if step == "1" {
		cl.setProbe(c, id, n, true)
		return c.NoContent(http.StatusNoContent)
	}
	g := cl.cameBack(c, id, n)
	if g.Script = c.form.Has("secure_context") || c.form.Has("cookie_store"); !g.Script {
		return cl.give(c, id, n, g)
	}
	for field, told := range map[string]*bool{"secure_context": &g.Context, "cookie_store": &g.Store} {
		switch c.form.Get(field) {
		case "true":
			*told = true
		case "false":
		default:
			return errNoProbe
		}
	}
	return cl.give(c, id, n, g)
}

var errNoProbe = &problem{status: http.StatusUnprocessableEntity, brief: true, detail: `The fields are "n", a number, "step", 1 or 2, and with step 2 "secure_context" and "cookie_store", true or false, or neither. Nothing was changed.`}

// give notes what a browser gave, and has the browser drop the cookies of the probe.
func (cl *class) give(c *call, id classroom.ID, n int, g classroom.Gave) error {
	err := cl.browsers.Give(c.ctx(), id, n, g)
	switch {
	case err == nil, errors.Is(err, classroom.ErrNotAsked):
	case errors.Is(err, classroom.ErrNoSeat):
		return errSeatGone
	default:
		return notWritten(err)
	}
	cl.setProbe(c, id, n, false)
	return c.NoContent(http.StatusNoContent)
}

// probeByLoad is for a page without a script, which loads itself: one load gets the cookies of the
// probe, and a later one shows which of them were kept. A page with a script tells more a moment later.
func (cl *class) probeByLoad(c *call, id classroom.ID) {
	n := cl.browsers.Asks(id, false)
	if n == 0 || c.wants != formPage || c.Request().Method == http.MethodHead {
		return
	}
	g := cl.cameBack(c, id, n)
	if !g.Lax && !g.Secure && !g.NoSameSite && !cl.probes.waits(id, n, c.now()) {
		cl.setProbe(c, id, n, true)
		cl.probes.note(id, n, c.now())
		return
	}
	if err := cl.browsers.Give(c.ctx(), id, n, g); err == nil {
		cl.setProbe(c, id, n, false)
	}
}

// setProbe sets the cookies of a probe, or has the browser drop them.
func (cl *class) setProbe(c *call, id classroom.ID, n int, there bool) {
	path := "/classroom"
	if id != "" {
		path = c.seat.Base + "/class"
	}
	for _, cookie := range []http.Cookie{
		{Name: probeSecure, Secure: true, SameSite: http.SameSiteLaxMode},
		{Name: probeNoSameSite},
		{Name: probeLax, SameSite: http.SameSiteLaxMode},
	} {
		cookie.Name, cookie.Path, cookie.HttpOnly, cookie.MaxAge = probeName(c, cookie.Name), path, true, -1
		if there {
			cookie.Value, cookie.MaxAge = strconv.Itoa(n), int(probeLife.Seconds())
		}
		c.SetCookie(&cookie)
	}
}

func probeName(c *call, kind string) string { return c.seat.Engine.CookieName() + "-probe-" + kind }

// cameBack returns what this request shows: which cookies of the n-th probe came with it, and the
// Sec-Fetch-* headers.
func (cl *class) cameBack(c *call, id classroom.ID, n int) classroom.Gave {
	r := c.Request()
	s, _ := cl.roster.Seat(id) // the teacher's browser has none
	g := classroom.Gave{
		Own: s.Rehearsal, Site: fetchWord(r, "Sec-Fetch-Site"), Mode: fetchWord(r, "Sec-Fetch-Mode"), Dest: fetchWord(r, "Sec-Fetch-Dest"),
	}
	if fromHere(r) {
		g.Name = localName(r.Host)
	}
	for pair := range session.Pairs(r.Header) {
		if pair.Value != strconv.Itoa(n) {
			continue
		}
		switch pair.Name {
		case probeName(c, probeSecure):
			g.Secure = true
		case probeName(c, probeNoSameSite):
			g.NoSameSite = true
		case probeName(c, probeLax):
			g.Lax = true
		}
	}
	return g
}

// fetchWords are the words of the Sec-Fetch-* headers that requests of a page can have
// (https://www.w3.org/TR/fetch-metadata/).
var fetchWords = map[string][]string{
	"Sec-Fetch-Site": {"cross-site", "same-origin", "same-site", "none"},
	"Sec-Fetch-Mode": {"cors", "navigate", "no-cors", "same-origin", "websocket"},
	"Sec-Fetch-Dest": {"document", "empty", "iframe", "image"},
}

// fetchWord returns what a Sec-Fetch-* header says.
func fetchWord(r *http.Request, name string) classroom.Fetch {
	values := r.Header.Values(name)
	switch {
	case len(values) == 0:
		return ""
	case len(values) == 1 && slices.Contains(fetchWords[name], values[0]):
		return classroom.Fetch(strings.Clone(values[0]))
	}
	return classroom.FetchOther
}

// localName returns the name of this machine for itself that a Host has, which browsers take for trustworthy
// without https (https://www.w3.org/TR/secure-contexts/, section 3.1); "" if it has another.
func localName(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	switch ip := net.ParseIP(name); {
	case name == "localhost":
		return "localhost"
	case strings.HasSuffix(name, ".localhost"):
		return "a name below localhost"
	case ip.IsLoopback():
		return ip.String()
	}
	return ""
}

// probes notes which pages without a script have got the cookies of a probe. The zero value has none.
type probes struct {
	mu   sync.Mutex
	sent map[classroom.ID]sentProbe
}

type sentProbe struct {
	n  int
	at time.Time
}

// note notes that a browser gets the cookies of the n-th probe.
func (p *probes) note(id classroom.ID, n int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent == nil {
		p.sent = make(map[classroom.ID]sentProbe)
	}
	p.sent[id] = sentProbe{n, now}
}

// waits tells whether a browser got the cookies of the n-th probe, and would still have them.
func (p *probes) waits(id classroom.ID, n int, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sent[id]
	return s.n == n && now.Sub(s.at) < probeLife-5*time.Second
}

// forget forgets a seat that went.
func (p *probes) forget(id classroom.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sent, id)
}
