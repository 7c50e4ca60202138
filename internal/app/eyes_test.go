package app

import (
	"bufio"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// A visit's token alone does not give a session away: not by a moment, nor by an
// exchange, nor by a pin. Cookies that open nothing any more are shown.
func TestTokenIsNoKey(t *testing.T) {
	t.Parallel()
	for _, f := range []answerForm{formPage, formFragment} {
		h, b, v := openLab(t, f)
		b.post("/set", "key", "name", "value", "nobody else's", "page", v)
		b.post("/pin", "page", v)
		cookie := b.cookie()
		l, _ := session.Peel(cookie)
		e, _ := l.Envelope()
		secret := []string{cookie, l.Payload, e.ID}
		thief := newBrowser(t, h, f)
		for _, target := range []string{"/?at=2&page=" + v, "/exchanges/2?page=" + v, "/?at=3&page=" + v, "/exchanges/3?page=" + v, "/keys?page=" + v, "/?page=" + v} {
			thief.get(target).want(200).wantNo(secret...)
		}
		for _, target := range []string{"/replay", "/put-back"} { // another browser's pin is none
			if a := thief.post(target, "pin", "1", "page", v).want(404).wantNo(secret...); a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s gave the thief %q", target, a.Header.Get("Set-Cookie"))
			}
		}
		if f == formPage { // what a POST leaves for the page after it is of its own browser too
			next := b.post("/set", "key", "name", "value", "nobody else's", "page", v).Header.Get("Location")
			thief.get(next).want(200).wantNo(secret...)
			second := newBrowser(t, h, formJSON)
			second.jar = b.jar
			base := strings.TrimSuffix(second.post("/second", "page", v).json()["url"].(string), "/")
			next = b.post("/set", "key", "name", "value", "nobody else's", "page", v).Header.Get("Location")
			b.get(base+next).want(200, "This browser has no session").wantNo(secret...)
		}
		b.get("/?at=2&page="+v).want(200, secret...) // the control: its own browser sees it
		b.post("/flush", "page", v)
		thief.get("/?at=2&page="+v).want(200, cookie, e.ID) // it opens nothing any more
	}
}

// A copy with a letter changed is one letter from the cookie that it was made of, and
// is hidden with it; and a cookie that opens nothing any more proves nothing.
func TestTokenIsNoKeyToCopies(t *testing.T) {
	for _, placement := range session.Placements() {
		synctest.Test(t, func(t *testing.T) {
			h, b, v := openLab(t, formFragment)
			defer h.Close()
			b.post("/set", "key", "a", "value", "1", "placement", placement, "page", v).want(200)
			for _, part := range session.TamperParts[:8] {
				b.post("/tamper", "part", part, "page", v).want(200)
			}
			l, _ := session.Peel(b.cookie())
			secret := []string{b.cookie()[:40], b.cookie()[len(b.cookie())-40:], l.Payload[:30]}
			thief := newBrowser(t, h, formFragment)
			for n := 3; n <= 10; n++ {
				for _, target := range []string{"/?at=", "/exchanges/"} {
					address := target + strconv.Itoa(n) + map[string]string{"/?at=": "&", "/exchanges/": "?"}[target] + "page=" + v
					thief.get(address).want(200, "hidden: the request for this page came without it").wantNo(secret...)
					b.get(address).want(200).wantNo("hidden: the request for this page came without it") // the control
				}
			}
			// An older cookie of the same session that is over in itself.
			b.post("/expiry", "seconds", "2", "page", v)
			old := b.cookie()
			b.post("/expiry", "seconds", "", "page", v)
			time.Sleep(3 * time.Second)
			live := b.cookie()
			r := thief.request("GET", "/?at=12&page="+v, "")
			r.Header.Set("Cookie", cookieName+"="+old)
			a := thief.send(r).want(200)
			if about := newBrowser(t, h, formJSON); placement == "cookie" {
				r := about.request("GET", "/session", "")
				r.Header.Set("Cookie", cookieName+"="+old)
				if about.send(r).json()["exists"] != false {
					t.Fatal("the control: the older cookie opens a session")
				}
				a.wantNo(live)
			}
		})
	}
}

// A cookie that was typed into the form of a copy is hidden as any other that opens a session.
func TestTypedCookieIsHidden(t *testing.T) {
	h, b, v := openLab(t, formFragment)
	b.post("/set", "key", "name", "value", "Rahim", "page", v)
	b.post("/set", "key", "x", "value", "", "to", b.cookie(), "page", v).want(200)
	cookie := b.cookie()
	b.post("/set", "key", "y", "value", "1", "to", cookie, "page", v).want(200)
	typed := url.QueryEscape(cookie)
	b.get("/?at=4&page="+v).want(200, typed) // the control: its own browser sees it
	newBrowser(t, h, formFragment).get("/?at=4&page="+v).want(200, "to=").wantNo(typed, cookie)
}

// Of other programs' cookies and of credentials the page shows name and size.
func TestOtherCookiesAreHidden(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formPage)
	r := b.request("GET", "/", "")
	r.Header.Set("Cookie", "theirs=very-private; "+cookieName+"=mine; more=also-private")
	r.Header.Set("Authorization", "Bearer private-too")
	b.send(r).want(200, "theirs=", "12 B of value, of another program", "18 B, of another program", "mine").wantNo("very-private", "also-private", "private-too")
}

// Whatever a head is written like, what is a cookie in it is treated as one.
func TestOddHeads(t *testing.T) {
	conn, r, addr := dial(t)
	for _, head := range []string{
		"X-A: 1\nCookie: theirs=verysecret\r\n", "Cookie: a=b;\r\n theirs=verysecret\r\n", "Cookie: verysecret\r\n",
		"Cookie: verysecret; a=b\r\n", "Authorization: Basic\r\n verysecret\r\n",
	} {
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: " + addr + "\r\nAccept: text/html\r\n" + head + "\r\n")); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 200<<10)
		n := 0
		for {
			k, err := resp.Body.Read(body[n:])
			if n += k; err != nil {
				break
			}
		}
		if page := string(body[:n]); resp.StatusCode == 200 && (strings.Contains(page, "verysecret") || !strings.Contains(page, "another program")) {
			t.Errorf("%q: the page shows it", head)
		}
		if resp.Close {
			conn, r, addr = dial(t)
		}
	}
}

// A page that pressed with a session is told what another load of its visit did with that
// session, and is shown no cookie of another session. Otherwise whoever shares one session with
// a browser could copy the browser's other session off the stream.
func TestAStreamShowsNoOtherSession(t *testing.T) {
	_, base, cl, v := serveLab(t)
	cl.Jar = nil // each request says which cookies it carries
	mine, theirs := strings.Repeat("M", pageIDLen), strings.Repeat("T", pageIDLen)
	n := 0
	press := func(page, cookies string) (cookie string) {
		t.Helper()
		n++
		r, _ := http.NewRequest("POST", base+"/set", strings.NewReader(url.Values{"key": {"n"}, "value": {strconv.Itoa(n)}}.Encode()))
		for name, value := range map[string]string{"Content-Type": formType, "Accept": "application/json", "Cookie": cookies, trace.PageHeader: v + " " + page + " 0"} {
			r.Header.Set(name, value)
		}
		return sent(fetch(t, cl, r).want(200)).Value
	}
	other := press(theirs, "")
	shared := press(mine, "")
	r, _ := http.NewRequestWithContext(t.Context(), "GET", base+"/events?since=3", nil)
	r.Header.Set("Cookie", cookieName+"="+shared)
	r.Header.Set(trace.PageHeader, v+" "+mine+" 3")
	resp, err := cl.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	stream := bufio.NewReader(resp.Body)
	until := func(either, or string) (all string) {
		t.Helper()
		for !strings.Contains(all, either) && !strings.Contains(all, or) {
			next, err := stream.ReadString('\n')
			if err != nil {
				t.Fatalf("the stream ended before it said %q or %q: %v\n%s", either, or, err, all)
			}
			all += next
		}
		return all
	}
	shared = press(theirs, cookieName+"="+shared)
	if all := until(shared, "event: look"); !strings.Contains(all, shared) {
		t.Errorf("the control: the stream hides the new cookie of the page's own session:\n%s", all)
	}
	press(theirs, cookieName+"="+shared+"; "+cookieName+"="+other)
	if all := until(other, "event: look"); strings.Contains(all, other) {
		t.Errorf("the stream shows the cookie of another session:\n%s", all)
	}
}
