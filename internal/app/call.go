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
)

// call is one request, until its answer has left. The fields above x say what was asked, by
// whom and of which visit: they are decided before the handler runs, which may only begin a
// visit and a session. x and the fields below it say what came of the request.
type call struct {
	echo.Context

	wants form       // which of the three answers
	seat  *seat.Seat // whose side of the lab it is for
	head  tap.Head   // what its connection knows of it
	body  string     // as it was read
	form  url.Values // of a POST

	visit  *hub.Visit // nil if the request belongs to none
	once   string     // the token for one use in the address, "" when no page of ours led here
	proven bool       // the address of a page proved it, once
	proof  string     // for the request after this page
	secret string     // that it showed of a visit which is no more, "" for none
	lost   hub.Lost   // why that is no more
	page   string     // which load of a page sent it, "" when it did not say
	seen   int        // the last moment that the page shows, 0 when it did not say

	from    *sender           // nil unless this program's own client sent it
	live    *experiment.Reply // of the run below whose path it came; nil mostly
	session *session.Session  // nil before it is loaded, and when the store does not answer

	x        *trace.Exchange // nil when nobody may want to see the request
	n        int             // its number in the visit, 0 when it is no moment
	gathered bool            // x is complete
	added    bool            // x is known to the hub, or is to be known to nobody

	failure error // for the log, when no handler returned it
	room    int   // bytes taken of the room for bodies
	scope   scope
}

// scope is a request's context: it has room for the session and the exchange.
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

// callOf returns the call that ec is of: ServeHTTP made it.
func callOf(ec echo.Context) *call { return ec.Request().Context().Value(callKey{}).(*call) }

// ServeHTTP implements http.Handler. Each request becomes a call.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{wants: formOf(r), seat: a.seats.Root, scope: scope{Context: r.Context()}}
	c.scope.call = c
	if c.from, _ = r.Context().Value(senderKey{}).(*sender); c.from != nil {
		c.visit = c.from.visit
	}
	if c.wants != formJSON || a.hub.Any() || c.from != nil {
		c.x = &trace.Exchange{}
		if c.from != nil {
			c.x.By, c.x.Source, c.x.Copied = c.from.by, c.from.source, c.from.source != ""
		}
	}
	c.head = tap.HeadOf(r, c.x != nil && r.Method != http.MethodHead)
	defer func() { // also after a panic
		a.bodies.Give(c.room)
		c.head.Answered()
	}()
	a.echo.ServeHTTP(w, r.WithContext(&c.scope))
	if c.x != nil && !c.added { // what was no moment of a visit may concern others
		a.hub.Tell(c.visit, c.seat, c.x, c.after())
	}
	if c.from != nil {
		c.from.noted <- noted{x: c.x, known: c.gathered, n: c.n, answer: c.head.Answer, seat: c.seat, had: c.after().Saw}
	}
}

// after is what the request left behind of its session.
func (c *call) after() hub.After {
	s := c.session
	if s == nil {
		return hub.After{Unknown: true}
	}
	return hub.AfterOf(s.Info())
}

// inOrder makes one middleware of checks that come one after the other: each middleware
// of its own would be made anew for each request.
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

// submitted returns what this request's form carries.
func (c *call) submitted() url.Values {
	if c.Request().Method == http.MethodPost {
		return c.form
	}
	return c.QueryParams()
}

// op is the name of what was asked for, done or refused.
func (c *call) op() string {
	if op := strings.TrimPrefix(c.Path(), "/"); op != "" {
		return op
	}
	return "lab"
}

// carried returns the session cookie that this request carried, as it stands in the
// header, and whether there was one.
func (c *call) carried() (value string, ok bool) { return c.cookie(c.seat.Engine.CookieName()) }

// cookie returns the first cookie of that name that this request carried.
func (c *call) cookie(name string) (value string, ok bool) {
	for pair := range session.Pairs(c.Request().Header) {
		if pair.Name == name {
			return pair.Value, true
		}
	}
	return "", false
}

// kept is the value of the session cookie that the browser has while the request is
// answered and nothing is committed, or "".
func (c *call) kept() string {
	if info := c.session.Info(); info.Cookie != nil {
		return info.Cookie.Value
	}
	value, _ := c.carried()
	return value
}

// quiet marks a request that only looks at what happened: others need not know.
func (c *call) quiet() { c.added = true }

// now is the time of the request's side of the lab.
func (c *call) now() time.Time { return c.seat.Engine.Now() }

// recordEvent is the engine's OnEvent: an exchange keeps what the engine did for it, and
// visits are told what it did by itself, as the sweeper does, who makes no request.
func (a *App) recordEvent(ctx context.Context, ev session.Event) {
	if _, ours := ctx.Value(callKey{}).(*call); !ours {
		a.hub.Tell(nil, a.seats.Root, &trace.Exchange{At: ev.Time, By: hub.TheSweeper, Events: []session.Event{ev}}, hub.After{})
		return
	}
	if x := trace.From(ctx); x != nil {
		x.Add(ev)
	}
}

// showsEvents is the engine's Watched.
func (a *App) showsEvents(ctx context.Context) bool {
	if c, ours := ctx.Value(callKey{}).(*call); ours {
		return c.x != nil
	}
	return a.hub.Any()
}
