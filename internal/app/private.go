package app

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	echosession "github.com/labstack/echo-contrib/session"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// instance is an application for one run of an experiment. It has routes that the lab lacks,
// and some of them are unsafe: nobody but the run's clients knows its address.
type instance struct {
	*App
	had      sync.Map     // the session that each client had last, by the client's name
	expected sync.Map     // the sender of the request that comes next, by the client's address
	late     atomic.Value // the error of the last Save that came too late
}

// BootPrivate starts an application for one run of an experiment. It is
// experiment.Config.Boot.
func (a *App) BootPrivate(cfg experiment.AppConfig) (experiment.App, error) {
	hosts := Hosts{}
	for _, host := range cfg.Hosts {
		hosts[host] = true
	}
	p, err := assemble(Config{
		Sessions: cfg.Sessions, StoreName: cfg.StoreName, Hosts: hosts, Assets: a.cfg.Assets, Version: a.cfg.Version, Reach: a.cfg.Reach, Licence: a.cfg.Licence, Log: slog.New(slog.DiscardHandler), Seats: a.cfg.Seats,
	}, a.assets, capacityFor(a.cfg.Seats))
	if err != nil {
		return nil, err
	}
	p.met = make(experiment.Meeting)
	priv := &instance{App: p}
	gorilla := echosession.Middleware(gorillaStore{})
	p.press("/flash", p.addFlash, gorilla)
	p.press("/flashes", p.readFlashes, gorilla)
	p.press("/login-keeping-id", p.loginKeepingID)
	p.post("/late", p.with(priv.saveLate), gorilla)
	p.read("/late", priv.lateError)
	return priv, nil
}

// Listen implements experiment.App.
func (p *instance) Listen(l net.Listener) net.Listener { return tap.Listen(l) }

// ConnContext implements experiment.App.
func (p *instance) ConnContext(ctx context.Context, c net.Conn) context.Context {
	return tap.Context(ctx, c)
}

// Expect implements experiment.App.
func (p *instance) Expect(address, who string) func(context.Context) trace.Packed {
	last, _ := p.had.Load(who)
	from := &sender{by: who, noted: make(chan noted, 1)}
	from.last, _ = last.(session.Key)
	p.expected.Store(address, from)
	return func(ctx context.Context) trace.Packed {
		if p.expected.CompareAndDelete(address, from) {
			return nil // the answer is not the application's: the request was refused on its way
		}
		select {
		case noted := <-from.noted:
			if noted.had != (session.Key{}) {
				p.had.Store(who, noted.had)
			}
			if !noted.known {
				return nil
			}
			if left, ok := noted.answer.Wait(ctx); ok {
				noted.x.Finish(left, noted.seat)
			}
			return noted.x.Pack() // a run keeps many
		case <-ctx.Done():
			return nil
		}
	}
}

// ServeHTTP implements http.Handler.
func (p *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if from, ok := p.expected.LoadAndDelete(r.RemoteAddr); ok {
		r = r.WithContext(context.WithValue(r.Context(), senderKey{}, from))
	}
	p.App.ServeHTTP(w, r)
}

// saveLate is POST /late: a handler that writes its answer first and saves the
// session afterwards, which is the wrong way round.
func (p *instance) saveLate(c *call) error {
	sess, err := echosession.Get(c.seat.Engine.CookieName(), c)
	if err != nil {
		return err
	}
	sess.Values["name"] = "Rahim"
	p.recordJSON(c, http.StatusOK, &outcome{did: trace.Did{Op: "late"}}, []byte("saved"))
	if err := c.String(http.StatusOK, "saved"); err != nil {
		return err
	}
	if err := sess.Save(c.Request(), c.Response()); err != nil {
		p.late.Store(err.Error()) // the answer is out and says "saved": only the log can hear of it
	}
	return nil
}

// lateError is GET /late: what the program's own log would say of the last /late.
func (p *instance) lateError(c *call) error {
	text, _ := p.late.Load().(string)
	return writeJSON(c, http.StatusOK, "application/json", struct {
		Error string `json:"error"`
	}{text})
}

// loginKeepingID is POST /login-keeping-id: a login that forgets to renew the ID.
func (a *App) loginKeepingID(c *call) (out outcome, err error) {
	user, err := field(c.form, "user")
	if err != nil {
		return out, err
	}
	v, err := session.Text(user)
	if err != nil {
		return out, err
	}
	out.did.Op = "login"
	return out, c.session.Set("user", v)
}

// addFlash is POST /flash, in gorilla's idiom: a message for the next page only.
func (a *App) addFlash(c *call) (out outcome, err error) {
	text, err := field(c.form, "message")
	if err != nil {
		return out, err
	}
	sess, err := echosession.Get(c.seat.Engine.CookieName(), c)
	if err != nil {
		return out, err
	}
	sess.AddFlash(text)
	out.did.Op = "flash"
	return out, sess.Save(c.Request(), c.Response())
}

// readFlashes is POST /flashes: it returns the messages and removes them. It is not a GET,
// since it writes.
func (a *App) readFlashes(c *call) (out outcome, err error) {
	sess, err := echosession.Get(c.seat.Engine.CookieName(), c)
	if err != nil {
		return out, err
	}
	out.did.Op, out.messages = "flashes", []string{}
	for _, m := range sess.Flashes() {
		if text, ok := m.(string); ok {
			out.messages = append(out.messages, text)
		}
	}
	return out, sess.Save(c.Request(), c.Response())
}
