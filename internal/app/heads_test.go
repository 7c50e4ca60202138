package app

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/tap"
)

// dial returns a connection to a real server of the app.
func dial(t *testing.T) (net.Conn, *bufio.Reader, string) {
	t.Helper()
	_, addr := serve(t, nil)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, bufio.NewReader(conn), addr
}

// serve starts a real server of an app.
func serve(t *testing.T, change func(*Config)) (a *App, addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := LocalHosts(listener.Addr(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	a = newApp(t, func(c *Config) {
		c.Hosts = hosts
		if change != nil {
			change(c)
		}
	})
	srv := &http.Server{Handler: a, ConnContext: tap.Context}
	go srv.Serve(tap.Listen(listener))
	t.Cleanup(func() { srv.Close() })
	return a, listener.Addr().String()
}

// shownHead returns the lines of the request that a page shows.
func shownHead(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	_, request, _ := strings.Cut(string(body), `id="request"`)
	request, _, _ = strings.Cut(request, `class="arrow"`)
	text := ""
	for part := range strings.SplitSeq(request, "<") {
		if _, after, ok := strings.Cut(part, ">"); ok {
			text += after + " "
		}
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(html.UnescapeString(text)), " "), "/ ?", "/?")
}

// The page shows the request's head as it came: order, spelling, doubled fields.
func TestHeadAsItCame(t *testing.T) {
	conn, r, host := dial(t)
	for n := range 5 { // over one connection, with and without a body
		body, method := "", "GET"
		target := fmt.Sprintf("/?n=%d", n)
		if n%2 == 1 {
			method, target, body = "POST", "/set", fmt.Sprintf("key=&value=%s", strings.Repeat("x", n*3000))
		}
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nzebra: %d\r\nhOsT: %s\r\nContent-Length: %d\r\nsec-ch-ua: \"A\"\r\nHX-lower:   spaced  \r\nzebra: again\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n%s", method, target, n, host, len(body), body)
		got := shownHead(t, r)
		for _, want := range []string{
			method + " " + target + " HTTP/1.1",
			fmt.Sprintf(`zebra: %d hOsT: %s Content-Length: %d sec-ch-ua: "A" HX-lower: spaced zebra: again Content-Type: application/x-www-form-urlencoded`, n, host, len(body)),
		} {
			if !strings.Contains(got, want) {
				t.Errorf("request %d: the page shows %.600q, want %q", n, got, want)
			}
		}
		if strings.Contains(got, "as Go writes them") {
			t.Errorf("request %d: the page says that it does not know", n)
		}
	}
}

// Two requests in one packet, and one that was refused before any page.
func TestHeadsOfPipelinedRequests(t *testing.T) {
	conn, r, host := dial(t)
	fmt.Fprintf(conn, "POST /flush HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 3\r\n\r\na=1"+
		"GET / HTTP/1.1\r\nhost: %s\r\nfirst: 1\r\n\r\nGET /keys HTTP/1.1\r\nhost: %s\r\nsecond: 2\r\n\r\n", host, host)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 421 {
		t.Fatalf("%v, %v; want 421", resp, err)
	}
	io.Copy(io.Discard, resp.Body)
	for _, want := range []string{"first: 1", "second: 2"} {
		if got := shownHead(t, r); !strings.Contains(got, want) || strings.Contains(got, "evil") {
			t.Errorf("the page shows %q, want %q", got, want)
		}
	}
}

// Where the bytes cannot be told apart, the page says that it shows net/http's view.
func TestHeadAfterChunks(t *testing.T) {
	conn, r, host := dial(t)
	fmt.Fprintf(conn, "POST /set HTTP/1.1\r\nhost: %s\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n5\r\nkey=a\r\n0\r\n\r\n", host)
	if got := shownHead(t, r); !strings.Contains(got, "host: "+host) {
		t.Errorf("the page shows %q", got)
	}
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nhost: %s\r\nx-Lower: 1\r\n\r\n", host)
	if got := shownHead(t, r); !strings.Contains(got, "X-Lower: 1") {
		t.Errorf("the page shows %q, want the canonical name", got)
	}
}
