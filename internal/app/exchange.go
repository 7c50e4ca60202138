package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"
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
	left, ok := e.answer.wait(ctx)
	if !ok {
		return
	}
	w.Finished, w.StatusLine = true, left.status
	w.ResponseHeadBytes, w.ResponseBytes = bytesText(left.headBytes), bytesText(int(left.bodyBytes))
	w.Took = milliseconds(left.took)
	w.Response, w.ResponseMore = v.id.headers(fieldsOf(left.lines))
	if w.Plain == w.ResponseBytes {
		w.Plain = "" // it was not compressed
	}
	if b, ok := v.before(e.n, e.kin, true, e.by); ok {
		before := b.panels().Wire
		if left, ok := b.answer.wait(ctx); ok {
			before.Response, before.ResponseMore = v.id.headers(fieldsOf(left.lines))
			before.Finished = true
		}
		compare(w, before, b.n)
	}
}

func milliseconds(d time.Duration) string {
	if ms := d.Seconds() * 1000; ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// compare marks the header lines of w that differ from those of before, exchange
// n, and says it.
func compare(w *views.Wire, before views.Wire, n int) {
	var says []string
	same := 0
	side := func(name string, now, more *[]views.Header, was []views.Header, whole bool) {
		var changed, added, gone []string
		old := make(map[string]string)
		for _, h := range was {
			if !h.Gone {
				old[h.Name] += textOf(h)
			}
		}
		now2 := make(map[string]string)
		for _, h := range slices.Concat(*now, *more) {
			now2[h.Name] += textOf(h)
		}
		for _, part := range []*[]views.Header{now, more} {
			*part = slices.DeleteFunc(*part, func(h views.Header) bool { return h.Gone })
			for i := range *part {
				h := &(*part)[i]
				text, had := old[h.Name]
				switch {
				case !had:
					h.Mark = true
					added = append(added, h.Name)
				case text != now2[h.Name]:
					h.Mark = true
					changed = append(changed, h.Name)
				default:
					h.Mark = h.Name == "Set-Cookie"
					same++
				}
			}
		}
		for _, h := range was {
			if _, ok := now2[h.Name]; !ok && !h.Gone && whole {
				h.Gone, h.Mark = true, false
				*now = append(*now, h)
				gone = append(gone, h.Name)
			}
		}
		for _, kind := range []struct {
			names []string
			verb  string
		}{{changed, "changed"}, {added, "new"}, {gone, "gone"}} {
			if len(kind.names) > 0 {
				says = append(says, name+kind.verb+" "+strings.Join(slices.Compact(kind.names), ", "))
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

// textOf is a header's text, as it is shown.
func textOf(h views.Header) string {
	var b strings.Builder
	for _, p := range h.Parts {
		b.WriteString(p.Text)
	}
	return b.String() + "\n"
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
	v, n := remembered(c.Request().Context()).visit, momentParam(c.Param("n"))
	if v == nil {
		return &problem{status: http.StatusNotFound, detail: "There is no such visit: it ends after 30 idle minutes."}
	}
	e, ok := v.entry(n)
	if !ok || e.packed == nil || e.answer == nil {
		return &problem{status: http.StatusNotFound, detail: "There is no such exchange in this visit."}
	}
	if wants(c) == formPage {
		return a.with(func(c echo.Context, s *session.Session) error { return a.show(c, s, n) })(c)
	}
	w := e.panels().Wire
	w.N = n
	a.finish(c.Request().Context(), v, e, &w)
	if wants(c) == formFragment {
		return a.write(c, http.StatusOK, views.Finished(v.place(), w))
	}
	out := exchangeJSON{N: n, By: w.By, Finished: w.Finished, Took: w.Took,
		Request:  messageJSON{w.RequestLine + " " + w.Proto, v.id.bare(w.Request, w.RequestMore), w.RequestHeadBytes, w.RequestBytes},
		Response: messageJSON{w.StatusLine, v.id.bare(w.Response, w.ResponseMore), w.ResponseHeadBytes, w.ResponseBytes},
	}
	return writeJSON(c, http.StatusOK, "application/json", out)
}

// bare are headers with no cookie's value in them.
func (id *identity) bare(seen, more []views.Header) [][2]string {
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
