//go:build unix

package app

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/tap"
)

// BenchmarkPress is a press of Set as Chromium's page sends it, from the first byte of the
// request to the last byte of the answer over loopback, net/http included. The visit has its
// 200 moments, and the plot changed every second, as in a class that works. The client
// allocates next to nothing.
//
// At most 1 ms and 150 kB a press: it took 1.3 ms and 280 kB when every press packed the plot,
// drew it, and built the views of the whole timeline.
func BenchmarkPress(b *testing.B) {
	p := newPresser(b)
	for i := range 200 {
		p.aSecondPasses(b, i)
		p.press(b)
	}
	b.ReportAllocs()
	before, n := cpu(b), 0
	for b.Loop() {
		n++
		p.press(b)
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(n)/1e3, "cpu-µs/op") // the client's too
}

// BenchmarkFullTimelines is the memory of a class whose timelines are all full. One round is
// the whole class: it takes a minute.
//
// At most 100 MB, with the exchange of every moment; it would have taken 420 MB without a usual
// exchange to pack by, with a plot in each, and with the heads of answers beside them.
func BenchmarkFullTimelines(b *testing.B) {
	var seconds atomic.Int64
	a, addr := listening(b, &seconds)
	before := heap()
	var class []*presser
	for range classSeats {
		p := newPresserAt(b, a, addr)
		class = append(class, p)
		for range hub.MaxMoments {
			p.press(b)
		}
		p.conn.Close() // what connections take is another matter
		p.in = nil
	}
	b.ReportMetric(float64(heap()-before)/1e6, "MB")
	b.ReportMetric(float64(a.hub.Held())/1e6, "MB-counted")
	b.ReportMetric(0, "ns/op")
	for _, p := range class {
		v, _ := a.hub.Prove(p.secret, a.seats.Root)
		for n := p.n - hub.MaxMoments + 1; n <= p.n; n++ {
			if e, ok := v.Entry(n); !ok || !e.Kept() {
				b.Fatalf("moment %d of %d is not kept", n, p.n)
			}
		}
	}
	runtime.KeepAlive(a)
}

// presser is a page with a script: its requests travel over a connection of its own.
type presser struct {
	app     *App
	seconds *atomic.Int64
	conn    net.Conn
	in      *bufio.Reader
	out     bytes.Buffer
	secret  string
	cookie  string
	n       int // the last moment that the page shows
	body    int // bytes of the last answer's body
}

// newPresser returns a page over an application of its own.
func newPresser(t testing.TB) *presser {
	var seconds atomic.Int64
	a, addr := listening(t, &seconds)
	p := newPresserAt(t, a, addr)
	p.seconds = &seconds
	return p
}

// listening returns an application with room for a class, and its address. Its clock moves
// by those seconds only.
func listening(t testing.TB, seconds *atomic.Int64) (*App, string) {
	began := time.Now()
	now := func() time.Time { return began.Add(time.Duration(seconds.Load()) * time.Second) }
	a := newApp(t, func(c *Config) {
		c.Sessions.Backend, c.Sessions.Now, c.LogRequests = memory.New(memory.Config{MaxSessions: 1000, Now: now}), now, false
		c.Seats = classSeats
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: a, ConnContext: tap.Context}
	go srv.Serve(tap.Listen(listener))
	t.Cleanup(func() { srv.Close() })
	return a, listener.Addr().String()
}

// classSeats is how many learners a large class has.
const classSeats = 300

// newPresserAt returns a page of the application at that address.
func newPresserAt(t testing.TB, a *App, addr string) *presser {
	p := &presser{app: a, n: 1} // the load of the page
	var err error
	if p.conn, err = net.Dial("tcp", addr); err != nil {
		t.Fatal(err)
	}
	p.in = bufio.NewReaderSize(p.conn, 64<<10)
	p.secret = newBrowser(t, a, formFragment).visit("/")
	return p
}

// aSecondPasses moves the clock, and makes a session of somebody else's, or takes it away.
func (p *presser) aSecondPasses(t testing.TB, i int) {
	p.seconds.Add(1)
	other := newBrowser(t, p.app, formJSON)
	other.post("/set", "key", "a", "value", strconv.Itoa(i)).want(200)
	if i%3 == 0 {
		other.post("/flush").want(200)
	}
}

// pageHead is what Chromium sends with a press, but for the lines that are others each time.
const pageHead = "POST /set HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: keep-alive\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\nsec-ch-ua: \"Chromium\";v=\"156\", \"Not)A;Brand\";v=\"8\"\r\nHX-Current-URL: http://127.0.0.1:8080/\r\n" +
	"sec-ch-ua-mobile: ?0\r\nHX-Request: true\r\nHX-Request-Type: partial\r\nHX-Source: button\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html, text/event-stream\r\nContent-Type: application/x-www-form-urlencoded\r\nOrigin: http://127.0.0.1:8080\r\n" +
	"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nReferer: http://127.0.0.1:8080/\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n"

// press sets a value, and reads the answer to its end.
func (p *presser) press(t testing.TB) {
	body := fmt.Sprintf("key=name%d&value=Rahim+%d&type=text&placement=hybrid&page=%s", p.n%4, p.n, p.secret)
	p.out.Reset()
	fmt.Fprintf(&p.out, "%sSessionscope-Page: %s %s %d set\r\nContent-Length: %d\r\n", pageHead, p.secret, strings.Repeat("P", pageIDLen), p.n, len(body))
	if p.cookie != "" {
		p.out.WriteString("Cookie: " + p.cookie + "\r\n")
	}
	p.out.WriteString("\r\n" + body)
	if _, err := p.conn.Write(p.out.Bytes()); err != nil {
		t.Fatal(err)
	}
	status, err := p.in.ReadSlice('\n')
	if err != nil || !bytes.Contains(status, []byte(" 200 ")) {
		t.Fatalf("%s: %v", status, err)
	}
	for {
		line, err := p.in.ReadSlice('\n')
		if err != nil {
			t.Fatal(err)
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if n, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			p.body, _ = strconv.Atoi(string(n))
		}
		if set, ok := bytes.CutPrefix(line, []byte("Set-Cookie: ")); ok {
			pair, _, _ := bytes.Cut(set, []byte(";"))
			p.cookie = string(pair)
		}
	}
	if _, err := io.CopyN(io.Discard, p.in, int64(p.body)); err != nil {
		t.Fatal(err)
	}
	p.n++
}
