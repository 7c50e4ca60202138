package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/views"
)

// leaveTime is how long a look at an exchange waits for its last byte to leave.
const leaveTime = time.Second

// finish completes w, of moment e, with what left in answer: its head as it was
// sent, the sizes and the duration. An answer that has not left stays unfinished.
func (a *App) finish(ctx context.Context, v *visit, e entry, w *views.Wire) {
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	if e.kin != "" {
		w.By = "a press of the " + e.kin
		if e.kin == anotherPage {
			w.By = "a press on another page"
		}
	}
	e.id.complete(ctx, e.answer, w)
	b, ok := v.lastSent(e.n, e.kin, e.by)
	if !ok {
		w.Changes = ""
		return
	}
	before := b.panels().Wire
	if left, ok := b.answer.Wait(ctx); ok {
		before.Response, before.ResponseMore = b.id.headers(fieldsOf(left.Lines))
		before.Finished = true
	}
	compare(w, before, b.n)
}

// complete gives w what left, once that has happened.
func (id *identity) complete(ctx context.Context, answer *tap.Answer, w *views.Wire) {
	if left, ok := answer.Wait(ctx); ok {
		w.Finished, w.StatusLine = true, left.Status
		w.ResponseHeadBytes, w.ResponseBytes = bytesText(left.HeadBytes), bytesText(int(left.BodyBytes))
		w.Took = milliseconds(left.Took)
		w.Response, w.ResponseMore = id.headers(fieldsOf(left.Lines))
	}
}

func milliseconds(d time.Duration) string {
	if ms := d.Seconds() * 1000; ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// telling are the headers that a sentence names; the others it counts.
var telling = map[string]bool{"Cookie": true, "Set-Cookie": true, "Content-Type": true, "Location": true, "Retry-After": true, "Accept": true, "User-Agent": true}

// compare marks the header lines of w that differ from those of before, exchange
// n, and says it.
func compare(w *views.Wire, before views.Wire, n int) {
	said, same := compareHeads(&w.Request, &w.RequestMore, slices.Concat(before.Request, before.RequestMore), true)
	response, more := compareHeads(&w.Response, &w.ResponseMore, slices.Concat(before.Response, before.ResponseMore), w.Finished && before.Finished)
	w.Changes = fmt.Sprintf("Against exchange %d no header changed.", n)
	var says []string
	if said != "" {
		says = append(says, "request: "+said)
	}
	if response != "" {
		says = append(says, "response: "+response)
	}
	if len(says) > 0 {
		w.Changes = fmt.Sprintf("Against exchange %d, %s. The other %d headers are the same.", n, strings.Join(says, "; "), same+more)
	}
}

// compareHeads marks the lines of one head, in its two parts, that differ from what
// was. Without whole, lines that are missing may still come.
func compareHeads(now, more *[]views.Header, was []views.Header, whole bool) (said string, same int) {
	old, present := textsOf(was), textsOf(slices.Concat(*now, *more))
	var changed, added, gone []string
	for _, part := range []*[]views.Header{now, more} {
		*part = slices.DeleteFunc(*part, func(h views.Header) bool { return h.Gone })
		for i := range *part {
			h := &(*part)[i]
			text, had := old[h.Name]
			h.Mark = !had || text != present[h.Name] || h.Name == "Set-Cookie"
			switch {
			case !had:
				added = append(added, h.Name)
			case text != present[h.Name]:
				changed = append(changed, h.Name)
			default:
				same++
			}
		}
	}
	for _, h := range was {
		if _, ok := present[h.Name]; ok || h.Gone || !whole {
			continue
		}
		h.Gone, h.Mark = true, false
		if first[http.CanonicalHeaderKey(h.Name)] {
			*now = append(*now, h)
		} else {
			*more = append(*more, h)
		}
		gone = append(gone, h.Name)
	}
	var says []string
	for _, kind := range []struct {
		verb  string
		names []string
	}{{"changed", changed}, {"new", added}, {"gone", gone}} {
		if len(kind.names) > 0 {
			says = append(says, kind.verb+" "+someOf(kind.names))
		}
	}
	return strings.Join(says, "; "), same
}

// someOf names the headers that tell something, and counts the others.
func someOf(names []string) string {
	names = slices.Compact(names)
	all := len(names)
	names = slices.DeleteFunc(names, func(name string) bool { return !telling[http.CanonicalHeaderKey(name)] })
	switch rest := all - len(names); {
	case len(names) == 0:
		return strconv.Itoa(rest)
	case rest > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), rest)
	}
	return strings.Join(names, ", ")
}

// textsOf are the headers' texts by name, as they are shown. Those that are gone
// are in none.
func textsOf(hs []views.Header) map[string]string {
	out := make(map[string]string)
	for _, h := range hs {
		if h.Gone {
			continue
		}
		for _, p := range h.Parts {
			out[h.Name] += p.Text
		}
		out[h.Name] += "\n"
	}
	return out
}

// exchangeJSON is a finished exchange. Cookies are named with their size only: the
// session ID stands in the cookie and on its browser's lab page, nowhere else.
type exchangeJSON struct {
	N        int         `json:"n"`
	By       string      `json:"by,omitempty"`
	Finished bool        `json:"finished"`
	Request  messageJSON `json:"request"`
	Response messageJSON `json:"response"`
	Took     string      `json:"took,omitempty"`
}

type messageJSON struct {
	Line      string      `json:"line"`
	Headers   [][2]string `json:"headers"`
	HeadBytes string      `json:"head_bytes,omitempty"`
	BodyBytes string      `json:"body_bytes,omitempty"`
}

// exchange is GET /exchanges/N: the exchange as it ended. It records nothing.
func (a *App) exchange(c echo.Context) error {
	mem := remembered(c.Request().Context())
	mem.recorded, mem.quiet = true, true
	v, n := mem.visit, momentParam(c.Param("n"))
	if v == nil {
		return &problem{status: http.StatusNotFound, detail: "There is no such visit: it ends after 30 idle minutes."}
	}
	e, ok := v.entry(n)
	if !ok || e.packed == nil || e.observed {
		return &problem{status: http.StatusNotFound, detail: "There is no such exchange in this visit."}
	}
	if wants(c) == formPage {
		return a.with(func(c echo.Context, s *session.Session) error { return a.show(c, s, n) })(c)
	}
	s, err := mem.id.engine.Load(c.Request())
	if err != nil {
		return err
	}
	s.Discard(c.Request().Context(), "only the past is looked at")
	p := e.panels()
	p.Wire.N = n
	a.finish(c.Request().Context(), v, e, &p.Wire)
	a.guard(c, s, e.id, e.source, &p.Browser, &p.Wire)
	w := p.Wire
	if wants(c) == formFragment {
		return a.write(c, http.StatusOK, views.Finished(v.place(), w))
	}
	out := exchangeJSON{N: n, By: w.By, Finished: w.Finished, Took: w.Took,
		Request:  messageJSON{w.RequestLine + " " + w.Proto, bare(w.Request, w.RequestMore), w.RequestHeadBytes, w.RequestBytes},
		Response: messageJSON{w.StatusLine, bare(w.Response, w.ResponseMore), w.ResponseHeadBytes, w.ResponseBytes},
	}
	return writeJSON(c, http.StatusOK, "application/json", out)
}

// bare are headers with no cookie's value in them.
func bare(seen, more []views.Header) [][2]string {
	out := make([][2]string, 0, len(seen)+len(more))
	for _, h := range slices.Concat(seen, more) {
		if h.Gone {
			continue
		}
		var b strings.Builder
		for _, p := range h.Parts {
			if p.Kind == "token" {
				p = hidden(len(p.Text), "the session cookie")
			}
			b.WriteString(p.Text)
		}
		out = append(out, [2]string{h.Name, b.String()})
	}
	return out
}

// guard hides in what a page shows every cookie that still opens a session, unless
// this very request carries it, or another of that session, or its answer sets it:
// the address of a page alone must not give a session away. s is the request's
// session, nil when the store does not answer; id is whose cookies they are. With
// source, the cookies are copies of that one, which a letter may bring back: they
// are hidden with it. It tells whether it hid any.
func (a *App) guard(c echo.Context, s *session.Session, id *identity, source string, browser *views.Browser, wire *views.Wire) (hid bool) {
	opens := a.hider(c, s, id)
	all := source != "" && opens(source)
	hides := func(value string) bool {
		hide := all || opens(value)
		hid = hid || hide
		return hide
	}
	for _, headers := range [][]views.Header{wire.Request, wire.RequestMore, wire.Response, wire.ResponseMore} {
		for _, h := range headers {
			for i, part := range h.Parts {
				if part.Kind == "token" && hides(part.Text) {
					h.Parts[i] = hidden(len(part.Text), "not carried by this request")
					wire.Answer = ""
				}
			}
		}
	}
	if browser.Raw != "" && hides(browser.Raw) {
		browser.Note = "This cookie still opens a session, and the request that looks at it does not carry it: it is shown on the page of the browser that has it, and not here."
		browser.Raw, browser.Layers = "", nil
	}
	return hid
}

// hider returns what tells whether a cookie's value is to be hidden; see guard.
func (a *App) hider(c echo.Context, s *session.Session, id *identity) func(value string) bool {
	known := make(map[string]bool)
	own := (*session.Cookie)(nil)
	if mem := remembered(c.Request().Context()); mem.id == id {
		for pair := range cookiePairs(c.Request()) {
			if pair.name == id.engine.CookieName() {
				known[pair.value] = false
			}
		}
		if s != nil && s.Exists() { // a cookie that opens nothing any more proves nothing
			own = s.Info().Cookie
			known[own.Value] = false
		}
		if mem.replaced != nil {
			known[*mem.replaced] = false
		}
	}
	return func(value string) bool {
		hide, ok := known[value]
		if !ok {
			hide = a.opensAnother(c.Request().Context(), id, value, own)
			known[value] = hide
		}
		return hide
	}
}

// opensAnother tells whether a cookie's value opens a session on id's side that is
// another than own's.
func (a *App) opensAnother(ctx context.Context, id *identity, value string, own *session.Cookie) bool {
	quiet := &request{Context: context.WithoutCancel(ctx), wants: formJSON, id: id, quiet: true}
	r := (&http.Request{Header: http.Header{"Cookie": {id.engine.CookieName() + "=" + value}}}).WithContext(quiet)
	s, err := id.engine.Load(r)
	if err != nil {
		return true // nobody knows
	}
	if s.Exists() {
		return own == nil || own.RecordKey() != s.Info().Cookie.RecordKey()
	}
	// It opens nothing as it stands, but it may be a live one with a letter changed.
	l, _ := session.Peel(value)
	e, ok := l.Envelope()
	key := session.KeyOf(e.ID)
	if !ok || own != nil && own.RecordKey() == key {
		return false
	}
	peeked, err := id.engine.Peek(ctx, key)
	return err != nil || peeked.State == session.StateLive && s.Verdict() == session.VerdictForged
}
