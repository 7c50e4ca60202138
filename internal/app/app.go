// Package app is the web application: Echo routes over the session engine, one
// file per capability. It is the only package that knows Echo.
package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"

	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
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
	// Stores are those that experiments can run over.
	Stores map[string]experiment.OpenStore
	// LogRequests asks for one line a request. Those that fail in the server, with 5xx
	// or a panic, are logged in any case.
	LogRequests bool
}

// App is the web application. It is an http.Handler.
type App struct {
	cfg     Config
	echo    *echo.Echo
	root    *identity // the first browser's side
	seats   seats     // the others'
	assets  *assets
	results results
	visits  visits
	plot    plot
	self    *client
	streams atomic.Int32
	bodies  *tap.Room
	holds   chan struct{} // one place for each request that holds a session
	told    chan *request // for the visits to hear of
	telling sync.Once
	closing sync.Once
	done    chan struct{} // closed when the app ends
	render  renderer

	experiments *experiment.Runner // nil in a private instance
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
	case cfg.Stores == nil:
		return nil, errors.New("app: no stores for experiments")
	}
	assets, err := newAssets(cfg.Assets)
	if err != nil {
		return nil, err
	}
	a, err := assemble(cfg, assets)
	if err != nil {
		return nil, err
	}
	a.experiments = experiment.NewRunner(experiment.Config{Boot: a.bootPrivate, Stores: cfg.Stores, Log: cfg.Log})
	a.experimentRoutes()
	return a, nil
}

// assemble makes one, with what every instance of it has.
func assemble(cfg Config, assets *assets) (*App, error) {
	cfg.Sessions.Log = cfg.Log
	a := &App{assets: assets, holds: make(chan struct{}, maxHolds), done: make(chan struct{}), told: make(chan *request, 256), render: renderTempl}
	cfg.Sessions.OnEvent, cfg.Sessions.Watched = a.recordEvent, a.showsEvents
	a.cfg = cfg
	engine, err := session.New(cfg.Sessions)
	if err != nil {
		return nil, err
	}
	a.root = &identity{engine: engine}
	a.seats = seats{byName: make(map[string]*identity), secrets: cfg.Sessions.Secrets}
	a.bodies = tap.NewRoom(allBodies)
	a.visits = visits{now: engine.Now, byToken: make(map[string]*visit)}
	a.self = newClient(a)
	a.routes()
	return a, nil
}

// routes lists every middleware and route in order.
func (a *App) routes() {
	e := echo.New()
	a.echo = e
	e.HTTPErrorHandler = a.handleError
	e.IPExtractor = echo.ExtractIPDirect()

	e.Pre(a.logRequests, inOrder(securityHeaders, a.checkHost, a.witnessLive, checkOrigin, a.enter))
	e.Use(a.commitStaged)

	read, post := a.read, a.post
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
	gorilla := echosession.Middleware(gorillaStore{})
	post("/login", a.with(a.login), gorilla)
	post("/logout", a.with(a.logout), gorilla)
	read("/exchanges/:n", a.exchange)
	e.GET("/events", inOrder(a.findVisit)(a.events))
	post("/tamper", a.with(a.tamper))
	post("/pin", a.with(a.pinCookie))
	post("/replay", a.with(a.replay))
	post("/drop-cookie", a.with(a.dropCookie))
	post("/put-back", a.with(a.putBack))
	post("/plant", a.with(a.plant))
	post("/second", a.second)
	post("/projector", a.projector)
	read("/healthz", a.health)
	read("/assets/*", a.assets.serve)
}

// read is a route that shows something.
func (a *App) read(path string, h echo.HandlerFunc) {
	h = inOrder(a.findVisit)(h)
	a.echo.GET(path, h)
	a.echo.HEAD(path, h)
}

// post is a route that does something.
func (a *App) post(path string, h echo.HandlerFunc, more ...echo.MiddlewareFunc) {
	a.echo.POST(path, inOrder(a.readForm, a.findVisit)(h), more...)
}

// with gives h the request's session.
func (a *App) with(h func(echo.Context, *session.Session) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		s, err := idOf(c).engine.Load(c.Request())
		if err != nil {
			return err
		}
		return h(c, s)
	}
}

// SetSecrets replaces the signing secrets of all browsers' labs; see session.Engine.
func (a *App) SetSecrets(secrets [][]byte) error {
	a.seats.mu.Lock()
	defer a.seats.mu.Unlock()
	if err := a.root.engine.SetSecrets(secrets); err != nil {
		return err
	}
	a.seats.secrets = secrets
	for _, id := range a.seats.byName {
		if err := id.engine.SetSecrets(secrets); err != nil {
			return err
		}
	}
	return nil
}

// Run does what must be done while the app serves: it clears expired sessions, and
// remembers the store's figures. It returns when ctx ends, and ends the event streams.
func (a *App) Run(ctx context.Context) error {
	defer a.Close()
	go a.sampleFigures(ctx)
	return a.root.engine.Run(ctx)
}

// Close ends all visits, their event streams, and the server's own client. An app
// that ran is closed already.
func (a *App) Close() {
	a.closing.Do(func() {
		close(a.done)
		a.visits.close()
		a.self.close()
		if a.experiments != nil {
			a.experiments.Close()
		}
	})
}
