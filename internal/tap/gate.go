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
	// A class of 300 with two streams and a few requests each has some 1,800.
	maxConns     = 2048
	maxConnsEach = maxConns / 2    // of one address; those of this machine may have all
	restConn     = time.Second     // a connection that was idle for so long gives way to a new one
	turnAwayTime = time.Second / 5 // for a client to read why it is sent away
	maxTurned    = 64              // clients that are told why at the same time; others are closed at once
)

// Gate is a listener that lets so many connections in and no more. When all places
// are taken, the connection that was idle longest gives way; where there is none, the
// new one is answered 503 and closed. The server's ConnState must be the gate's.
type Gate struct {
	net.Listener
	max, each int
	turned    chan struct{} // one place for each that is told

	mu    sync.Mutex
	conns map[*gateConn]bool
	from  map[netip.Addr]int // connections by address
}

// NewGate returns a gate before l.
func NewGate(l net.Listener) *Gate { return newGate(l, maxConns, maxConnsEach) }

func newGate(l net.Listener, max, each int) *Gate {
	return &Gate{Listener: l, max: max, each: each, turned: make(chan struct{}, maxTurned), conns: make(map[*gateConn]bool), from: make(map[netip.Addr]int)}
}

// gateConn is a connection that has a place.
type gateConn struct {
	net.Conn
	gate *Gate
	from netip.Addr   // zero for one of this machine
	idle atomic.Int64 // since when, in nanoseconds of Unix time; 0 while it is in use
	once sync.Once
}

// Close gives the place back.
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

// enter gives c a place, or says why there is none. The connection that gave way is
// for the caller to close.
func (g *Gate) enter(c *gateConn) (why string, rest *gateConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	far, full := c.from.IsValid() && g.from[c.from] >= g.each, len(g.conns) >= g.max
	if far || full {
		rest = g.longestIdle(func(old *gateConn) bool { return !far || old.from == c.from })
		switch {
		case rest != nil:
			delete(g.conns, rest) // its Close does the rest
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

// longestIdle returns the connection of those that has been idle longest, if that is
// at least restConn; nil if there is none. The caller holds the lock.
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

// turnAway tells a client why it has no place. What it sent is read away for a
// moment, or the answer would be lost with it.
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

// unavailable is a whole answer, for clients that net/http does not answer.
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

// farAddress is the address that a connection is counted for, zero for this machine's
// own: of IPv6 the first half, since one machine has all of the second.
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
