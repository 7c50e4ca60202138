package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// The log has method, route and status, and nothing of anybody's.
func TestLog(t *testing.T) {
	var lines strings.Builder
	h := newApp(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&lines, nil)) })
	b := newBrowser(t, h, formJSON)
	id := b.post("/set", "key", "private-key", "value", "private-value").json()["session"].(map[string]any)["id"].(string)
	cookie := b.cookie()
	b.get("/get?key=private-key")
	b.get("/nope?private-query")
	b.post("/set", "key", "private-key", "value", "private-value", "fail", "500")
	for _, want := range []string{"method=POST route=/set status=200", "route=/get status=200", "level=WARN", "status=404", "level=ERROR", "status=500"} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, lines.String())
		}
	}
	for _, private := range []string{"private", id, cookie} {
		if strings.Contains(lines.String(), private) {
			t.Errorf("the log says %q", private)
		}
	}
}

// What failed in the server is logged without a line a request too, with its cause:
// 5xx, panics, and a store that does not answer. What a client did wrong is not.
func TestErrorsAreLoggedWithoutRequests(t *testing.T) {
	t.Parallel()
	took := regexp.MustCompile(` took=\S+`)
	for _, requests := range []bool{false, true} {
		var lines strings.Builder
		var down atomic.Bool
		h := newApp(t, func(c *Config) {
			c.Log, c.LogRequests = slog.New(slog.NewTextHandler(&lines, nil)), requests
			c.Sessions.Backend = &storetest.Hooked{Backend: c.Sessions.Backend, Hook: func(context.Context, string) (before, after error) {
				if down.Load() {
					return errors.New("the cable is out"), nil
				}
				return nil, nil
			}}
		})
		h.echo.GET("/panic", func(c echo.Context) error { panic("a broken handler") })
		h.echo.GET("/late-panic", func(c echo.Context) error {
			if err := c.String(200, "written first"); err != nil {
				return err
			}
			panic("a broken handler")
		})
		h.echo.GET("/late-commit", func(c echo.Context) error {
			s, err := h.seats.Root.Engine.Load(c.Request())
			if err != nil {
				return err
			}
			down.Store(true)
			if err := s.Set("staged", `"x"`); err != nil {
				return err
			}
			return c.String(200, "the commit comes now")
		})
		b := newBrowser(t, h, formJSON)
		b.post("/set", "key", "k", "value", "v", "placement", "server").want(200)
		left := func(r *http.Request) *http.Request {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return r.WithContext(ctx)
		}
		for _, test := range []struct {
			name string
			down bool
			send func() answer
			want string // of the one line; "" for none without LogRequests
		}{
			{"found", false, func() answer { return b.get("/get?key=k") }, ""},
			{"not found", false, func() answer { return b.get("/nope") }, ""},
			{"refused", false, func() answer { return b.post("/set", "key", "", "value", "v") }, ""},
			{"asked to fail", false, func() answer { return b.post("/set", "key", "k", "value", "v", "fail", "500") }, "route=/set status=500"},
			{"panic", false, func() answer { return b.get("/panic") }, "status=500 error=\"panic: a broken handler"},
			{"panic after the answer", false, func() answer { return b.get("/late-panic") }, "status=200 error=\"panic: a broken handler"},
			{"panic for a client that left", false, func() answer { return b.send(left(b.request("GET", "/panic", ""))) }, "error=\"panic: a broken handler"},
			{"the store is gone: read", true, func() answer { return b.get("/get?key=k") }, "method=GET route=/get status=503 error=\"session store: load: the cable is out"},
			{"the store is gone: write", true, func() answer { return b.post("/set", "key", "k", "value", "v") }, "method=POST route=/set status=503 error=\"session store: load: the cable is out"},
			{"the store is gone: health", true, func() answer { return b.get("/healthz") }, "route=/healthz status=503 error=\"session store: ping: the cable is out"},
			{"the store is gone when the answer is written", false, func() answer { return b.get("/late-commit") }, "route=/late-commit status=503 error=\"session store: save: the cable is out"},
		} {
			lines.Reset()
			down.Store(test.down)
			test.send()
			got := took.ReplaceAllString(lines.String(), "")
			switch {
			case test.want == "" && !requests && got != "":
				t.Errorf("%s: logged: %s", test.name, got)
			case test.want == "" && requests && (strings.Count(got, "\n") != 1 || strings.Contains(got, "ERROR")):
				t.Errorf("%s: logged: %s; want one line that is no error", test.name, got)
			case test.want != "" && (strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=ERROR msg=request ") || !strings.Contains(got, test.want)):
				t.Errorf("%s, a line a request %v: %q, want one ERROR line with %q", test.name, requests, got, test.want)
			}
		}
	}
}

// A panic is contained: one answer, and the next request is served.
func TestPanic(t *testing.T) {
	a := newApp(t, nil)
	a.echo.GET("/test", func(echo.Context) error { panic("a secret detail") })
	for _, f := range forms {
		b := newBrowser(t, a, f)
		b.get("/test").want(500, "Something went wrong").wantNo("secret detail")
		b.get("/").want(200)
	}
}
