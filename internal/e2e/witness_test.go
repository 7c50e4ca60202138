package e2e

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// witness is a relay between a browser and the program that records every byte. Tests
// compare its record with what the page shows of the wire.
type witness struct {
	url  string
	addr string                   // the program's
	dial func() (net.Conn, error) // connects to it

	mu    sync.Mutex
	conns []*recording
}

// recording is what travelled over one connection: the requests up, the answers down.
type recording struct{ up, down bytes.Buffer }

// exchange is one request and its answer as they travelled.
type exchange struct {
	requestHead, requestBody   string
	responseHead, responseBody string
}

// startWitnessed starts the program with a witness in front of it. The returned
// program's address is the witness's.
func startWitnessed(t *testing.T, args ...string) (*program, *witness) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p := start(t, append(args, "--allow-host", listener.Addr().String())...)
	w := &witness{url: "http://" + listener.Addr().String(), addr: p.addr()}
	w.dial = func() (net.Conn, error) { return net.Dial("tcp", w.addr) }
	p.url = w.url
	go w.serve(listener)
	return p, w
}

// serve relays the connections that a listener takes, until it is closed.
func (w *witness) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go w.pass(conn)
	}
}

// pass relays one connection to the program, until the program closes it.
func (w *witness) pass(client net.Conn) {
	defer client.Close()
	server, err := w.dial()
	if err != nil {
		return
	}
	defer server.Close()
	l := &recording{}
	w.mu.Lock()
	w.conns = append(w.conns, l)
	w.mu.Unlock()
	go func() {
		io.Copy(server, io.TeeReader(client, writerFunc(func(p []byte) { w.record(&l.up, p) })))
		server.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(client, io.TeeReader(server, writerFunc(func(p []byte) { w.record(&l.down, p) })))
}

// writerFunc is an io.Writer that cannot fail.
type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func (w *witness) record(b *bytes.Buffer, p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.Write(p)
}

// exchanges returns the finished exchanges whose request line begins with begins, one
// connection after the other.
func (w *witness) exchanges(begins string) (out []exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.conns {
		up, down := l.up.String(), l.down.String()
		for up != "" && down != "" {
			var e exchange
			var ok bool
			if e.requestHead, e.requestBody, up, ok = cutMessage(up); !ok {
				break
			}
			if e.responseHead, e.responseBody, down, ok = cutMessage(down); !ok {
				break
			}
			if strings.HasPrefix(e.requestHead, begins) {
				out = append(out, e)
			}
		}
	}
	return out
}

// last waits for a finished exchange whose request line begins with begins, and returns the
// last one.
func (w *witness) last(t *testing.T, begins string) exchange {
	t.Helper()
	var all []exchange
	if !until(func() bool { all = w.exchanges(begins); return len(all) > 0 }) {
		t.Fatalf("the witness saw no %q", begins)
	}
	return all[len(all)-1]
}

// cutMessage cuts the first message off what one side of a connection sent. The length of
// its body is what its Content-Length says; ok is false until it has all come.
func cutMessage(s string) (head, body, rest string, ok bool) {
	head, rest, ok = strings.Cut(s, "\r\n\r\n")
	if !ok {
		return "", "", s, false
	}
	length := 0
	if n := field(head, "Content-Length"); n != "" {
		length, _ = strconv.Atoi(n)
	} else if field(head, "Transfer-Encoding") != "" {
		return head, rest, "", true // an event stream takes the rest of the connection
	}
	if len(rest) < length {
		return "", "", s, false
	}
	return head, rest[:length], rest[length:], true
}

// field returns the first header field of that name in a head.
func field(head, name string) string {
	for l := range strings.SplitSeq(head, "\r\n") {
		if is, value, ok := strings.Cut(l, ":"); ok && strings.EqualFold(is, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// cookieOf returns the value of the cookie of that name which a Cookie or
// Set-Cookie field holds.
func cookieOf(value, name string) string {
	for _, c := range (&http.Request{Header: http.Header{"Cookie": {value}}}).Cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
