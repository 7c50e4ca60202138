// Package program is the program around the lab: it opens the store, reads the secrets,
// listens, serves, and ends in order; and it opens a class, with a store and listeners of its
// own. Begin with run, which puts the parts together, and with classes for a class; the lab
// itself is internal/app, the sessions are internal/session.
package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cli/browser"

	"github.com/sessionscope/sessionscope/internal/app"
	"github.com/sessionscope/sessionscope/internal/backlog"
	"github.com/sessionscope/sessionscope/internal/config"
	"github.com/sessionscope/sessionscope/internal/experiment/private"
	"github.com/sessionscope/sessionscope/internal/network"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/terminal"
)

// Own is what the program brings along.
type Own struct {
	Assets  fs.FS  // the folder web
	Licence string // its own
}

// Main runs the program with the flags and variables of the process, and returns its exit
// code: 0 after a stop, 2 for something wrong in flags, variables or secrets, 3 for a
// database that is damaged, of another program or of a newer version, and 1 for everything
// else, such as a database that another program has.
func Main(own Own) int {
	cfg, err := config.Parse(os.Args[1:], os.Getenv, os.Stdout)
	switch {
	case errors.Is(err, config.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, "sessionscope:", err)
		return 2
	case cfg.Version:
		fmt.Println("sessionscope", version(), runtime.Version())
		return 0
	case cfg.Command != "":
		if err := cfg.Print(os.Stdout, version(), built()); err != nil {
			fmt.Fprintln(os.Stderr, "sessionscope:", err)
			return 1
		}
		return 0
	}
	signal.Ignore(syscall.SIGPIPE) // a closed pipe on standard output does not end the program
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	ctx, end := context.WithCancel(ctx)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	ctrlC := newInterrupts()
	go ctrlC.watch(ctx, end)
	out := backlog.New(os.Stdout, nil)
	log, errs := backlog.Log(os.Stderr, func(w io.Writer) slog.Handler {
		if cfg.LogFormat == "json" {
			return slog.NewJSONHandler(w, nil)
		}
		return slog.NewTextHandler(w, nil)
	})
	for _, name := range config.Unknown(os.Environ()) {
		log.Warn("no flag has this variable, so it sets nothing", "variable", name)
	}
	clicked := terminal.FactsOf(asked()).Clicked()
	err = begin(ctx, end, cfg, clicked, own, out, log, ctrlC)
	last, stays := "", err != nil && clicked && staysOpen(ctx, os.Stdin)
	if err != nil {
		last = fmt.Sprintln("sessionscope:", err)
	}
	if stays {
		last += fmt.Sprintln(pressEnter)
	}
	out.Close("", lastWords)
	errs.Close(last, lastWords)
	if stays {
		awaitEnter(ctx, os.Stdin)
	}
	return exitCode(err)
}

// lastWords is how long the end of the program waits for each of its two readers, those of
// standard output and of the log.
const lastWords = time.Second

// exitCode returns the exit code for the error with which run ended.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSecrets), errors.Is(err, redis.ErrURL):
		return 2
	case errors.As(err, new(*sqlite.DamagedError)):
		return 3
	}
	return 1
}

// run serves until ctx ends or the terminal hangs up, then lets requests finish for
// at most 5 s. What can be refused without making a file is refused first. clicked is nil unless a double
// click has started the program.
func run(ctx context.Context, cfg config.Config, clicked *click, own Own, stdout io.Writer, log *slog.Logger, ctrlC *interrupts) (err error) {
	// The live heap is a few megabytes, so that Go would look for garbage every few
	// hundred requests. With this reservation, which is never touched and so takes no
	// memory, it waits until there are 16 MiB of it.
	reserve := make([]byte, 16<<20)
	defer runtime.KeepAlive(reserve)
	secrets, err := firstSecrets(cfg)
	if err != nil {
		return err
	}
	at, err := placesFor(ctx, cfg)
	if err != nil {
		return err
	}
	at.further = at.further || clicked != nil
	listener, err := at.listen()
	if err != nil {
		return err
	}
	defer listener.Close()
	hosts, err := app.LocalHosts(listener.Addr(), ownNames(cfg.Name, listener.Addr()), cfg.AllowHosts)
	if err != nil {
		return err
	}
	st, err := openStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	c := &classes{cfg: cfg, only: at.only, lab: st, addr: listener.Addr(), screen: terminal.ScreenOf(os.Stdout), stdout: stdout, log: log, announced: make(chan struct{}), ctrlC: ctrlC, enters: make(chan struct{})}
	defer func() { err = errors.Join(err, c.finish()) }()
	if st.secretFile != "" {
		cfg.SecretFile = st.secretFile
		if secrets, err = readSecrets(cfg.SecretFile); err != nil {
			return err
		}
	}
	if err := st.signedWith(secrets); err != nil {
		return fmt.Errorf("--store: %w", err)
	}
	a, err := newApp(ctx, cfg, own, st, secrets, listener.Addr(), hosts, c.config(), clicked.quit(), log)
	if err != nil {
		return err
	}
	return serve(ctx, cfg, clicked, a, c, listener)
}

// listen listens on HOST:PORT.
func listen(addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if name, port, _ := net.SplitHostPort(addr); isLocalhost(name) && errors.As(err, new(*net.DNSError)) {
		listener, err = net.Listen("tcp", net.JoinHostPort(localhost.String(), port))
	}
	if err != nil {
		if op := (*net.OpError)(nil); errors.As(err, &op) {
			err = op.Err // without the address, which stands before it
		}
		return nil, fmt.Errorf("cannot listen on %s: %w; --addr names another address, such as 127.0.0.1:0 for any free port", addr, err)
	}
	return listener, nil
}

// newApp makes the lab.
func newApp(ctx context.Context, cfg config.Config, own Own, st store, secrets [][]byte, addr net.Addr, hosts app.Hosts, class *app.ClassConfig, quit func(), log *slog.Logger) (*app.App, error) {
	room := session.NewIDRoom(cookieIDs*cfg.MaxSessions, cfg.Lifetime)
	if stats, err := st.Stats(ctx); err == nil { // the markers of a run before take room too
		room.Add(stats.Ended, time.Now().Add(cfg.Lifetime))
	}
	return app.New(app.Config{
		Sessions: session.Config{
			Backend: st, Secrets: secrets,
			CookieName: cookieName(addr), Placement: cfg.Placement,
			IdleTimeout: cfg.Idle, Lifetime: cfg.Lifetime, Rolling: cfg.Rolling,
			IDRoom: room,
		},
		StoreName: cfg.Store, Hosts: hosts, Assets: own.Assets, Version: version(), Reach: reach(cfg, addr), Licence: own.Licence, Log: log, LogRequests: cfg.LogRequests,
		Stores: private.Stores(cmp.Or(cfg.StoreURL, defaultRedis)), Seats: seats, Class: class, Quit: quit,
	})
}

// seats is for how many learners the lab has room; a class has room for others beside them.
const seats = 32

// cookieIDs is how many IDs of placement cookie are given out within a lifetime, for
// each session that the store may hold. Their sessions take no room in the store, but
// each may leave a marker of some 300 bytes.
const cookieIDs = 4

// defaultRedis is where an experiment that compares stores looks for a Redis, when
// the program itself does not use one.
const defaultRedis = "redis://127.0.0.1:6379/0"

// serve serves a until ctx ends or the terminal hangs up.
func serve(ctx context.Context, cfg config.Config, clicked *click, a *app.App, c *classes, listener net.Listener) error {
	log, st := c.log, c.lab
	ctx, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) }) // the event streams end with it
	defer func() {                    // wait until the private servers of experiments have ended, too
		end()
		running.Wait()
	}()
	if cfg.SecretFile != "" && cfg.Store == "memory" {
		log.Warn("with --secret-file and --store memory, ended sessions of placement cookie open again after a restart: the memory store forgets which ones have ended; --store sqlite remembers them")
	}
	watchHangups(ctx, end, cfg.SecretFile, a, st, log)
	most := a.MaxConnections()
	if isEverywhere(listener.Addr()) { // the connections of a class are among them
		most = max(most, app.ClassConnections(cfg.Seats))
		listener = c.knocks.Listener(listener)
	}
	gate := tap.NewGate(listener, most)
	srv := newServer(a, gate, log)
	srv.RegisterOnShutdown(clicked.ends) // which comes when the port is free
	c.ctx, c.srv, c.link = ctx, srv, a.TeacherLink
	c.sayFarewell(a)
	if cfg.Classroom {
		if err := a.OpenClass(ctx); err != nil {
			return errors.Join(err, srv.Close())
		}
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(tap.Listen(gate)) }()
	announce(c.stdout, cfg.Addr, listener.Addr(), clicked.howToEnd(), st.file)
	close(c.announced)
	clicked.serves(url(c.addr))
	openBrowser(ctx, cfg, a, c, &running)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		return srv.Close()
	}
	return nil
}

// openBrowser opens the browser if the program was asked to: at the lab, or in a class at the
// board. A file that it makes is gone when running is done, which is soon after ctx ends.
func openBrowser(ctx context.Context, cfg config.Config, a *app.App, c *classes, running *sync.WaitGroup) {
	if !cfg.Open {
		return
	}
	lab := url(c.addr)
	opened := func(err error) {
		if err != nil {
			c.log.Warn("cannot open the browser: open the address yourself", "error", err)
		}
	}
	if !cfg.Classroom {
		go func() { opened(browser.OpenURL(lab)) }() // some openers wait until the browser closes
		return
	}
	link := a.TeacherLink()
	running.Go(func() {
		opened(openLink(ctx, lab+link, browser.OpenURL, func() bool { return a.LinkWaits(link) }))
	})
}

// newServer returns the HTTP server for a, whose connections pass through gate.
func newServer(a *app.App, gate *tap.Gate, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           a,
		ConnContext:       tap.Context,
		ConnState:         gate.ConnState,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second, // longer than a request may hold a session
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// announce prints where the lab is, how it is ended, and which file holds the sessions if one does. asked
// is the HOST:PORT that it was to have.
func announce(stdout io.Writer, asked string, addr net.Addr, toEnd, file string) {
	text := fmt.Sprintf("Sessionscope is at %s (%s)\n", url(addr), toEnd)
	_, port, _ := net.SplitHostPort(addr.String())
	if _, first, _ := net.SplitHostPort(asked); first != port && strings.Trim(first, "0") != "" {
		text += fmt.Sprintf("Port %s is taken: it has port %s\n", first, port)
	}
	if others := network.Elsewhere(addr); len(others) > 0 {
		text += fmt.Sprintf("From a phone or another machine on this network: http://%s\n", strings.Join(others, " or http://"))
	}
	if file != "" {
		text += fmt.Sprintf("It keeps sessions in %s\n", file)
	}
	fmt.Fprint(stdout, text) // in one write, for a reader that takes the first line and leaves
}
