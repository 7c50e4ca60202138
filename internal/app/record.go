package app

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// gather completes the exchange when the session is committed and the answer is about to
// leave. It is called once a request; out is what the handler did.
func (a *App) gather(c *call, status int, out *outcome) {
	x := c.x
	c.gathered = true
	if c.wants == formPage && c.Request().Method == http.MethodGet {
		c.newPage()
	}
	x.At, x.Page = c.now(), c.page
	x.Did, x.Did.Refused = out.did, status >= http.StatusBadRequest
	if c.from != nil {
		x.Did.Pin = c.from.pin
	}
	x.Did.OldPage, x.Did.Return = string(c.lost), c.found
	h := c.Response().Header()
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if c.wants != formJSON && h.Get("Content-Type") == "" && h.Get("Content-Length") != "0" {
		h.Set("Content-Type", echo.MIMETextHTMLCharsetUTF8)
	}
	x.Came(c.Request(), c.head, c.seat, c.body)
	x.Leaving(status, h, c.seat)
	before := session.Key{} // the session that this browser had last
	switch {
	case c.from != nil:
		before = c.from.last
	case c.visit != nil:
		before = c.visit.Session()
	}
	info := session.Info{Verdict: session.VerdictAbsent}
	switch {
	case c.session == nil:
		x.Store.Down = true
	case out.opened != nil:
		info = *out.opened
	default:
		info = c.session.Info()
	}
	kept := out.kept
	kept.Before = before != session.Key{}
	if c.visit != nil && c.from == nil {
		kept.Label = c.visit.LabelOf
	}
	x.Keeps(c.Request(), c.seat, info, kept)
	if x.Store.Down {
		return
	}
	x.Store.Policy.Rolling = a.cfg.Sessions.Rolling
	a.askStore(c, info, before)
}

// askStore asks the store for its counts, and what it keeps of the session of info; without a
// session, of the session of before, which the browser had last.
func (a *App) askStore(c *call, info session.Info, before session.Key) {
	st, ctx := &c.x.Store, c.ctx()
	own := before
	if info.Cookie != nil {
		own = info.Cookie.RecordKey()
	}
	st.Keeps(ctx, c.seat.Engine, own)
	if before != own && before != (session.Key{}) {
		st.Leaves(ctx, c.seat.Engine, before)
		st.Left.InCookie = st.Left.State == session.StateNone && c.visit != nil && c.visit.Carried(before)
	}
	st.Figures = a.hub.Figures(ctx, c.seat, c.visit)
}

// record gathers the exchange and, if the request has a visit, makes it a moment of that. It
// returns the exchange as the request itself may see it.
func (a *App) record(c *call, status int, out *outcome) trace.Seen {
	a.gather(c, status, out)
	if c.visit == nil || c.added && out.copied == nil {
		return a.see(c, c.seat, *c.x)
	}
	shown := *c.x
	beside := c.visit.Compare(endedContext, &shown, 0, "")
	if c.added { // a press that sent a copy is no moment: the copy is
		seen := a.see(c, c.seat, shown)
		seen.Beside = beside
		return seen
	}
	set := 0
	for _, line := range c.Response().Header()["Set-Cookie"] {
		set += len(line)
	}
	after := c.after()
	if out.opened != nil {
		after = hub.AfterOf(*out.opened)
	}
	after.ByItself = c.op() == "session" && c.wants == formFragment
	// A visit that is not proved may be the reload of a page that has moments before this one.
	proved := c.visit.Proved()
	c.n = a.hub.Add(c.visit, c.seat, c.x, c.head.Answer, set, after)
	c.added = true
	seen := a.see(c, c.seat, shown)
	seen.N, seen.Beside = c.n, beside
	seen.Beside.First = beside.First && proved
	return seen
}

// endedContext has ended: whoever waits with it for an answer to leave does not wait.
var endedContext = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// recordJSON makes an exchange whose answer is JSON a moment of its visit. Without a visit it
// notes what was done, for the visits that saw the session. The commit has happened: a failure
// in recording becomes no error.
func (a *App) recordJSON(c *call, status int, out *outcome, body []byte) {
	switch {
	case c.x == nil || c.added:
		return
	case c.visit == nil && c.from == nil:
		c.x.At, c.x.Status, c.x.Did = c.now(), status, out.did
		return
	}
	c.x.Said(body)
	if err := contain(func() error { a.record(c, status, out); return nil }); err != nil {
		a.cfg.Log.Error("an exchange could not be recorded", "error", err)
	}
}
