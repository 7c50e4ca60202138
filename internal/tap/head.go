package tap

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Head is what a connection knows of a request.
type Head struct {
	Lines  []string // the header lines as they came, without the request line; nil if they are not known
	Bytes  int      // size of the whole head; 0 if it is not known
	Answer *Answer  // nil without a tapped connection

	conn *conn // nil without a tapped connection
}

// HeadOf returns what the connection of r knows. It must be called once for each request,
// at the beginning of its handler. If Lines are not known, r.Header has to do. Without
// want it only prepares the connection for the next request.
func HeadOf(r *http.Request, want bool) (h Head) {
	c, ok := r.Context().Value(key{}).(*conn)
	if !ok {
		return h
	}
	h.conn = c
	if want {
		h.Answer = &Answer{began: time.Now(), length: -1, done: make(chan struct{})}
	}
	c.answer.Store(h.Answer)
	c.mu.Lock()
	defer c.mu.Unlock()
	head, rest, found := bytes.Cut(c.read, []byte("\r\n\r\n"))
	first, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if c.lost || !found || !isRequestLine(first, r) {
		c.lose()
		return h
	}
	if want {
		h.Bytes = len(head) + len("\r\n\r\n")
		h.Lines = []string{} // not nil: this head has no header lines
		if len(fields) > 0 {
			h.Lines = strings.Split(string(fields), "\r\n")
		}
		if slices.ContainsFunc(h.Lines, odd) {
			h.Lines, h.Bytes = nil, 0
		}
	}
	if r.ContentLength < 0 { // chunked: only net/http knows where the body ends
		c.lose()
	} else {
		body := min(r.ContentLength, int64(len(rest)))
		c.skip = r.ContentLength - body
		if c.room > 0 || c.skip > 0 {
			c.read = nil // frees the memory: it is large, or the next head may be far away
		}
		c.read = append(c.read[:0], rest[body:]...)
	}
	return h
}

// Answered tells the connection that nobody keeps this head any more, so that it may give
// its room back.
func (h Head) Answered() {
	c := h.conn
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.read) <= usual { // if there is more, it is the next request, whose long head keeps the room
		c.giveRoom()
	}
}

// odd tells that a line is not exactly one header field. It may be the second line of a
// folded field, or two fields with a bare line feed between. net/http reads such lines in
// its own way, so that only r.Header says which cookies are in them.
func odd(line string) bool {
	name, _, ok := strings.Cut(line, ":")
	return !ok || name == "" || strings.ContainsAny(name, " \t\"(),/;<=>?@[\\]{}") || strings.ContainsAny(line, "\n\r")
}

// isRequestLine tells whether line is the request line of r.
func isRequestLine(line []byte, r *http.Request) bool {
	method, line, _ := bytes.Cut(line, []byte(" "))
	uri, proto, _ := bytes.Cut(line, []byte(" "))
	return string(method) == r.Method && string(uri) == r.RequestURI && string(proto) == r.Proto
}
