package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rawBrowser is a browser without a screen: it speaks HTTP by itself, so that it knows each
// byte that travelled, and it keeps cookies as a browser does.
type rawBrowser struct {
	t       *testing.T
	p       *program
	name    string // of the session cookie
	conn    net.Conn
	in      *bufio.Reader
	jar     []jarCookie
	secret  string // of its page's visit
	page    string
	seen    string            // the last moment that its page shows
	moment  string            // the last one that it was shown
	moments map[string]*truth // by their numbers
	last    *truth            // of the last moment that is not of a copy
	once    string            // without scripts: what the next GET proves the visit by
	plain   bool              // its pages have no scripts: each press brings a whole page
	acted   bool              // another client has acted since its last press
	known   map[string]string // the cookie of each session that it saw
}

func newRawBrowser(t *testing.T, p *program) *rawBrowser {
	t.Helper()
	b := &rawBrowser{t: t, p: p, name: "sessionscope-" + p.port(), known: map[string]string{}, moments: map[string]*truth{}}
	b.conn = must(net.Dial("tcp", p.addr()))
	t.Cleanup(func() { b.conn.Close() })
	b.in = bufio.NewReader(b.conn)
	return b
}

// send sends a request and returns it with its answer, byte for byte.
func (b *rawBrowser) send(method, target string, cookies []jarCookie, form url.Values, headers ...string) exchange {
	b.t.Helper()
	var e exchange
	head := []string{method + " " + target + " HTTP/1.1", "Host: " + b.p.addr()}
	if len(cookies) > 0 {
		all := []string{}
		for _, c := range cookies {
			all = append(all, c.String())
		}
		head = append(head, "Cookie: "+strings.Join(all, "; "))
	}
	head = append(head, headers...)
	if method == "POST" {
		e.requestBody = form.Encode()
		head = append(head, "Content-Type: application/x-www-form-urlencoded", "Origin: "+b.p.url, "Content-Length: "+strconv.Itoa(len(e.requestBody)))
	}
	e.requestHead = strings.Join(head, "\r\n")
	if _, err := io.WriteString(b.conn, e.requestHead+"\r\n\r\n"+e.requestBody); err != nil {
		b.t.Fatal(err)
	}
	var answer strings.Builder
	for !strings.HasSuffix(answer.String(), "\r\n\r\n") {
		l, err := b.in.ReadString('\n')
		if err != nil {
			b.t.Fatal(method, target, err)
		}
		answer.WriteString(l)
	}
	e.responseHead = strings.TrimSuffix(answer.String(), "\r\n\r\n")
	length, _ := strconv.Atoi(field(e.responseHead, "Content-Length"))
	body := make([]byte, length)
	if _, err := io.ReadFull(b.in, body); err != nil {
		b.t.Fatal(err)
	}
	e.responseBody = string(body)
	return e
}

// keep does what a browser does with the Set-Cookie lines of an answer.
func (b *rawBrowser) keep(e exchange) {
	fields(e.responseHead, func(name, value string) {
		if name != "Set-Cookie" {
			return
		}
		pair, rest, _ := strings.Cut(value, ";")
		cookie := jarCookie{path: "/", httpOnly: strings.Contains(rest, "HttpOnly")}
		cookie.name, cookie.value, _ = strings.Cut(pair, "=")
		at := slices.IndexFunc(b.jar, func(c jarCookie) bool { return c.name == cookie.name && c.path == "/" && !c.bare })
		gone := strings.Contains(rest, "Max-Age=0")
		switch {
		case at >= 0 && gone:
			b.jar = slices.Delete(slices.Clone(b.jar), at, at+1)
		case at >= 0:
			b.jar = slices.Clone(b.jar)
			b.jar[at] = cookie
		case !gone:
			b.jar = append(slices.Clone(b.jar), cookie)
		}
	})
}

// look asks what the program tells another client that has the cookies.
func (b *rawBrowser) look(cookies []jarCookie) (l look) {
	e := b.send("GET", "/session", cookies, nil, "Accept: application/json")
	if err := json.Unmarshal([]byte(e.responseBody), &l); err != nil && !strings.Contains(e.responseHead, " 503 ") {
		b.t.Fatal(err, e.responseBody)
	}
	l.Status, _ = strconv.Atoi(strings.Fields(e.responseHead)[1])
	if own := b.ownIn(cookies); len(own) == 1 && l.Exists {
		b.known[l.ID] = own[0].value
	}
	return l
}

// ownIn returns the session cookies among cookies.
func (b *rawBrowser) ownIn(cookies []jarCookie) (own []jarCookie) {
	for _, c := range cookies {
		if c.name == b.name && !c.bare {
			own = append(own, c)
		}
	}
	return own
}

// act presses as another client does, which no page sees, and returns the session cookie.
func (b *rawBrowser) act(cookie, path string, pairs ...string) string {
	b.t.Helper()
	b.acted = true
	var cookies []jarCookie
	if cookie != "" {
		cookies = []jarCookie{{name: b.name, value: cookie, path: "/"}}
	}
	e := b.send("POST", path, cookies, formOf(pairs), "Accept: application/json")
	if value := cookieOf(field(e.responseHead, "Set-Cookie"), b.name); value != "" {
		return value
	}
	return cookie
}

func formOf(pairs []string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

var (
	secretField = regexp.MustCompile(`name="page" value="(\w+)"`)
	onceField   = regexp.MustCompile(`name="x" value="(\w+)"`)
	pageID      = regexp.MustCompile(`data-page="(\w+)"`)
	shownMoment = regexp.MustCompile(`id="wire"[^>]* data-n="(\d+)"`)
)

// open loads the lab's page, which begins a visit.
func (b *rawBrowser) open() {
	b.t.Helper()
	b.shows(b.land(b.send("GET", "/", b.jar, nil, "Accept: text/html")))
}

// land keeps the cookies of an answer, follows it to the page that it leads to, and returns
// that page.
func (b *rawBrowser) land(e exchange) string {
	b.keep(e)
	for {
		next := field(e.responseHead, "Location")
		if next == "" {
			return e.responseBody
		}
		e = b.send("GET", next, b.jar, nil, "Accept: text/html")
		b.keep(e)
	}
}

// shows takes from a whole page what its next press sends along.
func (b *rawBrowser) shows(html string) {
	if m := secretField.FindStringSubmatch(html); m != nil {
		b.secret = m[1]
	}
	if m := pageID.FindStringSubmatch(html); m != nil {
		b.page, b.seen = m[1], "1"
	}
	b.once = ""
	if m := onceField.FindStringSubmatch(html); m != nil {
		b.once = m[1]
	}
}

// press presses a button, with or without a script. It returns the HTML that the page then
// shows, and the truth of it.
func (b *rawBrowser) press(button button) (html string, t *truth) {
	b.t.Helper()
	t = &truth{name: b.name, came: b.jar, before: b.look(b.jar), previous: b.last, moments: b.moments, acted: b.acted}
	b.acted = false
	if b.plain {
		t.press = b.sendForm(button)
		html = b.land(t.press)
		b.shows(html)
	} else {
		html, t.press = b.sendScript(button)
	}
	t.kept, t.after = b.jar, b.look(b.jar)
	if set := cookieOf(field(t.press.responseHead, "Set-Cookie"), b.name); set != "" {
		t.after = b.look(b.own(set)) // also when another cookie of the name comes first
	}
	t.same = t.after
	if !slices.Equal(t.kept, t.came) {
		t.same = b.look(t.came)
	}
	t.lookAt = func(id string) (l look, known bool) {
		cookie, known := b.known[id]
		if known {
			l = b.look(b.own(cookie))
		}
		return l, known
	}
	m := shownMoment.FindStringSubmatch(html)
	if m != nil && m[1] != b.moment && !strings.Contains(html, "what travelled with a") { // a copy changes nothing for this browser
		b.last, b.moments[m[1]] = t, t
	}
	if m != nil { // some refusals are no moment
		b.moment = m[1]
	}
	return html, t
}

// sendScript presses as the page's script does: the answer has the parts of the page that
// changed, and the page asks for the finished exchange.
func (b *rawBrowser) sendScript(button button) (html string, e exchange) {
	headers := []string{"Accept: text/html", "HX-Request: true", fmt.Sprintf("Sessionscope-Page: %s %s %s", b.secret, b.page, b.seen)}
	target := button.path
	if button.method == "GET" && len(button.form) > 0 {
		target += "?" + formOf(button.form).Encode()
	}
	e = b.send(button.method, target, b.jar, formOf(button.form), headers...)
	b.keep(e)
	html = e.responseBody
	if next := field(e.responseHead, "HX-Redirect"); next != "" { // a script of the new page has the secret of the old one
		html = b.land(b.send("GET", next, b.jar, nil, "Accept: text/html"))
		b.shows(html)
		return html, e
	}
	if m := shownMoment.FindStringSubmatch(html); m != nil {
		b.seen = m[1]
		ended := b.send("GET", "/exchanges/"+b.seen, b.jar, nil, headers...)
		html = wirePanel.ReplaceAllLiteralString(html, "") + ended.responseBody
	}
	return html, e
}

// sendForm presses as a page without scripts does.
func (b *rawBrowser) sendForm(button button) exchange {
	if button.method == "POST" {
		return b.send("POST", button.path, b.jar, formOf(append([]string{"page", b.secret}, button.form...)), "Accept: text/html")
	}
	form := formOf(button.form)
	if b.once != "" {
		form.Set("x", b.once)
	}
	target := button.path + "?" + form.Encode()
	if strings.Contains(button.path, "?") {
		target = button.path + "&" + form.Encode()
	}
	return b.send("GET", target, b.jar, nil, "Accept: text/html")
}

var wirePanel = regexp.MustCompile(`(?s)<article id="wire".*?</article>`)

var (
	hexID    = regexp.MustCompile(`\b[0-9a-f]{8}\b`)
	longWord = regexp.MustCompile(`[\w=-]{25,}`)
)
