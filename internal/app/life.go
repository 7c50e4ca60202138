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

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// flush ends the session: record, cookie, ID. With the field start-over the
// page goes back to its first state as well.
func (a *App) flush(c echo.Context, s *session.Session) error {
	was := s.Info()
	if err := s.Flush(c.Request().Context()); err != nil {
		return err
	}
	over := submitted(c).Get("start-over") != ""
	return a.answer(c, s, outcome{op: "flush", idBefore: was.ID, startOver: over, say: func(info session.Info) views.Sentence {
		return sayFlush(was, over, info)
	}})
}

// cycleID gives the session a new ID.
func (a *App) cycleID(c echo.Context, s *session.Session) error {
	before, came := s.ID(), s.Verdict()
	s.CycleID()
	return a.answer(c, s, outcome{op: "cycle-id", idBefore: before, say: func(info session.Info) views.Sentence {
		return sayCycle(before, came, info)
	}})
}

// clearExpired removes expired records from the store, everybody's.
func (a *App) clearExpired(c echo.Context, s *session.Session) error {
	removed, err := idOf(c).engine.ClearExpired(c.Request().Context())
	if err != nil {
		return err
	}
	return a.answer(c, s, outcome{op: "clear-expired", removed: removed, say: func(info session.Info) views.Sentence {
		return sayClearExpired(removed, info)
	}})
}

// maxExpirySeconds is the longest that a session's own expiry can ask for. The
// absolute lifetime caps it anyway.
const maxExpirySeconds = 10 * 365 * 24 * 60 * 60

// expiry sets this session's own expiry.
func (a *App) expiry(c echo.Context, s *session.Session) error {
	text, err := field(submitted(c), "seconds")
	if err != nil {
		return err
	}
	var x session.Expiry
	if text = strings.TrimSpace(text); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n > maxExpirySeconds || n < -maxExpirySeconds {
			return &session.InputError{Field: "seconds", Text: "Write whole seconds, at most ten years' worth; 0 to end with the browser; nothing for the usual expiry."}
		}
		x = session.Expiry{After: time.Duration(n) * time.Second, BrowserClose: n == 0}
	}
	was := s.Info()
	s.SetExpiry(x)
	return a.answer(c, s, outcome{op: "expiry", say: func(info session.Info) views.Sentence {
		return a.sayExpiry(was, x, info)
	}})
}

// placement moves this browser's values.
func (a *App) placement(c echo.Context, s *session.Session) error {
	name, err := field(submitted(c), "placement")
	if err != nil {
		return err
	}
	p, err := session.ParsePlacement(name)
	if err != nil {
		return err
	}
	was := s.Info()
	s.SetPlacement(p)
	return a.answer(c, s, outcome{op: "placement", say: func(info session.Info) views.Sentence {
		return sayPlacement(p, was, info)
	}})
}

// login is a toy, without a password. It is written in gorilla's plain idiom,
// which the engine's Store serves with all its promises: sess is s in other clothes.
func (a *App) login(c echo.Context, s *session.Session) error {
	user, err := field(submitted(c), "user")
	if err != nil {
		return err
	}
	if err := session.CheckKey(user); err != nil {
		return &session.InputError{Field: "user", Text: strings.Replace(err.Error(), "The key", "The user name", 1)}
	}
	sess, err := echosession.Get(idOf(c).engine.CookieName(), c)
	if err != nil {
		return err
	}
	before := sess.ID
	sess.Values["user"] = user
	sess.ID = "" // a new ID at every change of privilege, or a planted one would be logged in
	if err := sess.Save(c.Request(), c.Response()); err != nil {
		return err
	}
	return a.answer(c, s, outcome{op: "login", idBefore: before, say: func(info session.Info) views.Sentence {
		return sayLogin(user, before, info)
	}})
}

// logout is a flush, in gorilla's idiom.
func (a *App) logout(c echo.Context, s *session.Session) error {
	sess, err := echosession.Get(idOf(c).engine.CookieName(), c)
	if err != nil {
		return err
	}
	was := s.Info()
	sess.Options.MaxAge = -1
	if err := sess.Save(c.Request(), c.Response()); err != nil {
		return err
	}
	return a.answer(c, s, outcome{op: "logout", idBefore: was.ID, say: func(info session.Info) views.Sentence {
		return sayLogout(was, info)
	}})
}

// errTooLate is for code that saves a session after the response's head was sent.
var errTooLate = errors.New("the response has begun: it is too late to save the session")

// gorillaStore refuses a Save that comes too late: gorilla's own stores return
// nil there, and the cookie is lost without a word.
type gorillaStore struct{}

// of is the store of the request's side of the lab.
func (gorillaStore) of(r *http.Request) session.Store {
	return session.Store{Engine: remembered(r.Context()).id.engine}
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
