package experiment

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// AppConfig has the settings of an instance of the application.
type AppConfig struct {
	Sessions  session.Config
	StoreName string
	Hosts     []string // HOST:PORT that the Host header may carry
}

// App is an instance of the application.
type App interface {
	http.Handler
	SetSecrets(secrets [][]byte) error
	// Listen and ConnContext let the application see what travels, byte for byte.
	Listen(net.Listener) net.Listener
	ConnContext(ctx context.Context, c net.Conn) context.Context
	// Expect announces that who sends the next request from address. The client calls facts
	// when the answer has come. facts returns what the application noted of the exchange, or
	// nil.
	Expect(address, who string) (facts func(context.Context) trace.Packed)
	Close()
}

// OpenStore opens a store of one kind. A new store is empty; a store that is opened again
// with the same StoreConfig has its old records, if its kind outlives the program. end
// closes the store and leaves the records; remove closes it and leaves nothing behind.
type OpenStore func(context.Context, StoreConfig) (b session.Backend, end, remove func() error, err error)

// StoreConfig is what a store is made of.
type StoreConfig struct {
	Dir         func() (string, error) // a folder of its own, made at the first call
	Name        string                 // a name of its own, of letters and digits
	MaxSessions int
	Now         func() time.Time
}

// CookieName is the name of the session cookie in private instances and in twins. The lab
// uses another name: cookies know no ports, and a browser that comes across a private port
// must not lose its lab cookie.
const CookieName = "demo-session"

// Settings are the settings of an instance. The zero value is the application as it starts
// without flags.
type Settings struct {
	Store       string // "memory", "sqlite" or "redis"
	Placement   session.Placement
	Secrets     [][]byte // default: one random secret
	Idle        time.Duration
	Lifetime    time.Duration
	Rolling     bool
	MaxSessions int
	CookieName  string
	CookiePath  string
	Secure      bool
	// Twin, when set, is another program in the application's place. dir returns a
	// folder of its own, kept across restarts, which is made at the first call.
	Twin func(dir func() string) http.Handler
}

// Instance is a private server: a listener on the loopback interface that it
// keeps across its restarts, a store, secrets, and a clock that can be moved.
type Instance struct {
	run      *Run
	settings Settings
	listener *net.TCPListener
	dir      string // "" until something needs it
	name     string
	ahead    atomic.Int64 // nanoseconds by which its clock is ahead of the real clock

	app     App
	server  *http.Server
	served  chan struct{}
	backend session.Backend
	end     func() error
	remove  func() error
}

// Boot starts a private instance, and ends the instance that the run had before. It ends
// the run when no instance can start.
func (r *Run) Boot(set Settings) *Instance {
	r.mu.Lock()
	before := r.instance
	r.mu.Unlock()
	if before != nil {
		before.Close()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fail(fmt.Errorf("no port for a private server: %w", err))
	}
	set.Store = cmp.Or(set.Store, "memory")
	set.CookieName = cmp.Or(set.CookieName, CookieName)
	set.MaxSessions = cmp.Or(set.MaxSessions, 1000)
	if set.Secrets == nil {
		set.Secrets = [][]byte{session.NewSecret()}
	}
	in := &Instance{run: r, settings: set, listener: listener.(*net.TCPListener), name: rand.Text()}
	r.mu.Lock()
	r.instance = in
	r.mu.Unlock()
	in.start()
	return in
}

// folder returns the instance's own folder. The first call makes it: most stores need no
// folder, and a machine may have no place for one.
func (in *Instance) folder() (string, error) {
	if in.dir == "" {
		dir, err := makeFolder(folderPlaces())
		if err != nil {
			return "", err
		}
		in.dir = dir
	}
	return in.dir, nil
}

// start opens the store and serves.
func (in *Instance) start() {
	r, cfg := in.run, in.run.runner.cfg
	var handler http.Handler
	var listener net.Listener = kept{in.listener}
	connContext := func(ctx context.Context, _ net.Conn) context.Context { return ctx }
	if twin := in.settings.Twin; twin != nil {
		handler = in.guard(twin(func() string {
			dir, err := in.folder()
			if err != nil {
				r.Fail(err)
			}
			return dir
		}))
	} else {
		open := cfg.Stores[in.settings.Store]
		if open == nil {
			r.Fail(fmt.Errorf("%w: this program has no store %q", ErrUnavailable, in.settings.Store))
		}
		backend, end, remove, err := open(r.ctx, StoreConfig{Dir: in.folder, Name: in.name, MaxSessions: in.settings.MaxSessions, Now: in.Now})
		if err != nil {
			r.Fail(err)
		}
		in.end, in.remove = end, remove
		if cfg.WrapStore != nil {
			backend = cfg.WrapStore(r.Experiment.Slug, backend)
		}
		in.backend = backend
		in.app, err = cfg.Boot(AppConfig{
			Sessions: session.Config{
				Backend: backend, Secrets: in.settings.Secrets, CookieName: in.settings.CookieName, CookiePath: in.settings.CookiePath,
				Secure: in.settings.Secure, Placement: in.settings.Placement, IdleTimeout: in.settings.Idle, Lifetime: in.settings.Lifetime,
				Rolling: in.settings.Rolling, Now: in.Now, IDRoom: session.NewIDRoom(in.settings.MaxSessions, in.settings.Lifetime),
			},
			StoreName: in.settings.Store, Hosts: []string{"127.0.0.1:" + strconv.Itoa(in.Port()), "localhost:" + strconv.Itoa(in.Port())},
		})
		if err != nil {
			r.Fail(err)
		}
		handler, listener, connContext = in.app, in.app.Listen(listener), in.app.ConnContext
	}
	if cfg.WrapHandler != nil {
		handler = cfg.WrapHandler(r.Experiment.Slug, handler)
	}
	_ = in.listener.SetDeadline(time.Time{}) // a restart had set one
	in.server = &http.Server{
		Handler: handler, ConnContext: connContext, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 15 * time.Second, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	}
	in.served = make(chan struct{})
	go func() {
		defer close(in.served)
		_ = in.server.Serve(listener) // it returns when it is closed
	}()
}

// guard keeps requests of a browser's foreign pages away from a twin, as the application
// does: requests under another host name, and requests of another origin.
func (in *Instance) guard(h http.Handler) http.Handler {
	h = http.NewCrossOriginProtection().Handler(h)
	port := strconv.Itoa(in.Port())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "127.0.0.1:"+port && r.Host != "localhost:"+port {
			http.Error(w, "no such host", http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// stop ends the server and leaves the listener and what is stored.
func (in *Instance) stop() {
	if in.server != nil {
		_ = in.server.Close()
		<-in.served
		in.server = nil
	}
	if in.app != nil {
		in.app.Close()
		in.app = nil
	}
}

// Restart ends the server as a stopped program would, and starts it anew on the same
// address, with changed settings. It has the sessions that the store remembers. A nil
// change changes nothing.
func (in *Instance) Restart(change func(*Settings)) {
	in.stop()
	if in.end != nil {
		if err := in.end(); err != nil {
			in.run.Fail(err)
		}
		in.end, in.remove, in.backend = nil, nil, nil
	}
	if change != nil {
		change(&in.settings)
	}
	in.start()
}

// Close ends the instance, and leaves nothing behind.
func (in *Instance) Close() {
	in.run.mu.Lock()
	if in.run.instance != in {
		in.run.mu.Unlock()
		return // it has ended before
	}
	in.run.instance = nil
	in.run.mu.Unlock()
	in.stop()
	var err error
	if in.remove != nil {
		err = in.remove()
	}
	err = errors.Join(err, in.listener.Close())
	if in.dir != "" {
		err = errors.Join(err, os.RemoveAll(in.dir))
	}
	if err != nil {
		in.run.Fail(err)
	}
}

// SetSecrets replaces the signing secrets while the server runs.
func (in *Instance) SetSecrets(secrets ...[]byte) {
	in.settings.Secrets = secrets
	if err := in.app.SetSecrets(secrets); err != nil {
		in.run.Fail(err)
	}
}

// Now returns the time on the instance's clock, which its clients' jars use too.
func (in *Instance) Now() time.Time { return time.Now().Add(time.Duration(in.ahead.Load())) }

// Move moves the clock forward by d.
func (in *Instance) Move(d time.Duration) { in.ahead.Add(int64(d)) }

// Port returns the port on which the instance listens.
func (in *Instance) Port() int { return in.listener.Addr().(*net.TCPAddr).Port }

// Stats returns the store's own figures.
func (in *Instance) Stats() session.Stats {
	st, err := in.backend.Stats(in.run.ctx)
	if err != nil {
		in.run.Fail(err)
	}
	return st
}

// Record returns what the store holds for the session that a cookie names. It asks the
// store, and not the application. It returns false without a record.
func (in *Instance) Record(cookie string) (session.Stored, bool) {
	id := EnvelopeOf(cookie).ID
	if id == "" {
		return session.Stored{}, false
	}
	st, err := in.backend.Peek(in.run.ctx, session.KeyOf(id))
	if errors.Is(err, session.ErrNotFound) {
		return session.Stored{}, false
	} else if err != nil {
		in.run.Fail(err)
	}
	return st, true
}

// DeleteRecord removes the record of the session that a cookie names, as somebody
// at the store's console would.
func (in *Instance) DeleteRecord(cookie string) {
	id := EnvelopeOf(cookie).ID
	if id == "" {
		in.run.Fail(errors.New("there is no session in that cookie"))
	}
	if err := in.backend.Delete(in.run.ctx, session.KeyOf(id)); err != nil {
		in.run.Fail(err)
	}
}

// SaveRecord saves rec as the session that a cookie names, over the version that rec names.
// It returns the store's error.
func (in *Instance) SaveRecord(cookie string, rec session.Record) error {
	_, err := in.backend.Save(in.run.ctx, session.KeyOf(EnvelopeOf(cookie).ID), rec)
	return err
}

// Dir returns the folder that a twin keeps its files in; "" without a folder.
func (in *Instance) Dir() string { return in.dir }

// kept is a listener that outlives the server that serves it.
type kept struct{ *net.TCPListener }

// Close lets Accept return, and leaves the listener open.
func (l kept) Close() error { return l.SetDeadline(time.Unix(1, 0)) }

// Accept implements net.Listener.
func (l kept) Accept() (net.Conn, error) {
	c, err := l.TCPListener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, net.ErrClosed
	}
	return c, err
}
