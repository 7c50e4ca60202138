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

// The Browser panel shows the cookie as the header carried it, peeled by pressing; it shows
// what scripts see beside what the server received, and says why a cookie opens nothing.
func TestLabBrowser(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t)
	pg := browse(t, p, true)
	pg.click("#scripts summary") // it stays open from here on
	pg.want("#document-cookie", `document.cookie → ""`)
	pg.want("#jar", "no Cookie header")
	pg.press("Set", "set", "created a")
	pg.want("#absent", "The request came without this cookie. Its answer set it.")
	pg.settled()
	cookie := pg.cookie()
	sent := wire.last(t, "POST /set")
	if line := field(sent.responseHead, "Set-Cookie"); !strings.HasPrefix(line, cookie.Name+"="+cookie.Value+";") {
		t.Fatalf("the witness saw %q, the browser keeps %q", line, cookie.Value)
	}
	pg.peels(cookie)
	pg.comparesJar(wire, cookie)
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
	pg.click("#stored summary")
	pg.want("#server", "its record is still here, and no cookie that came opens it", `"values"`)
	pg.setCookie(cookie.Name, later)
	pg.press("Flush", "flushed")
	pg.setCookie(cookie.Name, later)
	pg.press("Get", "get", "missing")
	pg.want("#browser", "valid signature, but its session has ended")
	pg.shoot("1-browser")
}

// peels takes the cookie's layers off on the page, and compares each with the cookie.
func (pg *page) peels(cookie *network.Cookie) {
	pg.t.Helper()
	if raw := pg.text("#raw"); raw != cookie.Value {
		pg.t.Errorf("the page shows the cookie %q, it is %q", raw, cookie.Value)
	}
	peeled, err := base64.URLEncoding.DecodeString(cookie.Value)
	if err != nil {
		pg.t.Fatal(err)
	}
	parts := strings.SplitN(string(peeled), "|", 3)
	envelope, err := base64.URLEncoding.DecodeString(parts[1])
	if err != nil {
		pg.t.Fatal(err)
	}
	size := len(cookie.Name) + len(cookie.Value)
	pg.click(`label:has(#peel-base64)`)
	pg.want(".layer.base64 .token", parts[0]+"|"+parts[1]+"|"+base64.URLEncoding.EncodeToString([]byte(parts[2])))
	pg.want(".layer.base64 .parts", "name", fmt.Sprintf("%d B", len(parts[0])), fmt.Sprintf("%d B", len(parts[1])), "still base64", "valid", "key 1 of 1", "32 B")
	pg.click(`label:has(#peel-payload)`)
	pg.want("#payload", string(envelope[2:28]), "placement hybrid", "version 1", "created", "deadline", `{"name":"Rahim"}`)
	pg.want(".meter", fmt.Sprintf("%d of 4,096 bytes", size))
	pg.want("#scripts", "What scripts see · attributes · no other cookie came", fmt.Sprintf("%d bytes of payload", len(envelope)))
	if sizes := eval[string](pg, `[document.getElementById('cookie-size').max, document.getElementById('cookie-size').value].join()`); sizes != fmt.Sprintf("4096,%d", size) {
		pg.t.Errorf("the meter stands at %s", sizes)
	}
	pg.want("#flags", "over plain http", "HttpOnly", "every port", "the server decides for itself")
}

// comparesJar plants a readable cookie and one of another program, and compares what the page
// says of the jar with what the header carried and with what scripts see.
func (pg *page) comparesJar(wire *witness, cookie *network.Cookie) {
	pg.t.Helper()
	pg.press("Plant a readable cookie", "planted", "without HttpOnly")
	readable := cookie.Name + "-readable"
	pg.want("#document-cookie", `"`+readable+`=scripts-can-read-this"`)
	pg.press("Get", "get", "name is")
	if got := field(wire.last(pg.t, "GET /get").requestHead, "Cookie"); cookieOf(got, readable) != "scripts-can-read-this" || cookieOf(got, cookie.Name) != cookie.Value {
		pg.t.Errorf("the header carried %q", got)
	}
	row := func(name string) string {
		return eval[string](pg, `[...document.querySelector('#jar tr[data-cookie="`+name+`"]').children].map(td => td.innerText.trim().replace(/\s+/g, ' ')).join(' ')`)
	}
	if got := row(cookie.Name); got != fmt.Sprintf("%s %d B with its name hidden by HttpOnly", cookie.Name, len(cookie.Name)+len(cookie.Value)) {
		pg.t.Errorf("of the session cookie the page says %q", got)
	}
	if got := row(readable); got != fmt.Sprintf("%s %d B with its name scripts-can-read-this visible", readable, len(readable)+len("scripts-can-read-this")) {
		pg.t.Errorf("of the readable cookie the page says %q", got)
	}
	_, err := chromedp.Call(pg.ctx, network.SetCookie, network.SetCookieParams{Name: "theirs", Value: "very-private", URL: pg.url})
	pg.must(err)
	pg.press("Get", "get")
	pg.want("#document-cookie", "theirs=‹12 B, of another program›")
	if strings.Contains(pg.html(), "very-private") {
		pg.t.Error("of another program cookie is on the page")
	}
	pg.comparesOddCookies()
	pg.press("Take the readable cookie away", "taken away")
	pg.press("Get", "get")
	if got := pg.content("#document-cookie"); strings.Contains(got, "scripts-can-read-this") {
		pg.t.Errorf("after it was taken away scripts see %q", got)
	}
}

// comparesOddCookies sets cookies that are hard to tell apart: without a name, with a long name,
// with letters of two bytes, and two of one name. The page must not call a cookie hidden that
// scripts see.
func (pg *page) comparesOddCookies() {
	pg.t.Helper()
	long := strings.Repeat("k", 100)
	eval[string](pg, `(document.cookie = 'flag', document.cookie = 'n=é', document.cookie = '`+long+`=1', document.cookie = 'two=22')`)
	_, err := chromedp.Call(pg.ctx, network.SetCookie, network.SetCookieParams{Name: "two", Value: "1", URL: pg.url + "/get", Path: "/get"})
	pg.must(err)
	pg.press("Get", "get")
	pg.want("#document-cookie", "(no name)=‹4 B,", "n=‹2 B,", long+"=‹1 B,", "two=‹2 B,")
	got := eval[string](pg, `[...document.querySelectorAll('#jar tbody tr')].map(row => row.cells[0].innerText.slice(0, 9) + row.dataset.bytes + row.querySelector('.said').innerText).join('; ')`)
	for _, want := range []string{"(no name)4visible", "n3visible", "kkkkkkkkk101visible", "two5visible", "two4hidden"} {
		if !strings.Contains(got, want) {
			pg.t.Errorf("of what scripts see the table says %s; want %s", got, want)
		}
	}
	eval[string](pg, `['=flag', 'n=', '`+long+`=', 'two=', 'two=; path=/get'].map(old => document.cookie = old + '; max-age=0').join()`)
}

// grouped returns a number of bytes as the page writes it.
func grouped(n int) string {
	s := strconv.Itoa(n)
	if len(s) > 3 {
		s = s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s + " B"
}

// wantWire checks that the page shows the last exchange whose request line begins with begins
// as the witness saw it: heads line by line, the body, and the sizes.
func (pg *page) wantWire(wire *witness, begins string) {
	pg.t.Helper()
	pg.want("#request", begins)
	pg.settled()
	saw := wire.last(pg.t, begins)
	request, response, own := pg.content("#request"), pg.content("#response"), 0
	for where, head := range map[string]string{request: saw.requestHead, response: saw.responseHead} {
		for l := range strings.SplitSeq(head, "\r\n") {
			l = strings.TrimPrefix(strings.Join(strings.Fields(l), " "), "HTTP/1.1 ")
			if name, _, _ := strings.Cut(l, ": "); strings.HasPrefix(name, "Sessionscope-Page") || name == "Sessionscope-Load" { // the page's own
				own += len(l) + len("\r\n")
				continue
			}
			if !strings.Contains(where, l) {
				pg.t.Errorf("%s: the witness saw %q, the page shows %q", begins, l, where)
			}
		}
	}
	if saw.requestBody != "" && !strings.Contains(request, saw.requestBody) {
		pg.t.Errorf("%s: the body was %q, the page shows %q", begins, saw.requestBody, request)
	}
	if strings.Contains(request, "Sessionscope-Page:") || own > 0 != strings.Contains(request, "Left out: this page's own header, "+grouped(own)) {
		pg.t.Errorf("%s: %d bytes are the page's own, the page shows %q", begins, own, request)
	}
	folded := fmt.Sprintf("all %d request lines, %s", strings.Count(saw.requestHead, "\r\n")+1-min(own, 1), grouped(len(saw.requestHead)+4-own))
	if own > 0 {
		folded += ", without the page's own " + grouped(own)
	}
	if !strings.Contains(request, folded) {
		pg.t.Errorf("%s: the page shows %q, want %q", begins, request, folded)
	}
	want := fmt.Sprintf("request %s head + %s body · ▼ response %s head + %s body", grouped(len(saw.requestHead)+4), grouped(len(saw.requestBody)), grouped(len(saw.responseHead)+4), grouped(len(saw.responseBody)))
	if got := pg.content("#sizes"); !strings.Contains(got, want) || !regexp.MustCompile(`\d ms`).MatchString(got) {
		pg.t.Errorf("%s: the sizes are %q, the witness counted %q", begins, got, want)
	}
}

// The Wire panel shows request and response as they travelled, byte for byte, and what
// changed since the exchange before.
func TestLabWire(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t)
	pg := browse(t, p, true)
	pg.wantWire(wire, "GET / ")
	pg.want("#wire .steps", "no session cookie")
	pg.press("Set", "set")
	pg.wantWire(wire, "POST /set")
	pg.want("#wire .steps", "new ID", "set name", "place name", "save record v1", "sign cookie")
	pg.click("#response-more summary") // it stays open from here on
	pg.want("#wire-changes", "Compared with exchange 1", "Content-Type", "Set-Cookie")
	pg.want("#response .short", "new Set-Cookie: ")
	pg.press("Get", "get")
	pg.wantWire(wire, "GET /get")
	pg.want("#wire", "Set-Cookie: none, so the browser keeps what it has")
	pg.want("#wire-changes", "new Cookie", "gone Set-Cookie")
	if got := eval[string](pg, `[...document.querySelectorAll('#request-more mark')].map(e => e.textContent.split(':')[0]).join()`); !strings.Contains(got, "Cookie") {
		t.Errorf("marked in the request: %q", got)
	}
	pg.press("List keys", "keys")
	pg.wantWire(wire, "GET /keys")
	pg.press("List keys", "keys")
	pg.settled()
	if got := pg.content("#wire-changes"); strings.Contains(got, "Cookie") || !strings.Contains(got, "headers are the same") && !strings.Contains(got, "no header changed") {
		t.Errorf("twice the same press: %q", got)
	}
	pg.want("#wire .steps", "read cookie", "verify signature as before, key 1 of 1", "load record")
	pg.fill("value", strings.Repeat("more than fits ", 100))
	pg.press("Set", "set", "on the server")
	pg.settled()
	pg.fill("key", "")
	pg.press("Set", "refused (422)")
	pg.want("#response", "422")
	pg.settled()
	pg.forgiveRefusals()
}

// Each press becomes a moment of the timeline, and a press of a moment shows the panels as
// they were.
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
			pg.setCookie("sessionscope"+"-"+p.port(), "") // a write with the retired ID would be a 409
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
			// A page that is loaded anew goes on with the tab's visit. Without scripts it has a
			// new visit, with the moments of the session that its cookie opens and no others.
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

// The code panel shows the source of the handler that ran, and the same act in other
// frameworks.
func TestLabCode(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.press("Set", "set")
	source, err := os.ReadFile(root + "/internal/app/set.go")
	if err != nil {
		t.Fatal(err)
	}
	pg.want(".listing.django", `request.session["name"] = "Rahim"`) // the first
	shown := eval[string](pg, `document.querySelector('.listing.go pre').textContent`)
	if !strings.Contains(string(source), strings.TrimSpace(shown)) || !strings.Contains(shown, "func (a *App) set(") {
		t.Errorf("the page shows %q, which is not what internal/app/set.go says", shown)
	}
	pg.click(`label:has(#listing-go)`)
	pg.want(".listing.go", "internal/app/set.go, line")
	pg.want(".listing.go + .listing.go", "func (s *Session) Set(")
	for id, says := range map[string]string{"django": `request.session["name"] = "Rahim"`, "express": "req.session.name = 'Rahim'", "php": "$_SESSION['name'] = 'Rahim';", "rails": `session[:name] = "Rahim"`} {
		pg.click(`label:has(#listing-` + id + `)`)
		pg.want(".listing."+id, says)
	}
	const chosen = `document.querySelector('[name=listing]:checked').id`
	pg.click(`label:has(#listing-rails)`)
	pg.press("Flush", "flushed") // the choice stays
	if got := eval[string](pg, chosen); got != "listing-rails" {
		t.Errorf("a press changed the language to %s", got)
	}
	pg.reload()
	if got := eval[string](pg, chosen); got != "listing-rails" {
		t.Errorf("loaded again, the page opens with %s", got)
	}
	pg.press("Flush", "flush")
	pg.click(`label:has(#listing-django)`)
	pg.want(".listing.django", "request.session.flush()")
	if links := eval[[]string](pg, `[...document.querySelectorAll('#code a')].map(a => a.href)`); len(links) != 4 {
		t.Errorf("links to documentation: %v", links)
	}
}
