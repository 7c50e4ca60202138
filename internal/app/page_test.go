package app

import (
	"bufio"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/trace"
)

var visitToken = regexp.MustCompile(`data-secret="([^"]+)"`)

// visit opens the lab and returns its visit's token.
func (b *browser) visit(target string) string {
	b.t.Helper()
	before := b.form
	b.form = formPage
	a := b.get(target).want(200)
	b.form = before
	m := visitToken.FindStringSubmatch(a.body)
	if m == nil {
		b.t.Fatalf("%s has no visit", target)
	}
	return m[1]
}

// secret is that of the visit which a page belongs to, "" for none.
func (a answer) secret() string {
	if m := visitToken.FindStringSubmatch(a.body); m != nil {
		return m[1]
	}
	return ""
}

// entries are the lines of the timeline on a page, as text.
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

// textOnly takes the tags out.
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

// client is a browser over real connections. It keeps cookies and follows nothing.
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

// openVisit opens the lab at url and returns the visit's token.
func openVisit(t *testing.T, cl *http.Client, url string) string {
	t.Helper()
	m := visitToken.FindStringSubmatch(get(t, cl, url, "Accept", "text/html").body)
	if m == nil {
		t.Fatal("the page has no visit")
	}
	return m[1]
}

// reading reads an event stream until a message has the words.
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

// stream opens the event stream of a visit.
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

// waitFor waits for what another goroutine does.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !done(); {
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
