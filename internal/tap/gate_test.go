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

// called is a connection from an address.
type called struct {
	net.Conn
	from net.Addr
}

func (c called) RemoteAddr() net.Addr { return c.from }

// All connections together have a bound, and those of one address, but this machine's
// own; the one that was idle longest gives way, one in use never; who is sent away is
// told why; and a place is free again when its connection ends.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := make(queue)
		g := newGate(q, 5, 2)
		accepted := make(chan net.Conn, 20)
		go func() {
			for {
				c, err := g.Accept()
				if err != nil {
					return
				}
				accepted <- c
			}
		}()
		type end struct {
			server, client net.Conn
			said           string
		}
		call := func(ip string) end {
			t.Helper()
			here, there := net.Pipe()
			q <- called{there, &net.TCPAddr{IP: net.ParseIP(ip), Port: 4000}}
			synctest.Wait()
			select {
			case c := <-accepted:
				return end{server: c, client: here}
			default:
			}
			resp, err := http.ReadResponse(bufio.NewReader(here), nil)
			if err != nil {
				t.Fatalf("%s: no place and no answer: %v", ip, err)
			}
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !resp.Close {
				t.Errorf("%s: sent away with %d %v", ip, resp.StatusCode, resp.Header)
			}
			return end{said: string(body)}
		}
		wantIn := func(ip string) end {
			t.Helper()
			e := call(ip)
			if e.server == nil {
				t.Fatalf("%s was sent away: %s", ip, e.said)
			}
			return e
		}
		first, second := wantIn("192.0.2.1"), wantIn("::ffff:192.0.2.1")
		if e := call("192.0.2.1"); !strings.Contains(e.said, "2 connections with your address") {
			t.Errorf("a third of one address: %+v", e)
		}
		wantIn("2001:db8::1")
		wantIn("2001:db8::ffff:1")
		if e := call("2001:db8::2"); !strings.Contains(e.said, "your address") {
			t.Errorf("a third of one IPv6 network: %+v", e)
		}
		own := wantIn("127.0.0.1")
		for _, ip := range []string{"127.0.0.1", "::1", "192.0.2.9"} {
			if e := call(ip); !strings.Contains(e.said, "5 connections, and no more") {
				t.Errorf("a sixth, of %s: %+v", ip, e)
			}
		}
		g.ConnState(second.server, http.StateIdle)
		g.ConnState(own.server, http.StateIdle)
		g.ConnState(first.server, http.StateIdle)
		g.ConnState(first.server, http.StateActive)
		if e := call("127.0.0.1"); e.server != nil {
			t.Error("a connection gave way that was idle for no time")
		}
		time.Sleep(restConn)
		if e := call("192.0.2.1"); e.server == nil { // of its own address, though others were idle as long
			t.Errorf("no idle connection gave way: %s", e.said)
		}
		if _, err := second.client.Write([]byte("x")); err == nil {
			t.Error("the idle connection lives on")
		}
		wantIn("127.0.0.1") // in the place of the other idle one
		if e := call("127.0.0.1"); e.server != nil {
			t.Error("a connection in use gave way")
		}
		first.server.Close()
		first.server.Close()
		wantIn("127.0.0.1")
		if e := call("127.0.0.1"); e.server != nil {
			t.Error("one end freed two places")
		}
		q.Close()
		time.Sleep(2 * turnAwayTime) // until those that were sent away are gone
	})
}

// half sends the beginning of a request.
func half(t *testing.T, addr, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Half-sent long heads are bounded in the same way; short ones are not.
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
	one, two := half(t, addr, long), half(t, addr, long)
	waitFor(t, func() bool { return l.heads.Taken() == 2*limit })
	if got := status(half(t, addr, long)); got != 503 {
		t.Errorf("a third long head: %d", got)
	}
	if got := status(half(t, addr, fmt.Sprintf("GET /keys HTTP/1.1\r\nHost: %s\r\n\r\n", addr))); got != 200 {
		t.Errorf("a short head: %d", got)
	}
	io.WriteString(one, "\r\n\r\n")
	if got := status(one); got != 200 {
		t.Errorf("the rest of a long head: %d", got)
	}
	waitFor(t, func() bool { return l.heads.Taken() == limit })
	three := half(t, addr, long+"\r\n\r\n")
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
