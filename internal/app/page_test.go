package app

import (
	"bufio"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/trace"
)

var visitToken = regexp.MustCompile(`data-secret="([^"]+)"`)

// visit opens the page at target and returns its visit's secret.
func (b *browser) visit(target string) string {
	b.t.Helper()
	before := b.form
	b.form = formPage
	a := b.get(target).want(200)
	b.form = before
	secret := a.secret()
	if secret == "" {
		b.t.Fatalf("%s has no visit", target)
	}
	return secret
}

// openLab starts an application and opens the lab in a browser that asks for answers of the
// form f from then on. v is the secret of the page's visit.
func openLab(t testing.TB, f answerForm) (h *App, b *browser, v string) {
	t.Helper()
	h = newApp(t, nil)
	b = newBrowser(t, h, f)
	return h, b, b.visit("/")
}

// openFailing is openLab over a store that fails each operation while down is true.
func openFailing(t *testing.T, f answerForm) (b *browser, v string, down *atomic.Bool) {
	t.Helper()
	down = new(atomic.Bool)
	b = newBrowser(t, newApp(t, func(c *Config) { c.Sessions.Backend = failing(down) }), f)
	return b, b.visit("/"), down
}

// secret returns the secret of the page's visit, "" if the page has none.
func (a answer) secret() string {
	if m := visitToken.FindStringSubmatch(a.body); m != nil {
		return m[1]
	}
	return ""
}

// entries returns the lines of the page's timeline, as text.
func (a answer) entries() (out []string) {
	a.t.Helper()
	_, timeline, _ := strings.Cut(a.body, `<ol>`)
	if at := strings.Index(a.body, `id="timeline-scroll"`); at >= 0 {
		timeline = a.body[at:]
	}
	timeline, _, _ = strings.Cut(timeline, "</ol>")
	for item := range strings.SplitSeq(timeline, "</li>") {
		if _, item, ok := strings.Cut(item, "</time>"); ok {
			out = append(out, strings.Join(strings.Fields(textOnly(item)), " "))
		}
	}
	return out
}

// textOnly removes the tags from HTML.
func textOnly(s string) string {
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(s, " "))
}

// region returns the text of the element with that id, up to the end mark.
func (a answer) region(id, end string) string {
	a.t.Helper()
	_, s, ok := strings.Cut(a.body, `id="`+id+`"`)
	if !ok {
		a.t.Fatalf("no element %q: %.500s", id, a.body)
	}
	s, _, _ = strings.Cut(s, end)
	return strings.Join(strings.Fields(textOnly("<"+s)), " ")
}

// wantEntries checks the timeline: each of its lines begins with one of want.
func (a answer) wantEntries(want ...string) {
	a.t.Helper()
	got := a.entries()
	if len(got) != len(want) {
		a.t.Fatalf("the timeline is %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			a.t.Errorf("moment %d is %q, want %q", i+1, got[i], want[i])
		}
	}
}

// newClientOf returns a client for real connections. It keeps cookies, and follows no redirects.
func newClientOf(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// fetch sends r and reads the whole answer.
func fetch(t *testing.T, cl *http.Client, r *http.Request) answer {
	t.Helper()
	resp, err := cl.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, t, string(body)}
}

// get fetches url with headers, given as names and values. Its field "page" becomes the header
// that shows a visit's secret.
func get(t *testing.T, cl *http.Client, url string, headers ...string) answer {
	t.Helper()
	url, proof := proofIn(url)
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if proof != "" {
		r.Header.Set(trace.PageHeader, proof)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return fetch(t, cl, r)
}

// openVisit opens the lab at url and returns its visit's secret.
func openVisit(t *testing.T, cl *http.Client, url string) string {
	t.Helper()
	secret := get(t, cl, url, "Accept", "text/html").secret()
	if secret == "" {
		t.Fatal("the page has no visit")
	}
	return secret
}

// serveLab starts a server of an application and opens its lab. v is the secret of the page's
// visit.
func serveLab(t *testing.T) (h *App, base string, cl *http.Client, v string) {
	t.Helper()
	h, addr := serve(t, nil)
	cl, base = newClientOf(t), "http://"+addr
	return h, base, cl, openVisit(t, cl, base+"/")
}

// reading reads an event stream until a message contains all the words, and returns it.
func reading(t *testing.T, r *bufio.Reader, words ...string) string {
	t.Helper()
	message := ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ended before it said %q: %v\nlast: %.2000s", words, err, message)
		}
		if line != "\n" {
			message += strings.TrimPrefix(line, "data: ")
			continue
		}
		missing := false
		for _, w := range words {
			missing = missing || !strings.Contains(message, w)
		}
		if !missing {
			return message
		}
		message = ""
	}
}

// openStream opens the event stream of a visit. It ends with the test.
func openStream(t *testing.T, cl *http.Client, url string) (*http.Response, *bufio.Reader) {
	t.Helper()
	url, proof := proofIn(url)
	r, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	r.Header.Set("HX-Request", "true")
	if proof != "" {
		r.Header.Set(trace.PageHeader, proof)
	}
	resp, err := cl.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp, bufio.NewReader(resp.Body)
}

// waitFor polls until done returns true, for what another goroutine does. Only a failure takes
// the minute that it waits at most.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come")
		}
	}
}

// proved returns the visit of that secret on the first browser's pages.
func proved(a *App, secret string) *hub.Visit {
	v, _ := a.hub.Prove(secret, a.seats.Root)
	return v
}
