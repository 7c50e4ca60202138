package app

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/views"
)

// moment is something that happened in a visit, with the panels as they were then.
type moment struct {
	at               time.Time
	id               *identity // whose side of the lab it was on
	by               string    // who did it, "" for a page of that side
	source           string    // the cookie that was copied, of a copy's exchange
	op               string    // that was asked for, "" when it is not known
	verb, what, tone string
	session          string // its short name
	packed           packed // the panels; nil when they were dropped
	page             string // the page that pressed, "" when it did not say
	wrote            bool   // something changed, and was not merely read
	observed         bool   // nothing travelled, or nothing that concerns this browser
	aside            bool   // the panels do not say what this browser and the server keep of its session: of a copy, of an older session, of an outage
	answer           *tap.Answer
	head             int // bytes that are counted for answer's head
}

// usualHead is what an answer's head takes without its cookies, in bytes.
const usualHead = 1536

// panels are what the three witnesses said.
type panels struct {
	Browser views.Browser
	Wire    views.Wire
	Server  views.Server
}

// packed are panels made small: a visit keeps many, and so does a run.
type packed []byte

// Len is how many bytes they take.
func (b packed) Len() int { return len(b) }

// pack makes p small.
func (p panels) pack() packed {
	var b bytes.Buffer
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(&b)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		panic(err) // strings and numbers: it cannot be
	}
	w.Close()                     // into memory: it cannot fail
	return bytes.Clone(b.Bytes()) // no more than it needs
}

// deflaters and inflaters are reused: each takes half a megabyte to make.
var (
	deflaters = sync.Pool{New: func() any {
		w, _ := flate.NewWriter(nil, flate.BestSpeed)
		return w
	}}
	inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)

// panels unpacks those of m. Its clocks stand still.
func (m *moment) panels() panels { return m.packed.panels() }

// panels unpacks them. Their clocks stand still.
func (b packed) panels() (p panels) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	_ = r.(flate.Resetter).Reset(bytes.NewReader(b), nil) // it never fails
	if err := json.NewDecoder(r).Decode(&p); err != nil {
		panic(err) // it was packed here
	}
	p.Server.Idle.Still, p.Server.Absolute.Still = true, true
	return p
}

// record makes the exchange that is being answered a moment of its visit, if it
// has one, and completes p for the page. Once a request. s is nil when the store
// does not answer.
func (a *App) record(c echo.Context, status int, s *session.Session, p *panels) (shown views.Moment) {
	mem := remembered(c.Request().Context())
	v := mem.visit
	info := session.Info{}
	if s != nil {
		info = s.Info()
	}
	mem.info, mem.wire, mem.panels = &info, &p.Wire, p
	if v == nil || mem.recorded {
		return shown
	}
	mem.recorded = true
	m := &moment{at: mem.id.engine.Now(), id: mem.id, by: mem.by, session: info.ID, answer: mem.tapped.Answer, aside: mem.by != "" || s == nil}
	if job, _ := mem.Value(errandKey{}).(*errand); job != nil {
		m.source = job.source
	}
	m.op, m.page, m.wrote = opOf(c), mem.page, wrote(mem.events)
	m.verb, m.what, m.tone = summary(mem, status)
	p.Wire.By, p.Browser.Of = mem.by, mem.by
	if e, ok := v.lastSent(0, "", mem.by); ok {
		compare(&p.Wire, e.panels().Wire, e.n)
	}
	if before, ok := v.lastState(0, ""); !ok {
		shown.First = true
	} else if s != nil {
		shown.Changes = differences(before.panels(), *p)
	} else {
		shown.Unknown = true
	}
	m.packed, m.head = p.pack(), usualHead
	for _, line := range c.Response().Header()["Set-Cookie"] {
		m.head += len(line)
	}
	n := v.add(m, "")
	shown.N, p.Wire.N = n, n
	if mem.by == "" && s != nil { // without s the store did not answer: nothing can be said
		a.follow(v, info)
	}
	for _, kin := range a.visits.all() {
		if kin == v || kin.family != v.family {
			continue
		}
		label := v.id.label()
		if kin.id == v.id {
			label = anotherPage
		}
		kin.add(m, label)
		mem.told = append(mem.told, kin)
	}
	return shown
}

// where says where a value lives.
func where(onServer bool) string {
	if onServer {
		return "on the server"
	}
	return "in the cookie"
}

// differences says what is another in b than in a, as far as both know.
func differences(a, b panels) (out []views.Change) {
	add := func(kind, what, was, is string) {
		if was != is {
			out = append(out, views.Change{Kind: kind, What: what, Was: was, Is: is})
		}
	}
	addKey := func(kind, key, was, is string) {
		add(kind, shown(key, 40), was, is)
		if was != is {
			out[len(out)-1].Secret = true
		}
	}
	cookie := func(b views.Browser) string {
		if b.Raw == "" {
			return "none"
		}
		return b.Size + " bytes"
	}
	was, is := cookie(a.Browser), cookie(b.Browser)
	if a.Browser.Raw != "" && b.Browser.Raw != "" && a.Browser.Raw != b.Browser.Raw {
		switch {
		case a.Server.ID != b.Server.ID:
			is += ", of another ID"
		case b.Browser.Changed:
			is += ", signed anew"
		case was == is:
			is += ", but another"
		}
	}
	add("cookie", "cookie", was, is)
	planted := map[bool]string{false: "none", true: "there"}
	add("cookie", "readable cookie", planted[a.Browser.Planted], planted[b.Browser.Planted])
	orNone := func(s string) string {
		if s == "" {
			return "none"
		}
		return s
	}
	add("server", "session ID, hashed", orNone(a.Server.ID), orNone(b.Server.ID))
	if a.Server.ID != "" && a.Server.ID == b.Server.ID {
		add("server", "version", a.Server.Version, b.Server.Version)
	}
	if a.Server.ID != "" && b.Server.ID != "" {
		add("server", "expires", a.Server.Clock().At, b.Server.Clock().At)
	}
	lives := func(v views.Value) string { return map[bool]string{true: "server", false: "cookie"}[v.OnServer] }
	values := func(s views.Server) map[string]views.Value {
		out := make(map[string]views.Value)
		for _, v := range s.Values {
			if !v.Gone {
				out[v.Name] = v
			}
		}
		return out
	}
	old, now := values(a.Server), values(b.Server)
	for _, is := range b.Server.Values {
		was, had := old[is.Name]
		switch {
		case is.Gone:
		case !had && a.Server.Partial && !is.OnServer: // nobody knew it then
		case !had:
			addKey(lives(is), is.Name, "missing", is.Short)
		case was.Sum != is.Sum && was.Short == is.Short:
			addKey(lives(is), is.Name, was.Short, "another that begins alike")
		case was.Sum != is.Sum:
			addKey(lives(is), is.Name, was.Short, is.Short)
		case was.OnServer != is.OnServer && !a.Server.Partial && !b.Server.Partial:
			addKey(lives(is), is.Name, where(was.OnServer), where(is.OnServer))
		}
	}
	if !b.Server.Partial {
		for _, was := range a.Server.Values {
			if _, ok := now[was.Name]; !ok && !was.Gone {
				addKey(lives(was), was.Name, was.Short, "missing")
			}
		}
	}
	if as, bs := a.Server.Figures.Stats, b.Server.Figures.Stats; len(as) > 1 && len(bs) > 1 {
		if (a.Server.ID == "") != (b.Server.ID == "") { // else others' doing
			add("server", "live records", as[0].Number, bs[0].Number)
		}
		add("server", "expired, not cleared", as[1].Number, bs[1].Number)
	}
	const most = 9
	if more := len(out) - most; more > 0 {
		out = append(out[:most], views.Change{What: "and", Is: fmt.Sprintf("%d more", more)})
	}
	return out
}

// show is GET /?at=N: the panels as they were at a moment of the visit.
func (a *App) show(c echo.Context, s *session.Session, n int) error {
	mem := remembered(c.Request().Context())
	mem.recorded, mem.quiet = true, true
	v := mem.visit
	gone := &problem{status: http.StatusNotFound, detail: "That moment is not kept: a visit ends after 30 idle minutes, and keeps its last 200 moments."}
	if v == nil {
		return gone
	}
	e, ok := v.entry(n)
	if !ok || e.packed == nil {
		return gone
	}
	s.Discard(c.Request().Context(), "only the past is looked at") // not even a clock moves
	lab := a.labView(c, s, note("moment", text(fmt.Sprintf("What you see is from %s: ", clock(e.at))), code(strings.TrimSpace(e.verb+" "+e.what)), text(". Nothing is done by looking.")), false)
	p := e.panels()
	p.Wire.N = n
	a.finish(c.Request().Context(), v, e, &p.Wire)
	lab.Moment = views.Moment{Past: true, N: n, At: clock(e.at), Verb: strings.TrimSpace(e.verb + " " + e.what)}
	switch b, ok := v.lastState(n, e.kin); {
	case e.aside && e.by == "":
		lab.Moment.Unknown = true
	case e.aside:
		lab.Moment.Aside = e.by
	case ok:
		lab.Moment.Changes = differences(b.panels(), p)
	default:
		lab.Moment.First = true
	}
	p.Browser.Scripts, p.Wire.Past = false, true
	if e.kin != "" {
		p.Browser.Of = "the " + e.kin
	}
	lab.Browser, lab.Wire, lab.Server, lab.Tools, lab.Code = p.Browser, p.Wire, p.Server, nil, codeOf(e.op)
	if b, ok := v.entry(n - 1); ok && b.packed != nil {
		lab.Moment.Before = n - 1
	}
	if _, ok := v.entry(n + 1); ok {
		lab.Moment.After = n + 1
	}
	lab.Timeline = v.timeline(n)
	return a.writeLabOf(c, http.StatusOK, s, lab, e.id, e.source)
}

// momentParam returns the number of a moment in the address, 0 for none.
func momentParam(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
