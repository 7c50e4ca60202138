package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// world is an application for a promise of the engine, with its clock, its store and its log.
type world struct {
	*testing.T
	store     stores.Store
	placement string

	app     *App
	clock   *storetest.Clock
	backend *storetest.Hooked
	writes  atomic.Int64                                               // store operations that may write
	hook    func(ctx context.Context, op string) (before, after error) // may be nil
	log     lines
}

// start starts the application with an empty store for max sessions, 0 for no limit.
func (w *world) start(max int, change func(*Config)) *world {
	w.Helper()
	w.clock = storetest.NewClock()
	w.backend = &storetest.Hooked{Backend: w.store.Open(w, max, w.clock.Now), Hook: func(ctx context.Context, op string) (before, after error) {
		switch op {
		case "create", "save", "touch", "delete":
			w.writes.Add(1)
		}
		if w.hook != nil {
			return w.hook(ctx, op)
		}
		return nil, nil
	}}
	placement, err := session.ParsePlacement(w.placement)
	if err != nil {
		w.Fatal(err)
	}
	w.app = newApp(w.T, func(c *Config) {
		c.Sessions.Backend, c.Sessions.Now, c.Sessions.Placement = w.backend, w.clock.Now, placement
		c.StoreName, c.Log = w.store.Name, slog.New(slog.NewTextHandler(&w.log, nil))
		if change != nil {
			change(c)
		}
	})
	w.testRoutes()
	return w
}

// testRoutes adds routes that stage and commit changes in ways that the real ones do not.
func (w *world) testRoutes() {
	staged := func(path string, act func(*call, *session.Session) error) {
		w.app.echo.POST(path, handler(w.app.with(func(c *call) error { return act(c, c.session) })))
	}
	set := func(s *session.Session, key string) {
		if err := s.Set(key, `"x"`); err != nil {
			w.Error(err)
		}
	}
	staged("/test/increment", func(c *call, s *session.Session) error {
		return s.Update("count", func(old session.Value, _ bool) session.Value {
			var n int
			fmt.Sscan(string(old), &n)
			return session.Value(fmt.Sprint(n + 1))
		})
	})
	staged("/test/no-body", func(c *call, s *session.Session) error { set(s, "staged"); return nil })
	staged("/test/404", func(c *call, s *session.Session) error { set(s, "staged"); return c.String(404, "nothing") })
	staged("/test/500", func(c *call, s *session.Session) error { set(s, "staged"); return c.String(500, "broken") })
	staged("/test/error", func(c *call, s *session.Session) error { set(s, "staged"); return errors.New("broken") })
	staged("/test/refuse", func(c *call, s *session.Session) error {
		set(s, "staged")
		return &session.InputError{Field: "key", Text: "no"}
	})
	staged("/test/twice", func(c *call, s *session.Session) error {
		for _, key := range []string{"staged", "more"} {
			set(s, key)
			if err := c.commitRead(); err != nil {
				return err
			}
		}
		return nil
	})
	staged("/test/flush-and-fail", func(c *call, s *session.Session) error {
		if err := s.Flush(c.Request().Context()); err != nil {
			return err
		}
		return errors.New("broken")
	})
	staged("/test/late", func(c *call, _ *session.Session) error {
		st := gorillaStore{}
		gs, err := st.Get(c.Request(), cookieName)
		if err != nil {
			return err
		}
		gs.Values["staged"] = "x"
		if err := c.String(200, "the first byte"); err != nil {
			return err
		}
		if err := gs.Save(c.Request(), c.Response()); !errors.Is(err, errTooLate) {
			w.Errorf("a Save after the first byte: %v, want errTooLate", err)
		}
		return nil
	})
	staged("/test/until", func(c *call, s *session.Session) error { // a minute from now
		s.SetExpiry(session.Expiry{At: w.clock.Now().Add(time.Minute)})
		return nil
	})
}

func (w *world) browser() *browser { return newBrowser(w.T, w.app, formJSON) }

// born returns a browser with a session of two keys: "name" is small, "big" is so large that
// the server keeps it with placement hybrid too.
func (w *world) born() *browser {
	w.Helper()
	b := w.browser()
	b.post("/set", "key", "name", "value", "Rahim").want(200)
	b.post("/set", "key", "big", "value", large).want(200)
	return b
}

// holding returns another browser with that session cookie.
func (w *world) holding(cookie string) *browser {
	b := w.browser()
	u, _ := url.Parse(origin)
	b.jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: cookie}})
	return b
}

// quiet sends a request, which must neither write to the store nor set a cookie.
func (w *world) quiet(b *browser, method, target string, pairs ...string) answer {
	w.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	before := w.writes.Load()
	a := b.send(b.request(method, target, form.Encode()))
	if n := w.writes.Load() - before; n != 0 || a.Header.Get("Set-Cookie") != "" {
		w.Errorf("%s %s: %d writes, Set-Cookie %q; want none", method, target, n, a.Header.Get("Set-Cookie"))
	}
	return a
}

// wantKeys checks the keys of b's session, and that listing them writes nothing.
func (w *world) wantKeys(b *browser, want ...string) {
	w.Helper()
	got := []string{}
	for _, key := range w.quiet(b, "GET", "/keys").want(200).json()["keys"].([]any) {
		got = append(got, key.(string))
	}
	if !slices.Equal(got, want) && len(got)+len(want) > 0 {
		w.Fatalf("keys %v, want %v", got, want)
	}
}

func (w *world) wantStats(live, expired int) {
	w.Helper()
	got := w.browser().get("/session").want(200).json()["stats"].(map[string]any)
	if got["sessions"] != float64(live) || got["expired"] != float64(expired) {
		w.Errorf("the store has %v, want %d live and %d expired", got, live, expired)
	}
}

// records returns how many records n sessions have in the store.
func (w *world) records(n int) int {
	if w.placement == "cookie" {
		return 0
	}
	return n
}

// lines is a log for concurrent requests.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// large is a value that does not live in the cookie with placement hybrid.
var large = strings.Repeat("x", 300)
