package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
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
// missed is made good by the next.
func (a *App) events(c echo.Context) error {
	r := c.Request()
	mem := remembered(r.Context())
	v := mem.visit
	mem.quiet = true
	if v == nil {
		return &problem{status: http.StatusNotFound, detail: "There is no such visit: it ends after 30 idle minutes. Load the page anew."}
	}
	s, err := idOf(c).engine.Load(r) // whose cookie came along: another tab may have changed it
	if err != nil {
		return err
	}
	full := &problem{status: http.StatusTooManyRequests, detail: fmt.Sprintf("At most %d pages of one visit are kept up to date at once.", maxStreams)}
	if a.streams.Add(1) > maxAll {
		a.streams.Add(-1)
		return full
	}
	defer a.streams.Add(-1)
	news, leave, ok := v.subscribe()
	if !ok {
		return full
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
	st := &stream{app: a, v: v, seen: seen, flush: func(message []byte) error {
		_ = rc.SetWriteDeadline(time.Now().Add(streamWrite))
		if _, err := w.Write(message); err != nil {
			return err
		}
		return rc.Flush()
	}}
	if err := st.begin(r.Context(), c, s); err != nil {
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
	v     *visit
	seen  int // the last moment that was told
	flush func([]byte) error
}

// begin tells what the page may have missed, and with which cookie it came.
func (st *stream) begin(ctx context.Context, c echo.Context, s *session.Session) error {
	info := s.Info()
	st.v.mu.Lock()
	last, other := st.v.dropped+len(st.v.entries), false
	if info.Exists {
		other = st.v.present != info.Cookie.RecordKey()
	}
	st.v.mu.Unlock()
	if other { // another tab gave this browser its session: say so
		st.v.watch(info.Cookie.RecordKey(), true)
		st.app.watchClock(st.v, info.Cookie.RecordKey(), info.Expires)
		p := st.app.panels(c, s)
		if err := st.send(ctx, views.Present(st.v.place(), p.Browser, st.app.tools(c, info), p.Server)); err != nil {
			return err
		}
	}
	if last > st.seen {
		return st.news(ctx)
	}
	return st.flush([]byte(": here\n\n"))
}

// news tells the timeline, the figures, and what the server keeps. That a clock ran
// out the page sees itself, and asks with a request of its own.
func (st *stream) news(ctx context.Context) error {
	a, v := st.app, st.v
	var server *views.Server
	v.mu.Lock()
	n := v.dropped + len(v.entries)
	for _, e := range v.entries {
		if e.n > st.seen && e.kin == "" && e.packed != nil && (e.by == "" || e.answer == nil && e.by != theClock) {
			s := e.panels().Server
			server = &s
		}
	}
	v.mu.Unlock()
	st.seen = n
	figures := a.figures(ctx, v.id)
	if server != nil {
		server.Idle.Still, server.Absolute.Still = false, false
		server.Figures = figures
	}
	return st.send(ctx, views.News(v.place(), v.timeline(0), server, figures))
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
