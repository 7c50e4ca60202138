package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/private"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
	"github.com/sessionscope/sessionscope/internal/trace"
)

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
		Assets: os.DirFS("../../web"), Version: "test", Log: slog.New(slog.DiscardHandler), LogRequests: true,
		Stores: private.Stores("redis://127.0.0.1:1/0"),
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

// browser sends requests straight to the router and keeps cookies. It follows nothing.
type browser struct {
	t    testing.TB
	h    http.Handler
	jar  http.CookieJar
	form form // which of the three answers to ask for
}

func newBrowser(t testing.TB, h http.Handler, f form) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, h, jar, f}
}

var forms = map[string]form{"page": formPage, "fragment": formFragment, "JSON": formJSON}

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
	switch b.form {
	case formPage:
		r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	case formFragment:
		r.Header.Set("Accept", "text/html, text/event-stream")
		r.Header.Set("HX-Request", "true")
	case formJSON:
		r.Header.Set("Accept", "application/json")
	}
	u, _ := url.Parse(origin)
	for _, c := range b.jar.Cookies(u) {
		r.AddCookie(c)
	}
	return r
}

// proofIn takes the field "page" out of a target: it stands for the header by which a
// page's script shows the secret of its visit.
func proofIn(target string) (rest, proof string) {
	path, query, _ := strings.Cut(target, "?")
	var kept []string
	for field := range strings.SplitSeq(query, "&") {
		if secret, is := strings.CutPrefix(field, "page="); is {
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

func (b *browser) send(r *http.Request) answer {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	resp := w.Result()
	body, _ := io.ReadAll(resp.Body)
	u, _ := url.Parse(origin)
	b.jar.SetCookies(u, resp.Cookies())
	if n := len(resp.Header["Set-Cookie"]); n > 1 {
		b.t.Errorf("%s %s: %d Set-Cookie headers", r.Method, r.URL, n)
	}
	return answer{resp, b.t, string(body)}
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

// routes are all actions, in an order that makes sense with a session, and what
// each says in each form.
var routes = []struct {
	method, target string
	form           []string
	wantCookie     bool   // a Set-Cookie in answer to it, given the session of the actions before
	wantOp         string // in JSON
	wantSays       string // on the page or in the fragment
}{
	{"GET", "/", nil, false, "lab", "This browser has no session."},
	{"GET", "/get?key=name", nil, false, "get", "is missing"},
	{"GET", "/keys", nil, false, "keys", "no keys to list"},
	{"GET", "/session", nil, false, "", "This browser has no session."},
	{"POST", "/delete", []string{"key", "name"}, false, "delete", "nothing to delete"},
	{"POST", "/clear", nil, false, "clear", "nothing to clear"},
	{"POST", "/flush", nil, false, "flush", "nothing to flush"},
	{"POST", "/cycle-id", nil, false, "cycle-id", "no ID to change"},
	{"POST", "/expiry", []string{"seconds", "5"}, false, "expiry", "nothing that could expire"},
	{"POST", "/placement", []string{"placement", "cookie"}, false, "placement", "every value rides in the cookie"},
	{"POST", "/logout", nil, false, "logout", "Nobody was logged in"},
	{"POST", "/clear-expired", nil, false, "clear-expired", "No expired record"},
	{"POST", "/set", []string{"key", "name", "value", "Rahim"}, true, "set", "A session was born"},
	{"POST", "/set", []string{"key", "name", "value", "Rahim"}, false, "set", "Nothing changed"},
	{"POST", "/set", []string{"key", "n", "value", "7", "type", "number"}, true, "set", "new cookie"},
	{"GET", "/get?key=name", nil, false, "get", "Reading changes nothing"},
	{"GET", "/keys", nil, false, "keys", "2 keys: "},
	{"GET", "/session", nil, false, "", "This browser has a session"},
	{"GET", "/", nil, false, "lab", "This browser has a session"},
	{"POST", "/delete", []string{"key", "n"}, true, "delete", "The session itself stays"},
	{"POST", "/delete", []string{"key", "n"}, false, "delete", "no write"},
	{"POST", "/cycle-id", nil, true, "cycle-id", "the absolute lifetime has not moved"},
	{"POST", "/expiry", []string{"seconds", "60"}, true, "expiry", "60 seconds after its last write"},
	{"POST", "/expiry", []string{"seconds", "0"}, true, "expiry", "has no Max-Age any more"},
	{"POST", "/expiry", []string{"seconds", ""}, true, "expiry", "Back to the policy"},
	{"POST", "/placement", []string{"placement", "server"}, true, "placement", "the cookie carries the ID alone"},
	{"POST", "/placement", []string{"placement", "server"}, false, "placement", "It is so already"},
	{"POST", "/set", []string{"key", "name", "value", "Karim"}, false, "set", "The cookie stays as it is"},
	{"POST", "/placement", []string{"placement", "cookie"}, true, "placement", "has a new ID"},
	{"POST", "/login", []string{"user", "ada"}, true, "login", "At every login the ID changes"},
	{"POST", "/clear", nil, true, "clear", "2 keys"},
	{"POST", "/logout", nil, true, "logout", "dead for good"},
	{"POST", "/login", []string{"user", "ada"}, true, "login", "its ID is fresh"},
	{"POST", "/flush", nil, true, "flush", "dead for good"},
}

func TestEveryRouteInEveryForm(t *testing.T) {
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, newApp(t, nil), f)
			for _, step := range routes {
				var a answer
				if step.method == "GET" {
					a = b.get(step.target)
				} else {
					a = b.post(step.target, step.form...)
				}
				label := step.method + " " + step.target + " " + strings.Join(step.form, " ")
				if got := a.Header.Get("Set-Cookie") != ""; got != step.wantCookie {
					t.Errorf("%s: Set-Cookie %q, want one: %v", label, a.Header.Get("Set-Cookie"), step.wantCookie)
				}
				for header, want := range map[string]string{
					"Vary": "Accept, Cookie, HX-Request", "Cache-Control": "no-store",
					"X-Content-Type-Options": "nosniff", "Content-Security-Policy": contentPolicy,
					"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
				} {
					if got := a.Header.Get(header); got != want {
						t.Errorf("%s: %s is %q, want %q", label, header, got, want)
					}
				}
				switch {
				case f == formJSON:
					a.want(200)
					if got := a.Header.Get("Content-Type"); got != "application/json" {
						t.Errorf("%s: Content-Type %q", label, got)
					}
					if op, _ := a.json()["op"].(string); op != step.wantOp {
						t.Errorf("%s: op %q, want %q", label, op, step.wantOp)
					}
				case f == formFragment:
					a.want(200, step.wantSays, "<hx-partial", `id="result"`, `id="browser"`, `id="wire"`, `id="server"`).wantNo("<html", "<style", "style=", "<script")
				case step.method == "GET":
					a.want(200, step.wantSays, "<html", "<form").wantNo("<hx-partial", "style=", "<style")
					wantUniqueIDs(t, label, a.body)
				default:
					a.want(303)
					next := a.Header.Get("Location")
					if !strings.HasPrefix(next, "/?x=") || len(next) < 4+26 {
						t.Fatalf("%s: Location %q", label, next)
					}
					b.get(next).want(200, step.wantSays, "<html")
					if _, again, _ := strings.Cut(b.get(next).body, `id="result"`); strings.Contains(again[:strings.Index(again, "</p>")], step.wantSays) && !strings.Contains(step.wantSays, "session") {
						t.Errorf("%s: the result is shown twice", label)
					}
				}
			}
		})
	}
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

// The JSON of the contract, to the letter.
func TestJSON(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formJSON)
	id := func(a answer) string { return a.json()["session"].(map[string]any)["id"].(string) }
	wantBody := func(a answer, want string) {
		t.Helper()
		if got := strings.TrimSpace(a.body); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
	wantBody(b.get("/get?key=name"), `{"op":"get","key":"name","found":false,"value":null,"session":{"exists":false}}`)
	wantBody(b.get("/keys"), `{"op":"keys","keys":[],"session":{"exists":false}}`)
	wantBody(b.get("/session"), `{"exists":false,"store":"memory","stats":{"sessions":0,"expired":0,"bytes":0}}`)
	a := b.post("/set", "key", "name", "value", "Rahim")
	first := id(a)
	if len(first) != 8 || strings.Trim(first, "0123456789abcdef") != "" {
		t.Errorf("the ID is shown as %q, want 8 hex digits", first)
	}
	wantBody(a, `{"op":"set","key":"name","value":"Rahim","type":"text","bytes":7,"lives":"cookie","session":{"exists":true,"id":"`+first+`","version":1,"placement":"hybrid"}}`)
	wantBody(b.get("/get?key=name"), `{"op":"get","key":"name","found":true,"value":"Rahim","type":"text","bytes":7,"lives":"cookie","session":{"exists":true,"id":"`+first+`","version":1,"placement":"hybrid"}}`)
	wantBody(b.post("/set", "key", "big", "value", "12345678901234567890.50", "type", "number", "placement", "cookie"),
		`{"op":"set","key":"big","value":12345678901234567890.50,"type":"number","bytes":23,"lives":"cookie","session":{"exists":true,"id":"`+first+`","version":2,"placement":"hybrid"}}`)
	wantBody(b.get("/keys"), `{"op":"keys","keys":["big","name"],"session":{"exists":true,"id":"`+first+`","version":2,"placement":"hybrid"}}`)
	wantBody(b.post("/delete", "key", "nope"), `{"op":"delete","key":"nope","found":false,"session":{"exists":true,"id":"`+first+`","version":2,"placement":"hybrid"}}`)

	info := b.get("/session").json()
	cookie := info["cookie"].(map[string]any)
	attributes := cookie["attributes"].(map[string]any)
	size := float64(len(cookieName) + len(b.cookie()))
	for name, check := range map[string]bool{
		"exists": info["exists"] == true, "id": info["id"] == first, "version": info["version"] == 2.0,
		"placement": info["placement"] == "hybrid", "store": info["store"] == "memory", "browser_close": info["browser_close"] == false,
		"values": len(info["values"].([]any)) == 2, "cookie.name": cookie["name"] == cookieName, "cookie.bytes": cookie["bytes"] == size,
		"cookie.limit": cookie["limit"] == 4096.0, "cookie.key": cookie["key"] == "1 of 1", "path": attributes["path"] == "/",
		"http_only": attributes["http_only"] == true, "same_site": attributes["same_site"] == "Lax", "secure": attributes["secure"] == false,
		"stats": info["stats"].(map[string]any)["sessions"] == 1.0,
	} {
		if !check {
			t.Errorf("%s is wrong: %v", name, info)
		}
	}
	for _, name := range []string{"created", "expires", "idle_expires"} {
		if _, err := time.Parse(time.RFC3339, info[name].(string)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	between := func(from, to string) time.Duration {
		a, _ := time.Parse(time.RFC3339, info[from].(string))
		b, _ := time.Parse(time.RFC3339, info[to].(string))
		return b.Sub(a).Round(time.Minute)
	}
	if idle, absolute := between("created", "idle_expires"), between("created", "expires"); idle != 2*time.Hour || absolute != 8*time.Hour {
		t.Errorf("the clocks end %v and %v after birth, want 2 h and 8 h", idle, absolute)
	}
	if age := attributes["max_age"].(float64); age != 28800 && age != 28799 {
		t.Errorf("max_age %v", age)
	}
	if lives := b.post("/set", "key", "large", "value", strings.Repeat("x", 300)).json()["lives"]; lives != "server" {
		t.Errorf("300 bytes live in %q", lives)
	}
	if values := b.get("/session").json()["values"].([]any); values[1].(map[string]any)["lives"] != "server" || values[0].(map[string]any)["lives"] != "cookie" {
		t.Errorf("values %v", values)
	}
	if a := b.post("/delete", "key", "large").json(); a["found"] != true {
		t.Errorf("delete says %v", a)
	}
	if a := b.post("/expiry", "seconds", "60").json(); a["expires"] == nil {
		t.Errorf("expiry says %v", a)
	}
	b.post("/expiry", "seconds", "")
	a = b.post("/cycle-id")
	second := id(a)
	wantBody(a, `{"op":"cycle-id","id_before":"`+first+`","session":{"exists":true,"id":"`+second+`","version":7,"placement":"hybrid"}}`)
	wantBody(b.post("/flush"), `{"op":"flush","id_before":"`+second+`","session":{"exists":false}}`)
	wantBody(b.post("/clear-expired"), `{"op":"clear-expired","removed":0,"session":{"exists":false}}`)
	wantBody(b.get("/healthz"), `{"status":"ok","version":"test","store":"memory"}`)
}

// A change of privilege is a change of ID: whoever planted or stole the old
// cookie is left outside.
func TestLoginChangesTheID(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formJSON)
	b.post("/set", "key", "a", "value", "1")
	planted := b.request("GET", "/get?key=user", "")
	p := b.post("/login", "user", "ada").want(200).json()
	if p["id_before"] == "" || p["id_before"] == p["session"].(map[string]any)["id"] {
		t.Errorf("login says %v", p)
	}
	b.get("/keys").want(200, `"keys":["a","user"]`)
	newBrowser(t, h, formJSON).send(planted).want(200, `"found":false`)
	if p := b.post("/logout").json(); p["id_before"] == nil {
		t.Errorf("logout says %v", p)
	}
}

// Start over gives the composer back its first state; no other press touches it.
func TestStartOver(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formFragment)
	b.post("/set", "key", "a", "value", "1").wantNo(`id="line"`, `id="user"`)
	b.post("/flush", "start-over", "1").want(200, `id="line"`, `value="name"`, `value="Rahim"`, `id="seconds"`, `id="user"`, `id="placement-hybrid"`, "Everything is as at the beginning")
	r := b.request("POST", "/flush", "start-over=1")
	r.Header.Set("Cookie", cookieName+"=garbage")
	b.send(r).want(200, "the cookie stays until the next Set").wantNo("Everything is")
	b.form = formPage
	next := b.post("/set", "key", "a", "value", "kept").Header.Get("Location")
	b.get(next).want(200, `value="a"`, `value="kept"`)
}

// Without JavaScript the page after a POST shows that exchange, in every panel.
func TestPageAfterPost(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formPage)
	next := func(a answer) answer { return b.get(a.want(303).Header.Get("Location")) }
	next(b.post("/set", "key", "mine", "value", "v")).want(200, ">Max-Age=28800<", `value="mine"`)
	b.get("/").wantNo(">Max-Age=28800<") // the control: this answer sets none
	next(b.post("/expiry", "seconds", "0", "key", "mine", "value", "v")).want(200, "no Max-Age", `value="mine"`)
	next(b.post("/flush")).want(200, "the server had it thrown away")
	b.get("/").want(200, "No cookie yet")
}

// A refusal is tied to the field that was sent, if one was.
func TestLimitNamesItsField(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formFragment)
	b.post("/set", "key", "large", "value", strings.Repeat("x", 5000))
	b.post("/placement", "placement", "cookie").want(413, `data-field=""`)
	b.post("/set", "key", "k", "value", strings.Repeat("x", 70_000)).want(413, `data-field="value"`)
	b.post("/flush")
	b.post("/set", "key", "full", "value", strings.Repeat("x", 2170), "placement", "cookie").want(200)
	b.post("/login", "user", strings.Repeat("u", 120)).want(413, `data-field="user"`)
}

// The log has method, route and status, and nothing of anybody's.
func TestLog(t *testing.T) {
	var lines strings.Builder
	h := newApp(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&lines, nil)) })
	b := newBrowser(t, h, formJSON)
	id := b.post("/set", "key", "private-key", "value", "private-value").json()["session"].(map[string]any)["id"].(string)
	cookie := b.cookie()
	b.get("/get?key=private-key")
	b.get("/nope?private-query")
	b.post("/set", "key", "private-key", "value", "private-value", "fail", "500")
	for _, want := range []string{"method=POST route=/set status=200", "route=/get status=200", "level=WARN", "status=404", "level=ERROR", "status=500"} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, lines.String())
		}
	}
	for _, private := range []string{"private", id, cookie} {
		if strings.Contains(lines.String(), private) {
			t.Errorf("the log says %q", private)
		}
	}
}

// What failed in the server is logged without a line a request too, with its cause:
// 5xx, panics, and a store that does not answer. What a client did wrong is not.
func TestErrorsAreLoggedWithoutRequests(t *testing.T) {
	took := regexp.MustCompile(` took=\S+`)
	for _, requests := range []bool{false, true} {
		var lines strings.Builder
		var down bool
		h := newApp(t, func(c *Config) {
			c.Log, c.LogRequests = slog.New(slog.NewTextHandler(&lines, nil)), requests
			c.Sessions.Backend = &storetest.Hooked{Backend: c.Sessions.Backend, Hook: func(context.Context, string) (before, after error) {
				if down {
					return errors.New("the cable is out"), nil
				}
				return nil, nil
			}}
		})
		h.echo.GET("/panic", func(c echo.Context) error { panic("a broken handler") })
		h.echo.GET("/late-panic", func(c echo.Context) error {
			if err := c.String(200, "written first"); err != nil {
				return err
			}
			panic("a broken handler")
		})
		h.echo.GET("/late-commit", func(c echo.Context) error {
			s, err := h.seats.Root.Engine.Load(c.Request())
			if err != nil {
				return err
			}
			down = true
			if err := s.Set("staged", `"x"`); err != nil {
				return err
			}
			return c.String(200, "the commit comes now")
		})
		b := newBrowser(t, h, formJSON)
		b.post("/set", "key", "k", "value", "v", "placement", "server").want(200)
		left := func(r *http.Request) *http.Request {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return r.WithContext(ctx)
		}
		for _, test := range []struct {
			name string
			down bool
			send func() answer
			want string // of the one line; "" for none without LogRequests
		}{
			{"found", false, func() answer { return b.get("/get?key=k") }, ""},
			{"not found", false, func() answer { return b.get("/nope") }, ""},
			{"refused", false, func() answer { return b.post("/set", "key", "", "value", "v") }, ""},
			{"asked to fail", false, func() answer { return b.post("/set", "key", "k", "value", "v", "fail", "500") }, "route=/set status=500"},
			{"panic", false, func() answer { return b.get("/panic") }, "status=500 error=\"panic: a broken handler"},
			{"panic after the answer", false, func() answer { return b.get("/late-panic") }, "status=200 error=\"panic: a broken handler"},
			{"panic for a client that left", false, func() answer { return b.send(left(b.request("GET", "/panic", ""))) }, "error=\"panic: a broken handler"},
			{"the store is gone: read", true, func() answer { return b.get("/get?key=k") }, "method=GET route=/get status=503 error=\"session store: load: the cable is out"},
			{"the store is gone: write", true, func() answer { return b.post("/set", "key", "k", "value", "v") }, "method=POST route=/set status=503 error=\"session store: load: the cable is out"},
			{"the store is gone: health", true, func() answer { return b.get("/healthz") }, "route=/healthz status=503 error=\"session store: ping: the cable is out"},
			{"the store is gone when the answer is written", false, func() answer { return b.get("/late-commit") }, "route=/late-commit status=503 error=\"session store: save: the cable is out"},
		} {
			lines.Reset()
			down = test.down
			test.send()
			got := took.ReplaceAllString(lines.String(), "")
			switch {
			case test.want == "" && !requests && got != "":
				t.Errorf("%s: logged: %s", test.name, got)
			case test.want == "" && requests && (strings.Count(got, "\n") != 1 || strings.Contains(got, "ERROR")):
				t.Errorf("%s: logged: %s; want one line that is no error", test.name, got)
			case test.want != "" && (strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=ERROR msg=request ") || !strings.Contains(got, test.want)):
				t.Errorf("%s, a line a request %v: %q, want one ERROR line with %q", test.name, requests, got, test.want)
			}
		}
	}
}

// A page of a dead session does not show it.
func TestConflictPageShowsNoSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, nil)
		b := newBrowser(t, h, formFragment)
		b.post("/set", "key", "alive", "value", "1").want(200, `id="key-alive"`)
		answered := make(chan answer, 1)
		other := newBrowser(t, h, formFragment)
		held := b.request("POST", "/set", "key=b&value=2&hold=5s")
		go func() { answered <- other.send(held) }()
		synctest.Wait()
		b.post("/flush").want(200)
		a := <-answered
		a.want(409, "No live record of this browser").wantNo(`id="key-alive"`)
	})
}

// The steps on the page are the engine's own events.
func TestSteps(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formFragment)
	steps := func(a answer) string {
		_, after, _ := strings.Cut(a.body, `class="steps"`)
		after, _, _ = strings.Cut(after, "</ol>")
		return strings.Join(strings.Fields(textOnly("<"+after)), " ")
	}
	if got := steps(b.get("/keys")); got != "no cookie to read" {
		t.Errorf("without a cookie: %s", got)
	}
	if got := steps(b.post("/set", "key", "a", "value", "1")); !strings.HasPrefix(got, "no cookie to read new ID ") ||
		!strings.Contains(got, "set a 3 B place a in the cookie save record v1 sign cookie 1") {
		t.Errorf("the first write: %s", got)
	}
	if got := steps(b.get("/keys")); !strings.HasPrefix(got, "read cookie 1") || !strings.Contains(got, "verify signature as before, key 1 of 1 load record") || strings.Contains(got, "sign cookie") {
		t.Errorf("a read: %s", got)
	}
}

// Each attribute of the cookie, as it stands in the header.
func TestSetCookie(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formJSON)
	parts := func(a answer) []string { return strings.Split(a.Header.Get("Set-Cookie"), "; ") }
	check := func(got []string, want ...string) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("attributes %v, want %v", got, want)
		}
		for i, w := range want {
			if got[i] != w && !(w == "" && strings.HasPrefix(got[i], cookieName+"=")) {
				t.Errorf("attribute %q, want %q", got[i], w)
			}
		}
	}
	check(parts(b.post("/set", "key", "a", "value", "1")), "", "Path=/", "Max-Age=28800", "HttpOnly", "SameSite=Lax")
	check(parts(b.post("/expiry", "seconds", "60")), "", "Path=/", "Max-Age=60", "HttpOnly", "SameSite=Lax")
	check(parts(b.post("/expiry", "seconds", "0")), "", "Path=/", "HttpOnly", "SameSite=Lax")
	check(parts(b.post("/flush")), cookieName+"=", "Path=/", "Max-Age=0", "HttpOnly", "SameSite=Lax")
}

func TestNotASession(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formJSON)
	b.post("/set", "key", "a", "value", "1")
	kept := b.cookie()
	b.post("/flush")
	for name, value := range map[string]string{"garbled": "xyz", "flushed": kept, "forged": kept[:30] + "A" + kept[31:], "empty": ""} {
		for formName, f := range forms {
			b := newBrowser(t, h, f)
			r := b.request("GET", "/get?key=a", "")
			r.Header.Set("Cookie", cookieName+"="+value)
			a := b.send(r).want(200)
			if a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s as %s: a cookie was set", name, formName)
			}
			if f == formJSON && a.json()["found"] != false {
				t.Errorf("%s: found", name)
			}
		}
	}
	r := b.request("GET", "/get?key=a", "") // an ID anywhere else than in the cookie is nothing
	r.Header.Set("Authorization", "Bearer "+kept)
	r.Header.Set("X-Session-ID", kept)
	if b.send(r).json()["found"] != false {
		t.Error("a session was taken from another header")
	}
}

// Each row of the status table, in each form; nothing is changed by a refusal.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	tests := []struct {
		name   string
		method string
		target string
		body   string
		change func(*http.Request)
		status int
		says   string
		plain  bool // the answer is not the lab: it is not about a session
	}{
		{"no key", "POST", "/set", "value=1", nil, 400, `no field "key"`, false},
		{"no value", "POST", "/set", "key=a", nil, 400, `no field "value"`, false},
		{"key only in the query", "POST", "/set?key=a", "value=1", nil, 400, `no field "key"`, false},
		{"no form at all", "POST", "/delete", "", nil, 400, `no field "key"`, false},
		{"broken escape", "POST", "/set", "key=a&value=%zz", nil, 400, "does not parse", false},
		{"semicolon", "POST", "/set", "key=a;value=1", nil, 400, "does not parse", false},
		{"no key to get", "GET", "/get", "", nil, 400, `no field "key"`, false},
		{"empty key", "POST", "/set", "key=&value=1", nil, 422, "The key is empty", false},
		{"empty key to get", "GET", "/get?key=", "", nil, 422, "The key is empty", false},
		{"long key", "POST", "/set", "value=1&key=" + long[:129], nil, 422, "129 bytes: at most 128", false},
		{"control in key", "POST", "/set", "key=a%00b&value=1", nil, 422, "U+0000", false},
		{"key not UTF-8", "POST", "/set", "key=a%ff&value=1", nil, 422, "UTF-8", false},
		{"value not UTF-8", "POST", "/set", "key=a&value=%ff", nil, 422, "UTF-8", false},
		{"unknown type", "POST", "/set", "key=a&value=1&type=yaml", nil, 422, "text, number, boolean and json", false},
		{"broken JSON", "POST", "/set", "key=a&type=json&value=%7B%22a%22:%7D", nil, 422, "line 1, column 6", false},
		{"unknown placement", "POST", "/placement", "placement=moon", nil, 422, "cookie, hybrid and server", false},
		{"unknown placement for set", "POST", "/set", "key=a&value=1&placement=moon", nil, 422, "cookie, hybrid and server", false},
		{"no placement", "POST", "/placement", "", nil, 400, `no field "placement"`, false},
		{"seconds no number", "POST", "/expiry", "seconds=soon", nil, 422, "whole seconds", false},
		{"too many seconds", "POST", "/expiry", "seconds=99999999999999999999", nil, 422, "whole seconds", false},
		{"no seconds", "POST", "/expiry", "", nil, 400, `no field "seconds"`, false},
		{"hold too long", "POST", "/set", "key=a&value=1&hold=6s", nil, 422, "0s to 5s", false},
		{"hold no duration", "POST", "/set", "key=a&value=1&hold=x", nil, 422, "0s to 5s", false},
		{"fail other than 500", "POST", "/set", "key=a&value=1&fail=404", nil, 422, "500 and nothing else", false},
		{"fail", "POST", "/set", "key=a&value=1&fail=500", nil, 500, "asked to fail", false},
		{"no user", "POST", "/login", "user=", nil, 422, "user name is empty", false},
		{"large value", "POST", "/set", "key=a&value=" + long, nil, 413, "would be 70,002 bytes with the key", false},
		{"large body", "POST", "/set", "key=a&value=" + strings.Repeat(long, 4), nil, 413, "at most 262,144 bytes", false},
		{"JSON body", "POST", "/set", `{"key":"a"}`, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 415, "x-www-form-urlencoded", false},
		{"text body", "POST", "/set", `key=a&value=1`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415, "x-www-form-urlencoded", false},
		{"multipart body", "POST", "/flush", `x`, func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }, 415, "x-www-form-urlencoded", false},
		{"body without a type", "POST", "/flush", `x`, func(r *http.Request) { r.Header.Del("Content-Type") }, 415, "x-www-form-urlencoded", false},
		{"foreign origin", "POST", "/flush", "", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403, "another origin", true},
		{"null origin", "POST", "/flush", "", func(r *http.Request) { r.Header.Set("Origin", "null") }, 403, "another origin", true},
		{"other port", "POST", "/flush", "", func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:9090") }, 403, "another origin", true},
		{"cross-site", "POST", "/flush", "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "another origin", true},
		{"same-site", "POST", "/flush", "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, 403, "another origin", true},
		{"foreign host", "GET", "/", "", func(r *http.Request) { r.Host = "evil.example" }, 421, "--allow-host", true},
		{"rebound host", "POST", "/flush", "", func(r *http.Request) {
			r.Host = "evil.example:8080"
			r.Header.Set("Origin", "http://evil.example:8080")
		}, 421, "--allow-host", true},
		{"no host", "GET", "/", "", func(r *http.Request) { r.Host = "" }, 421, "--allow-host", true},
		{"other port of ours", "GET", "/", "", func(r *http.Request) { r.Host = "127.0.0.1:9090" }, 421, "--allow-host", true},
		{"no such page", "GET", "/nope", "", nil, 404, "no such page", true},
		{"no such asset", "GET", "/assets/../main.go", "", nil, 404, "no such page", true},
		{"GET of an action", "GET", "/set?key=a&value=1", "", nil, 405, "does not take that method", true},
		{"GET of flush", "GET", "/flush", "", nil, 405, "does not take that method", true},
		{"POST of a page", "POST", "/keys", "", nil, 405, "does not take that method", true},
		{"PUT", "PUT", "/set", "key=a&value=1", func(r *http.Request) { r.Header.Set("Origin", origin) }, 405, "does not take that method", true},
	}
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, newApp(t, nil), f)
			b.post("/set", "key", "name", "value", "Rahim")
			before := b.cookie()
			for _, test := range tests {
				r := b.request(test.method, test.target, test.body)
				if test.change != nil {
					test.change(r)
				}
				a := b.send(r)
				a.t = t
				if a.StatusCode != test.status {
					t.Errorf("%s: status %d, want %d", test.name, a.StatusCode, test.status)
				}
				says := test.says
				if f == formJSON {
					if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
						t.Errorf("%s: Content-Type %q", test.name, got)
					}
					p := a.json()
					if p["status"] != float64(test.status) || p["type"] != "about:blank" || p["title"] != http.StatusText(test.status) {
						t.Errorf("%s: %v", test.name, p)
					}
					if !strings.Contains(p["detail"].(string), says) {
						t.Errorf("%s: detail %q, want %q", test.name, p["detail"], says)
					}
				} else if !strings.Contains(a.body, strings.ReplaceAll(says, `"`, "&#34;")) {
					t.Errorf("%s: the page does not say %q: %.500s", test.name, says, a.body)
				}
				if f == formPage && strings.Contains(a.body, `id="composer"`) == test.plain {
					t.Errorf("%s: lab shown: %v", test.name, !test.plain)
				}
				if a.Header.Get("Set-Cookie") != "" || b.cookie() != before {
					t.Errorf("%s: a refusal sent a cookie", test.name)
				}
				if test.status == 405 && a.Header.Get("Allow") == "" {
					t.Errorf("%s: no Allow", test.name)
				}
				if a.Header.Get("Content-Security-Policy") == "" || a.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: headers %v", test.name, a.Header)
				}
			}
			b.form = formJSON
			if got := b.get("/keys").json()["keys"].([]any); len(got) != 1 || got[0] != "name" {
				t.Errorf("after all refusals the keys are %v", got)
			}
		})
	}
}

// The problem of a limit names limit, size, maximum and key.
func TestLimitProblem(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formJSON)
	b.post("/set", "key", "a", "value", "1", "placement", "cookie")
	p := b.post("/set", "key", "big", "value", strings.Repeat("x", 3000)).want(413).json()
	if p["limit"] != "cookie" || p["max"] != 4096.0 || p["key"] != "big" || p["size"].(float64) <= 4096 {
		t.Errorf("problem %v", p)
	}
	b.get("/keys").want(200, `"keys":["a"]`)
}

// A refused form's page keeps what was typed.
func TestInputIsKept(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formPage)
	b.post("/set", "key", "a", "value", `{"x": <b>"&`, "type", "json", "placement", "server", "user", "bob", "seconds", "9").want(422,
		`value="a"`, `value="{&#34;x&#34;: &lt;b&gt;&#34;&amp;"`, `value="bob"`, `value="9"`,
		`<option value="json" selected>`, `value="server" checked`).wantNo("<b>\"")
}

// After a large value was accepted, Get still fits into a URL without JavaScript.
func TestLargeValueIsNotEchoed(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formPage)
	for _, n := range []int{maxEchoed, maxEchoed + 1} {
		large := strings.Repeat("x", n)
		a := b.get(b.post("/set", "key", "a", "value", large).want(303).Header.Get("Location")).want(200, `value="a"`)
		if echoed := strings.Contains(a.body, `value="`+large+`"`); echoed != (n <= maxEchoed) {
			t.Errorf("%d bytes are put back: %v", n, echoed)
		}
	}
}

// What a visitor types never comes back as markup.
func TestInputIsInert(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)>"'` + "`"
	for _, f := range []form{formPage, formFragment} {
		b := newBrowser(t, newApp(t, nil), f)
		for _, target := range []string{"/set", "/delete"} {
			a := b.post(target, "key", evil, "value", evil, "user", evil)
			if f == formPage {
				a = b.get(a.Header.Get("Location"))
			}
			a.want(200, "&lt;img").wantNo("<img")
		}
		b.post("/set", "key", evil, "value", evil)
		b.get("/keys").want(200, "&lt;img").wantNo("<img")
		b.get("/get?key="+url.QueryEscape(evil)).want(200, "&lt;img").wantNo("<img")
		b.post("/set", "key", evil, "value", evil, "type", evil).wantNo("<img")
		r := b.request("GET", "/", "")
		r.Header.Set("X-Evil", evil)
		r.Header.Add("Cookie", "other="+url.QueryEscape(evil))
		b.send(r).wantNo("<img")
		b.form = formJSON
		b.get("/keys").want(200).wantNo("<img")
	}
}

// Of other programs' cookies and of credentials the page shows name and size.
func TestOtherCookiesAreHidden(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formPage)
	r := b.request("GET", "/", "")
	r.Header.Set("Cookie", "theirs=very-private; "+cookieName+"=mine; more=also-private")
	r.Header.Set("Authorization", "Bearer private-too")
	b.send(r).want(200, "theirs=", "12 B of value, not ours", "18 B, not ours", "mine").wantNo("very-private", "also-private", "private-too")
}

func TestHead(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formJSON)
	for _, target := range []string{"/", "/get?key=a", "/keys", "/session", "/healthz"} {
		b.send(b.request("HEAD", target, "")).want(200)
	}
}

var errDown = errors.New("the store is down")

// failing returns a store that answers nothing while *down.
func failing(down *bool) session.Backend {
	return &storetest.Hooked{Backend: memory.New(memory.Config{MaxSessions: 10}), Hook: func(context.Context, string) (before, after error) {
		if *down {
			return errDown, nil
		}
		return nil, nil
	}}
}

// An outage is a 503 with Retry-After, and never a logout.
func TestStoreDown(t *testing.T) {
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			var down bool
			b := newBrowser(t, newApp(t, func(c *Config) { c.Sessions.Backend = failing(&down) }), f)
			b.post("/set", "key", "name", "value", "Rahim")
			before := b.cookie()
			down = true
			for _, step := range routes {
				var a answer
				if step.method == "GET" {
					a = b.get(step.target)
				} else {
					a = b.post(step.target, step.form...)
				}
				if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s %s: status %d, headers %v", step.method, step.target, a.StatusCode, a.Header)
				}
				a.wantNo("the store is down") // the cause is for the log
			}
			if a := b.get("/healthz"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
				t.Errorf("/healthz: %d", a.StatusCode)
			}
			down = false
			b.form = formJSON
			if b.cookie() != before || b.get("/get?key=name").json()["found"] != true {
				t.Error("the outage was a logout")
			}
		})
	}
}

func TestFullStore(t *testing.T) {
	h := newApp(t, func(c *Config) { c.Sessions.Backend = memory.New(memory.Config{MaxSessions: 1}) })
	first := newBrowser(t, h, formJSON)
	first.post("/set", "key", "a", "value", "1").want(200)
	for _, f := range forms {
		b := newBrowser(t, h, f)
		if a := b.post("/set", "key", "a", "value", "1").want(507, "full"); a.Header.Get("Retry-After") == "" || b.cookie() != "" {
			t.Errorf("headers %v", a.Header)
		}
	}
	first.post("/login", "user", "ada").want(200)
	first.post("/logout").want(200)
	newBrowser(t, h, formJSON).post("/set", "key", "a", "value", "1").want(200)
}

// A session that ended meanwhile, and an ID that was replaced: 409, nothing revived.
func TestConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, nil)
		b := newBrowser(t, h, formJSON)
		b.post("/set", "key", "a", "value", "1")
		old := b.request("POST", "/set", "key=b&value=2")
		b.post("/cycle-id")
		late := newBrowser(t, h, formJSON)
		if a := late.send(old).want(409); a.Header.Get("Set-Cookie") != "" {
			t.Error("the late request got a cookie")
		}

		held := b.request("POST", "/set", "key=b&value=2&hold=5s")
		answered := make(chan answer, 1)
		go func() { answered <- late.send(held) }()
		synctest.Wait() // it has loaded the session and is held
		b.post("/flush").want(200)
		if a := <-answered; a.StatusCode != 409 || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("the held write got %d", a.StatusCode)
		}
		b.get("/session").want(200, `"exists":false`, `"sessions":0`)
	})
}

func TestHoldsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, nil)
		b := newBrowser(t, h, formJSON)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range maxHolds {
			go h.ServeHTTP(httptest.NewRecorder(), b.request("POST", "/set", "key=b&value=2&hold=5s").WithContext(ctx))
		}
		synctest.Wait()
		if a := b.post("/set", "key", "b", "value", "2", "hold", "1s").want(429); a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		cancel() // the clients leave: all places are free again, and nothing was written
		synctest.Wait()
		b.get("/session").want(200, `"sessions":0`)
		b.post("/set", "key", "b", "value", "2", "hold", "1s").want(200)
	})
}
