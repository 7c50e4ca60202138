package experiment

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// BrowserLimit is the most that browsers keep of a cookie, name and value together
// (RFC 6265bis, section 5.6), in bytes.
const BrowserLimit = 4096

// maxAnswer is the most of an answer's body that a client reads, in bytes.
const maxAnswer = 1 << 20

// Client is a browser of our own: it speaks HTTP to an instance over TCP, and
// keeps cookies in a small jar on the instance's clock. It may be used by one
// goroutine at a time; for two tabs of one browser see Tab.
type Client struct {
	in   *Instance
	name string
	host string // of its requests, "" for the instance's own address
	jar  *jar
}

// Client returns a browser without cookies. Its name is what people read: "Rahim's browser".
func (in *Instance) Client(name string) *Client {
	return &Client{in: in, name: name, jar: &jar{now: in.Now}}
}

// Under returns c, which from now on names host as the Host of its requests: that of the learner's
// own browser, whose request it carries on.
func (c *Client) Under(host string) *Client {
	c.host = host
	return c
}

// Tab returns another tab of the same browser, with the same jar.
func (c *Client) Tab(name string) *Client { return &Client{in: c.in, name: name, jar: c.jar} }

// Get sends a GET. query are names and values in turn.
func (c *Client) Get(path string, query ...string) *Exchange {
	if len(query) > 0 {
		path += "?" + pairs(query).Encode()
	}
	return c.send(http.MethodGet, path, "")
}

// Post sends a form. fields are names and values in turn.
func (c *Client) Post(path string, fields ...string) *Exchange {
	return c.send(http.MethodPost, path, pairs(fields).Encode())
}

// Set is POST /set.
func (c *Client) Set(key, value string) *Exchange { return c.Post("/set", "key", key, "value", value) }

func pairs(words []string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(words); i += 2 {
		v.Add(words[i], words[i+1])
	}
	return v
}

// Cookie returns the value of the session cookie that the browser keeps and would
// send, or "".
func (c *Client) Cookie() string { return c.jar.value(c.in.settings.CookieName) }

// Put makes value the session cookie that the browser keeps, as if a server had set it.
func (c *Client) Put(value string) {
	c.jar.put(&http.Cookie{Name: c.in.settings.CookieName, Value: value})
}

// PutFor is Put, and the browser keeps value for that many seconds.
func (c *Client) PutFor(value string, seconds int) {
	c.jar.put(&http.Cookie{Name: c.in.settings.CookieName, Value: value, MaxAge: seconds})
}

// Name is the client's name for people: "Rahim's browser".
func (c *Client) Name() string { return c.name }

// Drop throws the browser's cookies away.
func (c *Client) Drop() { c.jar.drop() }

// send sends one request over a connection of its own. Redirects are not followed.
func (c *Client) send(method, path, form string) *Exchange {
	r := c.in.run
	x := &Exchange{Client: c.name, Method: method, Path: path, Form: form, Cookie: c.jar.header(), At: c.in.Now()}
	// The transport does not wait for a connection that is being made when the run is stopped and its
	// server taken down: that connection knows of the run's context, and of no field that changes.
	address, app := c.in.listener.Addr().String(), c.in.app
	var wire *recorder
	var facts func(context.Context) trace.Packed
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(r.ctx, "tcp", address)
			if err != nil {
				return nil, err
			}
			if app != nil {
				facts = app.Expect(conn.LocalAddr().String(), c.name)
			}
			wire = &recorder{Conn: conn}
			return wire, nil
		},
	}
	req, err := http.NewRequestWithContext(r.ctx, method, "http://"+address+path, strings.NewReader(form))
	if err != nil {
		r.Fail(err)
	}
	req.Host = c.host // "" for that of the address
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.name)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if x.Cookie != "" {
		req.Header.Set("Cookie", x.Cookie)
	}
	began := time.Now()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		r.Fail(err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	resp.Body.Close()
	if err != nil {
		r.Fail(err)
	}
	x.Took = time.Since(began)
	x.Status, x.Header, x.Body, x.Bytes = resp.StatusCode, resp.Header, string(body), len(body)
	x.Sent, x.Received = wire.heads()
	for _, line := range resp.Header["Set-Cookie"] {
		if set, err := http.ParseSetCookie(line); err == nil {
			c.jar.put(set)
		}
	}
	if facts != nil {
		x.Facts = facts(r.ctx)
	}
	r.add(x)
	return x
}

// GetEach sends GET path with one session cookie after the other over one connection,
// until found accepts an answer. It returns how many requests it sent, and whether found
// accepted the last one. The run does not keep these exchanges: found gets only their Body
// and Status.
func (c *Client) GetEach(path string, cookies []string, found func(*Exchange) bool) (sent int, ok bool) {
	r, address := c.in.run, c.in.listener.Addr().String()
	transport := &http.Transport{
		DisableCompression: true, MaxConnsPerHost: 1,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return new(net.Dialer).DialContext(r.ctx, "tcp", address)
		},
	}
	defer transport.CloseIdleConnections()
	for i, cookie := range cookies {
		req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			r.Fail(err)
		}
		req.Header.Set("User-Agent", c.name)
		req.Header.Set("Cookie", c.in.settings.CookieName+"="+cookie)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			r.Fail(err)
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // to its end, so that the connection is used again
		resp.Body.Close()
		if err != nil {
			r.Fail(err)
		}
		if found(&Exchange{Status: resp.StatusCode, Body: string(body)}) {
			return i + 1, true
		}
	}
	return len(cookies), false
}

// maxHead is the most of a head that is kept, in bytes.
const maxHead = 32 << 10

// recorder remembers the heads that pass through a connection.
type recorder struct {
	net.Conn
	mu        sync.Mutex
	out, back []byte
}

func (w *recorder) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.out = append(w.out, p[:min(len(p), max(0, maxHead-len(w.out)))]...)
	w.mu.Unlock()
	return w.Conn.Write(p)
}

func (w *recorder) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.mu.Lock()
	w.back = append(w.back, p[:min(n, max(0, maxHead-len(w.back)))]...)
	w.mu.Unlock()
	return n, err
}

func (w *recorder) heads() (sent, received []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := func(b []byte) []string {
		head, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
		return strings.Split(string(head), "\r\n")
	}
	return lines(w.out), lines(w.back)
}

// Tamper returns a cookie's value with one part changed, and its signature as it was.
func (c *Client) Tamper(value, part, to string, at int) string {
	out, err := session.Tamper(value, part, to, at)
	if err != nil {
		c.in.run.Fail(err)
	}
	return out
}
