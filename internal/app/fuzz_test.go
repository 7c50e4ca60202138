package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// fuzzed returns an application without a limit of sessions.
func fuzzed(f *testing.F) *App {
	f.Helper()
	return newApp(f, func(c *Config) { c.Sessions.Backend = memory.New(memory.Config{}) })
}

// exact is a's JSON with its numbers as they stand: 1e400 is one too.
func (a answer) exact() (out map[string]any) {
	a.t.Helper()
	d := json.NewDecoder(strings.NewReader(a.body))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return out
}

// FuzzSetForm: whatever the body of POST /set is, the answer is JSON with at
// most one cookie, no 5xx but the one that was asked for, and what is refused
// changes nothing.
func FuzzSetForm(f *testing.F) {
	for _, body := range []string{
		"key=a&value=1", "key=name&value=Karim", "key=a&value=%7B%22a%22%3A%5B1%2C2%5D%7D&type=json", "key=a&value=1e400&type=number",
		"key=a&value=yes&type=boolean", "key=a;value=1", "key=%zz", "value=1", "key=a&value=1&placement=cookie", "key=a&value=1&fail=500",
		"key=a&value=1&hold=9s", "key=\xff&value=\xff", "key=a&key=b&value=1&value=2", "key=a&value=" + strings.Repeat("x", 5000),
		"key=a&value=%5B%5B%5B%5B&type=json", "key=a&value=-0&type=number", "", "&&&", "key=a&value=%22%5Cud800%22&type=json",
	} {
		f.Add(body, true)
		f.Add(body, false)
	}
	a := fuzzed(f)
	f.Fuzz(func(t *testing.T, body string, exists bool) {
		form, formErr := url.ParseQuery(body)
		if d, err := time.ParseDuration(form.Get("hold")); err == nil && d > 0 && d <= maxHold {
			t.Skip("it would wait")
		}
		b := newBrowser(t, a, formJSON)
		if exists {
			b.post("/set", "key", "name", "value", "Rahim").want(200)
			defer b.post("/flush")
		}
		before, kept := b.get("/session").exact(), b.cookie()
		got := b.send(b.request("POST", "/set", body))
		switch {
		case got.StatusCode >= 500 && (got.StatusCode != 500 || form.Get("fail") != "500" || formErr != nil):
			t.Fatalf("status %d: %s", got.StatusCode, got.body)
		case got.StatusCode == 200 && (formErr != nil || !form.Has("key")):
			t.Fatalf("accepted: %s", got.body)
		case got.StatusCode == 200:
			b.wantSet(got, form["key"][0])
		default:
			b.wantUnchanged(got, before, kept)
		}
		if !exists {
			b.post("/flush")
		}
	})
}

// wantSet checks that a set, answered with got, has set key: a get says the same of it.
func (b *browser) wantSet(got answer, key string) {
	said := got.exact()
	if said["key"] != key || said["op"] != "set" {
		b.t.Fatalf("accepted: %s", got.body)
	}
	if read := b.get("/get?" + url.Values{"key": {key}}.Encode()).want(200).exact(); read["found"] != true || read["type"] != said["type"] || read["bytes"] != said["bytes"] {
		b.t.Fatalf("set says %s, get %v", got.body, read)
	}
}

// wantUnchanged checks that a refusal, answered with got, has changed neither the session nor
// its cookie.
func (b *browser) wantUnchanged(got answer, session map[string]any, cookie string) {
	if got.Header.Get("Set-Cookie") != "" || b.cookie() != cookie || got.exact()["status"] != json.Number(fmt.Sprint(got.StatusCode)) {
		b.t.Fatalf("refused with %d and the cookie %q: %s", got.StatusCode, got.Header.Get("Set-Cookie"), got.body)
	}
	if after := b.get("/session").exact(); after["version"] != session["version"] || after["exists"] != session["exists"] || after["id"] != session["id"] {
		b.t.Fatalf("a refusal changed %v into %v", session, after)
	}
}

// FuzzCookieHeader: no Cookie header makes a read fail or set a cookie, and
// none but the one that was sent out opens the session.
func FuzzCookieHeader(f *testing.F) {
	a := fuzzed(f)
	b := newBrowser(f, a, formJSON)
	b.post("/set", "key", "name", "value", "Rahim").want(200)
	whole := b.cookie()
	for _, header := range []string{
		cookieName + "=" + whole, cookieName + "=" + whole[:len(whole)-1], cookieName + "=", "=", ";;;", "a=b; " + cookieName + "=xyz; c", cookieName,
		cookieName + `="` + whole + `"`, "\x00", strings.Repeat("a=b; ", 1000), "b=\xff", cookieName + "=" + strings.Repeat("A", 8000), "$Version=1; " + cookieName + "=x",
	} {
		f.Add(header, byte(0))
		f.Add(header, byte(7))
	}
	targets := []string{"/", "/keys", "/get?key=name", "/session", "/nope"}
	f.Fuzz(func(t *testing.T, header string, how byte) {
		b := newBrowser(t, a, answerForm(how%3))
		r := b.request("GET", targets[int(how/3)%len(targets)], "")
		r.Header["Cookie"] = []string{header}
		got := b.send(r)
		if got.StatusCode >= 500 || got.Header.Get("Set-Cookie") != "" {
			t.Fatalf("status %d, Set-Cookie %q", got.StatusCode, got.Header.Get("Set-Cookie"))
		}
		if s, err := a.seats.Root.Engine.Load(r); err != nil || s.Exists() && !strings.Contains(header, whole) {
			t.Fatalf("it opens a session, or fails: %v", err)
		}
	})
}

// FuzzHost: only the two names of this server pass, in any case of letters, with the
// dot at the end that makes a name whole or without it.
func FuzzHost(f *testing.F) {
	for _, host := range []string{
		"127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "", "localhost", "localhost:8081", "evil.example:8080", "localhost:8080:8080",
		"[::1]:8080", "localhost.:8080", "localhost..:8080", "localhost:8080.", "127.0.0.1.:8080", "[127.0.0.1:8080]:80", "localhost:8080@evil.example", "\x00", "loſalhost:8080",
	} {
		f.Add(host)
	}
	a := fuzzed(f)
	f.Fuzz(func(t *testing.T, host string) {
		b := newBrowser(t, a, formJSON)
		r := b.request("GET", "/keys", "")
		r.Host = host
		name, isPort := strings.CutSuffix(host, ":8080")
		name = strings.TrimSuffix(name, ".")
		ours := isPort && (name == "127.0.0.1" || strings.EqualFold(name, "localhost"))
		if got := b.send(r); got.StatusCode == 200 && !ours || got.StatusCode != 200 && got.StatusCode != 421 {
			t.Fatalf("status %d for the host %q", got.StatusCode, host)
		}
	})
}

// FuzzOrigin: no page of another origin changes anything.
func FuzzOrigin(f *testing.F) {
	for _, o := range []string{origin, "", "null", "http://evil.example", "http://127.0.0.1:8080.evil.example", "http://127.0.0.1", "https://127.0.0.1:8080", "::", "http://evil.example/127.0.0.1:8080"} {
		for _, site := range []string{"", "same-origin", "none", "cross-site", "same-site", "x"} {
			f.Add(o, site)
		}
	}
	a := fuzzed(f)
	f.Fuzz(func(t *testing.T, from, site string) {
		b := newBrowser(t, a, formJSON)
		r := b.request("POST", "/clear", "")
		r.Header["Origin"], r.Header["Sec-Fetch-Site"] = []string{from}, []string{site}
		u, err := url.Parse(from)
		ours := site == "same-origin" || site == "none" || site == "" && (from == "" || err == nil && u.Host == "127.0.0.1:8080")
		if got := b.send(r); got.StatusCode == 200 && !ours || got.StatusCode != 200 && got.StatusCode != 403 {
			t.Fatalf("status %d for the origin %q, Sec-Fetch-Site %q", got.StatusCode, from, site)
		}
	})
}

// FuzzEventStream: what a stream writes is one message with that data and nothing
// else, as a browser reads it (HTML standard, section 9.2.6).
func FuzzEventStream(f *testing.F) {
	for _, data := range []string{"", "a", "a\nb", "a\r\n\r\nevent: evil", "\rid: 1\r", "data: x\n\n", "\n", ": c"} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		var b bytes.Buffer
		writeData(&b, []byte(data))
		lines := regexp.MustCompile("\r\n|\r|\n").Split(b.String(), -1)
		var got []string
		for i, line := range lines {
			value, ok := strings.CutPrefix(line, "data: ")
			switch {
			case ok:
				got = append(got, value)
			case line != "" || i < len(lines)-2:
				t.Fatalf("%q has the line %q", b.String(), line)
			}
		}
		if want := regexp.MustCompile("\r\n|\r|\n").Split(data, -1); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%q arrives as %q", data, got)
		}
	})
}
