package app

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

func (a *App) page(c echo.Context, title string) views.Page {
	mem := remembered(c.Request().Context())
	projector := false
	if v := mem.visit; v != nil {
		v.mu.Lock()
		projector = v.projector
		v.mu.Unlock()
	}
	id := rand.Text()
	if mem.wants == formPage {
		mem.page = id // the request that fetched it is the page's own
	}
	return views.Page{
		Title: title, Base: mem.id.base, Projector: projector, ID: id,
		Theme: a.assets.url("js/theme.js"), CSS: a.assets.url("css/sessionscope.css"), HTMX: a.assets.url("vendor/htmx-4.0.1/htmx.min.js"),
		SSE:    a.assets.url("vendor/htmx-4.0.1/hx-sse.min.js"),
		Script: a.assets.url("js/sessionscope.js"), Icon: a.assets.url("img/icon.svg"),
	}
}

// labView makes the whole screen but for the exchange and the timeline. s is nil
// when the store does not answer.
func (a *App) labView(c echo.Context, s *session.Session, sentence views.Sentence, startOver bool) views.Lab {
	mem := remembered(c.Request().Context())
	lab := views.Lab{
		Page: a.page(c, "Lab"), Place: views.Place{Base: mem.id.base}, StoreName: a.cfg.StoreName, Second: mem.id.name, Sentence: sentence,
		Composer: a.composer(c, startOver), ResetComposer: startOver, Code: codeOf(opOf(c)),
	}
	if mem.visit != nil {
		lab.Place = mem.visit.place()
	}
	lab.Sentence.At = clock(mem.id.engine.Now())
	lab.Composer.Invalid = sentence.Field
	placement := lab.Composer.Placement
	learned, _ := progressIn(s)
	lab.Done, lab.Experiments = len(learned.Done), a.experimentCount()
	if s == nil {
		lab.Browser, lab.Server = a.unknown(c)
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
	p := a.panels(c, s)
	mark(&p, mem.events)
	lab.Browser, lab.Server = p.Browser, p.Server
	lab.Tools = a.tools(c, info)
	lab.Tools.Invalid = sentence.Field
	lab.Expired = p.Server.Figures.Expired
	return lab
}

// unknown are the panels when the store does not answer.
func (a *App) unknown(c echo.Context) (views.Browser, views.Server) {
	b := a.browser(c, session.Info{})
	b.Note = "The store does not answer, so nobody can say what a cookie opens. The browser keeps what it has."
	if b.Layers != nil {
		b.Layers.Verdict = "not checked"
	}
	return b, views.Server{Empty: "The store does not answer."}
}

// opOf is the name of what was asked for, done or refused.
func opOf(c echo.Context) string {
	if op := strings.TrimPrefix(c.Path(), "/"); op != "" {
		return op
	}
	return "lab"
}

// panels are what the browser and the server keep after this request.
func (a *App) panels(c echo.Context, s *session.Session) panels {
	mem, info := remembered(c.Request().Context()), s.Info()
	return panels{Browser: a.browser(c, info), Server: a.server(c.Request().Context(), mem.id, mem.visit, info, mem.lastSession())}
}

// lastSession is the one that the request's visit saw last; zero for none.
func (r *request) lastSession() session.Key {
	if r.visit == nil || r.by != "" {
		return session.Key{}
	}
	return r.visit.session()
}

// mark shows in the panels what the events changed.
func mark(p *panels, events []session.Event) {
	changed := make(map[string]bool)
	for _, ev := range events {
		switch ev.Kind {
		case session.Set, session.Placed:
			changed[ev.Key] = true
		case session.Deleted:
			if p.Server.ID != "" {
				p.Server.Values = append(p.Server.Values, views.Value{Name: ev.Key, Key: shown(ev.Key, maxShown), Gone: true})
			}
		case session.Created, session.Cycled:
			p.Server.IDChanged = true
		case session.Signed:
			p.Browser.Changed = true
		}
	}
	for i := range p.Server.Values {
		v := &p.Server.Values[i]
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
	typed := views.Composer{Key: "name", Value: "Rahim", Type: "text", User: "ada", Seconds: "5", Placement: idOf(c).engine.Placement().String()}
	form := submitted(c)
	if startOver {
		form = nil
	}
	for name, into := range map[string]*string{
		"key": &typed.Key, "value": &typed.Value, "user": &typed.User, "seconds": &typed.Seconds,
	} {
		if form.Has(name) {
			*into = form.Get(name)
		}
	}
	if p, err := session.ParsePlacement(form.Get("placement")); err == nil {
		typed.Placement = p.String()
	}
	for _, kind := range typed.Types() {
		if kind.Name == form.Get("type") {
			typed.Type = kind.Name
		}
	}
	return typed
}

func placementOptions(chosen string) []views.Option {
	titles := map[string]string{
		"cookie": "Every value travels in the signed cookie",
		"hybrid": "Small values in the cookie, larger ones on the server, and those that were there before",
		"server": "Only the session ID travels",
	}
	var out []views.Option
	for _, name := range session.Placements() {
		label := strings.ToUpper(name[:1]) + name[1:]
		out = append(out, views.Option{Name: name, Label: label, Title: titles[name], Chosen: name == chosen})
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
		if session.Unseen(r) && r != '\n' {
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
