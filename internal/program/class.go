package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sessionscope/sessionscope/internal/app"
	"github.com/sessionscope/sessionscope/internal/config"
	"github.com/sessionscope/sessionscope/internal/network"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/terminal"
)

// places says where the lab listens, and where a class does.
type places struct {
	lab     string     // HOST:PORT
	further bool       // the lab may take one of the next ports if its own is taken
	only    netip.Addr // the one address of a class; the zero Addr for all of this machine
}

// placesFor returns the places for a program with --classroom or without. Without, the lab
// listens where --addr says. With --classroom that is where the class listens, unless it is a
// loopback address, which no phone reaches.
func placesFor(ctx context.Context, cfg config.Config) (places, error) {
	if !cfg.Classroom {
		return places{lab: cfg.Addr}, nil
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return places{}, err
	}
	home := places{lab: net.JoinHostPort("127.0.0.1", port), further: true}
	ip, err := netip.ParseAddr(host)
	if err != nil && host != "" {
		if ip, err = lookUp(ctx, host); err != nil {
			return places{}, fmt.Errorf("cannot listen on %s: %w", cfg.Addr, err)
		}
	}
	switch ip = ip.Unmap(); {
	case ip.IsLoopback():
		home.lab = cfg.Addr
	case ip.IsValid() && !ip.IsUnspecified():
		home.only = ip
	}
	return home, nil
}

// lookUp returns the address of a name, IPv4 if it has one.
func lookUp(ctx context.Context, name string) (netip.Addr, error) {
	for _, kind := range []string{"ip4", "ip6"} {
		if all, err := net.DefaultResolver.LookupNetIP(ctx, kind, name); err == nil && len(all) > 0 {
			return all[0], nil
		}
	}
	if isLocalhost(name) {
		return localhost, nil
	}
	return netip.Addr{}, errors.New("no address has this name")
}

// listen listens at the place of the lab.
func (p places) listen() (net.Listener, error) {
	listener, first := listen(p.lab)
	host, port, _ := net.SplitHostPort(p.lab)
	number, _ := strconv.Atoi(port)
	for i := 1; first != nil && p.further && number != 0 && i <= network.FurtherPorts && number+i < 1<<16; i++ {
		if l, err := listen(net.JoinHostPort(host, strconv.Itoa(number+i))); err == nil {
			return l, nil
		}
	}
	return listener, first
}

// classes opens a class when it is asked for: at the start, or by Open a class on the lab.
type classes struct {
	cfg    config.Config
	only   netip.Addr
	lab    store    // which the lab keeps its own sessions in
	addr   net.Addr // of the lab
	knocks network.Knocks
	screen terminal.Screen
	stdout io.Writer
	log    *slog.Logger

	// These are set by serve before a class can be opened.
	ctx  context.Context // ends with the program
	srv  *http.Server    // serves the class too
	link func() string   // makes the path of a link to the board

	announced chan struct{} // closed when the terminal says where the lab is

	ctrlC   *interrupts
	keys    atomic.Bool   // Enter is waited for
	parting atomic.Bool   // what Enter does is said by the farewell
	enters  chan struct{} // takes Enter then

	mu   sync.Mutex
	late []func() error // what is closed once the last request has been answered
}

// canOpen tells whether phones can be let in beside a lab at this address. A lab at one
// address of the network has no other way for its teacher.
func canOpen(lab net.Addr) bool { return isHome(hostOf(lab.String())) || isEverywhere(lab) }

// isEverywhere tells that a listener takes connections to every address of this machine.
func isEverywhere(addr net.Addr) bool { return net.ParseIP(hostOf(addr.String())).IsUnspecified() }

// config returns what the lab opens a class with, nil if it cannot.
func (c *classes) config() *app.ClassConfig {
	if !canOpen(c.addr) {
		return nil
	}
	names := app.Hosts{}
	if c.cfg.JoinHost != "" {
		names[c.cfg.JoinHost] = true
	}
	for _, name := range machineNames() {
		names[strings.ToLower(name)] = true
	}
	return &app.ClassConfig{
		Seats: c.cfg.Seats, LogRequests: c.cfg.LogClass, Names: names, Home: isHome(hostOf(c.addr.String())), Open: c.open,
	}
}

// open opens the store of a class and listens for it.
func (c *classes) open(ctx context.Context) (app.ClassParts, error) {
	kept, err := openClassStore(ctx, c.cfg, c.lab, c.log)
	if err != nil {
		return app.ClassParts{}, err
	}
	_, port, _ := net.SplitHostPort(c.addr.String())
	number, _ := strconv.Atoi(port)
	listener, err := network.Listen(network.Config{
		Port: number, Only: c.only, Covered: isEverywhere(c.addr), JoinHost: c.cfg.JoinHost, Knocks: &c.knocks, Log: slog.New(onlyWarnings{c.log.Handler()}),
	})
	if err != nil {
		return app.ClassParts{}, errors.Join(err, kept.close())
	}
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	c.serve(listener)
	go c.tell(ctx, listener, number, kept.file)
	return app.ClassParts{
		Backend: kept.Backend, Documents: kept.documents, Secrets: kept.secrets, Durable: kept.file != "", File: kept.file, Prefix: kept.prefix, Network: listener,
		Reopen: kept.reopen, Forget: kept.forget,
		Close: func() error {
			end()
			return errors.Join(listener.Close(), c.closeStore(kept.close))
		},
	}, nil
}

// closeStore closes the store of a class, or has finish do it if the program ends: requests
// that are under way then get their answer.
func (c *classes) closeStore(closeIt func() error) error {
	if c.ctx.Err() == nil {
		return closeIt()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = append(c.late, closeIt)
	return nil
}

// finish closes what closeStore has left.
func (c *classes) finish() (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, closeIt := range c.late {
		err = errors.Join(err, closeIt())
	}
	c.late = nil
	return err
}

// serve serves the class's own connections, until listener is closed.
func (c *classes) serve(listener net.Listener) {
	if isEverywhere(c.addr) { // the lab's listener has them
		return
	}
	gate := tap.NewGate(listener, app.ClassConnections(c.cfg.Seats))
	go func() {
		if err := c.srv.Serve(tap.Listen(gate)); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			c.log.Error("the class is not served any more", "error", err)
		}
	}()
}

// tell prints where the class is joined, now and whenever that changes, until ctx ends.
func (c *classes) tell(ctx context.Context, listener *network.Listener, port int, file string) {
	p := poster{screen: c.screen, asked: port, seats: c.cfg.Seats, file: file, enter: c.hasKeys()}
	text := p.begin
	select {
	case <-c.announced:
	case <-ctx.Done():
		return
	}
	c.awaitKeys()
	for {
		changed := listener.Changed()
		fmt.Fprint(c.stdout, text(listener.Addresses()))
		text = p.change
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// hasKeys tells whether Enter gives a link to the board. The link must not go into a file.
func (c *classes) hasKeys() bool { return c.screen.Width > 0 && terminal.Is(os.Stdin) }

// awaitKeys prints a link to the board each time that Enter is pressed, until the program ends. While the
// farewell waits for an answer, Enter is that answer.
func (c *classes) awaitKeys() {
	if !c.hasKeys() || !c.keys.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer c.keys.Store(false) // after Ctrl+D
		terminal.Enters(c.ctx, os.Stdin, func() {
			if c.parting.Load() {
				select {
				case c.enters <- struct{}{}:
				case <-c.ctx.Done():
				}
				return
			}
			text := "No class is open. The lab has Open a class.\n"
			if path := c.link(); path != "" {
				text = fmt.Sprintf("The board, once and within ten minutes, for a browser of this machine: %s%s\n", url(c.addr), path)
			}
			fmt.Fprint(c.stdout, text)
		})
	}()
}

// sayFarewell has Ctrl+C offer to save what came out of a class, if there is a terminal to say so.
func (c *classes) sayFarewell(a *app.App) {
	if !c.hasKeys() {
		return
	}
	before := func(again <-chan os.Signal) {
		c.parting.Store(true)
		c.awaitKeys()
		f := farewell{seats: a.ClassSeats, export: a.ExportClass, end: a.EndClass, file: a.ClassFile(), folder: ".", enters: c.enters, stdout: c.stdout}
		f.say(c.ctx, again)
	}
	c.ctrlC.before.Store(&before)
}

// onlyWarnings is a log of warnings and errors: the terminal says the rest in its own words.
type onlyWarnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h onlyWarnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}
