package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// A visit's timeline has all that was done, across IDs, and each moment shows the panels as
// they were.
func TestTimeline(t *testing.T) {
	h, b, v := openLab(t, formFragment)
	post := func(target string, pairs ...string) answer { return b.post(target, append(pairs, "page", v)...) }
	post("/set", "key", "name", "value", "Rahim").want(200)
	first := b.cookie()
	b.get("/get?key=nope&page=" + v).want(200)
	post("/set", "key", "name", "value", "Karim").want(200)
	post("/set", "key", "name", "value", "Karim").want(200)
	post("/cycle-id").want(200)
	post("/set", "key", "", "value", "x").want(422)
	post("/login", "user", "ada").want(200)
	post("/delete", "key", "name").want(200)
	post("/clear").want(200)
	post("/expiry", "seconds", "60").want(200)
	post("/placement", "placement", "cookie").want(200)
	post("/flush").want(200)
	r := b.request("GET", "/keys?page="+v, "")
	r.Header.Set("Cookie", cookieName+"="+first)
	last := b.send(r)
	last.wantEntries("opened no session cookie", "created name → cookie", "get nope → missing", "set name → cookie", "set name, no change", "cycled new ID, same values",
		"refused set: 422", "logged in new ID", "deleted name", "cleared 1 key", "expiry set", "moved to cookie, new ID", "flushed cookie gone, its ID ended", "keys cookie refused: this ID was replaced a moment ago")

	moment := b.get("/?at=2&page="+v).want(200, "moment 2", first)
	if got := moment.region("moment", "</section>"); !strings.Contains(got, `name missing → "Rahim"`) || !strings.Contains(got, "cookie none →") {
		t.Errorf("the difference to the moment before: %q", got)
	}
	if got := moment.region("server", "</article>"); !strings.Contains(got, "Rahim") || !strings.Contains(got, "would expire in") {
		t.Errorf("the server's panel at that moment: %q", got)
	}
	moment.wantNo(`data-ends`)
	b.get("/?at=3&page="+v).want(200, "Compared with the moment before, neither the browser's session cookie nor the server's record changed")
	b.get("/?at=1&page="+v).want(200, "No cookie yet", "there is no earlier moment to compare it with")
	if got := b.get("/?at=13&page="+v).want(200).region("moment", "</section>"); !strings.Contains(got, "bytes → none") {
		t.Errorf("the flush changed %q", got)
	}
	if after := b.get("/keys?page=" + v); len(after.entries()) != 15 {
		t.Errorf("looking is a moment: %q", after.entries())
	}
	for _, target := range []string{"/?at=99&page=" + v, "/?at=2&page=nonsense", "/?at=2", "/exchanges/99?page=" + v, "/exchanges/2", "/exchanges/x?page=" + v} {
		for _, f := range forms {
			if f == formJSON && strings.HasPrefix(target, "/?") {
				continue // JSON has no moments
			}
			b := newBrowser(t, h, f)
			b.get(target).want(404)
		}
	}
}

// A visit keeps its last 200 moments, and a megabyte of panels.
func TestTimelineIsBounded(t *testing.T) {
	t.Parallel()
	_, b, v := openLab(t, formFragment)
	for i := range hub.MaxMoments + 10 {
		b.post("/set", "key", "n", "value", fmt.Sprint(i), "page", v)
	}
	a := b.get("/keys?page=" + v)
	if n := len(a.entries()); n != hub.MaxMoments {
		t.Errorf("%d moments, at most %d", n, hub.MaxMoments)
	}
	a.want(200, "12 earlier moments were dropped")
	b.get("/?at=12&page=" + v).want(404)
	b.get("/?at=13&page="+v).want(200, "moment 13")
}

// sendRaw sends a request as it stands, over a connection of its own, and returns the head
// and body of its answer.
func sendRaw(t *testing.T, addr, request string) (head, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ = strings.Cut(strings.TrimPrefix(string(raw), "HTTP/1.1 100 Continue\r\n\r\n"), "\r\n\r\n")
	return head, body
}

// wantHead checks that the page of a finished exchange shows the answer's head line by line.
func (a answer) wantHead(head string) {
	a.t.Helper()
	shown := a.region("response", `class="steps"`)
	status, lines, _ := strings.Cut(head, "\r\n")
	for line := range strings.SplitSeq(lines, "\r\n") {
		if before, _, ok := strings.Cut(line, "?x="); ok {
			line = before + "?x=‹26 B, for one use›"
		}
		if !strings.Contains(strings.ReplaceAll(shown, " ", ""), strings.ReplaceAll(line, " ", "")) {
			a.t.Errorf("the exchange does not show %q: %s", line, shown)
		}
	}
	if !strings.Contains(shown, strings.TrimPrefix(status, "HTTP/1.1 ")) {
		a.t.Errorf("the exchange does not show %q", status)
	}
}

// An answer never guesses its own sizes: it says that they are being measured. The finished
// exchange shows the head as it was sent, and the sizes that the client counts itself.
func TestFinishedExchange(t *testing.T) {
	_, addr := serve(t, nil)
	url := "http://" + addr
	cl := newClientOf(t)
	v := openVisit(t, cl, url+"/")
	for n, head := range []string{
		"POST /set HTTP/1.1\r\nHost: " + addr + "\r\nHX-Request: true\r\nx-ODD: spelling\r\nAccept-Encoding: gzip\r\nContent-Type: application/x-www-form-urlencoded\r\n",
		"GET /get?key=name HTTP/1.1\r\nHost: " + addr + "\r\nHX-Request: true\r\nX-Second: 1\r\n" + trace.PageHeader + ": " + v + "\r\n",
		"POST /set HTTP/1.1\r\nHost: " + addr + "\r\nAccept: text/html\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n",
	} {
		body := ""
		if strings.HasPrefix(head, "POST") {
			body = "key=name&value=Rahim&page=" + v
			head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
		}
		head += "Connection: close\r\n\r\n"
		sentHead, sentBody := sendRaw(t, addr, head+body)
		if !strings.Contains(sentHead, "gzip") && !strings.Contains(sentBody, "measuring") && !strings.Contains(sentHead, "303") {
			t.Error("the answer does not say that its sizes are being measured")
		}
		address := fmt.Sprintf("%s/exchanges/%d?page=%s", url, n+2, v)
		if n == 0 { // a client without the cookie does not see it
			get(t, cl, address, "HX-Request", "true").want(200, "hidden: the request for this page came without it")
		}
		u, _ := neturl.Parse(url)
		var cookies []*http.Cookie
		if m := regexp.MustCompile(`Set-Cookie: (.*)\r`).FindStringSubmatch(sentHead); m != nil {
			cookies = (&http.Response{Header: http.Header{"Set-Cookie": m[1:]}}).Cookies()
			cl.Jar.SetCookies(u, cookies)
		}
		a := get(t, cl, address, "HX-Request", "true").want(200, fmt.Sprintf(`data-n="%d"`, n+2)).wantNo("measuring", "<html")
		a.wantHead(sentHead)
		want := fmt.Sprintf("request %s head + %s body · ▼ response %s head + %s body",
			say.Bytes(len(head)), say.Bytes(len(body)), say.Bytes(len(sentHead)+4), say.Bytes(len(sentBody)))
		if got := a.region("sizes", "</div>"); !strings.Contains(got, want) || !strings.Contains(got, " ms") {
			t.Errorf("exchange %d: %q, want %q", n+2, got, want)
		}
		if n == 1 {
			if got := a.region("wire-changes", "</p>"); !strings.Contains(got, "new 1;") || !strings.Contains(got, "gone Content-Type and 3 more") || !strings.Contains(got, "gone Set-Cookie") {
				t.Errorf("what changed: %q", got)
			}
		}
		out := get(t, cl, address, "Accept", "application/json").want(200)
		if out.json()["finished"] != true || strings.Contains(sentHead, "Set-Cookie") && !strings.Contains(out.body, "the session cookie") {
			t.Errorf("exchange %d as JSON: %s", n+2, out.body)
		}
		for _, c := range cookies {
			out.wantNo(c.Value) // JSON names a cookie by its size
		}
		get(t, cl, address, "Accept", "text/html").want(200, "<html", fmt.Sprintf("moment %d", n+2))
	}
}

// To look at the past does nothing: with --rolling, not even a clock moves.
func TestLookingDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, func(c *Config) { c.Sessions.Rolling = true })
		b := newBrowser(t, h, formFragment)
		v := b.visit("/")
		b.post("/set", "key", "a", "value", "1", "page", v)
		expires := func() any { // without a request that could move it
			r := b.request("GET", "/", "")
			s, err := h.seats.Root.Engine.Load(r)
			if err != nil {
				t.Fatal(err)
			}
			return s.Info().Expires
		}
		before := expires()
		time.Sleep(10 * time.Minute)
		b.get("/?at=2&page=" + v).want(200)
		b.get("/exchanges/2?page=" + v).want(200)
		if after := expires(); after != before {
			t.Errorf("looking moved the clock from %v to %v", before, after)
		}
		b.get("/keys?page=" + v).want(200)
		if after := expires(); after == before {
			t.Error("the control: a read does not move the clock")
		}
	})
}

// A failure that was asked for, and a refusal as JSON, are moments too.
func TestRefusalsAreMoments(t *testing.T) {
	_, b, v := openLab(t, formFragment)
	b.post("/set", "key", "a", "value", "1", "fail", "500", "page", v).want(500, "Nothing was saved", "<b>discard</b>")
	b.form = formJSON
	b.post("/set", "key", "", "value", "1", "page", v).want(422)
	b.form = formFragment
	b.get("/?at=1&page="+v).wantEntries("opened", "refused set: 500", "refused set: 422")
}

// A second browser's moments are told as its own. Each visit has numbers of its own.
func TestKin(t *testing.T) {
	h, base, cl, v := serveLab(t)
	r, _ := http.NewRequest("POST", base+"/second", strings.NewReader("page="+v))
	r.Header.Set("Content-Type", formType)
	page := base + fetch(t, cl, r).Header.Get("Location")
	v2 := openVisit(t, cl, page)
	second, _, _ := strings.Cut(page, "?")
	for range 3 {
		get(t, cl, base+"/keys?page="+v, "HX-Request", "true").want(200)
	}
	r, _ = http.NewRequest("POST", second+"set", strings.NewReader("key=a&value=1&page="+v2))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("HX-Request", "true")
	fetch(t, cl, r).want(200)
	a := get(t, cl, base+"/?at=6&page="+v, "HX-Request", "true").want(200, "a press of the second browser", "Set-Cookie: sessionscope", "hidden: the request for this page came without it")
	if got := a.region("wire-changes", "</p>"); !strings.Contains(got, "Compared with exchange 2,") {
		t.Errorf("compared %q; the second browser's exchange before is 2 here", got)
	}
	get(t, cl, second+"?at=5&page="+v2, "HX-Request", "true").want(200, "what travelled with").wantNo("a press of", "Compared with exchange 6")
	h.Close()
}
