package app

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/tap/taptest"
)

// Half-sent forms hold no more memory than there is room for, in all: who comes then
// with a long one is told so, short ones pass, and the room is free again afterwards.
func TestHalfSentFormsAreBounded(t *testing.T) {
	t.Parallel()
	a, addr := serve(t, nil)
	const most = 256 << 10
	a.bodies = tap.NewRoom(most)
	head := "POST /set HTTP/1.1\r\nHost: " + addr + "\r\nContent-Type: " + formType + "\r\n"
	var conns []net.Conn
	for n := range 20 {
		length := "Content-Length: 200000\r\n\r\n"
		if n%2 == 1 {
			length = "Transfer-Encoding: chunked\r\n\r\n30d40\r\n" // the same
		}
		conns = append(conns, taptest.Half(t, addr, head+length+"key=a&value="+strings.Repeat("x", 60<<10)))
	}
	var refused atomic.Int32
	for _, conn := range conns {
		go func() {
			if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && resp.StatusCode == 429 && resp.Header.Get("Retry-After") != "" && resp.Close {
				refused.Add(1)
			}
		}()
	}
	waitFor(t, func() bool { return refused.Load() >= 14 }) // 124 kB each for the others
	if taken := a.bodies.Taken(); taken > most || taken < most/2 {
		t.Errorf("%d bytes taken of %d", taken, most)
	}
	if resp := postLong(t, addr, 50<<10); resp.StatusCode != 429 {
		t.Errorf("a long form without room: %d", resp.StatusCode)
	}
	if resp := postLong(t, addr, 1<<10); resp.StatusCode != 200 {
		t.Errorf("a short form: %d", resp.StatusCode)
	}
	for _, conn := range conns {
		conn.Close()
	}
	waitFor(t, func() bool { return a.bodies.Taken() == 0 })
	if resp := postLong(t, addr, 50<<10); resp.StatusCode != 200 {
		t.Errorf("a long form afterwards: %d", resp.StatusCode)
	}
	waitFor(t, func() bool { return a.bodies.Taken() == 0 })
}

// postLong sends a form of about n bytes, and reads the answer when all of it has left. What a server answers
// before it has read a form can be lost to a client that still sends, or can send no more.
func postLong(t *testing.T, addr string, n int) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r, _ := http.NewRequest("POST", "http://"+addr+"/set", strings.NewReader("key=a&value="+strings.Repeat("x", n)))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("Accept", "application/json")
	_ = r.Write(conn)
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}
