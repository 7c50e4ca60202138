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
	if left, ok := e.answer.wait(ctx); ok {
		w.Finished, w.StatusLine = true, left.status
		w.ResponseHeadBytes, w.ResponseBytes = bytesText(left.headBytes), bytesText(int(left.bodyBytes))
		w.Took = milliseconds(left.took)
		w.Response, w.ResponseMore = e.id.headers(fieldsOf(left.lines))
	}
	b, ok := v.lastSent(e.n, e.kin, e.by)
	if !ok {
		w.Changes = ""
		return
	}
	before := b.panels().Wire
	if left, ok := b.answer.wait(ctx); ok {
		before.Response, before.ResponseMore = b.id.headers(fieldsOf(left.lines))
		before.Finished = true
	}
	compare(w, before, b.n)
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
	var says []string
	same := 0
	side := func(name string, now, more *[]views.Header, was []views.Header, whole bool) {
		var changed, added, gone []string
		old, present := textsOf(was), textsOf(slices.Concat(*now, *more))
		for _, part := range []*[]views.Header{now, more} {
			*part = slices.DeleteFunc(*part, func(h views.Header) bool { return h.Gone })
			for i := range *part {
				h := &(*part)[i]
				text, had := old[h.Name]
				switch {
				case !had:
					h.Mark = true
					added = append(added, h.Name)
				case text != present[h.Name]:
					h.Mark = true
					changed = append(changed, h.Name)
				default:
					h.Mark = h.Name == "Set-Cookie"
					same++
				}
			}
		}
		for _, h := range was {
			if _, ok := present[h.Name]; !ok && !h.Gone && whole {
				h.Gone, h.Mark = true, false
				side := more
				if first[http.CanonicalHeaderKey(h.Name)] {
					side = now
				}
				*side = append(*side, h)
				gone = append(gone, h.Name)
			}
		}
		for _, kind := range []struct {
			names []string
			verb  string
		}{{changed, "changed"}, {added, "new"}, {gone, "gone"}} {
			names := slices.Compact(kind.names)
			all := len(names)
			names = slices.DeleteFunc(names, func(name string) bool { return !telling[http.CanonicalHeaderKey(name)] })
			said := strings.Join(names, ", ")
			switch rest := all - len(names); {
			case said == "":
				said = strconv.Itoa(rest)
			case rest > 0:
				said += fmt.Sprintf(" and %d more", rest)
			}
			if all > 0 {
				says = append(says, name+kind.verb+" "+said)
				name = ""
			}
		}
	}
	side("request: ", &w.Request, &w.RequestMore, slices.Concat(before.Request, before.RequestMore), true)
	side("response: ", &w.Response, &w.ResponseMore, slices.Concat(before.Response, before.ResponseMore), w.Finished && before.Finished)
	if len(says) == 0 {
		w.Changes = fmt.Sprintf("Against exchange %d no header changed.", n)
		return
	}
	w.Changes = fmt.Sprintf("Against exchange %d, %s. The other %d headers are the same.", n, strings.Join(says, "; "), same)
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
	a.guard(c.Request().Context(), s.Info().Cookie, e.id, &p)
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

// guard hides in p the cookies that still open another session than own, which the
// request carries: the address of a moment alone must not give a session away. id
// is whose cookies they are. It tells whether it hid any.
func (a *App) guard(ctx context.Context, own *session.Cookie, id *identity, p *panels) (hid bool) {
	known := make(map[string]bool)
	hides := func(value string) bool {
		hide, ok := known[value]
		if !ok {
			hide = a.opensAnother(ctx, id, value, own)
			known[value] = hide
		}
		hid = hid || hide
		return hide
	}
	for _, headers := range [][]views.Header{p.Wire.Request, p.Wire.RequestMore, p.Wire.Response, p.Wire.ResponseMore} {
		for _, h := range headers {
			for i, part := range h.Parts {
				if part.Kind == "token" && hides(part.Text) {
					h.Parts[i] = hidden(len(part.Text), "not carried by this request")
					p.Wire.Answer = ""
				}
			}
		}
	}
	if p.Browser.Raw != "" && hides(p.Browser.Raw) {
		p.Browser.Note = "This cookie still opens a session, and the request that looks at it does not carry it: it is not shown here, but on the page of the browser that has it."
		p.Browser.Raw, p.Browser.Layers = "", nil
	}
	return hid
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
	return s.Exists() && (own == nil || own.RecordKey() != s.Info().Cookie.RecordKey())
}
