package app

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/sessions"
	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// flush is POST /flush: it ends the session, with its record, cookie and ID. With the field
// "start-over" this browser's other cookies and its pins go too, and the page's fields are as at
// first.
func (a *App) flush(c *call) (outcome, error) {
	out := a.ending(c, "flush")
	err := c.session.Flush(c.ctx())
	if err == nil && c.form.Get("start-over") != "" {
		a.startOver(c, &out)
	}
	return out, err
}

// startOver takes away what presses gave this browser beside its session: the readable cookie,
// the pinned copies, and the cookie that says whose they are. A session cookie that opened
// nothing goes too. Only a cookie that came gets a Set-Cookie line that ends it.
func (a *App) startOver(c *call, out *outcome) {
	out.did.Away = true
	end := func(kind seat.Kind) bool {
		if _, came := c.cookie(c.seat.Cookie(kind)); !came {
			return false
		}
		cookie := c.ownCookie(kind)
		cookie.MaxAge = -1
		out.cookies = append(out.cookies, cookie)
		return true
	}
	if _, came := c.carried(); came && out.did.Before == "" {
		c.replace(out, "", session.Info{})
	}
	out.did.Over.Readable, out.did.Over.Pins = end(seat.Readable), a.hub.Unpin(c.owner(""))
	if out.did.Over.Readable {
		there := false
		out.kept.Planted = &there
	}
	out.kept.Unpins = end(seat.Pins)
	out.did.Over.Owner = out.kept.Unpins
}

// ending returns the outcome of a press that ends the session. Call it before the end.
func (a *App) ending(c *call, op string) outcome {
	was := c.session.Info()
	return outcome{did: trace.Did{Op: op, Before: was.ID, Was: c.was(), Came: was.Verdict, Learned: a.loses(c)}}
}

// was returns the session before the handler changes it, for the exchange. It is empty when no
// page can show the exchange.
func (c *call) was() trace.Session {
	if c.x == nil {
		return trace.Session{}
	}
	return trace.SessionOf(c.session.Info())
}

// cycleID is POST /cycle-id: it gives the session a new ID.
func (a *App) cycleID(c *call) (outcome, error) {
	out := outcome{did: trace.Did{Op: "cycle-id", Before: c.session.ID(), Came: c.session.Verdict()}}
	c.session.CycleID()
	return out, nil
}

// clearExpired is POST /clear-expired: it removes all expired records from the store, of all
// browsers.
func (a *App) clearExpired(c *call) (outcome, error) {
	removed, err := c.seat.Engine.ClearExpired(c.ctx())
	return outcome{did: trace.Did{Op: "clear-expired", Count: removed}}, err
}

// maxExpirySeconds is the longest expiry that a session may ask for. The absolute lifetime
// still caps it.
const maxExpirySeconds = 10 * 365 * 24 * 60 * 60

// expiry is POST /expiry: it sets an expiry for this session alone.
func (a *App) expiry(c *call) (out outcome, err error) {
	text, err := field(c.form, "seconds")
	if err != nil {
		return out, err
	}
	var x session.Expiry
	if text = strings.TrimSpace(text); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n > maxExpirySeconds || n < -maxExpirySeconds {
			return out, &session.InputError{Field: "seconds", Text: "Write whole seconds, at most ten years' worth; 0 to end with the browser; nothing for the usual expiry."}
		}
		x = session.Expiry{After: time.Duration(n) * time.Second, BrowserClose: n == 0}
	}
	out.did = trace.Did{Op: "expiry", Expiry: x, Was: c.was(), Came: c.session.Verdict(), Learned: a.loses(c)}
	c.session.SetExpiry(x)
	return out, nil
}

// placement is POST /placement: it moves the session's values between cookie and server.
func (a *App) placement(c *call) (out outcome, err error) {
	name, err := field(c.form, "placement")
	if err != nil {
		return out, err
	}
	p, err := session.ParsePlacement(name)
	if err != nil {
		return out, err
	}
	out.did = trace.Did{Op: "placement", Placement: p, Was: c.was(), Came: c.session.Verdict()}
	c.session.SetPlacement(p)
	return out, nil
}

// login is POST /login: a toy without a password. It is written as code for gorilla/sessions
// is: sess is the engine's session behind gorilla's interface, with all of the engine's
// promises.
func (a *App) login(c *call) (out outcome, err error) {
	user, err := field(c.form, "user")
	if err != nil {
		return out, err
	}
	if err := session.CheckKey(user); err != nil {
		return out, &session.InputError{Field: "user", Text: strings.Replace(err.Error(), "The key", "The user name", 1)}
	}
	sess, err := echosession.Get(c.seat.Engine.CookieName(), c)
	if err != nil {
		return out, err
	}
	c.placeNext()
	out.did = trace.Did{Op: "login", User: user, Before: sess.ID, Came: c.session.Verdict()}
	sess.Values["user"] = user
	sess.ID = "" // a new ID at every change of privilege, or a planted one would be logged in
	return out, sess.Save(c.Request(), c.Response())
}

// logout is POST /logout: a flush, written for gorilla/sessions.
func (a *App) logout(c *call) (outcome, error) {
	out := a.ending(c, "logout")
	sess, err := echosession.Get(c.seat.Engine.CookieName(), c)
	if err != nil {
		return out, err
	}
	sess.Options.MaxAge = -1
	return out, sess.Save(c.Request(), c.Response())
}

// errTooLate means that code saved a session after the response's header had left.
var errTooLate = errors.New("the response has begun: it is too late to save the session")

// gorillaStore is the engine as a store of gorilla/sessions. Its Save fails once the response
// has begun; gorilla's own stores return nil then, and the cookie is lost in silence.
type gorillaStore struct{}

// of returns the store of the request's side of the lab.
func (gorillaStore) of(r *http.Request) session.Store {
	return session.Store{Engine: r.Context().Value(callKey{}).(*call).seat.Engine}
}

// New implements sessions.Store.
func (st gorillaStore) New(r *http.Request, name string) (*sessions.Session, error) {
	return st.of(r).New(r, name)
}

// Get implements sessions.Store.
func (st gorillaStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(st, name)
}

// Save implements sessions.Store.
func (st gorillaStore) Save(r *http.Request, w http.ResponseWriter, gs *sessions.Session) error {
	if resp, ok := w.(*echo.Response); ok && resp.Committed {
		return errTooLate
	}
	return st.of(r).Save(r, w, gs)
}
