package app

import (
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// get reads one key. A missing key is no error, and reading creates nothing.
func (a *App) get(c echo.Context) error {
	key, err := field(c.QueryParams(), "key")
	if err != nil {
		return err
	}
	if err := session.CheckKey(key); err != nil {
		return err
	}
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	v, found := s.Get(key)
	return a.answer(c, s, outcome{Op: "get", Key: &key, Found: &found, Value: null(found), say: func(info session.Info) views.Sentence {
		return sayGet(key, v, found, info)
	}})
}

// null is the value of a missing key.
func null(found bool) []byte {
	if found {
		return nil
	}
	return []byte("null")
}

// keys lists the keys.
func (a *App) keys(c echo.Context) error {
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	keys := append([]string{}, s.Keys()...)
	return a.answer(c, s, outcome{Op: "keys", Keys: &keys, say: func(info session.Info) views.Sentence {
		return sayKeys(keys, info)
	}})
}

// delete removes one key.
func (a *App) delete(c echo.Context) error {
	key, err := field(remembered(c.Request().Context()).form, "key")
	if err != nil {
		return err
	}
	if err := session.CheckKey(key); err != nil {
		return err
	}
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	found := s.Delete(key)
	return a.answer(c, s, outcome{Op: "delete", Key: &key, Found: &found, say: func(info session.Info) views.Sentence {
		return sayDelete(key, found, info)
	}})
}

// clear removes every value; the session stays.
func (a *App) clear(c echo.Context) error {
	s, err := a.engine.Load(c.Request())
	if err != nil {
		return err
	}
	n := len(s.Keys())
	s.Clear()
	return a.answer(c, s, outcome{Op: "clear", say: func(info session.Info) views.Sentence {
		return sayClear(n, info)
	}})
}
