package app

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
)

// BenchmarkServe is one exchange of JSON from the request's head to the last
// byte of the answer, without net/http and the network, beside bare Echo that
// answers the same with the same headers and no session. Where the time goes:
//
//	go test ./internal/app -run '^$' -bench Serve/READ/server -cpuprofile cpu.out && go tool pprof -top -cum cpu.out
//
// Whole programs over the network are compared by internal/bench.
func BenchmarkServe(b *testing.B) {
	b.Run("READ/echo", func(b *testing.B) { benchmarkRead(b, bareEcho()) })
	b.Run("WRITE/echo", func(b *testing.B) { benchmarkWrite(b, bareEcho()) })
	for _, p := range []session.Placement{session.OnServer, session.Hybrid, session.InCookie} {
		a := newApp(b, func(c *Config) { c.Sessions.Placement, c.LogRequests = p, false })
		b.Run("READ/"+p.String(), func(b *testing.B) { benchmarkRead(b, a) })
		b.Run("WRITE/"+p.String(), func(b *testing.B) { benchmarkWrite(b, a) })
	}
}

func benchmarkRead(b *testing.B, h http.Handler) {
	c := newExchange(h)
	c.write(b, "Rahim")
	read := c.request(http.MethodGet, "/get?key=name", "")
	b.ReportAllocs()
	for b.Loop() {
		c.serve(b, read, "", `"value":"Rahim"`)
	}
}

func benchmarkWrite(b *testing.B, h http.Handler) {
	c := newExchange(h)
	c.write(b, "Rahim")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.write(b, [2]string{"Karim", "Rahim"}[i%2])
	}
}

// exchange is a client that costs next to nothing, and the response that it reads.
type exchange struct {
	h      http.Handler
	post   *http.Request
	header http.Header
	status int
	body   []byte
	cookie []string // of the Cookie header
}

func newExchange(h http.Handler) *exchange {
	c := &exchange{h: h, header: http.Header{}, cookie: []string{cookieName + "=none"}}
	c.post = c.request(http.MethodPost, "/set", "key=name&value=Rahim&type=text")
	c.post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c
}

func (c *exchange) request(method, target, body string) *http.Request {
	r, err := http.NewRequest(method, origin+target, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.RequestURI, r.RemoteAddr = target, "127.0.0.1:50000"
	r.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"curl/8"}}
	return r
}

func (c *exchange) write(b *testing.B, value string) {
	c.serve(b, c.post, "key=name&value="+value+"&type=text", `"value":"`+value+`"`)
}

// serve sends a copy of r with that body, and fails unless the answer has want in it.
func (c *exchange) serve(b *testing.B, r *http.Request, body, want string) {
	req := *r
	req.Header["Cookie"] = c.cookie
	req.Body = io.NopCloser(strings.NewReader(body))
	clear(c.header)
	c.status, c.body = http.StatusOK, c.body[:0]
	c.h.ServeHTTP(c, &req)
	if c.status != http.StatusOK || !strings.Contains(string(c.body), want) {
		b.Fatalf("%s %s answered %d %s, want %s in it", r.Method, r.URL.Path, c.status, c.body, want)
	}
	if set := c.header["Set-Cookie"]; set != nil {
		pair, _, _ := strings.Cut(set[0], ";")
		c.cookie = []string{pair}
	}
}

func (c *exchange) Header() http.Header         { return c.header }
func (c *exchange) WriteHeader(status int)      { c.status = status }
func (c *exchange) Write(p []byte) (int, error) { c.body = append(c.body, p...); return len(p), nil }

// bareEcho answers what the app answers, as if there were a session.
func bareEcho() http.Handler {
	e := echo.New()
	e.Pre(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			maps.Copy(c.Response().Header(), fixedHeaders)
			return next(c)
		}
	})
	type sessionJSON struct {
		Exists    bool   `json:"exists"`
		ID        string `json:"id"`
		Version   int    `json:"version"`
		Placement string `json:"placement"`
	}
	type answer struct {
		Op      string      `json:"op"`
		Key     string      `json:"key"`
		Value   string      `json:"value"`
		Type    string      `json:"type"`
		Bytes   int         `json:"bytes"`
		Lives   string      `json:"lives"`
		Session sessionJSON `json:"session"`
	}
	session := sessionJSON{true, "0f83ce66", 1, "server"}
	e.GET("/get", func(c echo.Context) error {
		return c.JSON(http.StatusOK, answer{"get", c.QueryParam("key"), "Rahim", "text", 7, "server", session})
	})
	e.POST("/set", func(c echo.Context) error {
		return c.JSON(http.StatusOK, answer{"set", c.FormValue("key"), c.FormValue("value"), "text", 7, "server", session})
	})
	return e
}
