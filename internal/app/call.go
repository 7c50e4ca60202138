package app

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// call is one request until its answer has left. The fields above x say what the request
// asks for, and who sent it from which visit: they are set before the handler runs, except
// that a handler may begin a visit and load the session. The fields from x on say what became
// of the request.
type call struct {
	echo.Context

	wants answerForm // page, fragment or JSON
	seat  *seat.Seat // whose side of the lab it is for
	head  tap.Head   // the head as its connection read it
	body  string     // of a POST, as it was read
	form  url.Values // the fields in body

	visit  *hub.Visit      // nil if the request belongs to none
	once   string          // the one-time token in the address, "" when no page of ours led here
	proven bool            // once proved the visit
	proof  string          // the one-time token that this page's next request may send
	typed  *views.Composer // what stood in the composer when a form without scripts led here, mostly nil
	secret string          // of a visit that has ended, if the request showed one
	lost   hub.Lost        // why that visit has ended
	full   error           // that there was no room for another visit; mostly nil
	found  trace.Return    // what a request found whose page has lost its visit, or the server for a while
	page   string          // ID of the page load that sent the request, "" when it gave none
	seen   int             // the last moment that this page shows, 0 when it gave none
	code   string          // the op of the code that this page shows, "" when it gave none

	act     int               // how many acts for everyone were done when the request came
	from    *sender           // nil unless this program's own client sent it
	live    *experiment.Reply // of the run whose path the request is below, mostly nil
	session *session.Session  // nil before it is loaded, and when the store does not answer

	x        *trace.Exchange // nil when no page can show the request
	n        int             // the moment's number in the visit, 0 when it is no moment
	gathered bool            // x is complete
	added    bool            // the hub has x, or must not get it

	failure error // for the log, if the handler did not return it
	room    int   // bytes that its body takes of App.bodies

	stranger bool // it came from the network to what the lab itself serves of a class, such as the page where one joins
	scope    scope
}

// scope is a request's context. It gives the engine a slot for the session, and the call and
// its exchange to whoever asks.
type scope struct {
	context.Context
	call *call
	slot session.Slot
}

type callKey struct{}

// Value implements context.Context.
func (s *scope) Value(key any) any {
	switch key {
	case callKey{}:
		return s.call
	case trace.Key:
		return s.call.x
	case session.SlotKey{}:
		return &s.slot
	}
	return s.Context.Value(key)
}

// ctx returns the request's context.
func (c *call) ctx() context.Context { return &c.scope }

// callOf returns the call that ServeHTTP made of this request.
func callOf(ec echo.Context) *call { return ec.Request().Context().Value(callKey{}).(*call) }

// ServeHTTP implements http.Handler. Each request becomes a call.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if cl := a.openClass(); cl != nil && cl.lab.seats.Has(r.URL.Path) {
		cl.lab.ServeHTTP(w, r)
		return
	}
	c := &call{wants: formOf(r), seat: a.seats.Root, scope: scope{Context: r.Context()}}
	c.scope.call = c
	if a.of != nil {
		c.act = a.of.survey.Number()
	}
	if c.from, _ = r.Context().Value(senderKey{}).(*sender); c.from != nil {
		c.visit = c.from.visit
	}
	if c.wants != formJSON || a.hub.Any() || c.from != nil || a.of != nil {
		c.x = &trace.Exchange{}
		if c.from != nil {
			c.x.By, c.x.Source, c.x.Copied, c.x.Change = c.from.by, c.from.source, c.from.source != "", c.from.change
		}
	}
	c.head = tap.HeadOf(r, c.x != nil && r.Method != http.MethodHead)
	defer func() { // also after a panic
		a.giveRoom(c)
		c.head.Answered()
	}()
	a.echo.ServeHTTP(w, r.WithContext(&c.scope))
	if c.x != nil && !c.added { // a request that is no moment of a visit may concern other visits
		a.hub.Announce(c.visit, c.seat, c.x, c.after())
	}
	if c.from != nil {
		c.from.noted <- noted{x: c.x, known: c.gathered, n: c.n, answer: c.head.Answer, seat: c.seat, had: c.after().Saw}
	}
}

// after returns the state of the session that the request leaves behind.
func (c *call) after() hub.After {
	s := c.session
	if s == nil {
		return hub.After{Unknown: true}
	}
	return hub.AfterOf(s.Info())
}

// inOrder makes one middleware that calls the checks in order and stops at the first error.
// Echo builds the chain of middlewares anew for each request: one is cheaper than many.
func inOrder(checks ...func(*call) error) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(ec echo.Context) error {
			c := callOf(ec)
			for _, check := range checks {
				if err := check(c); err != nil {
					return err
				}
			}
			return next(ec)
		}
	}
}

// submitted returns the fields of the request's form: in the body of a POST, else in the
// address.
func (c *call) submitted() url.Values {
	if c.Request().Method == http.MethodPost {
		return c.form
	}
	return c.QueryParams()
}

// op returns the name of the operation that was asked for: the route without its slash, "lab"
// for the lab's page.
func (c *call) op() string {
	if op := strings.TrimPrefix(c.Path(), "/"); op != "" {
		return op
	}
	return "lab"
}

// carried returns the value of the session cookie in the request's header, and whether there
// was one.
func (c *call) carried() (value string, ok bool) { return c.cookie(c.seat.Engine.CookieName()) }

// cookie returns the value of the first cookie of that name in the request's header.
func (c *call) cookie(name string) (value string, ok bool) {
	for pair := range session.Pairs(c.Request().Header) {
		if pair.Name == name {
			return pair.Value, true
		}
	}
	return "", false
}

// kept returns the session cookie's value that the browser has before the commit, or "".
func (c *call) kept() string {
	if info := c.session.Info(); info.Cookie != nil {
		return info.Cookie.Value
	}
	value, _ := c.carried()
	return value
}

// quiet keeps the request out of all timelines: it only looks at what happened before.
func (c *call) quiet() { c.added = true }

// now returns the time by the clock of the request's side of the lab.
func (c *call) now() time.Time { return c.seat.Engine.Now() }

// recordEvent is the engine's OnEvent. An event of a request goes into its exchange. An event
// without a request is the sweeper's, or what the teacher does to a class, and all visits are told of it.
func (a *App) recordEvent(ctx context.Context, ev session.Event) {
	a.recordEventOf(ctx, a.seats.Root, ev)
}

// recordEventOf is recordEvent for the engine of s.
func (a *App) recordEventOf(ctx context.Context, s *seat.Seat, ev session.Event) {
	if _, ours := ctx.Value(callKey{}).(*call); !ours {
		by, ok := ctx.Value(actorKey{}).(string)
		if !ok {
			by = hub.TheSweeper
		}
		a.hub.Announce(nil, s, &trace.Exchange{At: ev.Time, By: by, Events: []session.Event{ev}}, hub.After{})
		return
	}
	if x := trace.From(ctx); x != nil {
		x.Add(ev)
	}
}

// showsEvents is the engine's Watched: it reports whether anybody can see the events.
func (a *App) showsEvents(ctx context.Context) bool {
	if c, ours := ctx.Value(callKey{}).(*call); ours {
		return c.x != nil
	}
	return a.hub.Any()
}
