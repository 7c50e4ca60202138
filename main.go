// Sessionscope makes web sessions visible: a lab that shows what the browser
// keeps, what travels, and what the server keeps.
package main

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
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/cli/browser"

	"github.com/sessionscope/sessionscope/internal/app"
	"github.com/sessionscope/sessionscope/internal/backlog"
	"github.com/sessionscope/sessionscope/internal/config"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/private"
	"github.com/sessionscope/sessionscope/internal/store/redis"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/terminal"
)

func main() {
	cfg, err := config.Parse(os.Args[1:], os.Getenv, os.Stdout)
	switch {
	case errors.Is(err, config.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "sessionscope:", err)
		os.Exit(2)
	case cfg.Version:
		fmt.Println("sessionscope", version(), runtime.Version())
		return
	}
	signal.Ignore(syscall.SIGPIPE) // who no longer reads what is printed does not end the program
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	out := backlog.New(os.Stdout, nil)
	log, errs := backlog.Log(os.Stderr, func(w io.Writer) slog.Handler {
		if cfg.LogFormat == "json" {
			return slog.NewJSONHandler(w, nil)
		}
		return slog.NewTextHandler(w, nil)
	})
	err = run(ctx, cfg, out, log)
	last := ""
	if err != nil {
		last = fmt.Sprintln("sessionscope:", err)
	}
	out.Close("", lastWords)
	errs.Close(last, lastWords)
	os.Exit(exitCode(err))
}

// lastWords is how long the end of the program waits for each of its readers.
const lastWords = time.Second

// errSecrets marks what is wrong with the signing secrets.
var errSecrets = errors.New("--secret-file")

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
// at most 5 s. What can be refused is looked at before anything is made.
func run(ctx context.Context, cfg config.Config, stdout io.Writer, log *slog.Logger) (err error) {
	// The live heap is a few megabytes, so that Go would look for garbage every few
	// hundred requests. This reservation, never touched and so never in memory, lets
	// it wait for 16 MiB of it.
	reserve := make([]byte, 16<<20)
	defer runtime.KeepAlive(reserve)
	secrets, err := readSecrets(cfg.SecretFile)
	if err == nil && cfg.Store == "sqlite" && cfg.SecretFile == "" { // looked at before the database is made
		if _, err = readSecrets(cfg.StoreFile + ".secret"); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		if op := (*net.OpError)(nil); errors.As(err, &op) {
			err = op.Err // without the address, which stands before it
		}
		return fmt.Errorf("cannot listen on %s: %w; --addr names another address, such as 127.0.0.1:0 for any free port", cfg.Addr, err)
	}
	defer listener.Close()
	hosts, err := app.LocalHosts(listener.Addr(), ownNames(cfg.Name, listener.Addr()), cfg.AllowHosts)
	if err != nil {
		return err
	}
	given := cfg.SecretFile
	st, err := openStore(ctx, &cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	if cfg.SecretFile != given { // the store has one
		if secrets, err = readSecrets(cfg.SecretFile); err != nil {
			return err
		}
	}
	if err := st.signedWith(secrets); err != nil {
		return fmt.Errorf("--store: %w", err)
	}
	assets, err := fs.Sub(webFS, "web")
	if err != nil {
		return err
	}
	room := session.NewIDRoom(cookieIDs*cfg.MaxSessions, cfg.Lifetime)
	if stats, err := st.Stats(ctx); err == nil { // markers that another run left
		room.Add(stats.Ended, time.Now().Add(cfg.Lifetime))
	}
	a, err := app.New(app.Config{
		Sessions: session.Config{
			Backend: st, Secrets: secrets,
			CookieName: cookieName(listener.Addr()), Placement: cfg.Placement,
			IdleTimeout: cfg.Idle, Lifetime: cfg.Lifetime, Rolling: cfg.Rolling,
			IDRoom: room,
		},
		StoreName: cfg.Store, Hosts: hosts, Assets: assets, Version: version(), Log: log, LogRequests: cfg.LogRequests,
		Stores: private.Stores(cmp.Or(cfg.StoreURL, defaultRedis)),
	})
	if err != nil {
		return err
	}

	gate := tap.NewGate(listener)
	srv := &http.Server{
		Handler:           a,
		ConnContext:       tap.Context,
		ConnState:         gate.ConnState,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second, // more than a request may hold a session
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ctx, end := context.WithCancel(ctx)
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		a.Run(ctx) // with it end the event streams
	}()
	defer func() { // private servers of experiments leave nothing behind
		end()
		<-ran
	}()
	if cfg.SecretFile != "" && cfg.Store == "memory" {
		log.Warn("the memory store forgets at the end of the program which IDs were ended: with the same secret, a kept cookie of placement cookie opens again after a restart")
	}
	watchHangups(ctx, end, cfg.SecretFile, a, st, log)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(tap.Listen(gate)) }()

	url := "http://" + address(listener.Addr())
	begun := fmt.Sprintf("Sessionscope is at %s (Ctrl+C ends it)\n", url)
	if others := app.Elsewhere(listener.Addr()); len(others) > 0 {
		begun += fmt.Sprintf("From a phone or another machine on this network: http://%s\n", strings.Join(others, " or http://"))
	}
	if st.file != "" {
		begun += fmt.Sprintf("It keeps sessions in %s\n", st.file)
	}
	fmt.Fprint(stdout, begun) // in one piece, for those who read one line and no more
	if cfg.Open {
		go func() { // some openers wait until the browser closes
			if err := browser.OpenURL(url); err != nil {
				log.Warn("cannot open the browser", "error", err)
			}
		}()
	}
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

// cookieIDs is how many IDs of placement cookie are given out within a lifetime for
// each session that the store holds. Their sessions cost nothing, but each may leave a
// marker of some 300 bytes.
const cookieIDs = 4

// defaultRedis is where an experiment that compares stores looks for a Redis, when
// the program itself does not use one.
const defaultRedis = "redis://127.0.0.1:6379/0"

// store is a backend that may have to be closed.
type store struct {
	session.Backend
	close      func() error
	file       string                       // of SQLite, "" for the others
	signedWith func(secrets [][]byte) error // tells the store which secrets sign from now on
}

// openStore opens the store that cfg names. One that outlives the program needs a
// secret that does too: without --secret-file it is kept beside the SQLite file.
func openStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (store, error) {
	switch cfg.Store {
	case "sqlite":
		durability := sqlite.Full
		if cfg.Batched {
			durability = sqlite.Batched
		}
		st, err := sqlite.Open(ctx, sqlite.Config{File: cfg.StoreFile, Durability: durability, MaxSessions: cfg.MaxSessions, Log: log})
		if err != nil {
			return store{}, fmt.Errorf("--store: %w", err)
		}
		own := ""
		if cfg.SecretFile == "" {
			if own, err = st.SecretFile(ctx); err != nil {
				return store{}, errors.Join(fmt.Errorf("%w: %w", errSecrets, err), st.Close())
			}
			cfg.SecretFile = own
		}
		return store{st, st.Close, st.File(), func(secrets [][]byte) error { return st.SignedWith(ctx, own, secrets) }}, nil
	case "redis":
		st, err := redis.Open(ctx, redis.Config{URL: cfg.StoreURL, MaxSessions: cfg.MaxSessions, Log: log})
		if err != nil {
			return store{}, fmt.Errorf("--store: %w", err)
		}
		return store{st, st.Close, "", func([][]byte) error { return nil }}, nil
	}
	st := memory.New(memory.Config{MaxSessions: cfg.MaxSessions, MaxBytes: memoryBytes(cfg.MaxSessions)})
	return store{st, func() error { return nil }, "", func([][]byte) error { return nil }}, nil
}

// memoryBytes is how much data the memory store takes: 64 MiB, and more for more
// than the usual number of sessions.
func memoryBytes(maxSessions int) int64 { return max(64<<20, int64(maxSessions)*6400) }

// readSecrets reads the secrets of the file, or makes a random one.
func readSecrets(file string) ([][]byte, error) {
	if file == "" {
		return [][]byte{session.NewSecret()}, nil
	}
	secrets, err := session.ReadSecrets(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSecrets, err)
	}
	return secrets, nil
}

// watchHangups ends the program with its terminal. Any other SIGHUP lets it read the
// secrets again, or ends it too if they are in no file. Under nohup it outlives its
// terminal.
func watchHangups(ctx context.Context, end func(), secretFile string, a *app.App, st store, log *slog.Logger) {
	asked, hungUp := end, end
	if secretFile != "" {
		asked = func() { rereadSecrets(secretFile, a, st, log) }
	}
	if signal.Ignored(syscall.SIGHUP) {
		if secretFile == "" {
			return
		}
		hungUp = func() {}
	}
	// It is caught until the program has ended: a terminal that goes may send more than
	// one, and requests in flight have a few seconds still.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go terminal.Watch(ctx, hangups, terminal.Attached, hungUp, asked)
}

// rereadSecrets reads the file again. A bad file changes nothing.
func rereadSecrets(file string, a *app.App, st store, log *slog.Logger) {
	secrets, err := session.ReadSecrets(file)
	if err == nil {
		err = a.SetSecrets(secrets)
	}
	if err != nil {
		log.Error("the signing secrets stay as they were", "error", err)
		return
	}
	log.Info("the signing secrets were read again", "secrets", len(secrets))
	if err := st.signedWith(secrets); err != nil {
		log.Error("the database does not know which secret signs now: the next start may refuse it", "error", err)
	}
}

// cookieName differs by port: cookies know none, so that two programs on one
// host would overwrite each other's (RFC 6265, section 8.5).
func cookieName(addr net.Addr) string {
	if _, port, _ := net.SplitHostPort(addr.String()); port != "8080" {
		return "sessionscope-" + port
	}
	return "sessionscope"
}

// address is what to type into a browser on this machine.
func address(addr net.Addr) string {
	host, port, _ := net.SplitHostPort(addr.String())
	if net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// ownNames are the names by which browsers find a server that listens on addr: the
// one that it was told to listen on, and the machine's own, of which other machines
// know one with .local, if it can be reached from there.
func ownNames(given string, addr net.Addr) (names []string) {
	if given != "" {
		names = append(names, given)
	}
	if host, _, _ := net.SplitHostPort(addr.String()); !net.ParseIP(host).IsLoopback() {
		if own, err := os.Hostname(); err == nil && own != "" {
			name, _, _ := strings.Cut(own, ".")
			names = append(names, own, name, name+".local")
		}
	}
	return names
}

// version is the module's version, or else the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && !strings.Contains(info.Main.Version, s.Value[:12]) {
			return info.Main.Version + " " + s.Value[:12]
		}
	}
	return info.Main.Version
}
