package app

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// moment is something that happened in a visit, with the panels as they were then.
type moment struct {
	at               time.Time
	by               string // who did it, "" for the visit's own browser
	verb, what, tone string
	session          string    // its short name
	packed           []byte    // the panels; nil when they were dropped
	answer           *outgoing // as it left; nil when nothing travelled
}

// panels are what the three witnesses said.
type panels struct {
	Browser views.Browser
	Wire    views.Wire
	Server  views.Server
}

// pack makes p small: a visit keeps many.
func (p panels) pack() []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		panic(err) // strings and numbers: it cannot be
	}
	w.Close() // into memory: it cannot fail
	return b.Bytes()
}

// panels unpacks those of m. Its clocks stand still.
func (m *moment) panels() (p panels) {
	if err := json.NewDecoder(flate.NewReader(bytes.NewReader(m.packed))).Decode(&p); err != nil {
		panic(err) // it was packed here
	}
	p.Server.Idle.Still, p.Server.Absolute.Still = true, true
	return p
}

// record makes the exchange that is being answered a moment of its visit, if it
// has one, and completes p and moment for the page. Once a request.
func (a *App) record(c echo.Context, status int, s *session.Session, p *panels) (shown views.Moment) {
	mem := remembered(c.Request().Context())
	v := mem.visit
	info := session.Info{}
	if s != nil {
		info = s.Info()
	}
	mem.info = &info
	if v == nil || mem.recorded {
		return shown
	}
	mem.recorded = true
	if mem.by == "" {
		a.follow(v, s, mem)
	}
	m := &moment{at: idOf(c).engine.Now(), by: mem.by, session: mem.info.ID, answer: mem.tapped.answer}
	m.verb, m.what, m.tone = summary(mem, status)
	p.Wire.By = mem.by
	if e, ok := v.before(1<<62, "", true, mem.by); ok {
		compare(&p.Wire, e.panels().Wire, e.n)
	}
	shown.First = true
	if e, ok := v.before(1<<62, "", false, ""); ok {
		shown.First = false
		shown.Changes = differences(e.panels(), *p)
	}
	m.packed = p.pack()
	n := v.add(m, "")
	shown.N, p.Wire.N = n, n
	for _, kin := range a.visits.all() {
		if kin != v && kin.family == v.family {
			kin.add(m, v.id.label())
			mem.told = append(mem.told, kin)
		}
	}
	return shown
}

// follow keeps v's watch on the session that its browser has.
func (a *App) follow(v *visit, s *session.Session, mem *request) {
	if s == nil {
		return // the store does not answer: nothing is known
	}
	key := session.Key{}
	if mem.info.Cookie != nil {
		v.watch(mem.info.Cookie.RecordKey(), false)
		if mem.info.Exists {
			key = mem.info.Cookie.RecordKey()
		}
	}
	v.watch(key, true)
	a.watchClock(v, key, mem.info.Expires)
}

// watchClock sees to it that v is told when the clock of k's session has run out.
func (a *App) watchClock(v *visit, k session.Key, expires time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.clock != nil {
		v.clock.Stop()
		v.clock = nil
	}
	if k != (session.Key{}) && v.streams != nil {
		v.clock = time.AfterFunc(expires.Sub(v.id.engine.Now()), func() { a.clockRanOut(v, k) })
	}
}

// theClock is who did what nobody did.
const theClock = "the clock"

// clockRanOut looks what the store says of a session whose clock should have run
// out: nothing travels then, so that nothing else would tell.
func (a *App) clockRanOut(v *visit, k session.Key) {
	ctx, cancel := context.WithTimeout(context.Background(), maxHold)
	defer cancel()
	peeked, err := v.id.engine.Peek(ctx, k)
	if err != nil || v.last() != k {
		return
	}
	what := "the record lies in the store still"
	switch peeked.State {
	case session.StateLive:
		a.watchClock(v, k, peeked.Info.Expires) // somebody moved it
		return
	case session.StateExpired:
	case session.StateNone:
		what = "the deadline in the cookie has passed"
	default:
		return // it ended otherwise
	}
	a.observe(ctx, v, &moment{by: theClock, verb: "expired", what: what, tone: "gone", session: k.Name().String()},
		"Nothing travelled: a clock ran out. Nobody tells the browser.")
}

// observe adds what happened without an exchange of v's browser. What the browser
// keeps is not known to have changed; what the server keeps is looked at.
func (a *App) observe(ctx context.Context, v *visit, m *moment, nothing string) {
	p := panels{Wire: views.Wire{Nothing: nothing}}
	if e, ok := v.before(1<<62, "", false, ""); ok {
		p.Browser = e.panels().Browser
	}
	p.Server = a.lateServer(ctx, v.id, v.last())
	m.at, m.packed = v.id.engine.Now(), p.pack()
	v.add(m, "")
}

// tellOthers tells the visits that saw a session of what a request that was not
// theirs did to it. Nothing is kept of the request itself.
func (a *App) tellOthers(mem *request) {
	if len(mem.events) == 0 || !a.visits.any() {
		return
	}
	var names []session.Name
	swept, changed := 0, false
	for _, ev := range mem.events {
		names = append(names, ev.Session, ev.Before)
		swept += ev.Count * btoi(ev.Kind == session.Swept)
		changed = changed || ev.Kind != session.Read
	}
	by := "another client"
	switch {
	case mem.by != "":
		by = mem.by
	case mem.visit != nil:
		by = "another page"
	case mem.Context == nil:
		by = "the sweeper"
	}
	for _, v := range a.visits.all() {
		if v == mem.visit || slices.Contains(mem.told, v) || !v.knows(names) && swept == 0 {
			if changed {
				v.mu.Lock()
				v.wake() // the figures may have moved
				v.mu.Unlock()
			}
			continue
		}
		m := &moment{by: by}
		m.verb, m.what, m.tone = summary(mem, http.StatusOK)
		if v.knows(names) {
			m.session = v.last().Name().String()
		}
		a.observe(context.Background(), v, m, "Nothing travelled for this page: "+by+" did this. Of a request that belongs to no page of yours, nothing is recorded.")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// summary says in a few words what a request did: the most telling of its events.
func summary(mem *request, status int) (verb, what, tone string) {
	var sets, moves []string
	seen := make(map[session.EventKind]session.Event)
	stale := false
	for _, ev := range mem.events {
		switch ev.Kind {
		case session.Refused:
			if stale = stale || strings.HasPrefix(ev.Reason, "stale"); strings.HasPrefix(ev.Reason, "stale") {
				continue
			}
		case session.Placed:
			arrow := shown(ev.Key, 30) + " → " + ev.Lives
			if set, ok := seen[session.Set]; ok && set.Key == ev.Key {
				sets = append(sets, arrow)
			} else {
				moves = append(moves, arrow)
			}
		case session.Set:
			if _, ok := seen[session.Set]; ok {
				sets = append(sets, shown(seen[session.Set].Key, 30))
			}
		}
		seen[ev.Kind] = ev
	}
	if set, ok := seen[session.Set]; ok && len(sets) == 0 {
		sets = []string{shown(set.Key, 30)}
	}
	has := func(kind session.EventKind) bool { _, ok := seen[kind]; return ok }
	out := outcome{}
	if mem.outcome != nil {
		out = *mem.outcome
	}
	key := shown(out.key, 30)
	switch {
	case status >= http.StatusBadRequest:
		return "refused", fmt.Sprintf("%d %s", status, http.StatusText(status)), "bad"
	case has(session.Flushed):
		verb, what, tone = "flushed", "record and cookie gone", "gone"
	case has(session.Created):
		verb, what, tone = "created", strings.Join(sets, ", "), "born"
	case has(session.Cycled) && out.op == "login":
		verb, what, tone = "logged in", "new ID", "moved"
	case has(session.Cycled):
		verb, what, tone = "cycled", "new ID, same data", "moved"
	case has(session.Cleared):
		verb, what = "cleared", fmt.Sprintf("%d keys", seen[session.Cleared].Count)
	case has(session.Deleted):
		verb, what = "deleted", shown(seen[session.Deleted].Key, 30)
	case len(sets) > 0:
		verb, what = "set", strings.Join(sets, ", ")
	case len(moves) > 0:
		verb, what, tone = "moved", strings.Join(moves, ", "), "moved"
	case has(session.Swept) && seen[session.Swept].Count > 0:
		verb, what, tone = "swept", fmt.Sprintf("%d expired removed", seen[session.Swept].Count), "gone"
	case has(session.Expired):
		return "expired", seen[session.Expired].Reason, "gone"
	case has(session.Refused):
		return "refused", seen[session.Refused].Reason, "bad"
	case has(session.Saved):
		verb, what, tone = "saved", "its expiry", "moved"
	case out.op == "get" && !out.found:
		verb, what = "get", key+" → missing"
	case out.op == "get" || out.op == "set" || out.op == "delete":
		verb, what = out.op, key
		if out.op != "get" {
			what += ", no change"
		}
	case out.op == "" && has(session.Read):
		verb = "read"
	case out.op == "":
		verb, what = "looked", "no cookie"
	case out.op == "lab":
		verb = "opened"
	case out.op == "session":
		verb = "read"
	case out.op == "plant":
		verb, what = "planted", "a readable cookie"
	case out.op == "pin":
		verb, what = "pinned", "a copy"
	default:
		verb = out.op
	}
	switch {
	case has(session.Refused):
		what += ", a cookie refused"
	case stale:
		what, tone = strings.TrimPrefix(what+", stale cookie", ", "), "bad"
	case what == "" && mem.info != nil && mem.info.Verdict == session.VerdictAbsent && !has(session.Flushed):
		what = "no cookie came"
	}
	return verb, what, tone
}

// differences says what is another in b than in a.
func differences(a, b panels) (out []views.Change) {
	add := func(kind, what, was, is string) {
		if was != is {
			out = append(out, views.Change{Kind: kind, What: what, Was: was, Is: is})
		}
	}
	cookie := func(b views.Browser) string {
		if b.Raw == "" {
			return "none"
		}
		return b.Size + " bytes"
	}
	was, is := cookie(a.Browser), cookie(b.Browser)
	if was == is && a.Browser.Raw != b.Browser.Raw {
		is += ", signed anew"
		if a.Browser.Name != b.Browser.Name {
			is = was
		}
	}
	add("cookie", "cookie", was, is)
	orNone := func(s string) string {
		if s == "" {
			return "none"
		}
		return s
	}
	add("server", "session ID, hashed", orNone(a.Server.ID), orNone(b.Server.ID))
	if a.Server.ID != "" && b.Server.ID != "" {
		add("server", "version", a.Server.Version, b.Server.Version)
		add("server", "expires", a.Server.Clock().At, b.Server.Clock().At)
	}
	type held struct{ text, kind string }
	values := func(s views.Server) map[string]held {
		out := make(map[string]held)
		for _, v := range s.Values {
			if !v.Gone {
				out[v.Name] = held{v.Text, map[bool]string{true: "server", false: "cookie"}[v.OnServer]}
			}
		}
		return out
	}
	old, now := values(a.Server), values(b.Server)
	for _, v := range b.Server.Values {
		is, ok := now[v.Name]
		was, had := old[v.Name]
		name := shown(v.Name, 40)
		switch {
		case !ok || v.Gone:
		case !had:
			add(is.kind, name, "missing", shown(is.text, 60))
		case was.text != is.text:
			add(is.kind, name, shown(was.text, 60), shown(is.text, 60))
		case was.kind != is.kind && !a.Server.Partial && !b.Server.Partial:
			add(is.kind, name, "in the "+was.kind, "in the "+is.kind)
		}
	}
	if !b.Server.Partial {
		for _, v := range a.Server.Values {
			if _, ok := now[v.Name]; !ok && !v.Gone {
				add(old[v.Name].kind, shown(v.Name, 40), shown(v.Text, 60), "missing")
			}
		}
	}
	stats := func(s views.Server) []views.Stat { return s.Figures.Stats }
	for i := 0; i < 2 && i < len(stats(a.Server)) && i < len(stats(b.Server)); i++ {
		name := [...]string{"live records", "expired, not cleared"}[i]
		add("server", name, stats(a.Server)[i].Number, stats(b.Server)[i].Number)
	}
	return out
}

// show is GET /?at=N: the panels as they were at a moment of the visit.
func (a *App) show(c echo.Context, s *session.Session, n int) error {
	v := remembered(c.Request().Context()).visit
	gone := &problem{status: http.StatusNotFound, detail: "That moment is not kept: a visit ends after 30 idle minutes, and keeps its last 200 moments."}
	if v == nil {
		return gone
	}
	e, ok := v.entry(n)
	if !ok || e.packed == nil {
		return gone
	}
	remembered(c.Request().Context()).quiet = true
	if err := a.commitRead(c, s); err != nil {
		return err
	}
	lab := a.labView(c, s, note("moment", text(fmt.Sprintf("What you see is from %s: ", clock(e.at))), text(e.verb+" "+e.what), text(". Nothing is done by looking.")), false)
	p := e.panels()
	p.Wire.N = n
	a.finish(c.Request().Context(), v, e, &p.Wire)
	p.Browser.Scripts = false
	lab.Browser, lab.Wire, lab.Server, lab.Tools = p.Browser, p.Wire, p.Server, nil
	lab.Wire.Past = true
	lab.Moment = views.Moment{Past: true, N: n, At: clock(e.at), Verb: strings.TrimSpace(e.verb + " " + e.what), First: true}
	if b, ok := v.before(n, e.kin, false, ""); ok {
		lab.Moment.First = false
		lab.Moment.Changes = differences(b.panels(), p)
	}
	if b, ok := v.entry(n - 1); ok && b.packed != nil {
		lab.Moment.Before = n - 1
	}
	if _, ok := v.entry(n + 1); ok {
		lab.Moment.After = n + 1
	}
	lab.Timeline = v.timeline(n)
	return a.writeLab(c, http.StatusOK, s, lab)
}

// momentParam returns the number of a moment in the address, 0 for none.
func momentParam(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
