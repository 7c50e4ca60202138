package app

import (
	"html"
	"net/http"
	"strings"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// lab is GET /: the lab's page. With a token in ?x= it shows the result of the POST before it,
// once; with ?at=N it shows moment N of the visit.
func (a *App) lab(c *call) error {
	if c.QueryParams().Has("hop") && c.wants == formPage {
		return a.hop(c)
	}
	a.refill(c)
	if n := momentParam(c.QueryParam("at")); n > 0 && c.wants != formJSON {
		return a.past(c, n)
	}
	token := c.once
	if c.wants == formJSON {
		token = "" // a result is for a page
	}
	if token != "" {
		if err := c.commitRead(); err != nil {
			return err // the result waits for the next try
		}
	}
	if r, ok := a.results.take(token); ok && r.seat == c.seat { // a result of one browser's side is not shown on another's
		if r.visit != nil {
			c.visit, _ = a.hub.Prove(r.visit.Secret, c.seat)
			c.proven = c.visit != nil
		}
		_ = a.begin(c) // without room for a visit, the page still shows what was done
		c.quiet()      // the moment is the POST, not this page
		return a.orPlain(c, r.sentence.Verb, contain(func() error { return a.showResult(c, r) }))
	}
	if err := a.begin(c); err != nil {
		return err
	}
	return a.answer(c, outcome{did: trace.Did{Op: "lab"}})
}

// withHop returns the address for the redirect after a form: a page that leads on to location
// by itself. Chromium keeps pages for Back in spite of no-store, until a cookie changes. It
// keeps a page that came by the redirect of a form even then (Chromium 156): without scripts,
// Back would show values that another tab has flushed.
func withHop(c *call, location string) string {
	if c.Request().Header.Get("Upgrade-Insecure-Requests") != "1" || !strings.Contains(location, "/?") {
		return location // curl or a script, which has no Back
	}
	return location + "&hop=1"
}

// hop is GET /?hop=1: a page that at once asks for the same address without hop. That request
// takes the place of this one in the browser's history.
func (a *App) hop(c *call) error {
	c.quiet()
	kept := c.QueryParams()
	kept.Del("hop")
	if c.once == "" { // this token came from another site, and the next page would accept it as ours
		kept.Del("x")
	}
	to := html.EscapeString(c.seat.Base + "/?" + kept.Encode())
	return c.HTML(http.StatusOK, `<!doctype html><html lang="en"><title>Sessionscope</title><meta name="color-scheme" content="light dark"><link rel="icon" href="`+a.assets.url("img/icon.svg")+`">`+
		`<meta http-equiv="refresh" content="0; url=`+to+`"><a href="`+to+`">Go on</a></html>`)
}

// showResult writes the page that shows the POST before it, with the composer as that POST
// left it.
func (a *App) showResult(c *call, r result) error {
	x, beside := r.packed.Unpack(), r.beside
	x.Store.Figures.Plot = r.plot
	n := r.n
	if v := c.visit; v != nil && v == r.visit {
		a.hub.Follow(v, hub.AfterOf(c.session.Info()))
		if e, ok := v.Entry(n); ok && e.Kept() && r.wire == nil {
			x, beside = v.ExchangeOf(c.ctx(), e)
		}
	} else {
		n = 0 // n is a number in another visit, which has ended
	}
	seen := a.see(c, r.seat, x)
	seen.N, seen.Beside, seen.Past = n, beside, true
	l := screen{panels: seen, wire: seen, op: x.Did.Op, sentence: r.sentence, composer: r.composer, curl: r.curl, owner: c.owner(r.owner)}
	if r.wire != nil {
		sent, beside := r.wire.Unpack(), r.wireBeside
		if e, ok := c.entry(n); ok {
			sent, beside = c.visit.ExchangeOf(c.ctx(), e)
		}
		l.wire = a.see(c, r.seat, sent)
		l.wire.N, l.wire.Beside, l.wire.Past = n, beside, true
	}
	if seen.Cookie.Hidden || r.wire != nil && l.wire.Hid() { // the command carries that cookie
		l.curl = ""
	}
	if value, _ := c.carried(); x.Cookie.Kept != "" && x.Cookie.Set && value == "" {
		l.note = "The request for this page did not carry the new cookie: the browser has not kept it."
	}
	return a.writeLab(c, http.StatusOK, l)
}

// commitRead commits the session of a request that only reads: that may move its idle clock.
func (c *call) commitRead() error {
	err := c.session.Commit(c.ctx())
	c.session.WriteCookie(c.Response().Header())
	return err
}
