package tap

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/tap/taptest"
)

// queue is a listener whose connections a test makes.
type queue chan net.Conn

func (q queue) Accept() (net.Conn, error) {
	if c, ok := <-q; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (q queue) Close() error   { close(q); return nil }
func (q queue) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8080} }

// called is a connection that says it comes from an address.
type called struct {
	net.Conn
	from net.Addr
}

func (c called) RemoteAddr() net.Addr { return c.from }

// entrance is a gate with the connections that it let in.
type entrance struct {
	*testing.T
	queue    queue
	gate     *Gate
	accepted chan net.Conn
}

func newEntrance(t *testing.T, max, each int) *entrance {
	e := &entrance{T: t, queue: make(queue), accepted: make(chan net.Conn, 20)}
	e.gate = newGate(e.queue, max, each)
	go func() {
		for {
			c, err := e.gate.Accept()
			if err != nil {
				return
			}
			e.accepted <- c
		}
	}()
	return e
}

// visit is a connection at an entrance.
type visit struct {
	server, client net.Conn
	said           string // why it was turned away; server is nil then
}

// call connects from an address.
func (e *entrance) call(ip string) visit {
	e.Helper()
	here, there := net.Pipe()
	e.queue <- called{there, &net.TCPAddr{IP: net.ParseIP(ip), Port: 4000}}
	synctest.Wait()
	select {
	case c := <-e.accepted:
		return visit{server: c, client: here}
	default:
	}
	resp, err := http.ReadResponse(bufio.NewReader(here), nil)
	if err != nil {
		e.Fatalf("%s: no place and no answer: %v", ip, err)
	}
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !resp.Close {
		e.Errorf("%s: turned away with %d %v", ip, resp.StatusCode, resp.Header)
	}
	return visit{said: string(body)}
}

func (e *entrance) wantIn(ip, why string) visit {
	e.Helper()
	v := e.call(ip)
	if v.server == nil {
		e.Fatalf("%s, %s, was turned away: %s", why, ip, v.said)
	}
	return v
}

func (e *entrance) wantAway(ip, why, says string) {
	e.Helper()
	if v := e.call(ip); v.server != nil || !strings.Contains(v.said, says) {
		e.Errorf("%s, %s: let in %t, or told %q, want %q", why, ip, v.server != nil, v.said, says)
	}
}

// If this fails, there are more connections than the limits for all and for one address
// allow, this machine is limited like an address, a connection in use gives way, a client
// that is turned away is not told why, or a place stays taken after its connection ended.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntrance(t, 5, 2)
		first, second := e.wantIn("192.0.2.1", "the first"), e.wantIn("::ffff:192.0.2.1", "the second of one address")
		e.wantAway("192.0.2.1", "the third of one address", "2 connections with your address")
		e.wantIn("2001:db8::1", "the first of an IPv6 network")
		e.wantIn("2001:db8::ffff:1", "the second of an IPv6 network")
		e.wantAway("2001:db8::2", "the third of an IPv6 network", "your address")
		own := e.wantIn("127.0.0.1", "the fifth of all")
		for _, ip := range []string{"127.0.0.1", "::1", "192.0.2.9"} {
			e.wantAway(ip, "the sixth of all", "5 connections, and no more")
		}

		e.gate.ConnState(second.server, http.StateIdle)
		e.gate.ConnState(own.server, http.StateIdle)
		e.gate.ConnState(first.server, http.StateIdle)
		e.gate.ConnState(first.server, http.StateActive)
		e.wantAway("127.0.0.1", "when none has been idle long enough", "")
		time.Sleep(restConn)
		e.wantIn("192.0.2.1", "when a connection of its own address is idle") // that one gives way, although others are idle as long
		if _, err := second.client.Write([]byte("x")); err == nil {
			t.Error("the idle connection lives on")
		}
		e.wantIn("127.0.0.1", "when another connection is idle")
		e.wantAway("127.0.0.1", "when all connections are in use", "")

		first.server.Close()
		first.server.Close()
		e.wantIn("127.0.0.1", "when a connection has ended")
		e.wantAway("127.0.0.1", "when that place is taken again", "")
		e.queue.Close()
		time.Sleep(2 * turnAwayTime) // until the clients that were turned away are gone
	})
}

// If this fails, strangers fill the memory with long heads that they never end, or short
// heads are refused too.
func TestHalfSentHeadsAreBounded(t *testing.T) {
	t.Parallel()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(socket).(listener)
	l.heads.max = 2 * limit
	srv := &http.Server{ConnContext: Context, MaxHeaderBytes: 32 << 10, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		HeadOf(r, true).Answered()
		io.WriteString(w, "here")
	})}
	go srv.Serve(l)
	defer srv.Close()
	addr := socket.Addr().String()
	long := "GET /keys HTTP/1.1\r\nHost: " + addr + "\r\nAccept: application/json\r\nX: " + strings.Repeat("y", 20<<10)
	status := func(conn net.Conn) int {
		conn.SetReadDeadline(time.Now().Add(3 * time.Second))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	one, two := taptest.Half(t, addr, long), taptest.Half(t, addr, long)
	waitFor(t, func() bool { return l.heads.Taken() == 2*limit })
	if got := status(taptest.Half(t, addr, long)); got != 503 {
		t.Errorf("a third long head: %d", got)
	}
	if got := status(taptest.Half(t, addr, fmt.Sprintf("GET /keys HTTP/1.1\r\nHost: %s\r\n\r\n", addr))); got != 200 {
		t.Errorf("a short head: %d", got)
	}
	io.WriteString(one, "\r\n\r\n")
	if got := status(one); got != 200 {
		t.Errorf("the rest of a long head: %d", got)
	}
	waitFor(t, func() bool { return l.heads.Taken() == limit })
	three := taptest.Half(t, addr, long+"\r\n\r\n")
	if got := status(three); got != 200 {
		t.Errorf("a long head when one has ended: %d", got)
	}
	two.Close()
	waitFor(t, func() bool { return l.heads.Taken() == 0 })
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !done(); {
		if time.Now().After(end) {
			t.Fatal("it did not come")
		}
	}
}
