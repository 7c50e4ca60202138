package experiment

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// jar keeps cookies for one host (RFC 6265, section 5.3), on the instance's clock.
// Clients visit one path, "/", over plain http, so the jar ignores paths and Secure.
type jar struct {
	now func() time.Time

	mu      sync.Mutex
	cookies []stored
}

type stored struct {
	name, value string
	until       time.Time // zero: until the browser closes
}

// put keeps c, or forgets the cookie of its name when c has expired already.
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

// live returns the cookies that have not expired. The caller holds the lock.
func (j *jar) live() (out []stored) {
	for _, k := range j.cookies {
		if k.until.IsZero() || j.now().Before(k.until) {
			out = append(out, k)
		}
	}
	return out
}

// value returns the value of the cookie of that name, or "".
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
