package app

import (
	"context"
	"net/http"
	"strings"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// became is GET /s/NAME-SUFFIX/class/became: every page of a seat asks it by itself after something was
// done for everyone. It says what became of the session, from this very request. Without an act it says
// nothing, and the class knows then what session the seat has.
func (a *App) became(c *call) error {
	c.quiet()
	if !c.seat.IsFirst() {
		return c.Redirect(http.StatusSeeOther, c.seat.First().Base+"/class/became")
	}
	showed, status := a.lookAtSession(c)
	if status != http.StatusOK {
		return problemOf(c.failure)
	}
	v := a.of.becameView(c, showed)
	switch c.wants {
	case formJSON:
		return writeJSON(c, http.StatusOK, "application/json", a.of.becameJSON(c))
	case formFragment:
		return a.write(c, http.StatusOK, views.Became(v, c.seat.Base))
	}
	return c.Redirect(http.StatusSeeOther, c.seat.Base+"/class")
}

// lookAtSession loads the session of a request that only looks, and returns the exchange. With another
// status than 200 the store does not answer: c.failure says why.
func (a *App) lookAtSession(c *call) (showed trace.Seen, status int) {
	var err error
	status = http.StatusOK
	if c.session, err = c.seat.Engine.Load(c.Request()); err == nil {
		err = c.commitRead()
	}
	if err != nil {
		c.session, c.failure, status = nil, err, problemOf(err).status
		c.Response().Header().Set("Retry-After", "2")
	}
	a.of.sawSession(c)
	return a.record(c, status, &outcome{did: trace.Did{Op: "class"}}), status
}

// sawSession notes what a request of a seat's first browser showed of its session: for the next act, and
// if it is the first request after an act, for what came of that. A request that was under way during an
// act shows nothing of either.
func (cl *class) sawSession(c *call) {
	id := classroom.ID(c.seat.Class)
	if !c.seat.IsFirst() || c.session == nil || c.act != cl.survey.Number() {
		return
	}
	if known := c.session.Known(); known != (session.Known{}) {
		cl.known.Store(id, known)
	} else {
		cl.known.Delete(id)
	}
	if c.act > 0 {
		cl.survey.Pressed(context.WithoutCancel(c.ctx()), id, c.act, showedBy(c))
	}
}

// showedBy returns what the cookie of a request opened when it came, in the engine's own words.
func showedBy(c *call) classroom.Showed {
	out := classroom.Showed{What: classroom.ShowedNone, At: c.now()}
	for _, ev := range c.x.Events {
		switch {
		case ev.Kind == session.Read:
			return classroom.Showed{What: classroom.ShowedThere, At: out.At}
		case out.What != classroom.ShowedNone: // the first cookie that was refused counts
		case ev.Kind == session.Expired:
			out.What, out.Why = classroom.ShowedEnded, ev.Reason
		case ev.Kind == session.Refused && !strings.HasPrefix(ev.Reason, "stale"):
			out.What, out.Why = classroom.ShowedRefused, ev.Reason
			if c.session.Verdict() == session.VerdictMoved {
				out.What = classroom.ShowedEnded
			}
		}
	}
	return out
}

// becameView returns what a page of the request's seat says of the latest act; nil if it has nothing to
// say.
func (cl *class) becameView(c *call, showed trace.Seen) *views.BecameView {
	act, had, first, ok := cl.survey.Of(classroom.ID(c.seat.Class))
	if !ok || first.What == classroom.ShowedNothing || c.session == nil {
		return nil
	}
	now := c.session.Known()
	b := say.Becoming{
		Act: string(act.Kind), Lived: had.Placement, Outcome: string(first.What), Why: first.Why, At: first.At,
		Has: now != (session.Known{}), Same: now.Key == had.Key, Store: cl.app.cfg.StoreName,
		Unread: c.session.Verdict() == session.VerdictForged || c.session.Verdict() == session.VerdictGarbled,
	}
	if had.Placement == 0 { // nobody knew of a session before: what the first request opened is the same
		b.Same = first.What == classroom.ShowedThere
	}
	if peeked, err := c.seat.Engine.Peek(c.ctx(), had.Key); err == nil && had != (session.Known{}) && !b.Has {
		b.Left, b.ID = peeked.State, had.Key.Name().String()
	}
	return show.Became(act.N, say.Became(b), say.Showed(showed), b.Has)
}

// becameJSON is the JSON of GET /s/NAME-SUFFIX/class/became.
func (cl *class) becameJSON(c *call) any {
	act, had, first, _ := cl.survey.Of(classroom.ID(c.seat.Class))
	return struct {
		Op      string            `json:"op"`
		Act     classroom.ActKind `json:"act,omitempty"`
		Lived   string            `json:"lived,omitempty"`
		Outcome classroom.Outcome `json:"outcome,omitempty"`
		Why     string            `json:"why,omitempty"`
	}{"became", act.Kind, had.Placement.String(), first.What, first.Why}
}
