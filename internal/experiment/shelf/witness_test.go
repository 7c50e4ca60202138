package shelf_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

// seen is a request to a private server and its answer, as they passed by.
type seen struct {
	host, method, path string // with the query
	form               url.Values
	cookie             string // its session cookie's value, "" for none
	cookies            string // the whole Cookie header
	client             string // the User-Agent
	status             int
	setCookie          string // the first Set-Cookie line, "" for none
	body               string
	answer             map[string]any // the body, if it is a JSON object
}

// value is the value of an answer to /get, "" for a missing one.
func (s seen) value() string { text, _ := s.answer["value"].(string); return text }

// sent is the value of the session cookie that the answer sets, "" for none and for an empty one.
func (s seen) sent() string {
	if c, err := http.ParseSetCookie(s.setCookie); err == nil {
		return c.Value
	}
	return ""
}

// witness stands before each private server and writes down what passes.
type witness struct {
	mu   sync.Mutex
	seen []seen
}

func (w *witness) wrap(_ string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		s := seen{host: r.Host, method: r.Method, path: r.URL.RequestURI(), cookies: r.Header.Get("Cookie"), client: r.UserAgent()}
		s.form, _ = url.ParseQuery(string(body))
		if c, err := r.Cookie(experiment.CookieName); err == nil {
			s.cookie = c.Value
		}
		copied := &copying{ResponseWriter: rw, status: http.StatusOK}
		next.ServeHTTP(copied, r)
		s.status, s.setCookie, s.body = copied.status, copied.sent, copied.body.String()
		_ = json.Unmarshal(copied.body.Bytes(), &s.answer)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, s)
	})
}

// copying is a ResponseWriter that keeps what is written.
type copying struct {
	http.ResponseWriter
	status int
	wrote  bool
	sent   string
	body   bytes.Buffer
}

func (c *copying) WriteHeader(status int) {
	if !c.wrote {
		c.wrote, c.status, c.sent = true, status, c.Header().Get("Set-Cookie")
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *copying) Write(p []byte) (int, error) {
	if !c.wrote {
		c.WriteHeader(http.StatusOK)
	}
	c.body.Write(p)
	return c.ResponseWriter.Write(p)
}

func (c *copying) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// payload is what comes out of a cookie's value without a key.
func payload(value string) []byte {
	outer, _ := base64.URLEncoding.DecodeString(value)
	if parts := bytes.SplitN(outer, []byte("|"), 3); len(parts) == 3 {
		inner, _ := base64.URLEncoding.DecodeString(string(parts[1]))
		return inner
	}
	return nil
}

// namedIn is the short name of the session whose ID a cookie of ours carries.
func namedIn(cookie string) string {
	l, _ := session.Peel(cookie)
	e, ok := l.Envelope()
	if !ok {
		return ""
	}
	return session.KeyOf(e.ID).Name().String()
}
