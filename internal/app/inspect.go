package app

import (
	"encoding/json"
	"html"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
)

// lab is the page. With ?x=TOKEN it shows what the POST before it did, once.
func (a *App) lab(c echo.Context, s *session.Session) error {
	if c.QueryParams().Has("hop") && wants(c) == formPage {
		return a.hop(c)
	}
	if n := momentParam(c.QueryParam("at")); n > 0 && wants(c) != formJSON {
		return a.show(c, s, n)
	}
	token := c.QueryParam("x")
	if c.Request().Method != http.MethodGet || wants(c) == formJSON {
		token = "" // the page that shows it is still to come
	}
	if token != "" {
		if err := a.commitRead(c, s); err != nil {
			return err // and the result waits for the next try
		}
	}
	r, ok := a.results.take(token)
	mem := remembered(c.Request().Context())
	ok = ok && r.id == mem.id // on another browser's side it is nothing
	if ok && r.visit != nil {
		mem.visit = a.visits.find(r.visit.token, mem.id)
	}
	a.beginVisit(c, s)
	if ok {
		mem.recorded = true // what it shows is the POST's exchange
		return a.orPlain(c, r.sentence.Verb, contain(func() error { return a.showResult(c, s, r) }))
	}
	return a.answer(c, s, outcome{op: "lab", say: sayLab})
}

// withHop is the address of a lab's page that follows a form: from there the browser
// goes on by itself. Chromium keeps a page for Back in spite of no-store, and forgets it
// when the session's cookie changes, but not one that came by redirect of a form
// (Chromium 156): without a script it would show again what another tab has flushed.
func withHop(c echo.Context, location string) string {
	if c.Request().Header.Get("Upgrade-Insecure-Requests") != "1" || !strings.Contains(location, "/?") {
		return location // no browser that navigates
	}
	return location + "&hop=1"
}

// hop is GET /?hop=1: it goes on to the same page, as a request of its own that takes
// this one's place in the history.
func (a *App) hop(c echo.Context) error {
	mem := remembered(c.Request().Context())
	mem.recorded, mem.quiet = true, true
	kept := c.QueryParams()
	kept.Del("hop")
	to := html.EscapeString(mem.id.base + "/?" + kept.Encode())
	return c.HTML(http.StatusOK, `<!doctype html><html lang="en"><title>Sessionscope</title><meta name="color-scheme" content="light dark"><link rel="icon" href="`+a.assets.url("img/icon.svg")+`">`+
		`<meta http-equiv="refresh" content="0; url=`+to+`"><a href="`+to+`">Go on</a></html>`)
}

// showResult is the page that shows what the POST before it did.
func (a *App) showResult(c echo.Context, s *session.Session, r result) error {
	if r.op == "put-back" {
		r.sentence.Parts = append(r.sentence.Parts, sayPutBack(s.Info())...)
	}
	lab := a.labView(c, s, r.sentence, false)
	lab.Composer, lab.Wire, lab.Moment, lab.Code = r.composer, r.wire, r.moment, codeOf(r.op)
	lab.Browser.Jar = r.jar
	if lab.Tools.Curl = r.curl; r.cookie != "" && a.hider(c, s, r.id)(r.cookie) {
		lab.Tools.Curl = ""
	}
	if v := remembered(c.Request().Context()).visit; v != nil && v == r.visit {
		a.follow(v, s.Info())
		if e, ok := v.entry(r.wire.N); ok && !r.wire.Finished {
			a.finish(c.Request().Context(), v, e, &lab.Wire)
		}
	} else {
		lab.Wire.N = 0 // the number is of another visit, which has ended
	}
	lab.Wire.Past = true
	if r.sent != nil { // by the POST, whose exchange this page shows
		if info := s.Info(); info.Exists {
			lab.Browser.Flags = flags(info, r.sent)
		} else if info.Verdict == session.VerdictAbsent {
			lab.Browser.Empty = thrownAway
		}
	}
	p := panels{Browser: lab.Browser, Server: lab.Server}
	mark(&p, r.events)
	lab.Browser, lab.Server = p.Browser, p.Server
	if !s.Exists() {
		lab.Placements = placementOptions(r.composer.Placement)
	}
	return a.writeLabOf(c, http.StatusOK, s, lab, r.id, r.source)
}

// beginVisit gives a page its visit: the one that it names, the one that saw its
// session, or a new one. A client that does not ask for HTML reads no page.
func (a *App) beginVisit(c echo.Context, s *session.Session) {
	mem := remembered(c.Request().Context())
	if mem.visit != nil || mem.wants != formPage || c.Request().Method != http.MethodGet || !strings.Contains(c.Request().Header.Get("Accept"), "text/html") {
		return
	}
	if info := s.Info(); info.Exists {
		mem.visit = a.visits.bySession(info.Cookie.RecordKey(), mem.id)
	}
	if mem.visit == nil {
		mem.visit = a.visits.start(mem.id, mem.id.family)
	}
}

// projector is POST /projector: it switches a visit's large type on or off.
func (a *App) projector(c echo.Context) error {
	mem := remembered(c.Request().Context())
	if a.visitOf(c) == nil {
		return &problem{status: http.StatusBadRequest, detail: `Projector mode belongs to a visit: send the page's field "v" along.`}
	}
	v := mem.visit
	v.mu.Lock()
	v.projector = mem.form.Get("on") == "1"
	v.mu.Unlock()
	back := "/"
	if mem.form.Has("experiment") { // the switch is on the shelf's pages too
		back = a.lessonBefore(c, mem.form.Get("experiment"))
	}
	return goTo(c, v.place().WithVisit(back), struct {
		Op string `json:"op"`
		On bool   `json:"on"`
	}{"projector", mem.form.Get("on") == "1"})
}

// commitRead is the commit of a request that changes nothing.
func (a *App) commitRead(c echo.Context, s *session.Session) error {
	err := s.Commit(c.Request().Context())
	s.WriteCookie(c.Response().Header())
	return err
}

// sessionInfo is the JSON of GET /session.
type sessionInfo struct {
	Exists       bool        `json:"exists"`
	ID           string      `json:"id,omitempty"`
	Version      uint64      `json:"version,omitempty"`
	Placement    string      `json:"placement,omitempty"`
	Store        string      `json:"store"`
	Created      *time.Time  `json:"created,omitempty"`
	Expires      *time.Time  `json:"expires,omitempty"`
	IdleExpires  *time.Time  `json:"idle_expires,omitempty"`
	BrowserClose *bool       `json:"browser_close,omitempty"`
	Values       []valueJSON `json:"values,omitempty"`
	Cookie       *cookieJSON `json:"cookie,omitempty"`
	Stats        statsJSON   `json:"stats"`
}

type valueJSON struct {
	Key   string          `json:"key"`
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
	Bytes int             `json:"bytes"`
	Lives string          `json:"lives"`
}

type cookieJSON struct {
	Name       string         `json:"name"`
	Verdict    string         `json:"verdict"`
	Bytes      int            `json:"bytes"`
	Limit      int            `json:"limit"`
	SignedAt   time.Time      `json:"signed_at"`
	Key        string         `json:"key"`
	Attributes attributesJSON `json:"attributes"`
}

type attributesJSON struct {
	Path     string `json:"path"`
	HTTPOnly bool   `json:"http_only"`
	SameSite string `json:"same_site"`
	Secure   bool   `json:"secure"`
	MaxAge   *int   `json:"max_age,omitempty"`
}

type statsJSON struct {
	Sessions int   `json:"sessions"`
	Expired  int   `json:"expired"`
	Bytes    int64 `json:"bytes"`
	Ended    int   `json:"ended,omitempty"` // IDs that were ended and are remembered
}

// inspect tells all that is known of this browser's session and the store.
func (a *App) inspect(c echo.Context, s *session.Session) error {
	if wants(c) != formJSON {
		say := sayLab
		if c.QueryParam("after") == "expiry" { // the page asks by itself when a clock has run out
			say = a.sayRanOut(c)
		}
		return a.answer(c, s, outcome{op: "session", say: say})
	}
	if err := a.commitRead(c, s); err != nil {
		return err
	}
	stats, err := idOf(c).engine.Stats(c.Request().Context())
	if err != nil {
		return err
	}
	info := s.Info()
	out := sessionInfo{
		Exists: info.Exists, Store: a.cfg.StoreName,
		Stats: statsJSON{stats.Live, stats.Expired, stats.Bytes, stats.Ended},
	}
	if info.Exists {
		out.ID, out.Version, out.Placement = info.ID, info.Version, info.Placement.String()
		out.Created, out.Expires, out.IdleExpires = &info.Created, &info.Absolute, &info.Expires
		out.BrowserClose = &info.BrowserClose
		out.Values = make([]valueJSON, 0, len(info.Values))
		for _, item := range info.Values {
			out.Values = append(out.Values, valueJSON{item.Key, item.Value.Type(), json.RawMessage(item.Value), len(item.Value), item.Lives})
		}
		out.Cookie = &cookieJSON{
			Name: info.Attributes.Name, Verdict: string(info.Verdict), Bytes: info.CookieBytes, Limit: session.MaxCookieBytes,
			SignedAt: info.Cookie.SignedAt(), Key: keyOf(info.Cookie),
			Attributes: attributesJSON{
				Path: info.Attributes.Path, HTTPOnly: info.Attributes.HttpOnly, SameSite: "Lax", Secure: info.Attributes.Secure,
			},
		}
		if n := info.Attributes.MaxAge; n > 0 {
			out.Cookie.Attributes.MaxAge = &n
		}
	}
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	remembered(c.Request().Context()).outcome = &outcome{op: "session"}
	a.recordJSON(c, http.StatusOK, s, body)
	return writeJSONText(c, http.StatusOK, "application/json", body)
}

// health is for machines and answers JSON to everybody.
func (a *App) health(c echo.Context) error {
	out := struct {
		Status  string `json:"status"`
		Version string `json:"version"`
		Store   string `json:"store"`
	}{"ok", a.cfg.Version, a.cfg.StoreName}
	status := http.StatusOK
	if err := a.root.engine.Ping(c.Request().Context()); err != nil {
		noteFailure(c, err)
		out.Status, status = "the store does not answer", http.StatusServiceUnavailable
		c.Response().Header().Set("Retry-After", "2")
	}
	return writeJSON(c, status, "application/json", out)
}
