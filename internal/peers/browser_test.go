package peers

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// patience is how long an answer may take.
const patience = 12 * time.Second

// maxCookie is how many bytes of name and value a browser keeps; a larger cookie it ignores
// (RFC 6265bis, section 5.7).
const maxCookie = 4096

// browser sends requests and keeps cookies. It never forgets one because of its age, so that
// the clocks that it meets are the server's.
type browser struct {
	base string
	mu   sync.Mutex
	jar  map[string]string
}

// answer is what came back. Its error tells that nothing came within patience.
type answer struct {
	Status  int
	Found   bool
	Value   string
	Keys    []string
	Cookies []*http.Cookie
	Took    time.Duration
	Err     error
}

// ok tells whether the answer is a success.
func (a answer) ok() bool { return a.Err == nil && a.Status/100 == 2 }

// copy returns another browser with the same cookies.
func (b *browser) copy() *browser {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &browser{base: b.base, jar: maps.Clone(b.jar)}
}

// cookies returns the Cookie header.
func (b *browser) cookies() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var pairs []string
	for name, value := range b.jar {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

func (b *browser) get(key string) answer {
	return b.send(http.MethodGet, "/get?key="+url.QueryEscape(key), nil)
}

func (b *browser) set(key, value string) answer { return b.post("/set", "key", key, "value", value) }

// slowSet sets a key in a request that waits for d between load and save.
func (b *browser) slowSet(key, value string, d time.Duration) answer {
	return b.post("/set", "key", key, "value", value, "hold", d.String())
}

// post sends a form of names and values.
func (b *browser) post(path string, fields ...string) answer {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.send(http.MethodPost, path, form)
}

func (b *browser) send(method, path string, form url.Values) (a answer) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, b.base+path, body)
	if err != nil {
		return answer{Err: err}
	}
	r.Header.Set("Accept", "application/json")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if line := b.cookies(); line != "" {
		r.Header.Set("Cookie", line)
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	begun := time.Now()
	resp, err := client.Do(r)
	if err != nil {
		return answer{Err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{Err: err}
	}
	json.Unmarshal(text, &a) // an error's page is no JSON
	a.Status, a.Cookies, a.Took = resp.StatusCode, resp.Cookies(), time.Since(begun)
	b.keep(a.Cookies)
	return a
}

// keep takes the cookies of an answer as a browser does.
func (b *browser) keep(cookies []*http.Cookie) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range cookies {
		switch gone := c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()); {
		case gone:
			delete(b.jar, c.Name)
		case len(c.Name)+len(c.Value) <= maxCookie:
			b.jar[c.Name] = c.Value
		}
	}
}
