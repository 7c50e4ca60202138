// Package tap is about connections: what travels over them, byte for byte, and how many
// there may be. Begin with Listen, whose connections remember heads and sizes; HeadOf
// returns what they know of a request. A Gate limits the number of connections, of all
// devices and of each one. Beside the standard library the package imports internal/network.
package tap

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// limit is how many bytes a connection remembers at most: more than the longest head
	// that the server takes, with what is read ahead of it.
	limit = 64 << 10
	// usual is the length that most heads stay far below. A connection whose head is
	// longer takes limit bytes of the listener's room until its answer has left. If there
	// is no room, it answers 503 and ends, since net/http would keep the whole head. One device
	// takes at most half of the room, and this machine all.
	usual = 8 << 10
	// allHeads is that room, in bytes.
	allHeads = 256 * limit
)

// crowdedHeads is the answer to a long head when there is no room for it.
const crowdedHeads = "This server is reading too many long heads at once. Try again in a moment, with fewer cookies.\n"

// Listen returns l with connections that remember, byte for byte, the head of the request
// that is read, and the answer's head: net/http forgets the order and the spelling of
// header names, and writes the answer's head itself. The server's ConnContext must be
// Context.
func Listen(l net.Listener) net.Listener { return listener{l, newHeadRoom(allHeads)} }

// Context is a ConnContext for http.Server. With it HeadOf finds the connection of a request.
func Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, key{}, c)
}

type key struct{}

// Under returns the connection within a connection of Listen. It returns any other
// connection as it is.
func Under(c net.Conn) net.Conn {
	if c, ok := c.(*conn); ok {
		return c.Conn
	}
	return c
}

type listener struct {
	net.Listener
	heads *headRoom
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, heads: l.heads, from: farDevice(c.RemoteAddr())}, nil
}

type conn struct {
	net.Conn
	heads *headRoom // for long heads
	from  netip.Addr

	mu   sync.Mutex
	read []byte // what came since the end of the last request
	room int    // bytes taken of heads
	skip int64  // bytes of the last request's body that are still to come
	lost bool   // nobody knows any more where the next request begins

	answer atomic.Pointer[Answer] // the answer that is being written; nil if nobody wants to know it
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if s := c.answer.Load(); s != nil {
		s.write(p[:n], time.Now())
	}
	return n, err
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.keep(p[:n]) {
		return n, err
	}
	_ = c.Conn.SetWriteDeadline(time.Now().Add(turnAwayTime))
	_, _ = c.Conn.Write([]byte(unavailable(crowdedHeads)))
	return 0, &net.OpError{Op: "read", Net: "tcp", Err: errCrowdedHeads}
}

// errCrowdedHeads ends a connection whose long head has no room.
var errCrowdedHeads = errors.New("too many long heads at once")

// Close implements net.Conn.
func (c *conn) Close() error {
	c.mu.Lock()
	c.lose()
	c.giveRoom()
	c.mu.Unlock()
	return c.Conn.Close()
}

// keep remembers what was read, as far as it may be part of a head. It returns false if
// there is no room for that.
func (c *conn) keep(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	body := min(c.skip, int64(len(p)))
	c.skip -= body
	more := p[body:]
	if c.lost || len(more) == 0 {
		return true
	}
	if len(c.read)+len(more) > usual && c.room == 0 {
		if !c.heads.take(c.from, limit) {
			c.lose()
			return false
		}
		c.room = limit
	}
	if len(c.read)+len(more) > max(usual, c.room) {
		c.lose()
	} else {
		c.read = append(c.read, more...)
	}
	return true
}

// lose forgets what was read, for good: from now on only net/http knows the heads of this
// connection. The caller holds the lock.
func (c *conn) lose() { c.lost, c.read = true, nil }

// giveRoom gives the room back. The caller holds the lock.
func (c *conn) giveRoom() {
	c.heads.give(c.from, c.room)
	c.room = 0
}
