package app

import (
	"strconv"
	"strings"
	"time"

	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// flush ends the session: record, cookie, ID. With the field start-over the
// page goes back to its first state as well.
func (a *App) flush(c echo.Context) error {
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	if err := s.Flush(c.Request().Context()); err != nil {
		return err
	}
	over := remembered(c.Request().Context()).form.Get("start-over") != ""
	before := s.IDBefore()
	return a.answer(c, s, outcome{Op: "flush", IDBefore: before, startOver: over, say: func(info session.Info) views.Sentence {
		return sayFlush(before, over, info)
	}})
}

// cycleID gives the session a new ID.
func (a *App) cycleID(c echo.Context) error {
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	before := s.ID()
	s.CycleID()
	return a.answer(c, s, outcome{Op: "cycle-id", IDBefore: before, say: func(info session.Info) views.Sentence {
		return sayCycle(before, info)
	}})
}

// clearExpired removes expired records from the store, everybody's.
func (a *App) clearExpired(c echo.Context) error {
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	removed, err := a.engine.ClearExpired(c.Request().Context())
	if err != nil {
		return err
	}
	return a.answer(c, s, outcome{Op: "clear-expired", Removed: &removed, say: func(info session.Info) views.Sentence {
		return sayClearExpired(removed, info)
	}})
}

// maxExpirySeconds is the longest that a session's own expiry can ask for. The
// absolute lifetime caps it anyway.
const maxExpirySeconds = 10 * 365 * 24 * 60 * 60

// expiry sets this session's own expiry.
func (a *App) expiry(c echo.Context) error {
	text, err := field(remembered(c.Request().Context()).form, "seconds")
	if err != nil {
		return err
	}
	var x session.Expiry
	if text = strings.TrimSpace(text); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n > maxExpirySeconds || n < -maxExpirySeconds {
			return &session.InputError{Field: "seconds", Text: "seconds is a whole number of at most ten years, 0 to end with the browser, or empty for the policy."}
		}
		x = session.Expiry{After: time.Duration(n) * time.Second, BrowserClose: n == 0}
	}
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	existed := s.Exists()
	s.SetExpiry(x)
	out := outcome{Op: "expiry", say: func(info session.Info) views.Sentence { return a.sayExpiry(existed, x, info) }}
	if err := s.Commit(c.Request().Context()); err != nil {
		return err
	}
	if info := s.Info(); info.Exists {
		out.Expires = &info.Expires
	}
	return a.answer(c, s, out)
}

// placement moves this browser's values.
func (a *App) placement(c echo.Context) error {
	name, err := field(remembered(c.Request().Context()).form, "placement")
	if err != nil {
		return err
	}
	p, err := session.ParsePlacement(name)
	if err != nil {
		return err
	}
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	was := s.Info()
	s.SetPlacement(p)
	return a.answer(c, s, outcome{Op: "placement", say: func(info session.Info) views.Sentence {
		return sayPlacement(p, was, info)
	}})
}

// login is a toy, without a password. It is written in gorilla's plain idiom,
// which the engine's Store serves with all its promises.
func (a *App) login(c echo.Context) error {
	user, err := field(remembered(c.Request().Context()).form, "user")
	if err != nil {
		return err
	}
	if err := session.CheckKey(user); err != nil {
		return &session.InputError{Field: "user", Text: strings.Replace(err.Error(), "The key", "The user name", 1)}
	}
	sess, err := echosession.Get(a.engine.CookieName(), c)
	if err != nil {
		return err
	}
	before := sess.ID
	sess.Values["user"] = user
	sess.ID = "" // a new ID at every change of privilege, or a planted one would be logged in
	if err := sess.Save(c.Request(), c.Response()); err != nil {
		return err
	}
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	return a.answer(c, s, outcome{Op: "login", IDBefore: before, say: func(info session.Info) views.Sentence {
		return sayLogin(user, before, info)
	}})
}

// logout is a flush, in gorilla's idiom.
func (a *App) logout(c echo.Context) error {
	sess, err := echosession.Get(a.engine.CookieName(), c)
	if err != nil {
		return err
	}
	before := sess.ID
	sess.Options.MaxAge = -1
	if err := sess.Save(c.Request(), c.Response()); err != nil {
		return err
	}
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	return a.answer(c, s, outcome{Op: "logout", IDBefore: before, say: func(info session.Info) views.Sentence {
		return sayLogout(before, info)
	}})
}
