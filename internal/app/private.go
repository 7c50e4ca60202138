package app

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
)

// instance is an application of its own, for one run of an
// experiment. It has routes that the lab has not, some of which do what they
// should not: nobody but the run's own clients finds its address.
type instance struct {
	*App
	expected sync.Map     // the errand of the request that comes next, by the client's address
	late     atomic.Value // what a Save returned that came too late
}

// bootPrivate is experiment.Config.Boot.
func (a *App) bootPrivate(cfg experiment.AppConfig) (experiment.App, error) {
	hosts := Hosts{}
	for _, host := range cfg.Hosts {
		hosts[host] = true
	}
	p, err := assemble(Config{
		Sessions: cfg.Sessions, StoreName: cfg.StoreName, Hosts: hosts, Assets: a.cfg.Assets, Version: a.cfg.Version, Log: slog.New(slog.DiscardHandler),
	}, a.assets)
	if err != nil {
		return nil, err
	}
	priv := &instance{App: p}
	gorilla := echosession.Middleware(gorillaStore{})
	p.post("/flash", p.with(p.addFlash), gorilla)
	p.post("/flashes", p.with(p.readFlashes), gorilla)
	p.post("/login-keeping-id", p.with(p.loginKeepingID))
	p.post("/late", p.with(priv.saveLate), gorilla)
	p.echo.GET("/late", priv.lateError)
	return priv, nil
}

// Listen implements experiment.App.
func (p *instance) Listen(l net.Listener) net.Listener { return tap.Listen(l) }

// ConnContext implements experiment.App.
func (p *instance) ConnContext(ctx context.Context, c net.Conn) context.Context {
	return tap.Context(ctx, c)
}

// Expect implements experiment.App. What it promises to return are packed panels, or nil
// for a request that shows none.
func (p *instance) Expect(address, who string) func(context.Context) any {
	job := &errand{by: who, done: make(chan *request, 1)}
	p.expected.Store(address, job)
	return func(ctx context.Context) any {
		if p.expected.CompareAndDelete(address, job) {
			return nil // an answer came, and none of ours: the request was refused on its way
		}
		select {
		case mem := <-job.done:
			if mem.panels == nil {
				return nil
			}
			shown := *mem.panels
			mem.id.complete(ctx, mem.tapped.Answer, &shown.Wire)
			shown.Server.Idle.Still, shown.Server.Absolute.Still = true, true
			shown.Browser.Scripts = false
			return shown.pack() // a run keeps many
		case <-ctx.Done():
			return nil
		}
	}
}

// ServeHTTP implements http.Handler.
func (p *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if job, ok := p.expected.LoadAndDelete(r.RemoteAddr); ok {
		r = r.WithContext(context.WithValue(r.Context(), errandKey{}, job))
	}
	p.App.ServeHTTP(w, r)
}

// saveLate is POST /late: a handler that writes its answer first and saves the
// session afterwards, which is the wrong way round.
func (p *instance) saveLate(c echo.Context, s *session.Session) error {
	sess, err := echosession.Get(idOf(c).engine.CookieName(), c)
	if err != nil {
		return err
	}
	sess.Values["name"] = "Rahim"
	p.recordJSON(c, http.StatusOK, s, []byte("saved"))
	if err := c.String(http.StatusOK, "saved"); err != nil {
		return err
	}
	if err := sess.Save(c.Request(), c.Response()); err != nil {
		p.late.Store(err.Error()) // the answer is out and says "saved": nobody can be told any more
	}
	return nil
}

// lateError is GET /late: what the program's own log would say of the last /late.
func (p *instance) lateError(c echo.Context) error {
	text, _ := p.late.Load().(string)
	return writeJSON(c, http.StatusOK, "application/json", struct {
		Error string `json:"error"`
	}{text})
}

// loginKeepingID is POST /login-keeping-id: a login as it must not be.
func (a *App) loginKeepingID(c echo.Context, s *session.Session) error {
	user, err := field(submitted(c), "user")
	if err != nil {
		return err
	}
	v, err := session.Text(user)
	if err != nil {
		return err
	}
	if err := s.Set("user", v); err != nil {
		return err
	}
	return a.answer(c, s, outcome{op: "login"})
}

// addFlash is POST /flash, in gorilla's idiom: a message for the next page, and that one alone.
func (a *App) addFlash(c echo.Context, s *session.Session) error {
	text, err := field(submitted(c), "message")
	if err != nil {
		return err
	}
	sess, err := echosession.Get(idOf(c).engine.CookieName(), c)
	if err != nil {
		return err
	}
	sess.AddFlash(text)
	if err := sess.Save(c.Request(), c.Response()); err != nil {
		return err
	}
	return a.answer(c, s, outcome{op: "flash"})
}

// readFlashes is POST /flashes: it returns the messages, which are gone with that.
// It is no GET, since it writes.
func (a *App) readFlashes(c echo.Context, s *session.Session) error {
	sess, err := echosession.Get(idOf(c).engine.CookieName(), c)
	if err != nil {
		return err
	}
	messages := []string{}
	for _, m := range sess.Flashes() {
		if text, ok := m.(string); ok {
			messages = append(messages, text)
		}
	}
	if err := sess.Save(c.Request(), c.Response()); err != nil {
		return err
	}
	return a.answer(c, s, outcome{op: "flashes", messages: messages})
}
