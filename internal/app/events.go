package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

const (
	streamBeat  = 15 * time.Second       // between signs of life
	streamWrite = 5 * time.Second        // what takes longer is dropped
	streamRest  = 150 * time.Millisecond // between two pieces of news, which may tell of much
	maxStreams  = 2                      // of a visit: six would freeze a browser's origin over HTTP/1.1
	maxAll      = 64                     // of all visits
)

// events is GET /events: what happens in a visit without a press, as server-sent
// events. Each message is the whole state that it is about, so that one that was
// missed is made good by the next. A refusal is one line: nobody reads it.
func (a *App) events(c echo.Context) error {
	r := c.Request()
	mem := remembered(r.Context())
	v := mem.visit
	mem.recorded, mem.quiet = true, true
	if foreign(r) {
		return c.String(http.StatusForbidden, "A page of another origin asked for this stream. Only this program's own pages may.\n")
	}
	if v == nil {
		return c.String(http.StatusNotFound, "There is no such visit: it ends after 30 idle minutes. Load the page anew.\n")
	}
	s, err := mem.id.engine.Load(r) // whose cookie came along: another tab may have changed it
	if err != nil {
		c.Response().Header().Set("Retry-After", "2")
		noteFailure(c, err)
		return c.String(http.StatusServiceUnavailable, problemOf(err).detail+"\n")
	}
	s.Discard(r.Context(), "a stream only looks") // it keeps no session alive
	full := func() error {
		c.Response().Header().Set("Retry-After", "15")
		return c.String(http.StatusTooManyRequests, fmt.Sprintf("At most %d pages of one visit, and %d in all, are kept up to date at once.\n", maxStreams, maxAll))
	}
	if a.streams.Add(1) > maxAll {
		a.streams.Add(-1)
		return full()
	}
	defer a.streams.Add(-1)
	news, leave, ok := v.subscribe()
	if !ok {
		return full()
	}
	defer leave()
	defer func() { v.use(a.visits.now()) }()

	w := c.Response()
	rc := http.NewResponseController(w.Writer)           // w's own Flush hides what went wrong
	_ = rc.SetWriteDeadline(time.Now().Add(streamWrite)) // a recorder has no deadlines
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	seen, _ := strconv.Atoi(c.QueryParam("since"))
	if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil {
		seen = last
	}
	st := &stream{app: a, c: c, v: v, page: c.QueryParam("page"), seen: seen, flush: func(message []byte) error {
		_ = rc.SetWriteDeadline(time.Now().Add(streamWrite))
		if _, err := w.Write(message); err != nil {
			return err
		}
		return rc.Flush()
	}}
	if err := st.begin(r.Context(), s.Info()); err != nil {
		return nil // the reader left, or does not read
	}
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-r.Context().Done():
			return nil
		case <-a.done:
			return nil
		case <-beat.C:
			err = st.flush([]byte(": still here\n\n"))
		case _, open := <-news:
			if !open {
				return nil
			}
			<-rest.C
			err = st.news(r.Context())
			rest.Reset(streamRest)
		}
		if err != nil {
			return nil
		}
	}
}

// stream is one connection of a page.
type stream struct {
	app   *App
	c     echo.Context // of its request
	v     *visit
	page  string // which of v's pages it is
	seen  int    // the last moment that was told
	flush func([]byte) error
}

// begin tells what the page may have missed. When the request for the stream came
// with another session than the page's last press, another tab has got it: the page
// is told to look, with a request of its own.
func (st *stream) begin(ctx context.Context, info session.Info) error {
	if err := st.flush([]byte(": here\n\n")); err != nil { // the head at once, whether or not there is news
		return err
	}
	st.v.mu.Lock()
	last, present := st.v.dropped+len(st.v.entries), st.v.present
	st.v.mu.Unlock()
	now := session.Key{}
	if info.Exists {
		now = info.Cookie.RecordKey()
	}
	switch {
	case now != present:
		return st.look()
	case last > st.seen:
		return st.news(ctx)
	}
	return nil
}

// look has the page ask for its session with a request of its own.
func (st *stream) look() error {
	return st.flush([]byte("event: look\ndata: the session is another\n\n"))
}

// news tells the timeline, the figures, and what the server keeps when somebody else
// changed it. That a clock ran out the page sees itself, and asks with a request of
// its own; so do its presses, whose answers say it all.
func (st *stream) news(ctx context.Context) error {
	a, v := st.app, st.v
	v.mu.Lock()
	n, others := v.dropped+len(v.entries), false
	for _, e := range slices.Backward(v.entries) {
		if e.n <= st.seen {
			break
		}
		others = others || !st.own(e)
	}
	v.mu.Unlock()
	seen := st.seen
	st.seen = n
	if n > seen && !others {
		return nil
	}
	figures := a.figures(ctx, v.id, v)
	if n == seen {
		return st.send(ctx, views.FiguresNews(figures))
	}
	news := views.Told{Place: v.place(), Timeline: v.timeline(0), Figures: figures}
	e, ok := v.last(0, func(e entry) bool { return e.n > seen && e.kin == "" && !e.aside && e.wrote })
	look := false
	if ok && !st.own(e) {
		p := e.panels()
		if p.Server.Refresh(v.id.engine.Now().UnixMilli(), left) {
			p.Server.Figures = figures
			news.Server = &p.Server
		}
		p.Wire.N = e.n
		a.finish(ctx, v, e, &p.Wire)
		// Of a session that this page saw it may see all; else nothing that opens one.
		look = !e.observed && !st.sawSession(e.session) && a.guard(st.c, nil, v.id, "", &p.Browser, &p.Wire)
		if !e.observed && !look { // another page of this visit was pressed: this one shows what it saw
			p.Wire.By = "a press on another page of this visit"
			news.Browser, news.Wire, news.Tools = &p.Browser, &p.Wire, a.toolsOf(v, p.Browser.Raw, pinsOwner(st.c))
			news.Moment = views.Moment{N: e.n}
			if b, ok := v.lastState(e.n, ""); ok {
				news.Moment.Changes = differences(b.panels(), p)
			}
			news.Sentence = note(anotherPage, text("of this visit pressed at "+clock(e.at)+": "), code(strings.TrimSpace(e.verb+" "+e.what)), text(". The panels show what it saw."))
		}
	}
	err := st.send(ctx, views.News(news))
	if look && err == nil {
		err = st.look() // this browser's own request shows what it has now
	}
	return err
}

// sawSession tells whether a press of this stream's page was of that session. The
// page's ID, which stands in no address and is shown nowhere, proves that it is that
// page.
func (st *stream) sawSession(name string) bool {
	_, ok := st.v.last(0, func(e entry) bool { return st.own(e) && e.session == name && name != "" })
	return ok
}

// own tells whether e is an exchange of this stream's page.
func (st *stream) own(e entry) bool {
	return e.kin == "" && !e.observed && e.page != "" && e.page == st.page
}

// send writes one message: a component, line by line (HTML standard, server-sent events).
func (st *stream) send(ctx context.Context, component templ.Component) error {
	buf := templ.GetBuffer()
	defer templ.ReleaseBuffer(buf)
	if err := st.app.render(ctx, buf, component); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %d\n", st.seen)
	writeData(&b, buf.Bytes())
	return st.flush(b.Bytes())
}

// writeData writes the data of one message. Whatever ends a line in an event
// stream begins a new data line: no text can begin another field.
func writeData(b *bytes.Buffer, data []byte) {
	data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		b.WriteString("data: ")
		b.Write(line)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}
