package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/sessionscope/sessionscope/internal/experiment/private"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// The tests run on a machine whose table of types is wrong, as Windows' registry and /etc/mime.types often
// are: whatever asked it would send style sheets and pages as plain text.
func TestMain(m *testing.M) {
	for _, ext := range []string{".css", ".csv", ".html", ".js", ".json", ".svg", ".txt"} {
		if err := mime.AddExtensionType(ext, wrongType); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

const wrongType = "application/x-wrong"

const (
	origin     = "http://127.0.0.1:8080"
	cookieName = "sessionscope"
)

// newApp returns an application over the memory store.
func newApp(t testing.TB, change func(*Config)) *App {
	t.Helper()
	cfg := Config{
		Sessions: session.Config{
			Backend: memory.New(memory.Config{MaxSessions: 100}), CookieName: cookieName,
			Secrets: [][]byte{[]byte("a secret of at least 32 bytes, for tests only")},
		},
		StoreName: "memory", Hosts: Hosts{"127.0.0.1:8080": true, "localhost:8080": true},
		Assets: os.DirFS("../../web"), Version: "test", Licence: "the program's own licence", Log: slog.New(slog.DiscardHandler), LogRequests: true,
		Stores: private.Stores("redis://127.0.0.1:1/0"), Seats: 32,
	}
	if change != nil {
		change(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// browser sends requests straight to the router and keeps cookies. It follows no redirects.
type browser struct {
	t    testing.TB
	h    http.Handler
	jar  http.CookieJar
	form answerForm // which of the three answers to ask for
}

// request makes a request as this browser would send it.
func (b *browser) request(method, target, body string) *http.Request {
	target, proof := proofIn(target)
	r := httptest.NewRequest(method, origin+target, strings.NewReader(body))
	if proof != "" {
		r.Header.Set(trace.PageHeader, proof)
	}
	r.Host = "127.0.0.1:8080"
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
	}
	asksFor(r, b.form)
	u, _ := url.Parse(origin)
	for _, c := range b.jar.Cookies(u) {
		r.AddCookie(c)
	}
	return r
}

func (b *browser) send(r *http.Request) answer {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.h.ServeHTTP(typed{w, b.t}, r)
	resp := w.Result()
	body, _ := io.ReadAll(resp.Body)
	if kind := resp.Header.Get("Content-Type"); strings.HasPrefix(kind, wrongType) {
		b.t.Errorf("%s %s: the type %s is the machine's", r.Method, r.URL, kind)
	}
	u, _ := url.Parse(origin)
	b.jar.SetCookies(u, resp.Cookies())
	set := map[string]bool{}
	for _, line := range resp.Header["Set-Cookie"] {
		name, _, _ := strings.Cut(line, "=")
		if set[name] {
			b.t.Errorf("%s %s: two Set-Cookie lines of one name: %q", r.Method, r.URL, resp.Header["Set-Cookie"])
		}
		set[name] = true
	}
	return answer{resp, b.t, string(body)}
}

// typed is the recorder of an answer that must name its type: net/http would guess it from the bytes.
type typed struct {
	*httptest.ResponseRecorder
	t testing.TB
}

func (w typed) Write(b []byte) (int, error) {
	if w.Header().Get("Content-Type") == "" && len(b) > 0 {
		w.t.Errorf("an answer without a type: %.200s", b)
	}
	return w.ResponseRecorder.Write(b)
}

func (b *browser) get(target string) answer {
	b.t.Helper()
	return b.send(b.request("GET", target, ""))
}

// post sends a form: post("/set", "key", "name", "value", "Rahim").
func (b *browser) post(target string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.send(b.request("POST", target, form.Encode()))
}

func (b *browser) cookie() string {
	u, _ := url.Parse(origin)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == cookieName {
			return c.Value
		}
	}
	return ""
}

func newBrowser(t testing.TB, h http.Handler, f answerForm) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, h, jar, f}
}

var forms = map[string]answerForm{"page": formPage, "fragment": formFragment, "JSON": formJSON}

// proofIn cuts the field "page" out of a target. In these tests it stands for the header in
// which a page's script shows its visit's secret.
func proofIn(target string) (rest, proof string) {
	path, query, _ := strings.Cut(target, "?")
	var kept []string
	for field := range strings.SplitSeq(query, "&") {
		if secret, found := strings.CutPrefix(field, "page="); found && secret != "class" { // the class page says which it is
			proof = secret
		} else if field != "" {
			kept = append(kept, field)
		}
	}
	if len(kept) > 0 {
		path += "?" + strings.Join(kept, "&")
	}
	return path, proof
}

type answer struct {
	*http.Response
	t    testing.TB
	body string
}

// want checks the status, and that the body contains the words.
func (a answer) want(status int, words ...string) answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Errorf("status %d, want %d: %.300s", a.StatusCode, status, a.body)
	}
	for _, w := range words {
		if !strings.Contains(a.body, w) {
			a.t.Errorf("the answer does not say %q: %.2000s", w, a.body)
		}
	}
	return a
}

// wantNo checks that the body contains none of the words.
func (a answer) wantNo(words ...string) answer {
	a.t.Helper()
	for _, w := range words {
		if strings.Contains(a.body, w) {
			a.t.Errorf("the answer says %q", w)
		}
	}
	return a
}

func (a answer) json() map[string]any {
	a.t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return out
}

// step is a request to one of the routes, and what it is answered after the steps before it.
type step struct {
	method, target string
	form           []string // names and values
	wantCookie     bool     // a Set-Cookie in the answer
	wantOp         string   // in JSON
	wantSays       string   // on the page or in the fragment
}

// do sends the request of a step.
func (b *browser) do(s step) answer {
	b.t.Helper()
	if s.method == "GET" {
		return b.get(s.target)
	}
	return b.post(s.target, s.form...)
}

// actions are requests of a browser without a session, and then with one: all that need no
// copy of a cookie, no visit and no run.
var actions = []step{
	{"GET", "/", nil, false, "lab", "This browser has no session."},
	{"GET", "/get?key=name", nil, false, "get", "is missing"},
	{"GET", "/keys", nil, false, "keys", "no keys to list"},
	{"GET", "/session", nil, false, "", "This browser has no session."},
	{"POST", "/delete", []string{"key", "name"}, false, "delete", "nothing to delete"},
	{"POST", "/clear", nil, false, "clear", "nothing to clear"},
	{"POST", "/flush", nil, false, "flush", "nothing to flush"},
	{"POST", "/cycle-id", nil, false, "cycle-id", "no ID to change"},
	{"POST", "/expiry", []string{"seconds", "5"}, false, "expiry", "nothing that could expire"},
	{"POST", "/placement", []string{"placement", "cookie"}, false, "placement", "every value lives in the cookie"},
	{"POST", "/logout", nil, false, "logout", "Nobody was logged in"},
	{"POST", "/clear-expired", nil, false, "clear-expired", "holds no expired record"},
	{"POST", "/set", []string{"key", "name", "value", "Rahim"}, true, "set", "This first write created a session"},
	{"POST", "/set", []string{"key", "name", "value", "Rahim"}, false, "set", "Nothing changed"},
	{"POST", "/set", []string{"key", "n", "value", "7", "type", "number"}, true, "set", "new cookie"},
	{"GET", "/get?key=name", nil, false, "get", "Reading changes nothing"},
	{"GET", "/keys", nil, false, "keys", "2 keys: "},
	{"GET", "/session", nil, false, "", "This browser has a session"},
	{"GET", "/", nil, false, "lab", "This browser has a session"},
	{"POST", "/delete", []string{"key", "n"}, true, "delete", "The session itself stays"},
	{"POST", "/delete", []string{"key", "n"}, false, "delete", "no write"},
	{"POST", "/cycle-id", nil, true, "cycle-id", "the absolute lifetime is as it was"},
	{"POST", "/expiry", []string{"seconds", "60"}, true, "expiry", "60 seconds after its last write"},
	{"POST", "/expiry", []string{"seconds", "0"}, true, "expiry", "has no Max-Age any more"},
	{"POST", "/expiry", []string{"seconds", ""}, true, "expiry", "Back to the policy"},
	{"POST", "/placement", []string{"placement", "server"}, true, "placement", "the cookie carries only the ID"},
	{"POST", "/placement", []string{"placement", "server"}, false, "placement", "It is so already"},
	{"POST", "/set", []string{"key", "name", "value", "Karim"}, false, "set", "The cookie stays as it is"},
	{"POST", "/placement", []string{"placement", "cookie"}, true, "placement", "has a new ID"},
	{"POST", "/login", []string{"user", "ada"}, true, "login", "Every login changes the ID"},
	{"POST", "/clear", nil, true, "clear", "2 keys"},
	{"POST", "/logout", nil, true, "logout", "has ended for good"},
	{"POST", "/login", []string{"user", "ada"}, true, "login", "its ID is new"},
	{"POST", "/flush", nil, true, "flush", "has ended for good"},
}

func wantUniqueIDs(t *testing.T, label, body string) {
	t.Helper()
	seen := map[string]bool{}
	for _, part := range strings.Split(body, ` id="`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		if seen[id] {
			t.Errorf("%s: two elements have the id %q", label, id)
		}
		seen[id] = true
	}
	if len(seen) < 10 {
		t.Errorf("%s: only %d ids were found", label, len(seen))
	}
}

// about returns what a JSON answer says of the session.
func about(a answer) map[string]any {
	a.t.Helper()
	return a.json()["session"].(map[string]any)
}

// id returns the session's short name, "" without a session.
func id(a answer) string {
	a.t.Helper()
	name, _ := about(a)["id"].(string)
	return name
}

// sent returns the session cookie that a sets. It fails the test if there is none.
func sent(a answer) *http.Cookie {
	a.t.Helper()
	cookies := a.Cookies()
	if len(cookies) != 1 || cookies[0].Name != cookieName || !cookies[0].HttpOnly || cookies[0].Path != "/" || cookies[0].SameSite != http.SameSiteLaxMode {
		a.t.Fatalf("cookies %v", cookies)
	}
	return cookies[0]
}

var errDown = errors.New("the store is down")

// failing returns a store that fails each operation while down is true.
func failing(down *atomic.Bool) session.Backend {
	return &storetest.Hooked{Backend: memory.New(memory.Config{MaxSessions: 10}), Hook: func(context.Context, string) (before, after error) {
		if down.Load() {
			return errDown, nil
		}
		return nil, nil
	}}
}

// asksFor gives a request the headers of a client that wants that form.
func asksFor(r *http.Request, wants answerForm) {
	switch wants {
	case formPage:
		r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	case formFragment:
		r.Header.Set("Accept", "text/html, text/event-stream")
		r.Header.Set("HX-Request", "true")
	case formJSON:
		r.Header.Set("Accept", "application/json")
	}
}
