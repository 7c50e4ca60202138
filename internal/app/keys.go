package app

import (
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// get reads one key. A missing key is no error, and reading creates nothing.
func (a *App) get(c echo.Context, s *session.Session) error {
	key, err := keyField(c)
	if err != nil {
		return err
	}
	v, found := s.Get(key)
	return a.answer(c, s, outcome{op: "get", key: key, found: found, say: func(info session.Info) views.Sentence {
		return a.sayGet(key, v, found, info)
	}})
}

// keyField returns the key that the form names, if it is one.
func keyField(c echo.Context) (string, error) {
	key, err := field(submitted(c), "key")
	if err == nil {
		err = session.CheckKey(key)
	}
	return key, err
}

// keys lists the keys.
func (a *App) keys(c echo.Context, s *session.Session) error {
	keys := s.Keys()
	return a.answer(c, s, outcome{op: "keys", keys: keys, say: func(info session.Info) views.Sentence {
		return sayKeys(keys, info)
	}})
}

// delete removes one key.
func (a *App) delete(c echo.Context, s *session.Session) error {
	key, err := keyField(c)
	if err != nil {
		return err
	}
	found := s.Delete(key)
	return a.answer(c, s, outcome{op: "delete", key: key, found: found, say: func(info session.Info) views.Sentence {
		return sayDelete(key, found, info)
	}})
}

// clear removes every value; the session stays.
func (a *App) clear(c echo.Context, s *session.Session) error {
	n := len(s.Keys())
	s.Clear()
	return a.answer(c, s, outcome{op: "clear", say: func(info session.Info) views.Sentence {
		return sayClear(n, info)
	}})
}
