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
	"time"
)

// witness stands between a browser and the program and writes down every byte:
// what the page says of the wire is compared with it.
type witness struct {
	url  string
	addr string // the program's

	mu    sync.Mutex
	pairs []*line
}

// line is one connection, both ways.
type line struct{ up, down bytes.Buffer }

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
	w := &witness{url: "http://" + listener.Addr().String(), addr: strings.TrimPrefix(p.url, "http://")}
	p.url = w.url
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go w.pass(conn)
		}
	}()
	return p, w
}

func (w *witness) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.addr)
	if err != nil {
		return
	}
	defer server.Close()
	l := &line{}
	w.mu.Lock()
	w.pairs = append(w.pairs, l)
	w.mu.Unlock()
	go func() {
		io.Copy(server, io.TeeReader(client, noting(func(p []byte) { w.note(&l.up, p) })))
		server.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(client, io.TeeReader(server, noting(func(p []byte) { w.note(&l.down, p) })))
}

type noting func([]byte)

func (f noting) Write(p []byte) (int, error) { f(p); return len(p), nil }

func (w *witness) note(b *bytes.Buffer, p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.Write(p)
}

// exchanges returns all finished ones whose request line begins with that, in the
// order of each connection.
func (w *witness) exchanges(begins string) (out []exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.pairs {
		up, down := l.up.String(), l.down.String()
		for up != "" && down != "" {
			var e exchange
			var ok bool
			if e.requestHead, e.requestBody, up, ok = message(up); !ok {
				break
			}
			if e.responseHead, e.responseBody, down, ok = message(down); !ok {
				break
			}
			if strings.HasPrefix(e.requestHead, begins) {
				out = append(out, e)
			}
		}
	}
	return out
}

// last waits for an exchange that begins so, and returns the last one.
func (w *witness) last(t *testing.T, begins string) exchange {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; pause() {
		if all := w.exchanges(begins); len(all) > 0 {
			return all[len(all)-1]
		}
		if time.Now().After(end) {
			t.Fatalf("the witness saw no %q", begins)
		}
	}
}

// message cuts one off; its length is what its head says.
func message(s string) (head, body, rest string, ok bool) {
	head, rest, ok = strings.Cut(s, "\r\n\r\n")
	if !ok {
		return "", "", s, false
	}
	length := 0
	if n := field(head, "Content-Length"); n != "" {
		length, _ = strconv.Atoi(n)
	} else if field(head, "Transfer-Encoding") != "" {
		return head, rest, "", true // an event stream: the rest of the connection
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
