package app

import (
	"bufio"
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
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// A visit's timeline has what was done, across IDs, and each moment shows the
// panels as they were.
func TestTimeline(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
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
	last.wantEntries("opened no session cookie", "created name → cookie", "get nope → missing", "set name → cookie", "set name, no change", "cycled new ID, same data",
		"refused 422", "logged in new ID", "deleted name", "cleared 1 key", "expiry set", "moved to cookie, new ID", "flushed cookie gone, its ID retired", "refused this ID was replaced a moment ago")

	moment := b.get("/?at=2&page="+v).want(200, "moment 2", first)
	if got := moment.region("moment", "</section>"); !strings.Contains(got, `name missing → "Rahim"`) || !strings.Contains(got, "cookie none →") {
		t.Errorf("the difference to the moment before: %q", got)
	}
	if got := moment.region("server", "</article>"); !strings.Contains(got, "Rahim") || !strings.Contains(got, "would expire in") {
		t.Errorf("the server's panel at that moment: %q", got)
	}
	moment.wantNo(`data-ends`)
	b.get("/?at=3&page="+v).want(200, "Against the moment before, neither the browser's cookie nor the server's record changed")
	b.get("/?at=1&page="+v).want(200, "No cookie yet", "there is none before it to compare with")
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

// A page's secret finds its visit, and nothing that stands in an address does. A page that
// proves nothing has a visit of its own, with the moments of the session that its cookie
// opens, and no others.
func TestVisitIsFoundAgain(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formPage)
	v := b.visit("/")
	if again := b.visit("/"); again == v {
		t.Error("a page without a session found another's visit")
	}
	if again := b.visit("/?page=" + v); again != v {
		t.Error("the secret does not find its visit")
	}
	b.post("/set", "key", "a", "value", "1", "page", v)
	b.post("/cycle-id", "page", v)
	b.post("/set", "key", "b", "value", "2", "page", v)
	page := b.get("/").want(200)
	if page.secret() == v {
		t.Error("a session's cookie opens the visit that saw it")
	}
	page.wantEntries("cycled new ID, same data", "set b → cookie", "opened")
	other := newBrowser(t, h, formPage)
	for _, address := range []string{"/?v=" + proved(h, v).Name, "/?v=" + v, "/?x=" + v, "/?x=" + proved(h, v).Name} {
		page := other.get(address).want(200)
		if page.secret() == v {
			t.Errorf("the address %s opens a visit", address)
		}
		page.wantEntries("opened")
	}
	other.get("/?at=2&v=" + proved(h, v).Name).want(404)
	for name, r := range map[string]*http.Request{
		"JSON": newBrowser(t, h, formJSON).request("GET", "/", ""), "HEAD": other.request("HEAD", "/", ""), "a fragment": newBrowser(t, h, formFragment).request("GET", "/", ""),
	} {
		before := h.hub.Count()
		b.send(r)
		if after := h.hub.Count(); after != before {
			t.Errorf("%s began a visit", name)
		}
	}
	r := other.request("GET", "/", "")
	r.Header.Set("Accept", "*/*")
	if a := other.send(r); visitToken.MatchString(a.body) {
		t.Error("a client that asks for anything got a visit")
	}
}

// Without a visit nothing is recorded, and JSON costs no events.
func TestNothingIsRecordedWithoutAVisit(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formJSON)
	wanted := func() (is bool) {
		h.echo.GET("/wanted", handler(func(c *call) error { is = h.showsEvents(c.ctx()); return c.NoContent(204) }))
		b.get("/wanted").want(204)
		return is
	}
	if wanted() {
		t.Error("events are wanted although nobody looks")
	}
	newBrowser(t, h, formPage).visit("/")
	if !wanted() {
		t.Error("the control: nobody wants events although a page is open")
	}
}

func TestVisitsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, nil)
		b := newBrowser(t, h, formFragment)
		v := b.visit("/")
		time.Sleep(hub.VisitLife - time.Second)
		b.get("/keys?page="+v).want(200, "opened") // still there, and in use
		time.Sleep(hub.VisitLife - time.Second)
		b.get("/keys?page="+v).want(200, "opened")
		time.Sleep(hub.VisitLife + time.Second)
		if n := h.hub.Count(); n != 0 {
			t.Fatalf("%d visits after 30 idle minutes", n)
		}
		// A press on such a page is done, and the page loads anew to show it.
		a := b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
		next := a.Header.Get("HX-Redirect")
		if !strings.HasPrefix(next, "/?x=") || a.body != "" {
			t.Fatalf("a press of an ended visit: HX-Redirect %q, %q", next, a.body)
		}
		if again := b.visit(next); again == v {
			t.Error("an ended visit came back under its token")
		}
		b.get("/get?key=name").want(200, "Rahim")
		b.get("/exchanges/1?page=" + v).want(404)
		b.get("/events?page=" + v).want(404)

		for range hub.MaxVisits + 5 {
			newBrowser(t, h, formPage).visit("/")
		}
		if n := h.hub.Count(); n != hub.MaxVisits {
			t.Errorf("%d visits, at most %d", n, hub.MaxVisits)
		}
	})
}

// A visit keeps its last 200 moments, and a megabyte of panels.
func TestTimelineIsBounded(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
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

// An answer never guesses its own sizes. The finished exchange has the head as it
// was sent, and the sizes and bytes that the client counts itself.
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
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%sConnection: close\r\n\r\n%s", head, body)
		raw, err := io.ReadAll(conn)
		conn.Close()
		if err != nil {
			t.Fatal(err)
		}
		answered := strings.TrimPrefix(string(raw), "HTTP/1.1 100 Continue\r\n\r\n")
		sentHead, sentBody, _ := strings.Cut(answered, "\r\n\r\n")
		if !strings.Contains(answered, "gzip") && !strings.Contains(sentBody, "measuring") && !strings.Contains(sentHead, "303") {
			t.Error("the answer does not say that its sizes are being measured")
		}
		if n == 0 { // who does not carry the cookie does not see it
			get(t, cl, fmt.Sprintf("%s/exchanges/%d?page=%s", url, n+2, v), "HX-Request", "true").want(200, "hidden: the request for this page came without it")
		}
		u, _ := neturl.Parse(url)
		var cookies []*http.Cookie
		if m := regexp.MustCompile(`Set-Cookie: (.*)\r`).FindStringSubmatch(sentHead); m != nil {
			cookies = (&http.Response{Header: http.Header{"Set-Cookie": m[1:]}}).Cookies()
			cl.Jar.SetCookies(u, cookies)
		}
		a := get(t, cl, fmt.Sprintf("%s/exchanges/%d?page=%s", url, n+2, v), "HX-Request", "true").want(200, fmt.Sprintf(`data-n="%d"`, n+2)).wantNo("measuring", "<html")
		shown := a.region("response", `class="steps"`)
		status, lines, _ := strings.Cut(sentHead, "\r\n")
		for line := range strings.SplitSeq(lines, "\r\n") {
			if before, _, ok := strings.Cut(line, "?x="); ok {
				line = before + "?x=‹26 B, for one use›"
			}
			if !strings.Contains(strings.ReplaceAll(shown, " ", ""), strings.ReplaceAll(line, " ", "")) {
				t.Errorf("exchange %d does not show %q: %s", n+2, line, shown)
			}
		}
		if !strings.Contains(shown, strings.TrimPrefix(status, "HTTP/1.1 ")) {
			t.Errorf("exchange %d does not show %q", n+2, status)
		}
		want := fmt.Sprintf("request %s head + %s body · response %s head + %s body",
			say.Bytes(len(head)+len("Connection: close\r\n\r\n")), say.Bytes(len(body)), say.Bytes(len(sentHead)+4), say.Bytes(len(sentBody)))
		if got := a.region("sizes", "</div>"); !strings.Contains(got, want) || !strings.Contains(got, " ms") {
			t.Errorf("exchange %d: %q, want %q", n+2, got, want)
		}
		if n == 1 {
			if got := a.region("wire-changes", "</p>"); !strings.Contains(got, "new 2;") || !strings.Contains(got, "gone Content-Type and 3 more") || !strings.Contains(got, "gone Set-Cookie") {
				t.Errorf("what changed: %q", got)
			}
		}
		// As JSON, the cookie is named by its size.
		out := get(t, cl, fmt.Sprintf("%s/exchanges/%d?page=%s", url, n+2, v), "Accept", "application/json").want(200)
		if out.json()["finished"] != true || strings.Contains(sentHead, "Set-Cookie") && !strings.Contains(out.body, "the session cookie") {
			t.Errorf("exchange %d as JSON: %s", n+2, out.body)
		}
		for _, c := range cookies {
			if strings.Contains(out.body, c.Value) {
				t.Error("the JSON holds the cookie's value")
			}
		}
		get(t, cl, fmt.Sprintf("%s/exchanges/%d?page=%s", url, n+2, v), "Accept", "text/html").want(200, "<html", fmt.Sprintf("moment %d", n+2))
	}
}

// What happens without a press: another client, the same visit's other tab, a
// second browser, a clock, somebody who clears.
func TestEvents(t *testing.T) {
	h, addr := serve(t, nil)
	base := "http://" + addr
	cl := newClientOf(t)
	v := openVisit(t, cl, base+"/")
	post := func(cl *http.Client, target string, pairs ...string) answer {
		t.Helper()
		form := neturl.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Add(pairs[i], pairs[i+1])
		}
		r, _ := http.NewRequest("POST", base+target, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", formType)
		r.Header.Set("Accept", "application/json")
		return fetch(t, cl, r)
	}
	post(cl, "/set", "key", "name", "value", "Rahim", "page", v).want(200)
	resp, stream := openStream(t, cl, base+"/events?since=1&page="+v)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the stream is %d %v", resp.StatusCode, resp.Header)
	}
	reading(t, stream, "created", `id="server"`) // what the page missed

	thief := newClientOf(t) // another client, with a copy of the cookie and no visit
	u, _ := neturl.Parse(base)
	thief.Jar.SetCookies(u, cl.Jar.Cookies(u))
	post(thief, "/set", "key", "big", "value", strings.Repeat("x\ny", 200)).want(200)
	message := reading(t, stream, "another client", "set big → server", `id="server"`)
	if strings.Contains(message, `id="browser"`) {
		t.Error("the stream claims to know what the browser keeps")
	}
	post(newClientOf(t), "/clear-expired").want(200) // nothing was cleared: no news, but the figures
	post(cl, "/flush", "page", v).want(200)
	reading(t, stream, "flushed")

	opened := post(cl, "/second", "page", v).json()
	second := opened["url"].(string)
	v2 := openVisit(t, cl, base+opened["page"].(string))
	reading(t, stream, "second browser", "opened")
	post(cl, second+"set", "key", "a", "value", "1", "page", v2).want(200)
	reading(t, stream, "second browser", "created", "a → cookie")
	_, theirs := openStream(t, cl, base+second+"events?page="+v2)
	post(cl, "/set", "key", "b", "value", "1", "page", v).want(200)
	reading(t, theirs, "first browser", "b → cookie")

	// Two a visit, and then no more.
	openStream(t, cl, base+"/events?page="+v)
	if resp, _ := openStream(t, cl, base+"/events?page="+v); resp.StatusCode != 429 {
		t.Errorf("a third stream of a visit: %d, want 429", resp.StatusCode)
	}
	// They end with the app.
	h.Close()
	for _, r := range []*bufio.Reader{stream, theirs} {
		if _, err := io.ReadAll(r); err != nil {
			t.Errorf("the stream ended with %v", err)
		}
	}
}

// What a stream does in time: a clock that runs out, the sweeper, signs of life,
// and a reader who does not read.
func TestEventsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, nil)
		b := newBrowser(t, h, formFragment)
		v := b.visit("/")
		b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
		b.post("/expiry", "seconds", "30", "page", v).want(200)
		time.Sleep(29 * time.Second)
		if entries := b.get("/?at=1&page=" + v).entries(); len(entries) != 3 {
			t.Fatalf("before the clock ran out: %q", entries)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if entries := b.get("/?at=1&page=" + v).entries(); len(entries) != 4 || !strings.HasPrefix(entries[3], "expired the record lies in the store still the clock") {
			t.Fatalf("after it ran out: %q", entries)
		}
		b.get("/?at=4&page="+v).want(200, "Nothing travelled: a clock ran out", "its record still lies here", "live records")
		if _, err := h.seats.Root.Engine.ClearExpired(t.Context()); err != nil { // as the sweeper does
			t.Fatal(err)
		}
		synctest.Wait()
		if entries := b.get("/?at=1&page=" + v).entries(); len(entries) != 5 || !strings.HasPrefix(entries[4], "swept 1 expired removed the sweeper") {
			t.Fatalf("after the sweep: %q", entries)
		}
		b.get("/?at=5&page="+v).want(200, "the store holds nothing under its ID")
	})
	synctest.Test(t, func(t *testing.T) { // a clock that was moved meanwhile
		h := newApp(t, nil)
		b := newBrowser(t, h, formFragment)
		v := b.visit("/")
		b.post("/set", "key", "name", "value", "Rahim", "page", v)
		time.Sleep(time.Hour)
		elsewhere := newBrowser(t, h, formJSON)
		elsewhere.jar = b.jar
		elsewhere.post("/set", "key", "name", "value", "Karim").want(200)
		proved(h, v) // somebody looks
		time.Sleep(20 * time.Minute)
		proved(h, v)
		time.Sleep(29 * time.Minute)
		proved(h, v)
		time.Sleep(13 * time.Minute)
		synctest.Wait()
		if entries := b.get("/?at=1&page=" + v).entries(); strings.Contains(strings.Join(entries, " "), "expired") {
			t.Errorf("a session that lives is called expired: %q", entries)
		}
	})
}

// A reader who does not read is dropped after a while, and never waited for.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, nil)
		b := newBrowser(t, h, formFragment)
		v := b.visit("/")
		here, there := net.Pipe()
		listener := &pipes{conns: make(chan net.Conn, 1), done: make(chan struct{})}
		listener.conns <- there
		srv := &http.Server{Handler: h, ConnContext: tap.Context}
		go srv.Serve(tap.Listen(listener))
		defer func() {
			here.Close()
			srv.Close()
			h.Close()
		}()
		fmt.Fprintf(here, "GET /events HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nHX-Request: true\r\n%s: %s\r\n\r\n", trace.PageHeader, v)
		synctest.Wait()
		visit := proved(h, v)
		streams := visit.Streams
		if n := streams(); n != 1 {
			t.Fatalf("%d streams, want 1", n)
		}
		began := time.Now()
		for range 5 {
			b.post("/set", "key", "a", "value", rangeText(), "page", v).want(200)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("the writers waited %v for a reader", took)
		}
		time.Sleep(streamWrite + time.Second)
		synctest.Wait()
		if n := streams(); n != 0 {
			t.Errorf("%d streams, the slow reader was not dropped", n)
		}
	})
}

var texts int

func rangeText() string { texts++; return fmt.Sprint(texts) }

// pipes is a listener over pipes.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return addr("pipe") }

// Whatever ends a line in an event stream begins a line of data.
func TestNoEventIsInjected(t *testing.T) {
	h, addr := serve(t, nil)
	base := "http://" + addr
	cl := newClientOf(t)
	v := openVisit(t, cl, base+"/")
	form := neturl.Values{"key": {"k"}, "value": {"a\r\n\r\nevent: evil\rdata: <b>\n\nid: 7"}, "page": {v}}
	_, stream := openStream(t, cl, base+"/events?since=1&page="+v)
	r, _ := http.NewRequest("POST", base+"/set", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("HX-Request", "true")
	fetch(t, cl, r).want(200)
	if message := reading(t, stream, "created", "evil"); strings.Contains(message, "\nevent:") || strings.Contains(message, "\rdata") {
		t.Errorf("a value began a field: %q", message)
	}
	h.Close()
}

// A copy of the cookie is changed and sent; the browser's own cookie stays, and no
// signature that would fit is anywhere.
func TestTamperWithACopy(t *testing.T) {
	for name, f := range forms {
		h := newApp(t, nil)
		b := newBrowser(t, h, f)
		v := b.visit("/")
		press := func(target string, pairs ...string) answer {
			a := b.post(target, append(pairs, "page", v)...)
			if f == formPage && a.StatusCode == 303 {
				return b.get(a.Header.Get("Location"))
			}
			return a
		}
		press("/tamper", "part", "letter").want(200)
		if b.cookie() != "" {
			t.Errorf("%s: tampering without a cookie set one", name)
		}
		press("/set", "key", "role", "value", "student")
		own := b.cookie()
		layers, _ := session.Peel(own)
		for _, part := range session.TamperParts[:8] {
			a := press("/tamper", "part", part, "to", map[string]string{"values": `{"role":"admin"}`}[part]).want(200)
			if f == formJSON {
				out := a.json()
				if out["op"] != "tamper" || out["accepted"] != false || out["status"] != float64(200) || out["verdict"] == "" || out["reason"] == "" || about(a)["exists"] != true {
					t.Errorf("%s: %v", part, out)
				}
			} else {
				a.want(200, "copy refused", "curl -si &#39;http://127.0.0.1:8080/session&#39;", "Your own cookie and session stay as they are", "GET /session", "{&#34;exists&#34;:false")
			}
			if b.cookie() != own || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s, %s: the browser's own cookie changed", name, part)
			}
			// Any cookie value on the page that has another payload must not verify.
			for _, value := range regexp.MustCompile(`MT[A-Za-z0-9_=-]{100,}`).FindAllString(a.body, -1) {
				if l, ok := session.Peel(value); ok && (l.Payload != layers.Payload || l.Time != layers.Time) {
					r := newBrowser(t, h, formJSON).request("GET", "/session", "")
					r.Header.Set("Cookie", cookieName+"="+value)
					if about := newBrowser(t, h, formJSON).send(r).json(); about["exists"] != false {
						t.Errorf("%s: the page shows a forged cookie that opens a session", part)
					}
				}
			}
		}
		// The control: a copy that was not changed is accepted.
		a := press("/tamper", "part", "value", "to", own).want(200)
		if f == formJSON && a.json()["accepted"] != true || f != formJSON && !strings.Contains(a.body, "copy accepted") {
			t.Errorf("%s: an unchanged copy: %.300s", name, a.body)
		}
		for _, bad := range [][]string{{"part", "nose"}, {"part", "version", "to", "x"}, {"part", "letter", "at", "0"}, {"part", "letter", "at", "x"}, {"part", "value", "to", "a\r\nX: y"}} {
			a := b.post("/tamper", append(bad, "page", v)...).want(422)
			if f != formJSON {
				a.want(422, `data-field="`)
			}
		}
		b.post("/tamper", "page", v).want(400)
		if f == formFragment {
			entries := b.get("/?at=1&page=" + v).entries()
			copies := 0
			for _, e := range entries {
				if strings.Contains(e, "a copy with") || strings.Contains(e, "an unchanged copy") {
					copies++
				}
			}
			if copies != 9 {
				t.Errorf("the timeline has %d copies, want 9: %q", copies, entries)
			}
		}
	}
}

func TestPinAndReplay(t *testing.T) {
	for _, placement := range session.Placements() {
		synctest.Test(t, func(t *testing.T) {
			h := newApp(t, nil)
			defer h.Close()
			b := newBrowser(t, h, formJSON)
			v := b.visit("/")
			replay := func(n string) map[string]any { return b.post("/replay", "pin", n, "page", v).want(200).json() }
			b.post("/pin", "page", v).want(200)
			b.post("/replay", "pin", "1", "page", v).want(404)
			b.post("/set", "key", "a", "value", "1", "placement", placement, "page", v).want(200)
			b.post("/pin", "page", v).want(200)
			if out := replay("1"); out["accepted"] != true || out["verdict"] != "ok" {
				t.Errorf("%s: replayed at once: %v", placement, out)
			}
			b.post("/cycle-id", "page", v).want(200)
			if out := replay("1"); out["accepted"] != false || out["verdict"] != "moved" {
				t.Errorf("%s: replayed after a cycle: %v", placement, out)
			}
			b.post("/pin", "page", v)
			b.post("/flush", "page", v).want(200)
			if out := replay("2"); out["accepted"] != false || out["verdict"] != "dead" || b.get("/session").json()["exists"] == true {
				t.Errorf("%s: replayed after a flush: %v", placement, out)
			}
			b.post("/set", "key", "a", "value", "1", "placement", placement, "page", v)
			b.post("/expiry", "seconds", "5", "page", v)
			b.post("/pin", "page", v)
			time.Sleep(6 * time.Second)
			if out := replay("3"); out["accepted"] != false || out["verdict"] != "expired" {
				t.Errorf("%s: replayed after it expired: %v", placement, out)
			}
			for range hub.MaxPins {
				b.post("/set", "key", "a", "value", rangeText(), "page", v)
				b.post("/pin", "page", v)
			}
			b.post("/replay", "pin", "3", "page", v).want(404) // it made room
			replay("8")
			b.post("/replay", "pin", "x", "page", v).want(400)
			b.post("/replay", "pin", "4").want(400)
			b.post("/pin").want(400)
			other := newBrowser(t, h, formJSON)
			other.post("/replay", "pin", "4", "page", other.visit("/")).want(404)
		})
	}
}

// The second browser: its own path, cookie name and cookie path, and its session
// is another. Every route is there.
func TestSecondBrowser(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formJSON)
	v := b.visit("/")
	b.post("/second").want(400)
	base := strings.TrimSuffix(b.post("/second", "page", v).want(200).json()["url"].(string), "/")
	if !regexp.MustCompile(`^/s/second-[a-z0-9]{12}$`).MatchString(base) {
		t.Fatalf("the second browser is at %q", base)
	}
	b.post("/set", "key", "who", "value", "first", "page", v)
	a := b.post(base+"/set", "key", "who", "value", "second").want(200)
	set := a.Header.Get("Set-Cookie")
	if !strings.HasPrefix(set, cookieName+"~second=") || !strings.Contains(set, "; Path="+base+"/; ") || !strings.Contains(set, "HttpOnly; SameSite=Lax") {
		t.Errorf("its cookie is %q", set)
	}
	value, _, _ := strings.Cut(strings.TrimPrefix(set, cookieName+"~second="), ";")
	with := func(method, target string) answer {
		r := b.request(method, target, "")
		r.Header.Set("Cookie", b.request("GET", "/", "").Header.Get("Cookie")+"; "+cookieName+"~second="+value)
		return b.send(r)
	}
	if got := with("GET", base+"/get?key=who").json()["value"]; got != "second" {
		t.Errorf("the second browser's value is %v", got)
	}
	if got := with("GET", "/get?key=who").json()["value"]; got != "first" {
		t.Errorf("the first browser's value is %v", got)
	}
	if got := id(b.get("/keys")); got == id(a) || got == "" {
		t.Errorf("both have the session %q", got)
	}
	b.form = formPage
	page := with("GET", base+"/").want(200, "the lab of the", `action="`+base+`/set"`, `href="`+base+`/`, "The first browser").wantNo(`action="/set"`, `hx-post="/set"`, `hx-get="/get"`)
	wantUniqueIDs(t, "the second browser", page.body)
	post := b.post(base+"/set", "key", "a", "value", "1").want(303)
	if next := post.Header.Get("Location"); !strings.HasPrefix(next, base+"/?x=") {
		t.Errorf("after a press the second browser goes to %q", next)
	}
	b.form = formJSON
	for _, step := range routes {
		if a := b.send(b.request(step.method, base+step.target, neturl.Values{"key": {"k"}, "value": {"v"}, "seconds": {"9"}, "user": {"u"}, "placement": {"hybrid"}}.Encode())); a.StatusCode != 200 {
			t.Errorf("%s %s: %d", step.method, base+step.target, a.StatusCode)
		}
	}
	b.get("/s/second-unknown/").want(404)
	b.get("/s/").want(404)
	b.get(base + "/nope").want(404)
	// Two more, and no fourth; and a second browser opens none.
	b.post("/second", "page", v).want(200)
	b.post("/second", "page", v).want(200)
	b.post("/second", "page", v).want(429)
	b.post(base+"/second", "page", b.visit(base+"/")).want(400)
	// Its secrets are rotated with all others.
	if err := h.SetSecrets([][]byte{[]byte("another secret of at least 32 bytes, for tests")}); err != nil {
		t.Fatal(err)
	}
	if about(with("GET", base+"/keys"))["exists"] != false {
		t.Error("the second browser's cookie is still good under secrets that are gone")
	}
	for range seat.MaxSeats - 3 {
		other := newBrowser(t, h, formJSON)
		other.post("/second", "page", other.visit("/")).want(200)
	}
	// A full house refuses, and nobody's second browser makes room for a stranger's.
	other := newBrowser(t, h, formJSON)
	other.post("/second", "page", other.visit("/")).want(429, "there are 32, and no more are allowed")
	with("GET", base+"/keys").want(200)
}

// A readable cookie can be planted beside the session's, and taken away.
func TestPlant(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	a := b.post("/plant", "page", v).want(200, "planted")
	if got := a.Header.Get("Set-Cookie"); got != cookieName+"-readable=scripts-can-read-this; Path=/; SameSite=Lax" {
		t.Errorf("planted %q", got)
	}
	b.get("/keys?page="+v).want(200, `data-kind="readable"`, "scripts-can-read-this", "Take the readable cookie away").wantNo("not ours")
	a = b.post("/plant", "off", "1", "page", v).want(200, "taken away")
	if got := a.Header.Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") {
		t.Errorf("taken away by %q", got)
	}
	b.get("/keys?page="+v).want(200, "Plant a readable cookie").wantNo(`data-kind="readable"`)
}

// The command that the page offers is the press, with the cookie that the browser
// has after it, as one word each whatever was typed.
func TestCurl(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formFragment)
	v := b.visit("/")
	a := b.post("/set", "key", "it's", "value", "$(evil) `x` \"y\"", "page", v).want(200)
	text := a.region("curl-text", "</textarea>")
	want := "curl -si 'http://127.0.0.1:8080/set' \\ -H 'Cookie: " + cookieName + "=" + b.cookie() + "' \\ -H 'Accept: application/json' \\ --data-raw 'key=it%27s&value=%24%28evil%29+%60x%60+%22y%22'"
	if !strings.Contains(text, want) {
		t.Errorf("the command is %s\nwant %s", text, want)
	}
	if got := quoted("it's"); got != `'it'\''s'` {
		t.Errorf("quoted: %s", got)
	}
	b.get("/get?key=a&page="+v).want(200, "curl -si &#39;http://127.0.0.1:8080/get?key=a&#39;")
}

// Only the cookie is thrown away, and put back: the record is not touched.
func TestDropAndPutBack(t *testing.T) {
	for name, f := range forms {
		h := newApp(t, nil)
		b := newBrowser(t, h, f)
		v := b.visit("/")
		press := func(target string, pairs ...string) answer {
			a := b.post(target, append(pairs, "page", v)...)
			next := a.Header.Get("Location") + a.Header.Get("HX-Redirect")
			if f == formJSON {
				return a.want(200)
			}
			if next == "" {
				return a
			}
			before := b.form
			b.form = formPage
			defer func() { b.form = before }()
			return b.get(next).want(200)
		}
		press("/drop-cookie")
		press("/set", "key", "name", "value", "Rahim")
		own := b.cookie()
		press("/pin")
		press("/set", "key", "name", "value", "Karim")
		version := func() any {
			p, err := h.seats.Root.Engine.Peek(t.Context(), proved(h, v).Session())
			if err != nil {
				t.Fatal(err)
			}
			return p.Stored.Record
		}
		before := version()
		a := press("/drop-cookie")
		if b.cookie() != "" || version() != before {
			t.Errorf("%s: after the drop the browser keeps %q, the record is %v, was %v", name, b.cookie(), version(), before)
		}
		if f != formJSON {
			a.want(200, "curl -si &#39;http://127.0.0.1:8080/drop-cookie&#39; \\\n  -H &#39;Accept", "The browser threw", "the cookie", "its record is still here, and this browser has no cookie any more that opens it", "No cookie", "Put back")
		}
		a = press("/put-back", "pin", "1")
		if b.cookie() != own || version() != before {
			t.Errorf("%s: put back, the browser keeps %q, want %q", name, b.cookie(), own)
		}
		if f != formJSON {
			a.want(200, "of this browser again", "This cookie is stale", `"Rahim"`)
		}
		b.post("/put-back", "pin", "9", "page", v).want(404)
		b.post("/put-back", "pin", "1").want(400)
		b.form = formFragment
		b.get("/?at=1&page="+v).want(200, "dropped", "the cookie, not the record", "put back", "a stale copy")
	}
}
