package app

import (
	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/seat"
)

// runOf returns the run of e that a form or an address names, nil if the request may not see
// it: a name opens nothing. A run is for its owners, and for the browser that has its cookie.
func (a *App) runOf(c *call, e experiment.Experiment, token string) *experiment.Run {
	if r := a.shownRun(token); r != nil && r.Experiment.Slug == e.Slug {
		return r
	}
	r := a.experiments.Find(token)
	if r == nil || r.Experiment.Slug != e.Slug || !c.carries(r) && !r.OwnedBy(c.owns()...) {
		return nil
	}
	c.own(r)
	return r
}

// carries tells whether the request has the cookie of a run that waits for its browser.
func (c *call) carries(r *experiment.Run) bool {
	live, _ := c.cookie(c.seat.Cookie(seat.Live))
	return live == r.Ticket
}

// owns are the owners of runs that the request proves to be: its page, and its session.
func (c *call) owns() (by []string) {
	if c.visit != nil {
		by = append(by, ownerOf(c.visit))
	}
	if c.session != nil && c.session.Exists() {
		k := keyOf(c.session)
		by = append(by, "session "+string(k[:]))
	}
	return by
}

// ownerOf is a page as the owner of runs.
func ownerOf(v *hub.Visit) string { return "visit " + v.Name }

// own adds the request's page and session to the owners of r, if the page is an owner
// already or the request has the run's cookie. A session's cookie adds no owners: whoever
// has a copy of it must not see what comes after the session's end. A run without owners
// gets none: it is open to whoever knows its token.
func (c *call) own(r *experiment.Run) {
	if !r.OwnedBy() && (c.carries(r) || c.visit != nil && r.OwnedBy(ownerOf(c.visit))) {
		r.Own(c.owns()...)
	}
}

// learnerOf names whom a run counts for: the seat in a class, the second browser that the page belongs to, or
// the session, or the page's visit. It is "" for a client without session and page. Others
// may know the address of a second browser: a page there belongs to it if it is of the
// family that opened it.
func learnerOf(c *call) string {
	switch {
	case c.seat.Class != "":
		return seatLearner(c.seat.Class)
	case c.visit != nil && c.seat.Base != "" && c.visit.Family == c.seat.Family:
		return c.seat.Base
	case c.session.ID() != "":
		return c.session.ID()
	case c.visit != nil:
		return c.visit.Name
	}
	return ""
}

// seatLearner is the seat of a class as whom its runs count for. class is its ID.
func seatLearner(class string) string { return "seat " + class }

// addressOf returns the address whose runs are counted together. In a class that is the seat: a
// school is often one address.
func addressOf(c *call) string {
	if c.seat.Class != "" {
		return learnerOf(c)
	}
	return c.RealIP()
}
