package app

import (
	"html"
	"net/http"
	"strings"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// lab is the page. With ?x=TOKEN it shows what the POST before it did, once.
func (a *App) lab(c *call) error {
	if c.QueryParams().Has("hop") && c.wants == formPage {
		return a.hop(c)
	}
	if n := momentParam(c.QueryParam("at")); n > 0 && c.wants != formJSON {
		return a.past(c, n)
	}
	token := c.once
	if c.wants == formJSON {
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
	if c.once == "" { // the page after this one is led to by ours
		kept.Del("x")
	}
	to := html.EscapeString(c.seat.Base + "/?" + kept.Encode())
	return c.HTML(http.StatusOK, `<!doctype html><html lang="en"><title>Sessionscope</title><meta name="color-scheme" content="light dark"><link rel="icon" href="`+a.assets.url("img/icon.svg")+`">`+
		`<meta http-equiv="refresh" content="0; url=`+to+`"><a href="`+to+`">Go on</a></html>`)
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
	l := screen{panels: seen, wire: seen, op: x.Did.Op, sentence: r.sentence, composer: r.composer, curl: r.curl, owner: c.owner(r.owner)}
	if r.wire != nil {
		sent := r.wire.Unpack()
		if e, ok := c.entry(n); ok {
			sent, beside = c.visit.Look(c.ctx(), e)
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

// commitRead is the commit of a request that changes nothing.
func (c *call) commitRead() error {
	err := c.session.Commit(c.ctx())
	c.session.WriteCookie(c.Response().Header())
	return err
}
