package app

import (
	"encoding/base64"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// readable is the name of a harmless cookie that scripts can read: beside it the
// session cookie, which they cannot, proves something.
func (id *identity) readable() string { return id.engine.CookieName() + "-readable" }

// plant is POST /plant: it sets the readable cookie, or with the field off takes it away.
func (a *App) plant(c echo.Context, s *session.Session) error {
	remove := submitted(c).Get("off") != ""
	cookie := s.Info().Attributes // with the same path, and Secure where the session's is
	cookie.Name, cookie.Value, cookie.HttpOnly = idOf(c).readable(), "scripts-can-read-this", false
	if remove {
		cookie.Value, cookie.MaxAge = "", -1
	}
	c.Response().Header().Add("Set-Cookie", cookie.String())
	planted := !remove
	remembered(c.Request().Context()).planted = &planted
	return a.answer(c, s, outcome{op: "plant", say: func(session.Info) views.Sentence { return sayPlant(cookie.Name, remove) }})
}

// thrownAway is what the Browser panel says after a Set-Cookie with Max-Age=0.
const thrownAway = "No cookie any more: the server had it thrown away. Press Set and a new one is born."

// kept is the value of the cookie that the browser keeps after this answer, or "".
func kept(c echo.Context, info session.Info) string {
	switch mem := remembered(c.Request().Context()); {
	case mem.replaced != nil:
		return *mem.replaced
	case info.Cookie != nil:
		return info.Cookie.Value
	case info.Sent != nil:
		return "" // it is thrown away
	}
	value, _ := carried(c)
	return value
}

// browser tells what the browser keeps after this answer.
func (a *App) browser(c echo.Context, info session.Info) views.Browser {
	id, mem := idOf(c), remembered(c.Request().Context())
	value := kept(c, info)
	b := views.Browser{Name: id.engine.CookieName(), Note: noteOf(info), Scripts: true, Limit: session.MaxCookieBytes, Readable: id.readable()}
	b.Jar, b.Planted = a.jar(c, value == "")
	if mem.planted != nil {
		b.Planted = *mem.planted
	}
	_, came := carried(c)
	switch {
	case value != "":
	case info.Sent != nil, mem.replaced != nil:
		b.Empty = thrownAway
		return b
	case came:
		b.Note, b.Empty = "", "The cookie that came is empty, so it opens nothing."
		return b
	case mem.lastSession() != session.Key{}:
		b.Empty = "No cookie: none came with this request. Press Set and a new one is born."
		return b
	default:
		b.Empty = "No cookie yet: none came with this request. Press Set and one is born."
		return b
	}
	b.Raw, b.RawBytes = shown(value, maxCookieShown), bytesText(len(value))
	b.Bytes = len(b.Name) + len(value)
	b.Size, b.Most = number(b.Bytes), number(b.Limit)
	if info.Exists && info.Cookie.Value == value { // only we can have set it, and always like this
		b.Flags = flags(info, info.Sent)
	}
	layers, ok := session.Peel(value)
	if !ok {
		return b
	}
	b.Layers = peeled(layers, id.engine.Now())
	switch b.Layers.Verdict = "does not fit"; {
	case mem.replaced != nil:
		b.Layers.Verdict = "not checked yet"
	case info.Cookie != nil:
		b.Layers.Valid, b.Layers.Verdict, b.Layers.Key = true, "valid", keyOf(info.Cookie)
	}
	if e, ok := layers.Envelope(); ok {
		b.EnvelopeBytes, b.Budget = number(e.Bytes), number(id.engine.EnvelopeBudget())
		b.Layers.Keys, b.Layers.Values = list(e.Keys), shown(e.Values, maxShown)
		b.Layers.Fields = []views.Field{
			{Name: "placement", Value: e.Placement.String()},
			{Name: "session ID", Value: shown(e.ID, 80)},
			{Name: "its SHA-256", Value: session.KeyOf(e.ID).Name().String() + "…"},
			{Name: "version", Value: versionOf(e)},
			{Name: "created", Value: clock(e.Created)},
			{Name: "deadline", Value: clock(e.Deadline)},
		}
	} else {
		b.Layers.Keys = "nothing: it is no payload of this program"
	}
	return b
}

// peeled shows the three parts under the outer base64.
func peeled(l session.Layers, now time.Time) *views.Layers {
	signed := l.SignedAt()
	ago := "in the future"
	if d := now.Sub(signed); d >= 0 {
		ago = left(d.Truncate(time.Second)) + " ago"
	}
	return &views.Layers{
		Time: shown(l.Time, 80), Payload: shown(l.Payload, maxCookieShown), Signature: base64.URLEncoding.EncodeToString(l.Signature),
		TimeBytes: bytesText(len(l.Time)), PayloadBytes: bytesText(len(l.Payload)), SignatureBytes: bytesText(len(l.Signature)),
		SignedAt: clock(signed), Ago: ago,
	}
}

// maxJar is the most cookies of a request that a page lists.
const maxJar = 30

// jar lists every cookie that this request carried. Of other programs' cookies only
// name and size are shown. With ended, the session cookie among them is thrown away by this answer.
func (a *App) jar(c echo.Context, ended bool) (jar []views.JarCookie, planted bool) {
	id := idOf(c)
	for pair := range cookiePairs(c.Request()) {
		if len(jar) == maxJar {
			return append(jar, views.JarCookie{Name: "and more", Kind: "other"}), planted
		}
		j := views.JarCookie{Name: shown(pair.name, 80), Size: bytesText(len(pair.name) + len(pair.value)), Kind: "other"}
		switch pair.name {
		case "":
			j.Name = "(no name)"
		case id.engine.CookieName():
			j.Kind = "session"
			if ended {
				j.Kind = "ended"
			}
		case a.root.engine.CookieName():
			j.Kind = "kin"
		case id.pinsCookie():
			j.Kind = "pins"
		case id.readable():
			j.Kind, j.Value, planted = "readable", shown(pair.value, 80), true
		}
		jar = append(jar, j)
	}
	return jar, planted
}

// cookiePair is one of a Cookie header as it stands there.
type cookiePair struct{ name, value string }

// cookiePairs yields the cookies of a request in their order. What has no "=" is a
// value without a name, as browsers send it (RFC 6265bis, section 5.6).
func cookiePairs(r *http.Request) iter.Seq[cookiePair] {
	return func(yield func(cookiePair) bool) {
		for _, line := range r.Header["Cookie"] {
			for text := range strings.SplitSeq(line, ";") {
				if text = strings.Trim(text, " \t"); text != "" && !yield(parsePair(text)) {
					return
				}
			}
		}
	}
}

func parsePair(text string) cookiePair {
	if name, value, ok := strings.Cut(text, "="); ok {
		return cookiePair{name, value}
	}
	return cookiePair{"", text}
}

// flags are the attributes of the cookie, and what each means here and now. A
// Cookie header carries none, so the label of its age is shown only when this very
// answer sets it.
func flags(info session.Info, sent *http.Cookie) []views.Flag {
	at := info.Attributes
	secure := views.Flag{Text: "Secure", Title: "Sent over https only"}
	if !at.Secure {
		secure.Off = true
		secure.Title = "Off: this page came over plain http, where browsers drop a Secure cookie, unless the page is of this very machine. Whoever listens on the way can read this one"
	}
	path := views.Flag{Text: "Path=" + at.Path, Title: "Sent with every request to this host: to every path, and, since cookies know no ports, to every port"}
	if at.Path != "/" {
		path.Title = "Sent with requests below this path only: this browser's identity of its own. It is no wall: pages of the same host can still reach it"
	}
	out := []views.Flag{
		{Text: "HttpOnly", Title: "Scripts in the page cannot read it: look at document.cookie below"},
		{Text: "SameSite=Lax", Title: "Not sent along on requests from other sites, except when somebody follows a link. Another port of this host counts as the same site"},
		path, secure,
	}
	switch {
	case info.BrowserClose:
		out = append(out, views.Flag{Text: "no Max-Age", Title: "The browser throws it away when it closes"})
	case sent != nil:
		out = append(out, views.Flag{Text: fmt.Sprintf("Max-Age=%d", sent.MaxAge), Title: "The browser throws it away after so many seconds. It is only a label: the server decides for itself"})
	}
	return out
}

func versionOf(e session.Envelope) string {
	if e.Placement == session.OnServer {
		return "none: the record has it"
	}
	return strconv.FormatUint(e.Version, 10)
}

func keyOf(c *session.Cookie) string { return fmt.Sprintf("%d of %d", c.Key, c.Keys) }

// tools are what this page can do with a copy of its cookie.
func (a *App) tools(c echo.Context, info session.Info) *views.Tools {
	value := kept(c, info)
	t := a.toolsOf(remembered(c.Request().Context()).visit, value, pinsOwner(c))
	t.Curl, t.Carries = a.curl(c, info), value != ""
	if form := submitted(c); opOf(c) == "tamper" {
		t.To = form.Get("to")
		if at := form.Get("at"); at != "" {
			t.At = at
		}
		for i := range t.Tamper {
			t.Tamper[i].Chosen = t.Tamper[i].Name == form.Get("part")
		}
	}
	return t
}

// toolsOf are what the pages of v, which may be nil, can do with a cookie of that
// value, in the browser whose pins are owner's.
func (a *App) toolsOf(v *visit, value, owner string) *views.Tools {
	t := &views.Tools{}
	if value != "" {
		t.Letters, t.CanPin, t.At = len(value), v != nil, strconv.Itoa((len(value)+1)/2)
		for _, part := range session.TamperParts {
			t.Tamper = append(t.Tamper, views.Option{Name: part, Label: tamperLabels[part]})
		}
	}
	if v == nil {
		return t
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.pins {
		if p.owner != owner {
			continue
		}
		t.Pins = append(t.Pins, views.Pin{N: p.n, Session: p.name, At: clock(p.at), Bytes: bytesText(len(p.value))})
	}
	for _, seat := range v.seats {
		if !seat.closed.Load() {
			t.Seats = append(t.Seats, views.Seat{Name: seat.name, URL: seat.base + "/"})
		}
	}
	if v.id != a.root {
		t.Opener = "/"
	} else if len(v.seats) < len(secondNames) {
		t.Second = secondNames[len(v.seats)]
	}
	return t
}

var tamperLabels = map[string]string{
	"letter": "one letter", "time": "the time of signing", "id": "the session ID", "version": "the version", "created": "the time of birth",
	"deadline": "the deadline", "values": "the values", "signature": "the signature", "value": "the whole cookie",
}

// curl is this press as a command, with the cookie that the browser has after it.
func (a *App) curl(c echo.Context, info session.Info) string {
	r, mem := c.Request(), remembered(c.Request().Context())
	target := "http://" + r.Host + mem.id.base + r.URL.EscapedPath()
	if kept := withoutVisit(r.URL.RawQuery); kept != "" {
		target += "?" + kept
	}
	body := ""
	if r.Method == http.MethodPost {
		body = withoutVisit(mem.body)
		if len(body) > maxEchoed {
			return "" // too long for a command line that anybody would want
		}
		body = " \\\n  --data-raw " + quoted(body)
	}
	return idOf(c).command(target, kept(c, info)) + body
}

// command is a request with that cookie, if any, as a command.
func (id *identity) command(target, cookie string) string {
	b := "curl -si " + quoted(target)
	if cookie != "" {
		b += " \\\n  -H " + quoted("Cookie: "+id.engine.CookieName()+"="+cookie)
	}
	return b + " \\\n  -H 'Accept: application/json'"
}

// withoutVisit takes the field v out of a form: a command belongs to no page.
func withoutVisit(form string) string {
	var kept []string
	for field := range strings.SplitSeq(form, "&") {
		if name, _, _ := strings.Cut(field, "="); name != "v" && field != "" {
			kept = append(kept, field)
		}
	}
	return strings.Join(kept, "&")
}

// quoted is s as one word of a POSIX shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
