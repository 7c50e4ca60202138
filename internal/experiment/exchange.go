package experiment

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Exchange is a request of a Client and its answer, as the client saw them.
type Exchange struct {
	N      int    // its number in the run, counted from 1
	Client string // the name of the client that sent it
	Note   string // what the request was for, or ""
	At     time.Time

	Method, Path string   // with the query
	Sent         []string // the lines of the request's head as they left, the request line first
	Form         string   // the request's body
	Cookie       string   // the Cookie header that was sent, "" for none
	Received     []string // the lines of the answer's head as they came, the status line first
	Status       int
	Header       http.Header
	Body         string
	Bytes        int // the size of the body
	Took         time.Duration

	Facts trace.Packed // what the application noted of the exchange; nil for another program
}

// size returns about how many bytes of memory x takes. The size does not change after x was added.
func (x *Exchange) size() int {
	n := 2<<10 + len(x.Path) + len(x.Form) + len(x.Cookie) + x.Bytes
	for _, lines := range [][]string{x.Sent, x.Received, x.Received} { // the lines of Received are in Header too
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

// EnvelopeOf returns the envelope in a cookie of the engine; zero for any other cookie.
func EnvelopeOf(cookie string) session.Envelope {
	l, _ := session.Peel(cookie)
	e, _ := l.Envelope()
	return e
}

// ShownValue returns the answer to a /get in short: its value as JSON, or "(missing)".
func (x *Exchange) ShownValue() string {
	if a := x.Answer(); a.Found {
		return string(a.Value)
	}
	return "(missing)"
}

// Shot returns x, a GET of /get, as a Shot: its cookie and its answer.
func (x *Exchange) Shot(title, cookie string) Shot {
	return Shot{Title: title, Cookie: cookie, Exchange: x, Says: x.ShownValue()}
}

// Answer is what the application says in JSON. Fields that an answer lacks are zero.
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

// Answer returns the answer's JSON; zero for an answer that is not JSON.
func (x *Exchange) Answer() (a Answer) {
	_ = json.Unmarshal([]byte(x.Body), &a) // an answer that is not JSON stays zero
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
