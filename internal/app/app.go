// Package app is the web application: Echo routes over the session engine, one
// file per capability. It is the only package that knows Echo.
package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"

	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Config is what an App is made of. Every field is needed.
type Config struct {
	// Sessions is the engine's configuration. OnEvent and Watched are taken by the app.
	Sessions session.Config
	// StoreName is what people are told of the store: "memory".
	StoreName string
	// Hosts decides which Host headers are this server's.
	Hosts Hosts
	// Assets are the files under web/.
	Assets fs.FS
	// Version is shown by /healthz.
	Version string
	Log     *slog.Logger
	// LogRequests asks for one line a request.
	LogRequests bool
}

// App is the web application. It is an http.Handler.
type App struct {
	cfg     Config
	echo    *echo.Echo
	engine  *session.Engine
	assets  *assets
	results results
	holds   chan struct{} // one place for each request that holds a session
	render  renderer
}

// New returns the application, or an error that names what is missing or wrong.
func New(cfg Config) (*App, error) {
	switch {
	case cfg.StoreName == "":
		return nil, errors.New("app: no store name")
	case len(cfg.Hosts) == 0:
		return nil, errors.New("app: no allowed hosts")
	case cfg.Assets == nil:
		return nil, errors.New("app: no assets")
	case cfg.Version == "":
		return nil, errors.New("app: no version")
	case cfg.Log == nil:
		return nil, errors.New("app: no log")
	}
	cfg.Sessions.Log = cfg.Log
	cfg.Sessions.OnEvent, cfg.Sessions.Watched = recordEvent, showsEvents
	engine, err := session.New(cfg.Sessions)
	if err != nil {
		return nil, err
	}
	assets, err := newAssets(cfg.Assets)
	if err != nil {
		return nil, err
	}
	a := &App{
		cfg: cfg, engine: engine, assets: assets,
		holds: make(chan struct{}, maxHolds), render: renderTempl,
	}
	a.echo = a.routes()
	return a, nil
}

// routes lists every middleware and route in order.
func (a *App) routes() *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = a.handleError
	e.IPExtractor = echo.ExtractIPDirect()

	if a.cfg.LogRequests {
		e.Pre(a.logRequests())
	}
	e.Pre(recoverPanics, inOrder(begin, securityHeaders, a.checkHost, checkOrigin))
	e.Use(a.commitStaged)

	read := func(path string, h echo.HandlerFunc) {
		e.GET(path, h)
		e.HEAD(path, h)
	}
	post := func(path string, h echo.HandlerFunc, more ...echo.MiddlewareFunc) {
		e.POST(path, inOrder(readForm)(h), more...)
	}
	read("/", a.with(a.lab))
	post("/set", a.with(a.set))
	read("/get", a.with(a.get))
	read("/keys", a.with(a.keys))
	post("/delete", a.with(a.delete))
	post("/clear", a.with(a.clear))
	post("/flush", a.with(a.flush))
	post("/cycle-id", a.with(a.cycleID))
	post("/clear-expired", a.with(a.clearExpired))
	post("/expiry", a.with(a.expiry))
	post("/placement", a.with(a.placement))
	read("/session", a.with(a.inspect))
	gorilla := echosession.Middleware(gorillaStore{session.Store{Engine: a.engine}})
	post("/login", a.with(a.login), gorilla)
	post("/logout", a.with(a.logout), gorilla)
	read("/healthz", a.health)
	read("/assets/*", a.assets.serve)
	return e
}

// with gives h the request's session.
func (a *App) with(h func(echo.Context, *session.Session) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		s, err := a.engine.Load(c.Request())
		if err != nil {
			return err
		}
		return h(c, s)
	}
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.echo.ServeHTTP(w, r) }

// SetSecrets replaces the signing secrets; see session.Engine.
func (a *App) SetSecrets(secrets [][]byte) error { return a.engine.SetSecrets(secrets) }

// Run does what must be done while the app serves: it clears expired sessions.
// It returns when ctx ends.
func (a *App) Run(ctx context.Context) error { return a.engine.Run(ctx) }
