package app

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

func (a *App) page(title string) views.Page {
	return views.Page{
		Title: title,
		Theme: a.assets.url("js/theme.js"), CSS: a.assets.url("css/sessionscope.css"), HTMX: a.assets.url("vendor/htmx-4.0.1/htmx.min.js"),
		Script: a.assets.url("js/sessionscope.js"), Icon: a.assets.url("img/icon.svg"),
	}
}

// labView makes the whole screen. s is nil when the store does not answer.
func (a *App) labView(c echo.Context, s *session.Session, sentence views.Sentence, startOver bool) views.Lab {
	lab := views.Lab{
		Page: a.page("Lab"), StoreName: a.cfg.StoreName, Sentence: sentence,
		Composer: a.composer(c, startOver), ResetComposer: startOver,
	}
	lab.Composer.Invalid = sentence.Field
	placement := lab.Composer.Placement
	var stats session.Stats
	answers := s != nil
	if answers {
		var err error
		stats, err = a.engine.Stats(c.Request().Context())
		answers = err == nil
	}
	if !answers {
		lab.Browser = views.Browser{Name: a.engine.CookieName(), Empty: "The store does not answer, so nobody can say what a cookie opens. The browser keeps what it has."}
		lab.Server = views.Server{Empty: "The store does not answer."}
		lab.Placements = placementOptions(placement)
		return lab
	}
	info := s.Info()
	if info.Exists {
		placement = info.Placement.String()
	}
	// In a fragment the choice on the page stays, unless the session decides it
	// or this request was about it.
	if startOver || info.Exists || wants(c) == formPage || submitted(c).Has("placement") {
		lab.Placements = placementOptions(placement)
	}
	lab.Expired = stats.Expired
	lab.Browser = a.browser(c, info)
	lab.Server = a.server(info, stats)
	mark(&lab, remembered(c.Request().Context()).events)
	return lab
}

// mark shows on the screen what the events changed.
func mark(lab *views.Lab, events []session.Event) {
	changed := make(map[string]bool)
	for _, ev := range events {
		switch ev.Kind {
		case session.Set, session.Placed:
			changed[ev.Key] = true
		case session.Deleted:
			if lab.Server.ID != "" {
				lab.Server.Values = append(lab.Server.Values, views.Value{Name: ev.Key, Key: shown(ev.Key, maxShown), Gone: true})
			}
		case session.Created, session.Cycled:
			lab.Server.IDChanged = true
		case session.Signed:
			lab.Browser.Changed = true
		}
	}
	for i := range lab.Server.Values {
		v := &lab.Server.Values[i]
		v.Changed = changed[v.Name]
	}
}

// submitted returns what this request's form carries.
func submitted(c echo.Context) url.Values {
	if c.Request().Method == http.MethodPost {
		return remembered(c.Request().Context()).form
	}
	return c.QueryParams()
}

// composer is the composer with what this request typed into it.
func (a *App) composer(c echo.Context, startOver bool) views.Composer {
	first := views.Composer{Key: "name", Value: "Rahim", Type: "text", User: "ada", Seconds: "5", Placement: a.engine.Placement().String()}
	form := submitted(c)
	if startOver {
		form = nil
	}
	for name, into := range map[string]*string{
		"key": &first.Key, "value": &first.Value, "user": &first.User, "seconds": &first.Seconds,
	} {
		if form.Has(name) {
			*into = form.Get(name)
		}
	}
	if p, err := session.ParsePlacement(form.Get("placement")); err == nil {
		first.Placement = p.String()
	}
	for _, kind := range first.Types() {
		if kind.Name == form.Get("type") {
			first.Type = kind.Name
		}
	}
	return first
}

func placementOptions(chosen string) []views.Option {
	titles := map[string]string{
		"cookie": "Every value travels in the signed cookie",
		"hybrid": "Small values in the cookie, larger ones on the server",
		"server": "Only the session ID travels",
	}
	var out []views.Option
	for _, name := range session.Placements() {
		label := strings.ToUpper(name[:1]) + name[1:]
		out = append(out, views.Option{Name: name, Label: label, Title: titles[name], Chosen: name == chosen})
	}
	return out
}

// thrownAway is what the Browser panel says after a Set-Cookie with Max-Age=0.
const thrownAway = "No cookie any more: the server had it thrown away. Press Set and a new one is born."

// browser tells what the browser keeps after this answer.
func (a *App) browser(c echo.Context, info session.Info) views.Browser {
	b := views.Browser{Name: a.engine.CookieName(), Note: noteOf(info)}
	measure := func(bytes int) {
		b.Bytes, b.Limit = bytes, session.MaxCookieBytes
		b.Size, b.Most = number(b.Bytes), number(b.Limit)
	}
	if info.Cookie == nil {
		b.Empty = "No cookie yet: none came with this request. Press Set and one is born."
		if info.Sent != nil {
			b.Empty = thrownAway
		} else if sent := c.Request().CookiesNamed(b.Name); len(sent) > 0 {
			b.Empty, b.Raw = "", sent[0].Value
			measure(len(b.Name) + len(b.Raw))
		}
		return b
	}
	cookie := info.Cookie
	layers, _ := session.Peel(cookie.Value)
	b.Raw, b.Time, b.Payload, b.Signature = cookie.Value, layers.Time, layers.Payload, base64.URLEncoding.EncodeToString(layers.Signature)
	b.SignedAt, b.Key = clock(cookie.SignedAt()), keyOf(cookie)
	measure(info.CookieBytes)
	if info.Exists { // only we can have set it, and always like this
		b.Flags = flags(info, info.Sent)
	}
	e := cookie.Envelope()
	b.Keys = list(e.Keys)
	b.Fields = []views.Field{
		{Name: "placement", Value: e.Placement.String()},
		{Name: "session ID", Value: e.ID},
		{Name: "version", Value: versionOf(e)},
		{Name: "created", Value: clock(e.Created)},
		{Name: "deadline", Value: clock(e.Deadline)},
	}
	b.Values = shown(e.Values, maxShown)
	b.EnvelopeBytes, b.Budget = number(e.Bytes), number(a.engine.EnvelopeBudget())
	return b
}

// flags are the attributes of the cookie. A Cookie header carries none, so the
// label of its age is shown only when this very answer sets it.
func flags(info session.Info, sent *http.Cookie) []views.Flag {
	at := info.Attributes
	out := []views.Flag{
		{Text: "HttpOnly", Title: "Scripts in the page cannot read it"},
		{Text: "SameSite=Lax", Title: "Not sent along on requests from other sites, except when somebody follows a link"},
		{Text: "Path=" + at.Path, Title: "Sent with every request below this path"},
		{Text: "Secure", Title: "Off: this page came over plain http", Off: !at.Secure},
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

// server tells what the server keeps.
func (a *App) server(info session.Info, stats session.Stats) views.Server {
	v := views.Server{Stats: []views.Stat{
		{Number: number(stats.Live), Text: plural(stats.Live, "live record", "live records")},
		{Number: number(stats.Expired), Text: "expired, not cleared"},
		{Number: size(stats.Bytes), Text: "in the store"},
	}}
	if !info.Exists {
		v.Empty = "No record of this browser. Reading never makes one: only a write does."
		if info.Verdict == session.VerdictExpired {
			v.Empty = "No live record: the session of this cookie has expired."
			switch {
			case info.Cookie.Envelope().Placement == session.InCookie:
				v.Empty = "The session of this cookie has expired. With its placement there never was a record."
			case stats.Expired > 0:
				v.Empty += " What has expired stays in the store until it is cleared."
			}
		}
		return v
	}
	v.ID, v.Stats = info.ID, append(v.Stats, views.Stat{Number: strconv.FormatUint(info.Version, 10), Text: "version"})
	now := a.engine.Now()
	idle, lifetime := a.engine.Policy()
	whole := idle
	switch {
	case info.Expiry.After > 0:
		whole = info.Expiry.After
	case !info.Expiry.At.IsZero():
		whole = info.Expiry.At.Sub(info.Created)
	}
	v.Idle = views.Clock{Name: "idle clock", Until: info.Expires.UnixMilli(), Now: now.UnixMilli(), Whole: whole.Milliseconds(), Left: left(info.Expires.Sub(now)), At: clock(info.Expires)}
	if info.Expiry.After != 0 || !info.Expiry.At.IsZero() {
		v.Idle.Name = "its own expiry"
	}
	v.Absolute = views.Clock{Name: "absolute lifetime", Until: info.Absolute.UnixMilli(), Now: now.UnixMilli(), Whole: lifetime.Milliseconds(), Left: left(info.Absolute.Sub(now)), At: clock(info.Absolute)}
	v.Idle.First = info.Expires.Before(info.Absolute)
	v.Absolute.First = !v.Idle.First
	for _, item := range info.Values {
		v.Values = append(v.Values, views.Value{
			Name: item.Key, Key: shown(item.Key, maxShown), Type: item.Value.Type(), Text: shown(string(item.Value), 400),
			Bytes: number(len(item.Value)), OnServer: item.Lives == "server",
		})
	}
	v.Record = shown(info.Record, maxShown)
	if info.Record != "" {
		v.RecordBytes = number(len(info.Record))
	}
	return v
}

// Headers that a learner should see first. The others fold away.
var first = map[string]bool{
	"Host": true, "Cookie": true, "Content-Type": true,
	"Set-Cookie": true, "Cache-Control": true, "Vary": true, "Location": true, "Retry-After": true,
}

// wire is the exchange that is being answered: the request as it came and the
// response's head as it is about to leave, which nothing changes any more. With
// own, the answer itself shows it, and its length is filled in when it is known.
func (a *App) wire(c echo.Context, status int, own bool) views.Wire {
	r, h := c.Request(), c.Response().Header()
	if own {
		h.Set("Content-Length", lengthMark)
		defer h.Del("Content-Length")
	}
	mem := remembered(r.Context())
	w := views.Wire{
		Past:        !own,
		RequestLine: r.Method + " " + r.URL.RequestURI(), Proto: r.Proto,
		StatusLine: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Body:       shown(mem.body, maxShown),
		SetCookie:  h.Get("Set-Cookie") != "",
		Steps:      steps(mem.events, len(r.CookiesNamed(a.engine.CookieName())) > 0),

		RequestBytes: number(len(mem.body)), ResponseBytes: h.Get("Content-Length"),
	}
	if own {
		w.ResponseBytes = groupedMark
	}
	if n := int(r.ContentLength); n > len(mem.body) {
		w.RequestBytes = number(n) + " (not all read)"
	}
	w.AsSent = mem.head != nil
	w.Request, w.RequestMore = a.headers(requestFields(r, mem.head))
	w.Response, w.ResponseMore = a.headers(sorted(h))
	return w
}

// headerField is one line of a head.
type headerField struct{ name, value string }

// requestFields returns r's head as it came, or else as net/http has it.
func requestFields(r *http.Request, head []string) (fields []headerField) {
	if head == nil {
		h := r.Header.Clone()
		if r.ContentLength > 0 {
			h.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		}
		return append([]headerField{{"Host", r.Host}}, sorted(h)...)
	}
	for _, line := range head {
		name, value, _ := strings.Cut(line, ":")
		fields = append(fields, headerField{name, strings.TrimSpace(value)})
	}
	return fields
}

// sorted returns h in the order in which net/http writes it.
func sorted(h http.Header) (fields []headerField) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fields = append(fields, headerField{name, value})
		}
	}
	return fields
}

// headers shows a head, those to see first apart from the rest. Of other
// programs' cookies and of credentials only name and size are shown.
func (a *App) headers(fields []headerField) (seen, more []views.Header) {
	own := a.engine.CookieName()
	for _, f := range fields {
		name := http.CanonicalHeaderKey(f.name)
		line := views.Header{Name: shown(f.name, 80), Parts: []views.Part{{Text: shown(f.value, maxCookieShown)}}}
		switch name {
		case "Cookie":
			line.Parts = nil
			for i, pair := range strings.Split(f.value, ";") {
				if i > 0 {
					line.Parts = append(line.Parts, views.Part{Text: "; "})
				}
				line.Parts = append(line.Parts, cookiePart(own, strings.TrimSpace(pair))...)
			}
		case "Set-Cookie":
			pair, attributes, found := strings.Cut(f.value, ";")
			line.Parts, line.Mark = cookiePart(own, pair), true
			if found {
				line.Parts = append(line.Parts, views.Part{Text: ";" + attributes})
			}
		case "Authorization", "Proxy-Authorization":
			line.Parts = []views.Part{hidden(len(f.value))}
		}
		if first[name] {
			seen = append(seen, line)
		} else {
			more = append(more, line)
		}
	}
	return seen, more
}

func cookiePart(own, pair string) []views.Part {
	name, value, _ := strings.Cut(pair, "=")
	if name == own {
		return []views.Part{{Text: name + "="}, {Kind: "token", Text: value}}
	}
	return []views.Part{{Text: name + "="}, hidden(len(value))}
}

func hidden(n int) views.Part {
	return views.Part{Kind: "hidden", Text: fmt.Sprintf("%s, not ours", bytesText(n))}
}

// steps tells what the engine did for this request, from its own events. carried
// tells that a cookie came.
func steps(events []session.Event, carried bool) (out []views.Step) {
	add := func(verb, what, small string) { out = append(out, views.Step{Verb: verb, What: what, Small: small}) }
	for _, ev := range events {
		switch ev.Kind {
		case session.Read:
			add("read", "cookie", bytesText(ev.Bytes))
			how := "key"
			if ev.Known {
				how = "as before, key"
			}
			add("verify", "signature", fmt.Sprintf("%s %d of %d", how, ev.KeyNumber, ev.KeyCount))
			if ev.Place == session.InCookie {
				add("check", "ID", "not retired")
			} else {
				add("load", "record", fmt.Sprintf("%s v%d", ev.Session, ev.Version))
			}
		case session.Refused, session.Expired:
			out = append(out, views.Step{Verb: string(ev.Kind), What: ev.Reason, Bad: true})
		case session.Created:
			add("new", "ID", ev.Session.String())
		case session.Set:
			add("set", shown(ev.Key, 40), bytesText(ev.Bytes))
		case session.Placed:
			add("place", shown(ev.Key, 40), map[string]string{"cookie": "in the cookie", "server": "on the server"}[ev.Lives])
		case session.Deleted:
			add("delete", shown(ev.Key, 40), "")
		case session.Cleared:
			add("clear", "", fmt.Sprintf("%d keys", ev.Count))
		case session.Cycled:
			add("cycle", "ID", ev.Before.String()+" is dead")
		case session.Flushed:
			add("flush", ev.Session.String(), "")
		case session.Swept:
			add("sweep", "", fmt.Sprintf("%d removed", ev.Count))
		case session.Conflict:
			out = append(out, views.Step{Verb: "conflict", What: "reload and apply again", Bad: true})
		case session.Discarded:
			out = append(out, views.Step{Verb: "discard", What: "nothing is saved", Bad: true})
		case session.Saved:
			add("save", "record", fmt.Sprintf("v%d", ev.Version))
		case session.Signed:
			add("sign", "cookie", bytesText(ev.Bytes))
		}
	}
	if !carried && !slices.ContainsFunc(events, func(ev session.Event) bool {
		return ev.Kind == session.Read || ev.Kind == session.Refused || ev.Kind == session.Expired
	}) {
		out = slices.Insert(out, 0, views.Step{Verb: "no cookie", What: "to read"})
	}
	return out
}

// clock shows a moment: its date only when it is not today's.
func clock(t time.Time) string {
	t = t.Local()
	if now := time.Now(); t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("15:04:05")
}

// left shows a duration as people count down.
func left(d time.Duration) string {
	if d <= 0 {
		return "0 s"
	}
	s := int((d + time.Second - 1) / time.Second)
	switch {
	case s >= 3600:
		return fmt.Sprintf("%d h %d m %d s", s/3600, s/60%60, s%60)
	case s >= 60:
		return fmt.Sprintf("%d m %d s", s/60, s%60)
	}
	return fmt.Sprintf("%d s", s)
}

// number groups the digits of n by three.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(n int64) string {
	switch {
	case n < 10_000:
		return number(int(n)) + " B"
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

func bytesText(n int) string { return number(n) + " B" }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

const (
	maxShown       = 2000 // bytes of one text that a page shows
	maxCookieShown = 4096 // of a header's value
)

// shown prepares text of a visitor's for the screen: cut to n bytes, whole
// characters, and with the invisible ones that could reorder the sentence
// around it written as escapes.
func shown(s string, n int) string {
	tail := ""
	if len(s) > n {
		tail = fmt.Sprintf("… (%s in all)", bytesText(len(s)))
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String() + tail
}

// list names at most 12 of names.
func list(names []string) string {
	more := ""
	if n := len(names) - 12; n > 0 {
		names, more = names[:12], fmt.Sprintf(" and %d more", n)
	}
	return shown(strings.Join(names, ", "), 400) + more
}
