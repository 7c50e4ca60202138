package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// Each refusal has its status and says why, in each form, and changes nothing.
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
		plain  bool // the answer's page is not the lab: the refusal is not about a session
	}{
		{"no key", "POST", "/set", "value=1", nil, 400, `no field "key"`, false},
		{"no value", "POST", "/set", "key=a", nil, 400, `no field "value"`, false},
		{"key only in the query", "POST", "/set?key=a", "value=1", nil, 400, `no field "key"`, false},
		{"no form at all", "POST", "/delete", "", nil, 400, `no field "key"`, false},
		{"broken escape", "POST", "/set", "key=a&value=%zz", nil, 400, "does not parse", false},
		{"semicolon", "POST", "/set", "key=a;value=1", nil, 400, "does not parse", false},
		{"no key to get", "GET", "/get", "", nil, 400, `no field "key"`, false},
		{"empty key", "POST", "/set", "key=&value=1", nil, 422, "The key is empty", false},
		{"broken escape in an address", "GET", "/get?key=100%", "", nil, 400, "The query of this address does not parse: a field holds a broken %-escape", false},
		{"semicolon in an address", "GET", "/get?key=a;b", "", nil, 400, "Write % as %25 and ; as %3B", false},
		{"broken escape beside the field", "GET", "/get?key=a&x=%zz", "", nil, 400, "does not parse", false},
		{"broken query of the lab", "GET", "/?at=%", "", nil, 400, "does not parse", false},
		{"broken query of the keys", "GET", "/keys?%", "", nil, 400, "does not parse", false},
		{"broken query of the session", "GET", "/session?after=%", "", nil, 400, "does not parse", false},
		{"broken query of the stream", "GET", "/events?since=%", "", nil, 400, "does not parse", false},
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
		{"fail other than 500", "POST", "/set", "key=a&value=1&fail=404", nil, 422, "500 and no other value", false},
		{"fail", "POST", "/set", "key=a&value=1&fail=500", nil, 500, "asked to fail", false},
		{"no user", "POST", "/login", "user=", nil, 422, "user name is empty", false},
		{"large value", "POST", "/set", "key=a&value=" + long, nil, 413, `The value of the key "a" would be 70,002 bytes, written as JSON and without the key; at most 65,536 are allowed.`, false},
		{"large body", "POST", "/set", "key=a&value=" + strings.Repeat(long, 4), nil, 413, "at most 262,144 bytes are allowed, counted as they are sent, with every %-escape", false},
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
		{"There is no page at this address", "GET", "/nope", "", nil, 404, "There is no page at this address", true},
		{"no such asset", "GET", "/assets/../main.go", "", nil, 404, "There is no page at this address", true},
		{"GET of an action", "GET", "/set?key=a&value=1", "", nil, 405, "does not take this method", true},
		{"GET of flush", "GET", "/flush", "", nil, 405, "does not take this method", true},
		{"POST of a page", "POST", "/keys", "", nil, 405, "does not take this method", true},
		{"PUT", "PUT", "/set", "key=a&value=1", func(r *http.Request) { r.Header.Set("Origin", origin) }, 405, "does not take this method", true},
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
				if a.StatusCode != test.status {
					t.Errorf("%s: status %d, want %d", test.name, a.StatusCode, test.status)
				}
				a.wantSaid(test.name, f, test.status, test.says)
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

// wantSaid checks that a refusal says why: in its page or fragment, or as a problem of RFC
// 9457.
func (a answer) wantSaid(name string, f answerForm, status int, says string) {
	a.t.Helper()
	if f != formJSON {
		if !strings.Contains(a.body, strings.ReplaceAll(says, `"`, "&#34;")) {
			a.t.Errorf("%s: the page does not say %q: %.500s", name, says, a.body)
		}
		return
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Errorf("%s: Content-Type %q", name, got)
	}
	p := a.json()
	if p["status"] != float64(status) || p["type"] != "about:blank" || p["title"] != http.StatusText(status) {
		a.t.Errorf("%s: %v", name, p)
	}
	if detail, _ := p["detail"].(string); !strings.Contains(detail, says) {
		a.t.Errorf("%s: detail %q, want %q", name, detail, says)
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

// A size would be read as that of another thing: each refusal says what its size counts.
func TestLimitSaysWhatItCounts(t *testing.T) {
	t.Parallel()
	for name, f := range forms {
		for _, test := range []struct {
			keys, size int // of the values that fit
			placement  string
			refused    int // the size of the value that does not
			says       string
		}{
			{4, 65_000, "server", 65_001, `With the key "big" the session would be 325,050 bytes: all keys and values, written as JSON, each with its colon and comma; at most 262,144 are allowed.`},
			{256, 1, "server", 1, `With the key "big" the session would have 257 keys; at most 256 are allowed.`},
			{1, 1, "cookie", 2230, `With the key "big" the cookie would be 4,148 bytes: its name and its signed value, without the = between them and without attributes; at most 4,096 are allowed.`},
		} {
			b := newBrowser(t, newApp(t, nil), formJSON)
			for i := range test.keys {
				b.post("/set", "key", fmt.Sprintf("k%03d", i), "value", strings.Repeat("x", test.size), "placement", test.placement).want(200)
			}
			b.form = f
			b.post("/set", "key", "big", "value", strings.Repeat("x", test.refused)).wantSaid(name, f, 413, test.says)
		}
	}
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

// The page of a refused form keeps what was typed.
func TestInputIsKept(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formPage)
	b.post("/set", "key", "a", "value", `{"x": <b>"&`, "type", "json", "placement", "server", "user", "bob", "seconds", "9").want(422,
		`value="a"`, `value="{&#34;x&#34;: &lt;b&gt;&#34;&amp;"`, `value="bob"`, `value="9"`,
		`<option value="json" selected>`, `value="server" checked`).wantNo("<b>\"")
}

// A write to a session that has ended meanwhile, or whose ID was replaced, is a 409 and
// revives nothing.
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

// A refusal because the session has ended does not show that session.
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
