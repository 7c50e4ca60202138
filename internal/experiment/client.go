package experiment

import (
	"bytes"
	"context"
	"encoding/json"
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
// (RFC 6265bis, section 5.6). It is theirs, whatever a server thinks.
const BrowserLimit = 4096

// maxAnswer is the most of an answer's body that a client reads, in bytes.
const maxAnswer = 1 << 20

// Client is a browser of our own: it speaks HTTP to an instance over TCP, and
// keeps cookies in a small jar on the instance's clock. It may be used by one
// goroutine at a time; for two tabs of one browser see Tab.
type Client struct {
	in   *Instance
	name string
	jar  *jar
}

// Client returns a browser without cookies. Its name is what people read: "Rahim's browser".
func (in *Instance) Client(name string) *Client {
	return &Client{in: in, name: name, jar: &jar{now: in.Now}}
}

// Tab returns another tab of the same browser, with the same jar.
func (c *Client) Tab(name string) *Client { return &Client{in: c.in, name: name, jar: c.jar} }

// Exchange is a request of a Client and its answer, as the client saw them.
type Exchange struct {
	N      int    // in its run, from 1
	Client string // whose it is
	Note   string // what it was for, if that needs words
	At     time.Time

	Method, Path string   // with the query
	Sent         []string // the lines of the request's head as they left, the request line first
	Form         string   // the request's body
	Cookie       string   // the Cookie header that was sent, "" for none
	Received     []string // the lines of the answer's head as they came, the status line first
	Status       int
	Header       http.Header
	Body         string
	Bytes        int // of the body
	Took         time.Duration

	Facts trace.Packed // what the application noted of it; nil of another program
}

// size is about what x takes in memory, in bytes. It does not change once x is added.
func (x *Exchange) size() int {
	n := 2<<10 + len(x.Path) + len(x.Form) + len(x.Cookie) + x.Bytes
	for _, lines := range [][]string{x.Sent, x.Received, x.Received} { // the last are in Header too
		for _, line := range lines {
			n += len(line) + 16
		}
	}
	return n + len(x.Facts)
}

// For says what x was for.
func (x *Exchange) For(note string) *Exchange { x.Note = note; return x }

// SessionCookie returns the value of the session cookie that x carried, or "".
func (x *Exchange) SessionCookie() string {
	r := http.Request{Header: http.Header{"Cookie": {x.Cookie}}}
	if c, err := r.Cookie(CookieName); err == nil {
		return c.Value
	}
	return ""
}

// EnvelopeOf is what a cookie says of itself; zero if it is none of the engine's.
func EnvelopeOf(cookie string) session.Envelope {
	l, _ := session.Peel(cookie)
	e, _ := l.Envelope()
	return e
}

// ShownValue is the answer to a /get in short: its value as JSON, or "(missing)".
func (x *Exchange) ShownValue() string {
	if a := x.Answer(); a.Found {
		return string(a.Value)
	}
	return "(missing)"
}

// Shot is x beside another: a cookie, and the answer to a /get that it made.
func (x *Exchange) Shot(title, cookie string) Shot {
	return Shot{Title: title, Cookie: cookie, Exchange: x, Says: x.ShownValue()}
}

// Answer is what the application says in JSON; fields that an answer has not are zero.
type Answer struct {
	Op       string          `json:"op"`
	Key      string          `json:"key"`
	Found    bool            `json:"found"`
	Value    json.RawMessage `json:"value"`
	Bytes    int             `json:"bytes"`
	Lives    string          `json:"lives"`
	Keys     []string        `json:"keys"`
	Removed  int             `json:"removed"`
	IDBefore string          `json:"id_before"`
	Messages []string        `json:"messages"` // of /flashes
	Session  struct {
		Exists    bool   `json:"exists"`
		ID        string `json:"id"`
		Version   uint64 `json:"version"`
		Placement string `json:"placement"`
	} `json:"session"`

	// Of a refusal.
	Detail string `json:"detail"`
	Limit  string `json:"limit"`
	Size   int    `json:"size"`
	Max    int    `json:"max"`

	// Of /session.
	Exists      bool      `json:"exists"`
	ID          string    `json:"id"`
	Version     uint64    `json:"version"`
	Placement   string    `json:"placement"`
	Store       string    `json:"store"`
	Created     time.Time `json:"created"`
	Expires     time.Time `json:"expires"`
	IdleExpires time.Time `json:"idle_expires"`
	Values      []struct {
		Key   string          `json:"key"`
		Type  string          `json:"type"`
		Value json.RawMessage `json:"value"`
		Bytes int             `json:"bytes"`
		Lives string          `json:"lives"`
	} `json:"values"`
	CookieInfo struct {
		Bytes int    `json:"bytes"`
		Limit int    `json:"limit"`
		Key   string `json:"key"`
	} `json:"cookie"`
	Stats struct {
		Sessions int `json:"sessions"`
		Expired  int `json:"expired"`
		Bytes    int `json:"bytes"`
	} `json:"stats"`
}

// Answer returns the answer's JSON; zero if it is none.
func (x *Exchange) Answer() (a Answer) {
	_ = json.Unmarshal([]byte(x.Body), &a) // what is no JSON says nothing
	return a
}

// Value returns the value that the answer to a /get holds: a text without its
// quotes, anything else as JSON, and "" when it is missing.
func (x *Exchange) Value() string {
	a := x.Answer()
	if !a.Found {
		return ""
	}
	var text string
	if json.Unmarshal(a.Value, &text) == nil {
		return text
	}
	return string(a.Value)
}

// SetCookie returns the cookie that the answer sets, or nil.
func (x *Exchange) SetCookie() *http.Cookie {
	for _, line := range x.Header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil {
			return c
		}
	}
	return nil
}

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

// Put makes value the session cookie that the browser keeps, whoever it is from.
func (c *Client) Put(value string) {
	c.jar.put(&http.Cookie{Name: c.in.settings.CookieName, Value: value})
}

// PutFor is Put, and the browser keeps value for that many seconds.
func (c *Client) PutFor(value string, seconds int) {
	c.jar.put(&http.Cookie{Name: c.in.settings.CookieName, Value: value, MaxAge: seconds})
}

// Name is what people read of it: "Rahim's browser".
func (c *Client) Name() string { return c.name }

// Drop throws the browser's cookies away.
func (c *Client) Drop() { c.jar.drop() }

// send sends one request over a connection of its own. Redirects are not followed.
func (c *Client) send(method, path, form string) *Exchange {
	r := c.in.run
	x := &Exchange{Client: c.name, Method: method, Path: path, Form: form, Cookie: c.jar.header(), At: c.in.Now()}
	address := c.in.listener.Addr().String()
	var wire *recorder
	var facts func(context.Context) trace.Packed
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
			if err != nil {
				return nil, err
			}
			if app := c.in.app; app != nil {
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
// until found says so of an answer. It returns how many requests it sent. They are too
// many to be shown: an Exchange that found gets has its Body and Status only.
func (c *Client) GetEach(path string, cookies []string, found func(*Exchange) bool) (sent int, ok bool) {
	r, address := c.in.run, c.in.listener.Addr().String()
	transport := &http.Transport{
		DisableCompression: true, MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
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
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // to its end: then the connection serves again
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

// jar keeps cookies for one host (RFC 6265, section 5.3), on the instance's clock.
// All that our clients visit is below the path "/" of plain http, so that paths
// and Secure make no difference to it.
type jar struct {
	now func() time.Time

	mu      sync.Mutex
	cookies []stored
}

type stored struct {
	name, value string
	until       time.Time // zero: until the browser closes
}

// put keeps c, or forgets it when its age is up.
func (j *jar) put(c *http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	until := time.Time{}
	switch {
	case c.MaxAge > 0:
		until = j.now().Add(time.Duration(c.MaxAge) * time.Second)
	case c.MaxAge < 0:
		until = j.now()
	case !c.Expires.IsZero():
		until = c.Expires
	}
	at := -1
	for i := range j.cookies {
		if j.cookies[i].name == c.Name {
			at = i
		}
	}
	if at < 0 {
		j.cookies = append(j.cookies, stored{})
		at = len(j.cookies) - 1
	}
	j.cookies[at] = stored{c.Name, c.Value, until}
}

// live returns the cookies whose age is not up. The caller holds the lock.
func (j *jar) live() (out []stored) {
	for _, k := range j.cookies {
		if k.until.IsZero() || j.now().Before(k.until) {
			out = append(out, k)
		}
	}
	return out
}

// value returns that of the cookie of that name, or "".
func (j *jar) value(name string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, k := range j.live() {
		if k.name == name {
			return k.value
		}
	}
	return ""
}

// header returns the Cookie header to send, or "".
func (j *jar) header() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var pairs []string
	for _, k := range j.live() {
		pairs = append(pairs, k.name+"="+k.value)
	}
	return strings.Join(pairs, "; ")
}

func (j *jar) drop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cookies = nil
}

// Tamper returns a cookie's value with one part changed, and its signature as it was.
func (c *Client) Tamper(value, part, to string, at int) string {
	out, err := session.Tamper(value, part, to, at)
	if err != nil {
		c.in.run.Fail(err)
	}
	return out
}
