package app

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Promise 10 of the engine: settle the status, commit, render.
func TestCommit(t *testing.T) {
	t.Parallel()
	stage := func(a *App, c echo.Context) {
		s, err := a.seats.Root.Engine.Load(c.Request())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Set("staged", `"x"`); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name    string
		handler func(a *App, c echo.Context) error
		status  int
		saved   bool
	}{
		{"no body", func(a *App, c echo.Context) error { stage(a, c); return nil }, 200, true},
		{"no content", func(a *App, c echo.Context) error { stage(a, c); return c.NoContent(204) }, 204, true},
		{"a body", func(a *App, c echo.Context) error { stage(a, c); return c.String(200, "ok") }, 200, true},
		{"a 404 of its own", func(a *App, c echo.Context) error { stage(a, c); return c.String(404, "nothing") }, 404, true},
		{"a 500 of its own", func(a *App, c echo.Context) error { stage(a, c); return c.String(500, "broken") }, 500, false},
		{"an error", func(a *App, c echo.Context) error { stage(a, c); return errors.New("broken") }, 500, false},
		{"an error that is a 404", func(a *App, c echo.Context) error { stage(a, c); return echo.ErrNotFound }, 404, true},
		{"a refusal", func(a *App, c echo.Context) error {
			stage(a, c)
			return &session.InputError{Field: "key", Text: "no"}
		}, 422, false},
		{"a refusal that wraps Echo's error", func(a *App, c echo.Context) error {
			stage(a, c)
			return echo.NewHTTPError(400).SetInternal(&session.InputError{Field: "key", Text: "no"})
		}, 422, false},
		{"a refusal that Echo's error caused", func(a *App, c echo.Context) error {
			stage(a, c)
			return &problem{status: 422, cause: echo.ErrBadRequest}
		}, 422, false},
		{"an error that is a 503", func(a *App, c echo.Context) error { stage(a, c); return echo.NewHTTPError(503) }, 503, false},
		{"a panic", func(a *App, c echo.Context) error { stage(a, c); panic("broken") }, 500, false},
		{"gorilla, saved twice", func(a *App, c echo.Context) error {
			sess, err := echosession.Get(cookieName, c)
			if err != nil {
				return err
			}
			sess.Values["staged"] = "x"
			if err := sess.Save(c.Request(), c.Response()); err != nil {
				return err
			}
			sess.Values["more"] = "y"
			if err := sess.Save(c.Request(), c.Response()); err != nil {
				return err
			}
			return c.String(200, "ok")
		}, 200, true},
		{"gorilla, saved too late", func(a *App, c echo.Context) error {
			sess, err := echosession.Get(cookieName, c)
			if err != nil {
				return err
			}
			if err := c.String(200, "written first"); err != nil {
				return err
			}
			sess.Values["staged"] = "x"
			if err := sess.Save(c.Request(), c.Response()); !errors.Is(err, errTooLate) {
				t.Errorf("a save after the first byte: %v, want errTooLate", err)
			}
			return nil
		}, 200, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newApp(t, nil)
			a.echo.GET("/test", func(c echo.Context) error { return test.handler(a, c) },
				echosession.Middleware(gorillaStore{}))
			b := newBrowser(t, a, formJSON)
			got := b.get("/test")
			if got.StatusCode != test.status || (got.Header.Get("Set-Cookie") != "") != test.saved {
				t.Errorf("status %d, Set-Cookie %q; want %d, saved %v", got.StatusCode, got.Header.Get("Set-Cookie"), test.status, test.saved)
			}
			if found := b.get("/get?key=staged").json()["found"]; found != test.saved {
				t.Errorf("found %v, want %v", found, test.saved)
			}
		})
	}
}

// What cannot be saved any more is at least not answered with a 200.
func TestLateCommitFails(t *testing.T) {
	var down atomic.Bool
	a := newApp(t, func(c *Config) { c.Sessions.Backend = failing(&down) })
	a.echo.GET("/test", func(c echo.Context) error {
		s, err := a.seats.Root.Engine.Load(c.Request())
		if err != nil {
			return err
		}
		down.Store(true)
		if err := s.Set("a", `"x"`); err != nil {
			return err
		}
		return c.String(200, "ok")
	})
	if got := newBrowser(t, a, formJSON).get("/test"); got.StatusCode != 503 || got.Header.Get("Set-Cookie") != "" {
		t.Errorf("status %d, headers %v", got.StatusCode, got.Header)
	}
}

// A flush acts when called, even if the page then fails: its cookie travels too.
func TestFlushThenFail(t *testing.T) {
	a := newApp(t, nil)
	a.echo.POST("/test", func(c echo.Context) error {
		s, err := a.seats.Root.Engine.Load(c.Request())
		if err != nil {
			return err
		}
		if err := s.Flush(c.Request().Context()); err != nil {
			return err
		}
		return errors.New("broken")
	})
	b := newBrowser(t, a, formJSON)
	b.post("/set", "key", "a", "value", "1")
	if got := b.post("/test").want(500); !strings.Contains(got.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("Set-Cookie %q", got.Header.Get("Set-Cookie"))
	}
	b.get("/session").want(200, `"exists":false`, `"sessions":0`)
}
