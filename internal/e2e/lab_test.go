package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// eval returns the value of a script expression in the page.
func eval[T any](pg *page, expression string) T {
	pg.t.Helper()
	ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	pg.must(err)
	return v
}

// content returns the whole text of an element, what is folded away too.
func (pg *page) content(selector string) string {
	pg.t.Helper()
	return strings.Join(strings.Fields(eval[string](pg, `document.querySelector(`+strconv.Quote(selector)+`)?.textContent ?? "nothing is there"`)), " ")
}

// settled waits until the exchange on the page has its sizes.
func (pg *page) settled() { pg.t.Helper(); pg.want("#sizes", " ms") }

func (pg *page) click(selector string) { pg.t.Helper(); pg.do(chromedp.Click(chromedp.CSS(selector))) }

// setCookie puts another value into the browser's session cookie; "" deletes it.
func (pg *page) setCookie(name, value string) {
	pg.t.Helper()
	if value == "" {
		_, err := chromedp.Call(pg.ctx, network.DeleteCookies, network.DeleteCookiesParams{Name: name, URL: pg.url})
		pg.must(err)
		return
	}
	_, err := chromedp.Call(pg.ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: pg.url, HTTPOnly: new(true), Path: "/"})
	pg.must(err)
}

// Point 1: the cookie as the header carried it, peeled by pressing; what scripts
// see beside what the server received; and what is said of a cookie that opens nothing.
func TestLabBrowser(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t)
	pg := browse(t, p, true)
	pg.want("#document-cookie", `document.cookie → ""`)
	pg.want("#jar", "no Cookie header")
	pg.press("Set", "set", "born")
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
	pg.want(".meter", fmt.Sprintf("%d of 4,096 bytes", len(cookie.Name)+len(cookie.Value)), fmt.Sprintf("%d bytes of data in it", len(envelope)))
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
	pg.want("#document-cookie", "theirs=‹12 B, not ours›")
	if html := eval[string](pg, `document.documentElement.outerHTML`); strings.Contains(html, "very-private") {
		t.Error("another program's cookie is on the page")
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
	pg.want("#wire-changes", "Against exchange 1", "new Content-Type", "Set-Cookie")
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
	pg.expectFaults()
}

// Point 3: what the server keeps, as it lies there, in each store.
func TestLabServer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sessions.db")
	for _, store := range []string{"memory", "sqlite", "redis"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			var flags []string
			var server *redistest.Server
			switch store {
			case "sqlite":
				flags = []string{"--store", "sqlite:" + file}
			case "redis":
				server = redistest.Start(t)
				flags = slices.DeleteFunc(redisFlags(t, server), func(s string) bool { return s == "--placement" || s == "server" })
			}
			p := start(t, flags...)
			pg := browse(t, p, true)
			pg.press("Set", "set")
			pg.fill("key", "cart")
			pg.fill("value", strings.Repeat("x", 300))
			pg.press("Set", "set", "on the server")
			// A separate client with the same cookie.
			watcher := newClient(t, p.url)
			c := pg.cookie()
			watcher.http.Jar.SetCookies(must(url.Parse(p.url)), []*http.Cookie{{Name: c.Name, Value: c.Value}})
			_, info, _ := watcher.do("GET", "/session", nil)
			id := info["id"].(string)
			pg.want("#server .record", "sha256:"+id)
			pg.want("#server .clocks", "version 2", "created", "idle clock", "runs out first", "absolute lifetime")
			if clocks := pg.text("#server .clocks"); !regexp.MustCompile(`idle clock (2 h 0 m|1 h 59 m).*absolute lifetime (8 h 0 m|7 h 59 m)`).MatchString(clocks) {
				t.Errorf("the clocks say %q", clocks)
			}
			pg.want("#key-name", "name", `"Rahim"`, "text", "7", "cookie")
			pg.want("#key-cart", "cart", "text", "302", "server")
			stats := info["stats"].(map[string]any)
			pg.want("#figures", fmt.Sprintf("%v live record", stats["sessions"]), "0 expired, not cleared", fmt.Sprintf("%v B in the store", stats["bytes"]), "live and expired sessions in the last minute")
			stored := map[string]string{}
			for _, row := range eval[[][]string](pg, `[...document.querySelectorAll('.stored div')].map(e => [e.children[0].textContent, e.children[1].textContent])`) {
				stored[row[0]] = row[1]
			}
			where := pg.text("#server .where")
			lies := map[string]string{}
			switch store {
			case "memory":
				if where != "entry of the map" || stored["version"] != fmt.Sprint(info["version"]) || !strings.HasPrefix(stored["key"], id) {
					t.Errorf("%s: %v, a client is told %v", where, stored, info)
				}
			case "sqlite":
				conn, err := sqlite.OpenConn(file, sqlite.OpenReadOnly)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				err = sqlitex.Execute(conn, `SELECT * FROM sessions WHERE key LIKE ?||'%'`, &sqlitex.ExecOptions{Args: []any{id}, ResultFunc: func(s *sqlite.Stmt) error {
					for i := range s.ColumnCount() {
						lies[s.ColumnName(i)] = s.ColumnText(i)
					}
					return nil
				}})
				if err != nil || where != "row of the table sessions" {
					t.Errorf("%q, %v", where, err)
				}
			case "redis":
				out, err := exec.Command("redis-cli", "-u", server.URL(), "--no-raw", "HGETALL", strings.TrimPrefix(where, "hash ")).CombinedOutput()
				if err != nil || !strings.HasPrefix(where, "hash ssc:s:"+id) {
					t.Fatalf("%q: %v %s", where, err, out)
				}
				words := regexp.MustCompile(`(?m)^\s*\d+\) (".*")$`).FindAllStringSubmatch(string(out), -1)
				for i := 0; i+1 < len(words); i += 2 {
					name, _ := strconv.Unquote(words[i][1])
					value, _ := strconv.Unquote(words[i+1][1])
					lies[name] = value
				}
				ttl, err := strconv.Atoi(stored["PTTL"])
				if hour := int(3 * time.Hour / time.Millisecond); err != nil || ttl > hour || ttl < hour-60_000 {
					t.Errorf("PTTL is %q, want two hours and one more", stored["PTTL"])
				}
				delete(stored, "PTTL")
			}
			if store != "memory" && (len(lies) < 5 || fmt.Sprint(lies) != fmt.Sprint(stored)) {
				t.Errorf("the page shows %v\nthe store holds %v", stored, lies)
			}
			pg.click(`button[hx-post="/clear"]`)
			pg.want("#result .verb", "cleared")
			pg.want("#server", "no keys")
			pg.fill("seconds", "1")
			pg.press("Expire in…", "expiry")
			pg.want("#server .clocks .first", "its own expiry", "runs out first")
			pg.want("#server", "its record still lies here", `"expiry":"1s"`)
			pg.want("#figures", "1 expired, not cleared")
			pg.press("Clear expired", "cleared", "1 expired record")
			pg.want("#server", "the store holds nothing under its ID")
			pg.shoot("3-server-" + store)
		})
	}
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
			pg.want("#timeline ol", "opened", "created", "name → cookie", "cycled", "new ID, same data", "flushed", "refused")
			pg.setCookie("sessionscope"+"-"+p.port(), "") // a write with it would be a 409
			pg.press("Set", "set", "born")
			go2 := func(selector string) {
				t.Helper()
				if javascript {
					pg.click(selector)
					return
				}
				ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
				defer cancel()
				_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
				pg.must(err)
			}
			go2("#e2 button")
			pg.want("#moment", "The panels show the past: moment 2", "cookie none →", `name missing → "Rahim"`, "session ID, hashed none →")
			pg.want("#server", id, `"Rahim"`, "would expire in")
			pg.want("#raw", first)
			pg.want("#wire #request", "POST /set", "value=Rahim")
			pg.want("#sizes", " ms")
			pg.want("#timeline [aria-current]", "created")
			pg.shoot("4-moment" + map[bool]string{true: "-js", false: "-nojs"}[javascript])
			go2("#moment-after")
			pg.want("#moment", "moment 3", `"Rahim" → "Karim"`, "version 1 → 2")
			go2("#moment-after")
			pg.want("#moment", "moment 4", "session ID, hashed")
			go2("#e5 button")
			pg.want("#moment", "bytes → none")
			pg.want("#browser", "the server had it thrown away")
			go2("#moment-now")
			pg.want("#result", "This browser has a session")
			if got, _ := pg.tryContent("#moment.past"); got {
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

// tryContent tells whether an element is there, at once.
func (pg *page) tryContent(selector string) (bool, error) {
	ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
	defer cancel()
	nodes, err := chromedp.Run(ctx, chromedp.Nodes(chromedp.CSSAll(selector), chromedp.AtLeast(0)))
	return len(nodes) > 0, err
}

func (p *program) port() string { return p.url[strings.LastIndex(p.url, ":")+1:] }

// tab opens another tab of the same browser. The scripts run there before the page's.
func (pg *page) tab(where string, scripts ...string) *page {
	pg.t.Helper()
	ctx, cancel := chromedp.NewContext(pg.ctx)
	pg.t.Cleanup(cancel)
	other := &page{t: pg.t, ctx: ctx, url: pg.url, javascript: true}
	other.listen()
	for _, script := range scripts {
		_, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		other.must(err)
	}
	other.do(chromedp.Navigate(where), chromedp.WaitVisible(chromedp.ID("result")))
	return other
}

// twin duplicates the tab, as a browser's menu does: with what is in its sessionStorage.
func (pg *page) twin() *page {
	pg.t.Helper()
	kept := eval[string](pg, `JSON.stringify({...sessionStorage})`)
	return pg.tab(eval[string](pg, `location.href`), `if (!sessionStorage.length) Object.assign(sessionStorage, `+kept+`)`)
}

// Point 5: what happens without a press.
func TestLabLive(t *testing.T) {
	t.Parallel()
	live(t, start(t))
}

func live(t *testing.T, p *program) {
	t.Helper()
	pg := browse(t, p, true)
	pg.want("#live-state", "live")
	pg.press("Set", "set", "born")
	// The same tab, duplicated.
	other := pg.twin()
	other.want("#live-state", "live")
	other.fill("value", "from the twin")
	other.press("Set", "set", "from the twin")
	pg.want("#result", "another page", "of this visit pressed", "set name → cookie")
	pg.want("#server", "from the twin")
	if got := pg.text("#raw"); got != pg.cookie().Value {
		t.Errorf("this tab shows the cookie %q, the browser keeps %q", got, pg.cookie().Value)
	}
	pg.press("Get", "get", "from the twin")
	// A separate client that stole the cookie.
	thief := newClient(t, p.url)
	c := pg.cookie()
	thief.http.Jar.SetCookies(must(url.Parse(p.url)), []*http.Cookie{{Name: c.Name, Value: c.Value}})
	if status, _, _ := thief.do("POST", "/set", url.Values{"key": {"stolen"}, "value": {strings.Repeat("s", 300)}}); status != 200 {
		t.Fatal(status)
	}
	pg.want("#news", "another client: set stolen → server")
	pg.want("#server", "stolen")
	pg.want("#timeline ol", "another client")
	// A stranger's session moves the figures.
	stranger := newClient(t, p.url)
	stranger.do("POST", "/set", url.Values{"key": {"a"}, "value": {"1"}})
	pg.want("#figures", "2 live records")
	// Expiry, seen by the page's clock and by the server's.
	pg.fill("seconds", "2")
	pg.press("Expire in…", "expiry")
	pg.want("#result", "The time on this page is up")
	pg.want("#timeline ol", "expired", "the record lies in the store still", "the clock")
	pg.want("#server", "its record still lies here")
	other.want("#result", "The time on this page is up") // or its look at the session would be the newest news
	// Somebody clears it away.
	if _, out, _ := stranger.do("POST", "/clear-expired", url.Values{}); out["removed"] != 1.0 {
		t.Fatalf("cleared %v", out)
	}
	pg.want("#news", "another client: swept 1 expired removed")
	pg.want("#server", "the store holds nothing under its ID")
	pg.want("#expired-count", "0")
	// A third page of the visit has no stream, and says so.
	third := pg.twin()
	third.want("#live-state", "two other pages of this visit are")
	third.expectFaults() // Chromium logs every answer with a 4xx
	// A hidden tab is not told; shown again, it catches up.
	hide := func(hidden bool) {
		eval[bool](pg, fmt.Sprintf(`Object.defineProperty(document, 'hidden', {value: %t, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))`, hidden))
	}
	hide(true)
	other.press("Set", "set", "born")
	other.fill("key", "while")
	other.fill("value", "hidden")
	other.press("Set", "set", "hidden")
	if got := pg.content("#server"); strings.Contains(got, "hidden") {
		t.Error("a hidden tab was told")
	}
	hide(false)
	pg.want("#server", "hidden")
	// The streams end with the server.
	p.stop(t, os.Interrupt)
	pg.want("#live-state", "not live")
	for _, page := range []*page{pg, other, third} {
		page.ends("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "Failed to load resource", "htmx:error", "htmx:sse:error")
	}
}

// Point 6: copies of the cookie, the press as a command, a second browser, and a
// change of privilege.
func TestLabCopies(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.press("Set", "set", "born")
	own := pg.cookie().Value
	tamper := func(part, to, verb string, says ...string) {
		t.Helper()
		pg.do(chromedp.SetValue(chromedp.ID("tamper-part"), part))
		pg.fill("tamper-to", to)
		pg.press("Send the copy", verb, says...)
		if got := pg.cookie().Value; got != own {
			t.Errorf("%s: the browser's own cookie became %q", part, got)
		}
	}
	pg.click("#tamper summary")
	for _, part := range []string{"letter", "time", "id", "version", "created", "deadline", "signature"} {
		tamper(part, "", "copy refused", "The server's own client", "the signature does not fit", "Your own cookie and session stay as they are")
	}
	tamper("values", `{"name":"Mallory"}`, "copy refused", "the values")
	pg.want("#wire", "what travelled with a copy with a change in the values", "GET /session", `"exists":false`)
	// What the page shows as sent is the copy: a separate client sends it and is refused too.
	sent := regexp.MustCompile(`Cookie: ` + pg.cookie().Name + `=(\S+)`).FindStringSubmatch(pg.content("#request"))
	if sent == nil || sent[1] == own {
		t.Fatalf("the wire shows %q", pg.content("#request"))
	}
	thief := newClient(t, p.url)
	thief.http.Jar.SetCookies(must(url.Parse(p.url)), []*http.Cookie{{Name: pg.cookie().Name, Value: sent[1]}})
	if _, out, _ := thief.do("GET", "/session", nil); out["exists"] != false {
		t.Errorf("the changed copy opens %v", out)
	}
	tamper("value", own, "copy accepted", "with nothing changed", "whoever sends it is you")
	tamper("version", "minus one", "refused (422)", "whole number")
	pg.want("#timeline ol", "refused", "the signature does not fit", "a copy with a change in the signature")
	pg.shoot("6-tamper")

	pg.press("Pin a copy", "pinned", "as a thief would keep it")
	pg.press("Replay", "replay accepted", "Another client")
	// Only the cookie goes, and comes back: the record does not notice.
	record := pg.text("#server .clocks dd")
	pg.press("Drop the cookie only", "dropped", "untouched")
	pg.want("#server", "its record is still here, and this browser has no cookie any more that opens it")
	if c := pg.cookie(); c != nil {
		t.Errorf("dropped, the browser keeps %v", c)
	}
	pg.press("Get", "get", "missing")
	pg.press("Put back", "put back", "of this browser again")
	pg.want("#server .clocks dd", record)
	if got := pg.cookie(); got == nil || got.Value != own {
		t.Errorf("put back, the browser keeps %v", got)
	}
	pg.press("Get", "get", `"Rahim"`)
	pg.press("Flush", "flushed")
	pg.press("Replay", "replay refused", "no record has this ID", "no session of its own")
	if c := pg.cookie(); c != nil {
		t.Errorf("a replay gave this browser the cookie %v", c)
	}
	pg.press("Set", "set", "born")
	pg.press("Get", "get", "name is") // this press as a command, run by a real shell
	pg.click("#curl summary")
	command := eval[string](pg, `document.getElementById('curl-text').value`)
	out, err := exec.Command("sh", "-c", command).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	_, body, _ := strings.Cut(string(out), "\r\n\r\n")
	var said map[string]any
	if err := json.Unmarshal([]byte(body), &said); err != nil || said["value"] != "Rahim" || "sha256:"+said["session"].(map[string]any)["id"].(string)+"…" != pg.text("#server .record code") {
		t.Errorf("%s\n%s\n%v", command, out, err)
	}
	pg.do(chromedp.Click(chromedp.CSS(`[data-copy]`)))
	pg.want("[data-copy]", "op") // copied, or selected to be copied

	// A second browser in a tab of its own.
	opened := chromedp.WaitNewTarget(pg.ctx, func(info *target.Info) bool { return strings.HasPrefix(info.URL, pg.url+"/s/second-") })
	pg.do(chromedp.Click(chromedp.Search(`//button[contains(., "Second browser")]`)))
	ctx, cancel := chromedp.NewContext(pg.ctx, chromedp.WithTargetID(<-opened))
	t.Cleanup(cancel)
	second := &page{t: t, ctx: ctx, url: pg.url, javascript: true}
	second.listen()
	second.want(".second", "the lab of the second browser")
	second.press("Log in", "logged in", "so its ID is fresh")
	_, err = chromedp.Call(pg.ctx, cdppage.BringToFront, chromedp.Void{}) // in the background it is not told
	pg.must(err)
	pg.want("#news", "second browser: created")
	pg.want("#figures", "2 live records")
	jar, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{eval[string](second, `location.href`)}})
	second.must(err)
	names := map[string]string{}
	for _, c := range jar.Cookies {
		names[c.Name] = c.Path
	}
	path := eval[string](second, `location.pathname`)
	delete(names, pg.cookie().Name+"-pins")
	if len(names) != 2 || names[pg.cookie().Name] != "/" || names[pg.cookie().Name+"~second"] != path {
		t.Errorf("the browser's cookies are %v, the second lab is at %s", names, path)
	}
	second.want("#jar", pg.cookie().Name+" ", "the first browser's")
	pg.press("Log in", "logged in", "At every login the ID changes")
	ids := []string{pg.text("#server .record code"), second.text("#server .record code")}
	if ids[0] == ids[1] {
		t.Errorf("both browsers have the session %v", ids)
	}
	first8 := func(code string) string { return strings.TrimSuffix(strings.TrimPrefix(code, "sha256:"), "…") }
	pg.want(".family", "first browser (this one) "+first8(ids[0])+" live", "second browser "+first8(ids[1])+" live")
	second.press("Log out", "logged out")
	pg.want(".family", "first browser (this one) "+first8(ids[0])+" live", "second browser "+first8(ids[1])+" gone")
	pg.want("#figures", "1 live record")
	pg.want("#timeline ol", "second browser")
	pg.press("Get", "get", "name is") // the other is still logged in
	pg.want("#server", "user", `"ada"`, strings.TrimSuffix(strings.TrimPrefix(ids[0], "sha256:"), "…"))
	pg.expectFaults() // Chromium logs every answer with a 4xx
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

// axeSource is axe-core, which a page needs once.
var axeSource = sync.OnceValues(func() ([]byte, error) { return os.ReadFile("testdata/axe-core-4.14.1/axe.min.js") })

// axe runs all rules of axe-core on the page as it is and reports what it finds. That
// is all of it that axe-core works out: of what is in order it lists an example a rule.
func (pg *page) axe(state string) {
	pg.t.Helper()
	ctx, cancel := context.WithTimeout(pg.ctx, 60*time.Second)
	defer cancel()
	if !eval[bool](pg, `'axe' in window`) {
		source, err := axeSource()
		pg.must(err)
		pg.must(chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](string(source))))
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](
		`axe.run({resultTypes: ['violations']}).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).join(' | ')))`, chromedp.EvalAwaitPromise))
	pg.must(err)
	for _, v := range found {
		pg.t.Errorf("axe, %s: %s", state, v)
	}
}

func (pg *page) media(features ...string) {
	pg.t.Helper()
	var list []*emulation.MediaFeature
	for i := 0; i < len(features); i += 2 {
		list = append(list, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	_, err := chromedp.Call(pg.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: list})
	pg.must(err)
}

// Point 8: axe-core finds nothing in any state, wide and narrow, light and dark;
// no page is wider than its window.
func TestLabAccessible(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	all := func(state string) {
		t.Helper()
		for _, scheme := range []string{"light", "dark"} {
			pg.media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
			for _, width := range []int64{1440, 1024, 390, 320} {
				pg.viewport(width, 900)
				if wide := eval[int64](pg, `document.documentElement.scrollWidth`); wide > width {
					t.Errorf("%s: at %d px the page is %d wide: %s", state, width, wide, eval[string](pg, fmt.Sprintf(`[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > %d && !e.closest('.scroll, .http, .table, pre, .unseen')).map(e => e.tagName + '.' + e.className + '#' + e.id).slice(0, 5).join()`, width)))
				}
				if width == 1024 || width == 320 {
					continue
				}
				pg.axe(fmt.Sprintf("%s, %s, %d", state, scheme, width))
			}
		}
		pg.viewport(1440, 900)
	}
	all("no session")
	pg.press("Set", "set")
	pg.settled()
	all("set")
	pg.fill("key", strings.Repeat("k", 128))
	pg.fill("value", strings.Repeat("v", 3000))
	pg.press("Set", "set")
	pg.click(`label:has(#peel-payload)`)
	pg.click("#tamper summary")
	pg.click("#curl summary")
	pg.press("Plant a readable cookie", "planted")
	all("large, everything open")
	pg.do(chromedp.SetValue(chromedp.ID("tamper-part"), "signature"))
	pg.press("Send the copy", "copy refused")
	pg.press("Pin a copy", "pinned")
	pg.press("Replay", "replay accepted")
	all("replayed")
	pg.click("#e2 button")
	pg.want("#moment", "moment 2")
	all("a moment of the past")
	pg.click("#moment-now")
	pg.want("#result", "This browser has a session")
	pg.click(`label:has(#placement-server)`)
	pg.want("#result", "moved")
	pg.click(`label:has(#listing-rails)`)
	all("placement server")
	pg.fill("key", "")
	pg.press("Set", "refused (422)")
	all("refused")
	pg.fill("seconds", "1")
	pg.press("Expire in…", "expiry")
	pg.want("#result", "The time on this page is up")
	all("expired")
	pg.do(chromedp.Click(chromedp.CSS(`button[name=on]`)), chromedp.WaitVisible(chromedp.ID("show-values")))
	pg.press("Start over", "flush")
	pg.press("Set", "set")
	all("projector")
	pg.do(chromedp.Navigate(p.url+"/nope"), chromedp.WaitVisible(chromedp.CSS("h1")))
	all("404")
	pg.expectFaults()
}

// Keys, focus and announcements: all that is pressed can be reached, the focus is
// never lost, and motion stops where it is not wanted.
func TestLabKeyboard(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	press := func(keys string) { t.Helper(); pg.do(chromedp.KeyEvent(keys)) }
	focus := func() string {
		return eval[string](pg, `(e => e.id || e.textContent.trim())(document.activeElement)`)
	}
	tabTo := func(want string) {
		t.Helper()
		for range 120 {
			press(kb.Tab)
			if focus() == want {
				return
			}
		}
		t.Fatalf("the focus does not come to %q, it is at %q", want, focus())
	}
	press(kb.Tab)
	if got := focus(); got != "Skip to the lab" {
		t.Errorf("the first stop is %q", got)
	}
	tabTo("value")
	press(kb.Enter)
	pg.want("#result .verb", "set")
	if got := focus(); got != "value" {
		t.Errorf("after Enter the focus is at %q", got)
	}
	tabTo("peel-sent")
	press(kb.ArrowRight)
	pg.want(".layer.base64", "signed at")
	press(kb.ArrowRight)
	pg.want(".layer.payload", "session ID")
	tabTo("Tamper…")
	press(kb.Enter)
	tabTo("Send the copy")
	press(kb.Enter)
	pg.want("#result .verb", "copy refused")
	if got := focus(); got != "Send the copy" {
		t.Errorf("after a copy was sent the focus is at %q", got)
	}
	if top := eval[float64](pg, `document.getElementById('result').getBoundingClientRect().top`); top < 0 || top > 900 {
		t.Errorf("the answer stands at %v, out of view", top)
	}
	pg.do(chromedp.Focus(chromedp.CSS("#e2 button")))
	press(kb.Enter)
	pg.want("#moment", "moment 2")
	tabbed := eval[bool](pg, `document.activeElement !== document.body`)
	pg.do(chromedp.Focus(chromedp.ID("moment-now")))
	press(kb.Enter)
	pg.want("#result", "This browser has a session")
	if lost := eval[bool](pg, `document.activeElement === document.body`); lost || !tabbed {
		t.Errorf("back to now the focus is lost; before it was kept: %t", tabbed)
	}
	tabTo("listing-handler")
	press(kb.ArrowRight)
	pg.want(".listing.engine", "func")

	if polite := eval[string](pg, `['result', 'news'].map(id => document.getElementById(id).getAttribute('role')).join()`); polite != "status,status" {
		t.Errorf("results and news are announced as %q", polite)
	}
	// Motion: none where it is reduced; the control, where it is not.
	const count = `(() => { let n = 0; const animate = Element.prototype.animate; Element.prototype.animate = function (...a) { n++; return animate.apply(this, a) }; window.animated = () => n })()`
	eval[chromedp.Void](pg, count+`, undefined`)
	pg.media("prefers-reduced-motion", "reduce")
	pg.press("Get", "get")
	pg.settled()
	if n := eval[int](pg, `window.animated()`); n != 0 {
		t.Errorf("%d animations where motion is reduced", n)
	}
	pg.media("prefers-reduced-motion", "no-preference")
	pg.press("List keys", "keys")
	pg.settled()
	if n := eval[int](pg, `window.animated()`); n == 0 {
		t.Error("the control: nothing moves where it may")
	}
	// 200 % zoom of a 1440 px window is one of 720 px.
	pg.do(chromedp.EmulateViewport(720, 450, chromedp.EmulateScale(2)))
	if wide := eval[int64](pg, `document.documentElement.scrollWidth`); wide > 720 {
		t.Errorf("at 200 %% the page is %d px wide", wide)
	}
}

// Projector mode shows no name and no value, until they are asked for.
func TestLabProjector(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.fill("key", "SECRETKEY")
	pg.fill("value", "SECRETVALUE")
	pg.press("Set", "set")
	pg.fill("user", "SECRETUSER")
	pg.press("Log in", "logged in")
	pg.do(chromedp.Click(chromedp.CSS(`button[name=on]`)), chromedp.WaitVisible(chromedp.ID("show-values")))
	pg.fill("key", "SECRETKEY")
	pg.press("Get", "get")
	pg.settled()
	// What can be seen: text whose colour is not transparent, and no tooltip.
	seen := func(selector string) string {
		t.Helper()
		return eval[string](pg, `(() => {
			const out = [], root = document.querySelector(`+strconv.Quote(selector)+`);
			const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
			while (walk.nextNode()) {
				const e = walk.currentNode.parentElement;
				if (!e.closest('noscript, option') && getComputedStyle(e).color !== 'rgba(0, 0, 0, 0)' && e.checkVisibility()) out.push(walk.currentNode.data);
			}
			for (const e of root.querySelectorAll('[title]')) out.push(e.title);
			return out.join(' ');
		})()`)
	}
	hidden := func() {
		t.Helper()
		for _, where := range regexp.MustCompile(`.{0,60}SECRET.{0,20}`).FindAllString(strings.ReplaceAll(seen("body"), "\n", " "), -1) {
			t.Errorf("the projector shows %q", where)
		}
	}
	hidden()
	if masked := eval[string](pg, `['key', 'value', 'user'].map(id => getComputedStyle(document.getElementById(id)).webkitTextSecurity).join()`); masked != "disc,disc,disc" {
		t.Errorf("the fields are masked as %q", masked)
	}
	if size := eval[string](pg, `getComputedStyle(document.body).fontSize`); size != "20px" {
		t.Errorf("the type has %s", size)
	}
	pg.shoot("8-projector")
	pg.click("#show-values")
	if text := seen("body"); !strings.Contains(text, "SECRETVALUE") {
		t.Error("the control: values that are to be shown are not")
	}
	pg.click("#show-values")

	// IDs are nobody's name: they are shown, in the sentence as in the rows.
	was := pg.text("#server .record code")
	pg.press("Cycle ID", "cycled")
	pg.wantValue(`String(document.querySelector('#server .record code').textContent !== `+strconv.Quote(was)+`)`, "true")
	for _, code := range []string{was, pg.text("#server .record code")} {
		id := strings.TrimSuffix(strings.TrimPrefix(code, "sha256:"), "…")
		for _, where := range []string{"#result", "#moment", "#timeline"} {
			if text := seen(where); !strings.Contains(text, id) {
				t.Errorf("the projector hides the ID %s in %s: %q", id, where, text)
			}
		}
	}
	hidden()

	// It is the visit's: a reload, which proves no visit, knows it before the first paint.
	const projected = `String(document.documentElement.hasAttribute('data-projector'))`
	reload := func() string {
		t.Helper()
		pg.do(chromedp.Reload(), chromedp.WaitVisible(chromedp.ID("result")))
		return eval[string](pg, projected)
	}
	if on := reload(); on != "true" || eval[bool](pg, `document.getElementById('show-values').checked`) {
		t.Errorf("reloaded, projector mode is %s, want true and values hidden", on)
	}
	pg.do(chromedp.Click(chromedp.CSS(`button[name=on].projected`)))
	pg.wantValue(`String(!!document.getElementById('result') && !document.documentElement.hasAttribute('data-projector'))`, "true")
	if on := reload(); on != "false" {
		t.Errorf("left and reloaded, projector mode is %s", on)
	}
}

// A first visit: how much travels, from where, and how it may be kept.
func TestFirstVisit(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t)
	pg := browse(t, p, true)
	pg.settled()
	total, assets := 0, 0
	for _, e := range wire.exchanges("GET ") {
		path := strings.Fields(e.requestHead)[1]
		if strings.HasPrefix(path, "/events") {
			continue // it goes on for ever
		}
		if !strings.HasPrefix(path, "/exchanges") {
			total += len(e.responseBody)
		}
		if strings.HasPrefix(path, "/assets/") {
			assets++
			if field(e.responseHead, "Content-Encoding") != "gzip" || field(e.responseHead, "Cache-Control") != "public, max-age=31536000, immutable" ||
				!regexp.MustCompile(`\.[0-9a-f]{16}\.(css|js|svg)$`).MatchString(path) {
				t.Errorf("%s travels as %q", path, e.responseHead)
			}
		}
	}
	t.Logf("a first visit: %d bytes of bodies, %d assets", total, assets)
	if total > 45_000 || total < 10_000 || assets < 6 {
		t.Errorf("a first visit takes %d bytes in %d assets, at most 45,000", total, assets)
	}
	if foreign := eval[[]string](pg, `performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin))`); len(foreign) > 0 {
		t.Errorf("the page asked %v", foreign)
	}
	before := len(wire.exchanges("GET /assets/"))
	pg.do(chromedp.Navigate(p.url+"/?again"), chromedp.WaitVisible(chromedp.ID("result")))
	pg.settled()
	if after := len(wire.exchanges("GET /assets/")); after != before {
		t.Errorf("%d assets were asked for again", after-before)
	}
}

// How long it takes from a press until the page is settled, sizes included. It is
// reported, and nothing depends on it.
func TestPressToSettled(t *testing.T) {
	p := start(t)
	pg := browse(t, p, true)
	pg.settled()
	times := eval[[]float64](pg, `(async () => {
		const frame = () => new Promise(r => setTimeout(r, 0));
		const out = [];
		for (let i = 0; i < 40; i++) {
			const value = document.getElementById('value'), n = document.getElementById('wire').dataset.n;
			value.value = 'v' + i;
			const began = performance.now();
			document.querySelector('#composer button').click();
			while (document.getElementById('wire').dataset.n === n || !document.getElementById('sizes').textContent.includes(' ms')) await frame();
			out.push(performance.now() - began);
		}
		return out;
	})()`)
	slices.Sort(times)
	t.Logf("press to settled page: median %.0f ms, 90 %% under %.0f ms, of %d", times[len(times)/2], times[len(times)*9/10], len(times))
}

// Without scripts all but live updates works.
func TestLabWithoutScripts(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t)
	pg := browse(t, p, false)
	pg.want("#document-cookie", "scripts are off")
	pg.press("Set", "set", "born")
	own := pg.cookie().Value
	sent := wire.last(t, "POST /set")
	pg.want("#sizes", fmt.Sprintf("%d B body", len(sent.requestBody)), "ms") // the POST has ended before its page is made
	pg.want("#response", "303 See Other", own)
	pg.want("#timeline ol", "opened", "created")
	pg.press("Get", "get", "name is")
	ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS("#sizes button"))) // a GET has not
	pg.must(err)
	pg.want("#sizes", "ms")
	pg.want("#moment", "moment 3")
	pg.click("label:has(#peel-payload)")
	pg.want("#payload", "session ID", `{"name":"Rahim"}`)
	pg.click("label:has(#listing-django)")
	pg.want(".listing.django", "request.session.get")
	_, err = chromedp.RunResponse(ctx, chromedp.Click(chromedp.ID("moment-now")))
	pg.must(err)
	pg.press("Plant a readable cookie", "planted")
	pg.press("Take the readable cookie away", "taken away")
	pg.click("#tamper summary")
	pg.press("Send the copy", "copy refused", "the signature does not fit")
	pg.want("#wire", "what travelled with a copy", `"exists":false`)
	pg.press("Pin a copy", "pinned")
	pg.press("Replay", "replay accepted")
	pg.press("Drop the cookie only", "dropped")
	pg.want("#server", "its record is still here")
	pg.press("Put back", "put back")
	if got := pg.cookie(); got == nil || got.Value != own {
		t.Errorf("put back, the browser keeps %v", got)
	}
	pg.press("Log in", "logged in")
	pg.press("Flush", "flushed")
	pg.press("Replay", "replay refused")
	pg.click("#curl summary")
	pg.want("#curl", "This press as a curl command")
	_, err = chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS("button[name=on]")))
	pg.must(err)
	pg.want(".top", "show values")
	opened := chromedp.WaitNewTarget(pg.ctx, func(info *target.Info) bool { return strings.HasPrefix(info.URL, pg.url+"/s/second-") })
	pg.do(chromedp.Click(chromedp.Search(`//button[contains(., "Second browser")]`)))
	second, cancel2 := chromedp.NewContext(pg.ctx, chromedp.WithTargetID(<-opened))
	t.Cleanup(cancel2)
	if title, err := chromedp.Run(second, chromedp.Text(chromedp.CSS(".second"))); err != nil || !strings.Contains(title, "second browser") {
		t.Errorf("the second browser's lab says %q, %v", title, err)
	}
}
