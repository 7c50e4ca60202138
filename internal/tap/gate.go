package tap

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	restConn     = time.Second     // how long a connection must be idle before it gives way to a new one
	turnAwayTime = time.Second / 5 // how long a client may take to read why it is turned away
	maxTurned    = 64              // how many clients may be told why at the same time; others are closed at once
)

// Gate is a listener that limits the number of connections. When all places are taken,
// the connection that has been idle longest gives way. If none is idle, the new one is
// answered 503 and closed. The server's ConnState must be the gate's.
type Gate struct {
	net.Listener
	max, each int
	turned    chan struct{} // has an entry for each client that is being told why

	mu    sync.Mutex
	conns map[*gateConn]bool
	from  map[netip.Addr]int // connections by address
}

// NewGate returns a Gate for max connections of l: at most half of them are from one address,
// but this machine may have all.
func NewGate(l net.Listener, max int) *Gate { return newGate(l, max, max/2) }

func newGate(l net.Listener, max, each int) *Gate {
	return &Gate{Listener: l, max: max, each: each, turned: make(chan struct{}, maxTurned), conns: make(map[*gateConn]bool), from: make(map[netip.Addr]int)}
}

// gateConn is a connection that has a place.
type gateConn struct {
	net.Conn
	gate *Gate
	from netip.Addr   // farAddress of the client
	idle atomic.Int64 // since when it is idle, in Unix nanoseconds; 0 while it is in use
	once sync.Once
}

// Close closes the connection and frees its place.
func (c *gateConn) Close() error {
	c.once.Do(func() {
		c.gate.mu.Lock()
		defer c.gate.mu.Unlock()
		delete(c.gate.conns, c)
		if c.gate.from[c.from]--; c.gate.from[c.from] <= 0 {
			delete(c.gate.from, c.from)
		}
	})
	return c.Conn.Close()
}

// Accept implements net.Listener.
func (g *Gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &gateConn{Conn: conn, gate: g, from: farAddress(conn.RemoteAddr())}
		why, rest := g.enter(c)
		if rest != nil {
			rest.Close()
		}
		if why == "" {
			return c, nil
		}
		g.turnAway(conn, why)
	}
}

// enter gives c a place, or says why there is none. The caller closes rest, the connection
// that gave way.
func (g *Gate) enter(c *gateConn) (why string, rest *gateConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	far, full := c.from.IsValid() && g.from[c.from] >= g.each, len(g.conns) >= g.max
	if far || full {
		rest = g.longestIdle(func(old *gateConn) bool { return !far || old.from == c.from })
		switch {
		case rest != nil:
			delete(g.conns, rest) // Close does the rest
		case far:
			return fmt.Sprintf("This server has %d connections with your address, and no more are allowed. Close some pages, and try again in a moment.\n", g.each), nil
		default:
			return fmt.Sprintf("This server has %d connections, and no more are allowed. Try again in a moment.\n", g.max), nil
		}
	}
	g.conns[c] = true
	g.from[c.from]++
	return "", rest
}

// longestIdle returns the connection that has been idle longest among those for which
// those is true. It returns nil if none has been idle for restConn. The caller holds the
// lock.
func (g *Gate) longestIdle(those func(*gateConn) bool) *gateConn {
	var found *gateConn
	oldest := time.Now().Add(-restConn).UnixNano()
	for c := range g.conns {
		if at := c.idle.Load(); at != 0 && at <= oldest && those(c) {
			found, oldest = c, at
		}
	}
	return found
}

// turnAway tells a client why it has no place. It reads what the client sends, for
// turnAwayTime: if a connection is closed with bytes unread, TCP resets it, and the client
// may never see the answer.
func (g *Gate) turnAway(conn net.Conn, why string) {
	select {
	case g.turned <- struct{}{}:
	default:
		conn.Close()
		return
	}
	go func() {
		defer func() { <-g.turned }()
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(turnAwayTime))
		_, _ = io.WriteString(conn, unavailable(why))
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		var away [1 << 10]byte
		for range 64 {
			if _, err := conn.Read(away[:]); err != nil {
				return
			}
		}
	}()
}

// unavailable returns a whole 503 answer, for clients that net/http does not answer.
func unavailable(why string) string {
	return fmt.Sprintf("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"+
		"Retry-After: 2\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(why), why)
}

// ConnState is for http.Server: it tells the gate which connections are idle.
func (g *Gate) ConnState(c net.Conn, state http.ConnState) {
	if c, ok := Under(c).(*gateConn); ok {
		at := int64(0)
		if state == http.StateIdle {
			at = time.Now().UnixNano()
		}
		c.idle.Store(at)
	}
}

// farAddress returns the address for which a connection counts. It is the zero Addr for
// this machine, and the /64 prefix of an IPv6 address, since one machine may use every
// address with that prefix.
func farAddress(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	switch {
	case addr.IsLoopback():
		return netip.Addr{}
	case addr.Is6():
		half, _ := addr.Prefix(64)
		return half.Addr()
	}
	return addr
}
