package app

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// entry returns moment n of the request's visit. ok is false without a visit, and if the visit
// no longer keeps that moment.
func (c *call) entry(n int) (e hub.Entry, ok bool) {
	if c.visit == nil || n == 0 {
		return e, false
	}
	e, ok = c.visit.Entry(n)
	return e, ok && e.Kept()
}

// errNoMoment refuses a moment that the visit no longer keeps, and a request that proves no
// visit.
func (a *App) errNoMoment() error {
	return &problem{status: http.StatusNotFound, detail: fmt.Sprintf("That moment is not shown. An address opens no visit: choose the moment in the lab's timeline. A visit ends after 30 idle minutes, and keeps its last %d moments.", a.hub.MostMoments())}
}

// past is GET /?at=N: the panels as they were at moment N of the visit.
func (a *App) past(c *call, n int) error {
	c.quiet()
	e, ok := c.entry(n)
	if !ok {
		return a.errNoMoment()
	}
	c.session.Discard(c.ctx(), "only the past is looked at") // so that not even a clock moves
	l := a.momentScreen(c, e)
	l.sentence = say.Note("moment", say.Text("What you see is from "+say.Clock(e.Gist.At)+": "), say.Code(summary(e)), say.Text(". Looking changes nothing."))
	return a.writeLab(c, http.StatusOK, l)
}

// momentScreen returns the screen of a moment of the request's visit.
func (a *App) momentScreen(c *call, e hub.Entry) screen {
	x, beside := c.visit.ExchangeOf(c.ctx(), e)
	seen := a.see(c, e.Seat, x)
	seen.N, seen.Beside, seen.Past, seen.Of = e.N, beside, true, e.Kin
	return screen{panels: seen, wire: seen, op: e.Gist.Op, past: e, composer: a.composer(c, false), owner: c.owner("")}
}

// moment is POST /moment: a page without a script looks at a moment of its timeline.
func (a *App) moment(c *call) error {
	c.quiet()
	if c.visit == nil {
		return a.errNoMoment()
	}
	to := "/"
	if n := momentParam(c.form.Get("at")); n > 0 {
		to = "/?at=" + strconv.Itoa(n)
	}
	to = a.leadTo(c, to)
	return goTo(c, to, struct {
		Op  string `json:"op"`
		URL string `json:"url"`
	}{"moment", to})
}

// exchange is GET /exchanges/N: the exchange of moment N after its end, with its sizes. It is
// no moment itself, and does not fail when the store does not answer: a page would ask for
// the exchange of that failure, and so on.
func (a *App) exchange(c *call) error {
	c.quiet()
	if c.wants == formPage {
		return a.with(func(c *call) error { return a.past(c, momentParam(c.Param("n"))) })(c)
	}
	e, ok := c.entry(momentParam(c.Param("n")))
	if !ok || e.Gist.Nothing {
		return &problem{status: http.StatusNotFound, detail: "This visit has no exchange of that number, or this request proves no visit: a visit ends after 30 idle minutes."}
	}
	if s, err := c.seat.Engine.Load(c.Request()); err == nil {
		s.Discard(c.ctx(), "only the past is looked at")
		c.session = s
	}
	l := a.momentScreen(c, e)
	if c.wants == formFragment {
		l.wire.Past = false // it replaces the exchange that just travelled
		var code views.Code
		if op := c.QueryParam("op"); op != c.code { // another answer came meanwhile
			code = codeOf(op)
		}
		return a.write(c, http.StatusOK, views.Finished(c.place(), show.Wire(l.wire), code))
	}
	return writeJSON(c, http.StatusOK, "application/json", exchangeOf(l.wire))
}

// exchangeJSON is a finished exchange. Of cookies it has the size only: a session's ID stands in
// its cookie and on its browser's lab page, and nowhere else.
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
