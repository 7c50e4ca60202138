// Package tap is about connections: what travels over them, byte for byte, and how
// many there may be. Listen makes a listener whose connections remember heads and
// sizes; a Gate bounds the connections. It imports the standard library and nothing else.
package tap

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// limit is the most that a connection remembers: more than the longest head
// that the server takes, with what is read ahead of it.
const limit = 64 << 10

// Most heads are far shorter. A request with a longer one takes room for the most that
// there may be, from when it passes this until its answer has left. Where none is left,
// its connection is told so and ends: net/http would keep all of it.
const usual = 8 << 10

// allHeads is the room for all longer heads of one listener, in bytes.
const allHeads = 256 * limit

// crowdedHeads is the answer to a head that no room is left for.
const crowdedHeads = "This server reads as many long heads as it has room for. Try again in a moment, with fewer cookies.\n"

// Listen returns l with connections that remember the head of the request being
// read, byte for byte, and what leaves in answer: net/http forgets the order and
// the spelling of header names, and writes the answer's head itself. The server's
// ConnContext must be Context.
func Listen(l net.Listener) net.Listener { return listener{l, NewRoom(allHeads)} }

// Context is a ConnContext for http.Server: it lets requests find their connection.
func Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, key{}, c)
}

type key struct{}

// Under returns the connection that one of Listen's is made of; any other as it is.
func Under(c net.Conn) net.Conn {
	if c, ok := c.(*conn); ok {
		return c.Conn
	}
	return c
}

type listener struct {
	net.Listener
	heads *Room
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, heads: l.heads}, nil
}

type conn struct {
	net.Conn
	heads *Room // for long ones

	mu   sync.Mutex
	read []byte // since the end of the last request
	room int    // bytes taken of the room for long heads
	skip int64  // bytes of the last request's body that are still to come
	lost bool   // it is not known any more where a request begins

	answer atomic.Pointer[Answer] // to the request being answered; nil if nobody wants to know
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

// errCrowdedHeads ends a connection whose head is long when too many are.
var errCrowdedHeads = errors.New("too many long heads at once")

// keep remembers what was read, as long as it may be a part of a head. It tells
// whether there was room for that.
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
		if !c.heads.Take(limit) {
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

// lose forgets what was read: net/http's own memory of a head must do from now on.
// The caller holds the lock.
func (c *conn) lose() { c.lost, c.read = true, nil }

func (c *conn) giveRoom() {
	c.heads.Give(c.room)
	c.room = 0
}

// Answered tells the connection that the request's head is kept no more.
func (h Head) Answered() {
	c := h.conn
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.read) <= usual { // a longer one is the next request's head, which keeps the room
		c.giveRoom()
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.mu.Lock()
	c.lose()
	c.giveRoom()
	c.mu.Unlock()
	return c.Conn.Close()
}

// Head is what a connection knows of a request.
type Head struct {
	Lines  []string // of the head as they came, without the request line; nil when they are not known
	Bytes  int      // of the whole head, 0 when not known
	Answer *Answer  // nil without a tapped connection

	conn *conn // nil without a tapped connection
}

// HeadOf returns what r's connection knows. It is called once a request, when
// net/http has parsed the head. When the bytes are not known r.Header must do.
// Without want it only makes ready for the next request.
func HeadOf(r *http.Request, want bool) (h Head) {
	c, ok := r.Context().Value(key{}).(*conn)
	if !ok {
		return h
	}
	h.conn = c
	if want {
		h.Answer = &Answer{began: time.Now(), length: -1, done: make(chan struct{})}
	}
	c.answer.Store(h.Answer)
	c.mu.Lock()
	defer c.mu.Unlock()
	head, rest, found := bytes.Cut(c.read, []byte("\r\n\r\n"))
	first, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if c.lost || !found || !isRequestLine(first, r) {
		c.lose()
		return h
	}
	if want {
		h.Bytes = len(head) + len("\r\n\r\n")
		h.Lines = []string{} // not nil: it is known that there are none
		if len(fields) > 0 {
			h.Lines = strings.Split(string(fields), "\r\n")
		}
		if slices.ContainsFunc(h.Lines, odd) {
			h.Lines, h.Bytes = nil, 0
		}
	}
	if r.ContentLength < 0 { // chunked: where it ends, only net/http knows
		c.lose()
	} else {
		body := min(r.ContentLength, int64(len(rest)))
		c.skip = r.ContentLength - body
		if c.room > 0 || c.skip > 0 {
			c.read = nil // it is large, or it may be long until the next head
		}
		c.read = append(c.read[:0], rest[body:]...)
	}
	return h
}

// odd tells that a line of a head is not one field, such as a folded one or two
// with a bare line feed between: net/http reads them its own way, and what is a
// cookie in them is for it to say.
func odd(line string) bool {
	name, _, ok := strings.Cut(line, ":")
	return !ok || name == "" || strings.ContainsAny(name, " \t\"(),/;<=>?@[\\]{}") || strings.ContainsAny(line, "\n\r")
}

// Answer is what leaves in answer to one request, as its connection sees it.
type Answer struct {
	began time.Time     // when the request's head had been read
	done  chan struct{} // closed when the answer's last byte has been handed to the network

	mu     sync.Mutex
	head   []byte // with the empty line at its end
	body   int64  // bytes of the body, as they travel
	length int64  // what the head says of them; -1 until that is known
	ended  time.Time
}

// maxHead is the most of an answer's head that is kept.
const maxHead = 64 << 10

func (s *Answer) write(p []byte, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended.IsZero() {
		return
	}
	for s.length < 0 && len(p) > 0 {
		before := len(s.head)
		s.head = append(s.head, p...)
		at := bytes.Index(s.head, []byte("\r\n\r\n"))
		if at < 0 {
			if len(s.head) > maxHead {
				s.ended = now // it is no head: done is never closed
			}
			return
		}
		end := at + len("\r\n\r\n")
		p = p[end-before:]
		if bytes.HasPrefix(s.head, []byte("HTTP/1.1 1")) { // 100 Continue: the answer is still to come
			s.head = nil
			continue
		}
		s.head = s.head[:end:end]
		s.length = contentLength(s.head)
	}
	if s.length < 0 {
		return
	}
	s.body += int64(len(p))
	if s.body >= s.length {
		s.ended = now
		close(s.done)
	}
}

// contentLength is what a head says of its body's length, 0 if nothing: every
// answer that is looked at has one.
func contentLength(head []byte) int64 {
	for line := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if strings.EqualFold(string(name), "Content-Length") {
			n, _ := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			return n
		}
	}
	return 0
}

// Left is an answer that has left.
type Left struct {
	Status    string   // "200 OK"
	Lines     []string // of its head
	HeadBytes int
	BodyBytes int64
	Took      time.Duration
}

// Wait returns the answer once it has left, or false when ctx ends before. An answer that
// has left is returned whatever ctx says.
func (s *Answer) Wait(ctx context.Context) (l Left, ok bool) {
	if s == nil {
		return l, false
	}
	select {
	case <-s.done:
	default:
		select {
		case <-s.done:
		case <-ctx.Done():
			return l, false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := strings.Split(strings.TrimSuffix(string(s.head), "\r\n\r\n"), "\r\n")
	_, status, _ := strings.Cut(lines[0], " ")
	return Left{status, lines[1:], len(s.head), s.body, s.ended.Sub(s.began)}, true
}

func isRequestLine(line []byte, r *http.Request) bool {
	method, line, _ := bytes.Cut(line, []byte(" "))
	uri, proto, _ := bytes.Cut(line, []byte(" "))
	return string(method) == r.Method && string(uri) == r.RequestURI && string(proto) == r.Proto
}
