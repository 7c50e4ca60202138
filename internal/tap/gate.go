package tap

import (
	"container/list"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/network"
)

const (
	turnAwayTime = time.Second / 5 // how long a client may take to read why it is turned away
	maxTurned    = 64              // how many clients may be told why at the same time; others are closed at once
)

// Gate is a listener that limits the number of connections, of all devices and of each one.
// When all places are taken, a new connection takes the place of one that has no request, or
// of one of a device that has far more connections. If there is none, the new one is answered
// 503 and closed. The server's ConnState must be the gate's.
type Gate struct {
	net.Listener
	turned chan struct{} // has an entry for each client that is being told why

	mu        sync.Mutex
	max, each int
	open      int // connections that have a place
	devices   map[netip.Addr]*device
}

// NewGate returns a Gate for max connections of l: at most half of them are from one device,
// but this machine may have all.
func NewGate(l net.Listener, max int) *Gate { return newGate(l, max, max/2) }

func newGate(l net.Listener, max, each int) *Gate {
	return &Gate{Listener: l, max: max, each: each, turned: make(chan struct{}, maxTurned), devices: map[netip.Addr]*device{}}
}

// Resize sets another limit, for new connections: at most half of them are from one device.
func (g *Gate) Resize(max int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.max, g.each = max, max/2
}

// gateConn is a connection that has, or had, a place.
type gateConn struct {
	net.Conn
	gate *Gate

	// The gate's lock is for these.
	device *device // nil when the place is free again
	use    use
	since  time.Time // when this use began
	at     *list.Element
}

// Close closes the connection and frees its place.
func (c *gateConn) Close() error {
	c.gate.mu.Lock()
	c.gate.leave(c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// Accept implements net.Listener.
func (g *Gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &gateConn{Conn: conn, gate: g}
		why, old := g.enter(c, farDevice(conn.RemoteAddr()))
		if old != nil {
			old.Close()
		}
		if why == "" {
			return c, nil
		}
		g.turnAway(conn, why)
	}
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

// ConnState is for http.Server: it tells the gate which connections have no request.
func (g *Gate) ConnState(c net.Conn, state http.ConnState) {
	gated, ok := Under(c).(*gateConn)
	if !ok {
		return
	}
	g = gated.gate // which may be another one of the same server
	switch state {
	case http.StateNew:
		g.put(gated, fresh)
	case http.StateIdle:
		g.put(gated, idle)
	case http.StateActive:
		g.put(gated, busy)
	}
}

// farDevice returns the device for which a connection counts. It is the zero Addr for this
// machine.
func farDevice(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() {
		return netip.Addr{}
	}
	return network.Device(tcp.AddrPort().Addr())
}
