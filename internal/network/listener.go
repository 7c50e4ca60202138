package network

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Listener is a net.Listener with a socket at each address of this machine. It looks at the
// network interfaces from time to time: an address that comes gets a socket, and one that goes
// loses it. Connections of an address that went are not closed.
type Listener struct {
	cfg     Config
	sockets opener
	conns   chan net.Conn // what the sockets accepted
	done    chan struct{} // closed by Close
	running sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	port    int                    // of the class; 0 until a socket was opened
	ports   map[netip.Addr]int     // the port that an address had last: it gets that again
	open    map[netip.Addr]*socket // by address
	list    []Address              // without the one that Config.JoinHost names
	changed chan struct{}          // closed at the next change
}

// socket is a listener at one address.
type socket struct {
	net.Listener
	port int
}

// Listen listens where cfg says. A machine without a network is no error: its addresses may
// come later. It is one if the interfaces cannot be read, or if nobody can listen at cfg.Only.
func Listen(cfg Config) (*Listener, error) { return listen(cfg, listenTCP) }

// listenTCP opens a socket.
func listenTCP(at netip.AddrPort) (net.Listener, error) { return net.Listen("tcp", at.String()) }

func listen(cfg Config, open opener) (*Listener, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Interfaces == nil {
		cfg.Interfaces = Interfaces
	}
	if cfg.Every <= 0 {
		cfg.Every = 2 * time.Second
	}
	if cfg.Knocks == nil {
		cfg.Knocks = new(Knocks)
	}
	cfg.Only = cfg.Only.Unmap()
	l := &Listener{
		cfg: cfg, sockets: open, conns: make(chan net.Conn), done: make(chan struct{}),
		ports: map[netip.Addr]int{}, open: map[netip.Addr]*socket{}, changed: make(chan struct{}),
	}
	cfg.Knocks.tell(l.tell)
	err := l.look()
	if err == nil && cfg.Only.IsValid() && !cfg.Covered {
		err = l.onlyErr()
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	l.running.Go(l.follow)
	return l, nil
}

// onlyErr returns why the program does not listen at the one address that it was given. It is
// called before the listener follows the interfaces.
func (l *Listener) onlyErr() error {
	why := "this machine does not have that address"
	if len(l.list) > 0 {
		why = l.list[0].Err
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("cannot listen on %s: %s", netip.AddrPortFrom(l.cfg.Only, uint16(l.cfg.Port)), why)
}

// Accept implements net.Listener: it returns the next connection to any of the addresses.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener: it returns the first address with a socket.
func (l *Listener) Addr() net.Addr {
	for _, a := range l.Addresses() {
		if a.IP.IsValid() && a.Err == "" {
			return net.TCPAddrFromAddrPort(netip.AddrPortFrom(a.IP, uint16(a.Port)))
		}
	}
	return &net.TCPAddr{IP: net.IPv4zero, Port: l.cfg.Port}
}

// Close implements net.Listener: it closes all sockets. Connections that were accepted live on.
func (l *Listener) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.done)
		for _, s := range l.open {
			s.Close()
		}
	}
	l.mu.Unlock()
	l.running.Wait()
	return nil
}

// Addresses returns the addresses of this machine, the likeliest first: the one that
// Config.JoinHost names, an own hotspot, private IPv4 of Wi-Fi and cable, other IPv4, those of
// VPNs and inside this machine, link-local ones, and IPv6. The caller may keep the slice.
func (l *Listener) Addresses() []Address {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.withOwn(slices.Clone(l.list))
}

// Changed returns a channel that is closed when the addresses or the knocks change next. Take
// it before you read them, so that no change is missed. After Close it may stay open for good.
func (l *Listener) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// Knocks returns the devices that tried https, the latest first.
func (l *Listener) Knocks() []Knock { return l.cfg.Knocks.All() }

// tell closes the channel of Changed.
func (l *Listener) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
}

// follow looks at the interfaces until the listener is closed.
func (l *Listener) follow() {
	tick := time.NewTicker(l.cfg.Every)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		err := l.look()
		if err != nil && !failing {
			l.cfg.Log.Warn("cannot read the network interfaces: addresses that come or go are not noticed", "error", err)
		}
		failing = err != nil
	}
}

// look reads the interfaces, and opens and closes sockets. If the interfaces cannot be read,
// all stays as it is.
func (l *Listener) look() error {
	all, err := l.cfg.Interfaces()
	if err != nil {
		return fmt.Errorf("read the network interfaces: %w", err)
	}
	wanted := l.wanted(all)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closeUnwanted(wanted)
	if l.cfg.Covered {
		for i := range wanted {
			wanted[i].Port = l.cfg.Port
		}
	} else {
		l.openWanted(wanted)
	}
	before := l.list
	l.list = wanted
	l.mu.Unlock()
	if !slices.Equal(before, wanted) {
		l.logChange(before, wanted)
		l.tell()
	}
	return nil
}

// wanted returns the addresses at which to listen, without their ports.
func (l *Listener) wanted(all []Interface) []Address {
	only := l.cfg.Only
	if !only.IsValid() {
		return ranked(runtime.GOOS, all)
	}
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 && slices.Contains(i.Addrs, only) {
			kind, _ := kindOf(runtime.GOOS, i, only)
			return []Address{{IP: only, Interface: i.Name, Kind: kind}}
		}
	}
	if only.IsLoopback() { // all of 127.0.0.0/8 is there, and one of it is listed
		return []Address{{IP: only}}
	}
	return nil
}

// withOwn returns the addresses with the one that Config.JoinHost names in front. The caller
// holds the lock.
func (l *Listener) withOwn(all []Address) []Address {
	own := l.cfg.JoinHost
	if own == "" {
		return all
	}
	host := own
	if h, _, err := net.SplitHostPort(own); err == nil {
		host = h
	}
	ip, _ := netip.ParseAddr(strings.Trim(host, "[]"))
	first := Address{Port: l.firstPort(), Own: own}
	if at := slices.IndexFunc(all, func(a Address) bool { return a.IP == ip }); at >= 0 {
		first = all[at]
		first.Own = own
		all = slices.Delete(all, at, at+1)
	} else if len(all) > 0 {
		first.IP, first.Port, first.Interface = all[0].IP, all[0].Port, all[0].Interface
	}
	return slices.Insert(all, 0, first)
}

// logChange logs which addresses came, and which went.
func (l *Listener) logChange(before, now []Address) {
	for _, a := range before {
		if !slices.ContainsFunc(now, func(b Address) bool { return b.IP == a.IP }) {
			l.cfg.Log.Info("an address of this machine is gone", "address", a.IP, "interface", a.Interface)
		}
	}
	for _, a := range now {
		at := slices.IndexFunc(before, func(b Address) bool { return b.IP == a.IP })
		switch {
		case at >= 0 && before[at].Port == a.Port && before[at].Err == a.Err:
		case a.Err != "":
			l.cfg.Log.Warn("cannot listen at an address of this machine", "address", a.IP, "interface", a.Interface, "error", a.Err)
		default:
			l.cfg.Log.Info("the class can be reached", "url", a.Join(), "kind", a.Kind.String(), "interface", a.Interface)
		}
	}
}
