package app

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
)

// tapLimit is the most that a connection remembers: more than the longest head
// that the server takes, with what is read ahead of it.
const tapLimit = 64 << 10

// Tap returns l with connections that remember the head of the request being
// read, byte for byte: net/http forgets the order and the spelling of header
// names. The server's ConnContext must be TapContext.
func Tap(l net.Listener) net.Listener { return tapListener{l} }

// TapContext is a ConnContext for http.Server: it lets requests find their connection.
func TapContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, tapKey{}, c)
}

type tapKey struct{}

type tapListener struct{ net.Listener }

func (l tapListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tapConn{Conn: c}, nil
}

type tapConn struct {
	net.Conn
	mu   sync.Mutex
	read []byte // since the end of the last request
	skip int64  // bytes of the last request's body that are still to come
	lost bool   // it is not known any more where a request begins
}

func (c *tapConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	body := min(c.skip, int64(n))
	c.skip -= body
	if !c.lost {
		c.read = append(c.read, p[body:n]...)
		if len(c.read) > tapLimit {
			c.lost, c.read = true, nil
		}
	}
	return n, err
}

// tappedHead returns the lines of r's head as they came, without the request
// line. It is called once a request, when net/http has parsed the head, and
// returns nil when the bytes are not known: then r.Header must do. Without want
// it only makes ready for the next request.
func tappedHead(r *http.Request, want bool) (lines []string) {
	c, ok := r.Context().Value(tapKey{}).(*tapConn)
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	head, rest, found := bytes.Cut(c.read, []byte("\r\n\r\n"))
	first, head, _ := bytes.Cut(head, []byte("\r\n"))
	if c.lost || !found || !isRequestLine(first, r) {
		c.lost, c.read = true, nil
		return nil
	}
	if want {
		lines = []string{} // not nil: it is known that there are none
		if len(head) > 0 {
			lines = strings.Split(string(head), "\r\n")
		}
	}
	if r.ContentLength < 0 { // chunked: where it ends, only net/http knows
		c.lost, c.read = true, nil
	} else {
		body := min(r.ContentLength, int64(len(rest)))
		c.skip = r.ContentLength - body
		c.read = append(c.read[:0], rest[body:]...)
	}
	return lines
}

func isRequestLine(line []byte, r *http.Request) bool {
	method, line, _ := bytes.Cut(line, []byte(" "))
	uri, proto, _ := bytes.Cut(line, []byte(" "))
	return string(method) == r.Method && string(uri) == r.RequestURI && string(proto) == r.Proto
}
