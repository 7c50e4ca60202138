package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Point 1: the cookie as the header carried it, peeled by pressing; what scripts
// see beside what the server received; and what is said of a cookie that opens nothing.
func TestLabBrowser(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t)
	pg := browse(t, p, true)
	pg.want("#document-cookie", `document.cookie → ""`)
	pg.want("#jar", "no Cookie header")
	pg.press("Set", "set", "created a")
	pg.settled()
	cookie := pg.cookie()
	sent := wire.last(t, "POST /set")
	line := field(sent.responseHead, "Set-Cookie")
	if !strings.HasPrefix(line, cookie.Name+"="+cookie.Value+";") {
		t.Fatalf("the witness saw %q, the browser keeps %q", line, cookie.Value)
	}
	if raw := pg.text("#raw"); raw != cookie.Value {
		t.Errorf("the page shows the cookie %q, it is %q", raw, cookie.Value)
	}
	peeled, err := base64.URLEncoding.DecodeString(cookie.Value)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(string(peeled), "|", 3)
	envelope, err := base64.URLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	pg.click(`label:has(#peel-base64)`)
	pg.want(".layer.base64 .token", parts[0]+"|"+parts[1]+"|"+base64.URLEncoding.EncodeToString([]byte(parts[2])))
	pg.want(".layer.base64 .parts", "name", fmt.Sprintf("%d B", len(parts[0])), fmt.Sprintf("%d B", len(parts[1])), "valid", "key 1 of 1", "32 B", "ago")
	pg.click(`label:has(#peel-payload)`)
	pg.want("#payload", string(envelope[2:28]), "placement hybrid", "version 1", "created", "deadline", `{"name":"Rahim"}`)
	pg.want(".meter", fmt.Sprintf("%d of 4,096 bytes", len(cookie.Name)+len(cookie.Value)), fmt.Sprintf("%d bytes of payload", len(envelope)))
	if sizes := eval[string](pg, `[document.getElementById('cookie-size').max, document.getElementById('cookie-size').value].join()`); sizes != fmt.Sprintf("4096,%d", len(cookie.Name)+len(cookie.Value)) {
		t.Errorf("the meter stands at %s", sizes)
	}
	pg.click("#flags summary")
	pg.want("#flags", "over plain http", "HttpOnly", "every port", "the server decides for itself")

	pg.press("Plant a readable cookie", "planted", "without HttpOnly")
	readable := cookie.Name + "-readable"
	pg.want("#document-cookie", `"`+readable+`=scripts-can-read-this"`)
	pg.press("Get", "get", "name is")
	if got := field(wire.last(t, "GET /get").requestHead, "Cookie"); cookieOf(got, readable) != "scripts-can-read-this" || cookieOf(got, cookie.Name) != cookie.Value {
		t.Errorf("the header carried %q", got)
	}
	row := func(name string) string {
		return eval[string](pg, `[...document.querySelector('#jar tr[data-cookie="`+name+`"]').children].map(td => td.innerText.trim().replace(/\s+/g, ' ')).join(' ')`)
	}
	if got := row(cookie.Name); got != fmt.Sprintf("%s %d B with its name hidden by HttpOnly", cookie.Name, len(cookie.Name)+len(cookie.Value)) {
		t.Errorf("of the session cookie the page says %q", got)
	}
	if got := row(readable); got != fmt.Sprintf("%s %d B with its name scripts-can-read-this visible", readable, len(readable)+len("scripts-can-read-this")) {
		t.Errorf("of the readable cookie the page says %q", got)
	}
	// Another program's cookie: its name and size, and no value, in the page's own look too.
	_, err = chromedp.Call(pg.ctx, network.SetCookie, network.SetCookieParams{Name: "theirs", Value: "very-private", URL: pg.url})
	pg.must(err)
	pg.press("Get", "get")
	pg.want("#document-cookie", "theirs=‹12 B, of another program›")
	if html := eval[string](pg, `document.documentElement.outerHTML`); strings.Contains(html, "very-private") {
		t.Error("of another program cookie is on the page")
	}
	pg.press("Take the readable cookie away", "taken away")
	pg.press("Get", "get")
	if got := pg.content("#document-cookie"); strings.Contains(got, "scripts-can-read-this") {
		t.Errorf("after it was taken away scripts see %q", got)
	}

	pg.fill("value", "Karim")
	pg.press("Set", "set")
	later := pg.cookie().Value
	for _, test := range []struct{ name, value, says string }{
		{"stale", cookie.Value, "This cookie is stale"},
		{"forged", later[:40] + "Z" + later[41:], "signature of the cookie that came does not fit"},
		{"garbled", "no-cookie-of-ours", "unsigned or garbled"},
		{"absent", "", "No session cookie: this request carried 1 other cookie"},
	} {
		pg.setCookie(cookie.Name, test.value)
		pg.press("List keys", "keys")
		pg.want("#browser", test.says)
		pg.settled()
		if got := cookieOf(field(wire.last(t, "GET /keys").requestHead, "Cookie"), cookie.Name); got != test.value {
			t.Errorf("%s: the header carried %q, want %q", test.name, got, test.value)
		}
	}
	// Only the cookie is gone: its record is still there, and the page says so.
	pg.want("#server", "its record is still here, and no cookie that came opens it", `"values"`)
	pg.setCookie(cookie.Name, later)
	pg.press("Flush", "flushed")
	pg.setCookie(cookie.Name, later)
	pg.press("Get", "get", "missing")
	pg.want("#browser", "valid signature, but its session has ended")
	pg.shoot("1-browser")
}

// Point 2: request and response as they travelled, compared with every byte that
// the witness saw; what changed against the exchange before.
func TestLabWire(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t)
	pg := browse(t, p, true)
	compare := func(begins string) {
		t.Helper()
		pg.want("#request", begins)
		pg.settled()
		saw := wire.last(t, begins)
		request, response := pg.content("#request"), pg.content("#response")
		for where, head := range map[string]string{request: saw.requestHead, response: saw.responseHead} {
			for l := range strings.SplitSeq(head, "\r\n") {
				l = strings.TrimPrefix(strings.Join(strings.Fields(l), " "), "HTTP/1.1 ")
				if name, page, _ := strings.Cut(l, ": "); name == "Sessionscope-Page" { // by its size: it is the page's own
					l = fmt.Sprintf("%s: ‹%d B, ", name, len(page))
				}
				if !strings.Contains(where, l) {
					t.Errorf("%s: the witness saw %q, the page shows %q", begins, l, where)
				}
			}
		}
		if saw.requestBody != "" && !strings.Contains(request, saw.requestBody) {
			t.Errorf("%s: the body was %q, the page shows %q", begins, saw.requestBody, request)
		}
		group := func(n int) string {
			s := strconv.Itoa(n)
			if len(s) > 3 {
				s = s[:len(s)-3] + "," + s[len(s)-3:]
			}
			return s + " B"
		}
		want := fmt.Sprintf("request %s head + %s body · response %s head + %s body", group(len(saw.requestHead)+4), group(len(saw.requestBody)), group(len(saw.responseHead)+4), group(len(saw.responseBody)))
		if got := pg.content("#sizes"); !strings.Contains(got, want) || !regexp.MustCompile(`\d ms`).MatchString(got) {
			t.Errorf("%s: the sizes are %q, the witness counted %q", begins, got, want)
		}
	}
	compare("GET / ")
	pg.want("#wire .steps", "no cookie")
	pg.press("Set", "set")
	compare("POST /set")
	pg.want("#wire .steps", "new ID", "set name", "place name", "save record v1", "sign cookie")
	pg.want("#wire-changes", "Compared with exchange 1", "new Content-Type", "Set-Cookie")
	pg.press("Get", "get")
	compare("GET /get")
	pg.want("#wire", "No Set-Cookie: the browser keeps what it has")
	pg.want("#wire-changes", "new Cookie", "gone Set-Cookie")
	if got := eval[string](pg, `[...document.querySelectorAll('#request mark')].map(e => e.textContent.split(':')[0]).join()`); !strings.Contains(got, "Cookie") {
		t.Errorf("marked in the request: %q", got)
	}
	pg.press("List keys", "keys")
	compare("GET /keys")
	pg.press("List keys", "keys")
	pg.settled()
	if got := pg.content("#wire-changes"); strings.Contains(got, "Cookie") || !strings.Contains(got, "headers are the same") && !strings.Contains(got, "no header changed") {
		t.Errorf("twice the same press: %q", got)
	}
	pg.want("#wire .steps", "read cookie", "verify signature as before, key 1 of 1", "load record")
	pg.fill("value", strings.Repeat("more than fits ", 100))
	pg.press("Set", "set", "on the server")
	pg.settled()
	// A refusal travels too.
	pg.fill("key", "")
	pg.press("Set", "refused (422)")
	pg.want("#response", "422")
	pg.settled()
	pg.forgiveRefusals()
}

// Point 4: every press is a moment; pressing it shows the panels as they were.
func TestLabTimeline(t *testing.T) {
	t.Parallel()
	for _, javascript := range []bool{true, false} {
		t.Run(fmt.Sprintf("JavaScript %t", javascript), func(t *testing.T) {
			t.Parallel()
			p := start(t)
			pg := browse(t, p, javascript)
			pg.press("Set", "set")
			first, id := pg.cookie().Value, pg.text("#server .record code")
			pg.fill("value", "Karim")
			pg.press("Set", "set")
			pg.press("Cycle ID", "cycled")
			pg.press("Flush", "flushed")
			pg.setCookie("sessionscope"+"-"+p.port(), first)
			pg.press("Get", "get", "missing")
			pg.want("#timeline ol", "opened", "created", "name → cookie", "cycled", "new ID, same values", "flushed", "refused")
			pg.setCookie("sessionscope"+"-"+p.port(), "") // a write with it would be a 409
			pg.press("Set", "set", "created a")
			show := func(selector string) {
				t.Helper()
				if javascript {
					pg.click(selector)
				} else {
					pg.follow(chromedp.Click(chromedp.CSS(selector)))
				}
			}
			show("#e2 button")
			pg.want("#moment", "The panels show the past: moment 2", "cookie none →", `name missing → "Rahim"`, "session ID, hashed none →")
			pg.want("#server", id, `"Rahim"`, "would expire in")
			pg.want("#raw", first)
			pg.want("#wire #request", "POST /set", "value=Rahim")
			pg.want("#sizes", " ms")
			pg.want("#timeline [aria-current]", "created")
			pg.shoot("4-moment" + map[bool]string{true: "-js", false: "-nojs"}[javascript])
			show("#moment-after")
			pg.want("#moment", "moment 3", `"Rahim" → "Karim"`, "version 1 → 2")
			show("#moment-after")
			pg.want("#moment", "moment 4", "session ID, hashed")
			show("#e5 button")
			pg.want("#moment", "bytes → none")
			pg.want("#browser", "the server told the browser to drop it")
			show("#moment-now")
			pg.want("#result", "This browser has a session")
			if pg.has("#moment.past") {
				t.Error("back to now, the page shows the past")
			}
			// A page that is loaded anew finds the visit again, by what the tab keeps. Without
			// a script it shows the moments of the session that its cookie opens, and no others.
			pg.do(chromedp.Navigate(p.url), chromedp.WaitVisible(chromedp.ID("result")))
			if javascript {
				pg.want("#timeline ol", "flushed", "refused", "opened")
				return
			}
			pg.want("#timeline ol", "created", "opened")
			if text := pg.content("#timeline ol"); strings.Contains(text, "flushed") {
				t.Errorf("a session's cookie opens the moments of others: %q", text)
			}
		})
	}
}

// Point 7: the code that ran, and the same act elsewhere.
func TestLabCode(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.press("Set", "set")
	source, err := os.ReadFile(root + "/internal/app/set.go")
	if err != nil {
		t.Fatal(err)
	}
	shown := eval[string](pg, `document.querySelector('.listing.handler pre').textContent`)
	if !strings.Contains(string(source), strings.TrimSpace(shown)) || !strings.Contains(shown, "func (a *App) set(") {
		t.Errorf("the page shows %q, which is not what internal/app/set.go says", shown)
	}
	pg.want(".listing.handler", "internal/app/set.go, line")
	for id, says := range map[string]string{"engine": "func (s *Session) Set(", "django": `request.session["name"] = "Rahim"`, "express": "req.session.name = 'Rahim'", "php": "$_SESSION['name'] = 'Rahim';", "rails": `session[:name] = "Rahim"`} {
		pg.click(`label:has(#listing-` + id + `)`)
		pg.want(".listing."+id, says)
	}
	pg.press("Flush", "flushed") // the choice stays
	if chosen := eval[string](pg, `document.querySelector('[name=listing]:checked').id`); chosen == "listing-handler" {
		t.Error("a press changed the language")
	}
	pg.click(`label:has(#listing-django)`)
	pg.want(".listing.django", "request.session.flush()")
	if links := eval[[]string](pg, `[...document.querySelectorAll('#code a')].map(a => a.href)`); len(links) != 4 {
		t.Errorf("links to documentation: %v", links)
	}
}
