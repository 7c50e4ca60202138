package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/gofiber/fiber/v3"
	fibersession "github.com/gofiber/fiber/v3/middleware/session"
	"github.com/gorilla/sessions"
	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"
)

// lifetime is how long a peer's session lives at most: as the program's does by default.
const lifetime = 8 * time.Hour

// header is one line that every response carries.
type header struct{ Name, Value string }

// answer is a body as the program's JSON has it. A peer has no versions and short IDs, and
// answers with fixed ones, so that all bodies have the same length.
type answer struct {
	Op      string  `json:"op"`
	Key     string  `json:"key"`
	Found   *bool   `json:"found,omitempty"`
	Value   *string `json:"value"`
	Type    string  `json:"type,omitempty"`
	Bytes   int     `json:"bytes,omitempty"`
	Lives   string  `json:"lives,omitempty"`
	Session struct {
		Exists    bool   `json:"exists"`
		ID        string `json:"id"`
		Version   int    `json:"version"`
		Placement string `json:"placement"`
	} `json:"session"`
}

// got returns the body of the answer to GET /get.
func got(key, value string, found bool) []byte {
	a := answer{Op: "get", Key: key, Found: &found}
	if found {
		a.Value = &value
	}
	return a.encode()
}

// done returns the body of the answer to POST /set.
func done(key, value string) []byte {
	a := answer{Op: "set", Key: key, Value: &value}
	return a.encode()
}

func (a *answer) encode() []byte {
	if a.Value != nil {
		a.Type, a.Bytes, a.Lives = "text", len(*a.Value)+len(`""`), "server"
	}
	a.Session.Exists, a.Session.ID, a.Session.Version, a.Session.Placement = true, "0f83ce66", 1, "server"
	body, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return append(body, '\n')
}

// servePeer serves the peer of that name until the process is killed. It prints its address
// as the program does, answers with headers, and keeps its files in dir.
func servePeer(name, dir string, headers []header) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("%s is at http://%s\n", name, listener.Addr())
	key := make([]byte, 32)
	switch name {
	case "echo":
		return serveHTTP(listener, bareEcho(headers))
	case "scs":
		return serveHTTP(listener, scsMemory(headers))
	case "cookiestore":
		s := sessions.NewCookieStore(key)
		s.MaxAge(int(lifetime.Seconds()))
		s.Options.HttpOnly, s.Options.Secure, s.Options.SameSite = true, false, http.SameSiteLaxMode
		return serveHTTP(listener, gorilla(s, headers))
	case "filesystemstore":
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		s := sessions.NewFilesystemStore(dir, key)
		s.MaxAge(int(lifetime.Seconds()))
		s.Options.HttpOnly, s.Options.Secure, s.Options.SameSite = true, false, http.SameSiteLaxMode
		return serveHTTP(listener, gorilla(s, headers))
	case "fiber":
		return fiberMemory(headers).Listener(listener, fiber.ListenConfig{DisableStartupMessage: true})
	}
	return fmt.Errorf("there is no peer %q", name)
}

// serveHTTP serves a net/http peer with the program's timeouts.
func serveHTTP(l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute}
	return srv.Serve(l)
}

// newEcho returns an Echo that answers with headers.
func newEcho(headers []header) *echo.Echo {
	e := echo.New()
	e.Pre(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			for _, line := range headers {
				h.Set(line.Name, line.Value)
			}
			return next(c)
		}
	})
	return e
}

// bareEcho returns Echo without a session: it answers READ with a constant.
func bareEcho(headers []header) http.Handler {
	e := newEcho(headers)
	e.GET("/get", func(c echo.Context) error {
		return c.JSONBlob(http.StatusOK, got(c.QueryParam("key"), values[0], true))
	})
	e.POST("/set", func(c echo.Context) error {
		return c.JSONBlob(http.StatusOK, done(c.FormValue("key"), c.FormValue("value")))
	})
	return e
}

// gorilla returns Echo with echo-contrib's session middleware over store.
func gorilla(store sessions.Store, headers []header) http.Handler {
	e := newEcho(headers)
	e.Use(echosession.Middleware(store))
	e.GET("/get", func(c echo.Context) error {
		s, err := echosession.Get("session", c)
		if err != nil {
			return err
		}
		key := c.QueryParam("key")
		value, found := s.Values[key].(string)
		return c.JSONBlob(http.StatusOK, got(key, value, found))
	})
	e.POST("/set", func(c echo.Context) error {
		s, err := echosession.Get("session", c)
		if err != nil {
			return err
		}
		key, value := c.FormValue("key"), c.FormValue("value")
		s.Values[key] = value
		if err := s.Save(c.Request(), c.Response()); err != nil {
			return err
		}
		return c.JSONBlob(http.StatusOK, done(key, value))
	})
	return e
}

// scsMemory returns scs over its store in memory, on net/http's router.
func scsMemory(headers []header) http.Handler {
	manager := scs.New()
	manager.Store, manager.Lifetime = memstore.New(), lifetime
	mux := http.NewServeMux()
	mux.HandleFunc("GET /get", func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.Query().Get("key")
		value, found := manager.Get(r.Context(), key).(string)
		w.Header().Set("Content-Type", "application/json")
		w.Write(got(key, value, found))
	})
	mux.HandleFunc("POST /set", func(w http.ResponseWriter, r *http.Request) {
		key, value := r.PostFormValue("key"), r.PostFormValue("value")
		manager.Put(r.Context(), key, value)
		w.Header().Set("Content-Type", "application/json")
		w.Write(done(key, value))
	})
	sessions := manager.LoadAndSave(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, line := range headers {
			w.Header().Set(line.Name, line.Value)
		}
		sessions.ServeHTTP(w, r)
	})
}

// fiberMemory returns Fiber as its manual recommends it: the session middleware saves after
// every request, also after a READ.
func fiberMemory(headers []header) *fiber.App {
	app := fiber.New(fiber.Config{ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute})
	app.Use(func(c fiber.Ctx) error {
		for _, line := range headers {
			c.Set(line.Name, line.Value)
		}
		return c.Next()
	})
	app.Use(fibersession.New(fibersession.Config{IdleTimeout: lifetime, CookieHTTPOnly: true, CookiePath: "/"}))
	app.Get("/get", func(c fiber.Ctx) error {
		s := fibersession.FromContext(c)
		if s == nil {
			return errors.New("no session")
		}
		key := c.Query("key")
		value, found := s.Get(key).(string)
		c.Set("Content-Type", "application/json")
		return c.Send(got(key, value, found))
	})
	app.Post("/set", func(c fiber.Ctx) error {
		s := fibersession.FromContext(c)
		if s == nil {
			return errors.New("no session")
		}
		key, value := c.FormValue("key"), c.FormValue("value") // valid until the handler returns; the middleware encodes a copy
		s.Set(key, value)
		c.Set("Content-Type", "application/json")
		return c.Send(done(key, value))
	})
	return app
}
