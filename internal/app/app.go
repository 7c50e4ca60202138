// Package app is the web application: Echo routes over the session engine, one file for
// each capability. It is the only package that imports Echo.
//
// Begin with App.routes, the lab's routes and the middleware of all; App.experimentRoutes has
// those of the experiments, and private.go those that only private servers have. A request
// is a call (call.go); its handler returns an outcome, which App.answer commits, records and
// shows (answer.go). errors.go has the one table from error to status.
//
// Where the handlers are: lab.go has the page; keys.go get, keys, delete and clear; set.go
// set; life.go flush, cycle-id, clear-expired, expiry, placement, login and logout; copy.go
// tamper, pin, replay, drop-cookie and put-back; plant.go plant; check.go check; inspect.go
// session and healthz; again.go session, when a page has heard nothing for a while; about.go the
// page about the screen and licences; quit.go ends the program; moments.go the past; lesson.go the
// first lesson; events.go the stream; browsers.go the second browser and the projector;
// experiments.go, experimentrun.go and experimentlive.go the experiments.
//
// class.go opens a class, whose seats are served by an App of their own. classsides.go decides who is
// on the teacher's side and who comes from the network, and seatlimits.go what one seat may take.
// Of the teacher: teacher.go has the link and the cookie, board.go the board, boardnews.go its stream,
// boardacts.go what the teacher does, beamer.go what everybody in the room sees, doctor.go and
// doctorview.go who can reach the class. Of the seats: join.go has the page where one takes a seat,
// seatpage.go the class page, phone.go what it shows of what the class does, classevents.go the stream
// that all pages of a seat share, and classpress.go what a request tells the board.
//
// What a class does together begins with together.go, which tells all pages of it. ask.go asks a
// question, classanswer.go takes the answers, classrun.go runs it, and askview.go shows it. pause.go has
// the seats wait, and plan.go walks the class through a lesson plan. everyone.go does something to every
// session at once, and became.go says on the pages of the seats what became of theirs. browsergrid.go
// asks the browsers what they have; rehearsal.go has the program's own browsers. ending.go ends a class,
// and ended.go says so everywhere; export.go and exporttable.go have what a teacher takes home, and
// classkept.go tells a school what is kept of whom.
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
	"github.com/sessionscope/sessionscope/internal/experiment/shelf"
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/plan"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/views"
)

// Reach says where the lab can be reached from, and where its records go.
type Reach = views.Reach

// Config is what an App is made of. Every field but Reach, Class and Quit is needed.
type Config struct {
	// Sessions is the engine's configuration. OnEvent and Watched are taken by the app.
	Sessions session.Config
	// StoreName is what people are told of the store: "memory".
	StoreName string
	// Hosts decides which Host headers are this server's.
	Hosts Hosts
	// Assets are the files under web/.
	Assets fs.FS
	// Version is shown by /healthz and under every page.
	Version string
	// Reach is what every page says of where things go. The zero value says that nothing
	// leaves this machine.
	Reach Reach
	// Licence is the program's own.
	Licence string
	Log     *slog.Logger
	// Seats is the number of learners that there is room for. All limits follow from it.
	Seats int
	// Class is what a class is opened with; nil if none can be opened.
	Class *ClassConfig
	// Quit ends the program in order, and does not wait for that; nil if the lab's pages do not offer it.
	// What the pages then say of sessions and classes holds for a store in memory only.
	Quit func()
	// Stores are those that experiments can run over.
	Stores map[string]experiment.OpenStore
	// LogRequests asks for one line a request. Those that fail in the server, with 5xx
	// or a panic, are logged in any case.
	LogRequests bool
}

// App is the web application. It is an http.Handler.
type App struct {
	cfg      Config
	capacity capacity
	echo     *echo.Echo
	seats    *seat.Seats
	hub      *hub.Hub
	assets   *assets
	results  results
	self     *client
	figures  sync.Map // *figuresNews by first browser
	bodies   *tap.Room
	holds    chan struct{}      // one place for each request that holds a session
	met      experiment.Meeting // of two requests that hold a session; nil outside a private instance
	closing  sync.Once
	done     chan struct{} // closed when the app ends
	render   renderer

	shelf       shelf.Shelf        // empty in a private instance
	plans       []plan.Plan        // none in a private instance
	experiments *experiment.Runner // nil in a private instance

	class        atomic.Pointer[class] // that is open; nil for none
	classOpening sync.Mutex
	of           *class   // whose seats it serves; nil for the lab itself
	uses         sync.Map // *seatUse by first browser
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
	case cfg.Licence == "":
		return nil, errors.New("app: no licence")
	case cfg.Log == nil:
		return nil, errors.New("app: no log")
	case cfg.Seats <= 0:
		return nil, errors.New("app: no seats")
	case cfg.Stores == nil:
		return nil, errors.New("app: no stores for experiments")
	}
	assets, err := newAssets(cfg.Assets)
	if err != nil {
		return nil, err
	}
	a, err := assembleLab(cfg, assets, nil)
	if err != nil {
		return nil, err
	}
	a.classRoutes()
	a.quitRoutes()
	return a, nil
}

// assembleLab makes an App with experiments: the lab itself, or with of the lab of that class's seats.
func assembleLab(cfg Config, assets *assets, of *class) (*App, error) {
	room := capacityFor(cfg.Seats)
	if of != nil {
		room = capacityForClass(cfg.Seats)
	}
	a, err := assemble(cfg, assets, room)
	if err != nil {
		return nil, err
	}
	a.of = of
	if a.shelf, err = shelf.Open(); err != nil {
		return nil, err
	}
	if a.plans, err = plan.Open(); err != nil {
		return nil, err
	}
	a.experiments = experiment.NewRunner(experiment.Config{
		Boot: a.BootPrivate, Stores: cfg.Stores, Log: cfg.Log, Runs: a.capacity.runs, RunsAddress: a.capacity.runsAddress, AtOnce: a.capacity.runsAtOnce, Seats: a.capacity.runsSeats,
	})
	a.experimentRoutes()
	if of != nil {
		a.seatRoutes()
	}
	return a, nil
}

// assemble makes an App without experiments: the lab's own, and each private instance that an
// experiment runs in.
func assemble(cfg Config, assets *assets, l capacity) (*App, error) {
	cfg.Sessions.Log = cfg.Log
	a := &App{
		capacity: l, assets: assets, results: results{most: l.results, mostBytes: l.resultBytes},
		holds: make(chan struct{}, l.holds), done: make(chan struct{}), render: renderTempl, bodies: tap.NewRoom(l.bodies),
	}
	cfg.Sessions.OnEvent, cfg.Sessions.Watched = a.recordEvent, a.showsEvents
	a.cfg = cfg
	var err error
	if a.seats, err = seat.New(cfg.Sessions, l.browsers); err != nil {
		return nil, err
	}
	a.seats.Each = l.secondsEach
	a.hub = hub.New(a.seats, l.ofHub())
	a.self = newClient(a)
	a.routes()
	return a, nil
}

// routes adds the middleware, and the routes of the lab, in order. A route of press acts on the
// session, and a route of readSession reads from it: their handlers return an outcome, which
// becomes a moment of the visit. Its Op is the path without the slash. Handlers of read and post
// write their answers themselves.
func (a *App) routes() {
	e := echo.New()
	a.echo = e
	e.HTTPErrorHandler = a.handleError
	e.IPExtractor = echo.ExtractIPDirect()

	e.Pre(a.logRequests, inOrder(securityHeaders, a.checkHost, a.checkSeat, a.checkSide, a.witnessLive, checkOrigin, a.enter, a.checkRate, a.checkPause))
	e.Use(a.commitStaged)

	gorilla := echosession.Middleware(gorillaStore{})
	a.read("/", a.with(a.lab))
	a.press("/set", a.set)
	a.readSession("/get", a.get)
	a.readSession("/keys", a.keys)
	a.press("/delete", a.delete)
	a.press("/clear", a.clear)
	a.press("/flush", a.flush)
	a.press("/cycle-id", a.cycleID)
	a.press("/clear-expired", a.clearExpired)
	a.press("/expiry", a.expiry)
	a.press("/placement", a.placement)
	a.read("/session", a.with(a.inspect))
	a.press("/login", a.login, gorilla)
	a.press("/logout", a.logout, gorilla)
	a.press("/tamper", a.tamper)
	a.press("/pin", a.pinCookie)
	a.press("/replay", a.replay)
	a.press("/drop-cookie", a.dropCookie)
	a.press("/put-back", a.putBack)
	a.press("/plant", a.plant)
	a.press("/check", a.check)
	a.read("/exchanges/:n", a.exchange)
	e.GET("/events", inOrder(a.findVisit, checkQuery)(handler(a.events)))
	a.post("/moment", a.moment)
	a.post("/lesson", a.lesson)
	a.post("/second", a.second)
	a.post("/projector", a.projector)
	a.read("/healthz", a.health)
	a.read("/about", a.about)
	e.GET("/assets/*", handler(a.assets.serve))
	e.HEAD("/assets/*", handler(a.assets.serve))
}

// handler makes an Echo handler of h.
func handler(h func(*call) error) echo.HandlerFunc {
	return func(ec echo.Context) error { return h(callOf(ec)) }
}

// read adds a route for GET and HEAD whose handler writes its answer itself.
func (a *App) read(path string, h func(*call) error) {
	seen := inOrder(a.findVisit, checkQuery)(handler(h))
	a.echo.GET(path, seen)
	a.echo.HEAD(path, seen)
}

// readSession adds a route for GET and HEAD whose handler reads from the session.
func (a *App) readSession(path string, h func(*call) (outcome, error)) {
	a.read(path, a.with(a.answering(h)))
}

// post adds a route for POST whose handler writes its answer itself.
func (a *App) post(path string, h func(*call) error, more ...echo.MiddlewareFunc) {
	a.echo.POST(path, inOrder(a.readForm, a.findVisit)(handler(h)), more...)
}

// press adds a route for POST whose handler acts on the session.
func (a *App) press(path string, h func(*call) (outcome, error), more ...echo.MiddlewareFunc) {
	a.post(path, a.with(a.answering(h)), more...)
}

// answering makes a handler that answers with the outcome of h.
func (a *App) answering(h func(*call) (outcome, error)) func(*call) error {
	return func(c *call) error {
		out, err := h(c)
		if err != nil {
			return err
		}
		return a.answer(c, out)
	}
}

// with makes a handler that loads the call's session before it calls h.
func (a *App) with(h func(*call) error) func(*call) error {
	return func(c *call) (err error) {
		if c.session, err = c.seat.Engine.Load(c.Request()); err != nil {
			return err
		}
		if c.lost != hub.NotLost || c.QueryParam("after") == "away" {
			a.find(c)
		}
		return h(c)
	}
}

// SetSecrets replaces the signing secrets of all browsers' labs; see session.Engine.
func (a *App) SetSecrets(secrets [][]byte) error { return a.seats.SetSecrets(secrets) }

// Run clears expired sessions and samples the store's figures until ctx ends. Then it closes
// the app, and returns the engine's error.
func (a *App) Run(ctx context.Context) error {
	defer a.Close()
	go a.hub.Run(ctx)
	return a.seats.Root.Engine.Run(ctx)
}

// Close ends all visits with their event streams, all experiments, and the server's own
// client. After the first call it does nothing.
func (a *App) Close() {
	a.closing.Do(func() {
		close(a.done)
		a.hub.Close()
		a.self.close()
		if a.experiments != nil {
			a.experiments.Close()
		}
		a.classOpening.Lock() // a class that is being opened is closed too
		defer a.classOpening.Unlock()
		if cl := a.openClass(); cl != nil {
			if err := cl.close(); err != nil {
				a.cfg.Log.Error("the class was not closed in order", "error", err)
			}
		}
	})
}
