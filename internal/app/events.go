package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

const (
	streamBeat  = 15 * time.Second       // between signs of life
	streamWrite = 5 * time.Second        // what takes longer is dropped
	streamRest  = 150 * time.Millisecond // between two pieces of news, which may tell of much
	maxAll      = 64                     // of all visits
)

// events is GET /events: what happens in a visit without a press, as server-sent
// events. Each message is the whole state that it is about, so that one that was
// missed is made good by the next. A refusal is one line: nobody reads it.
func (a *App) events(c *call) error {
	r := c.Request()
	v := c.visit
	c.quiet()
	if foreign(r) {
		return c.String(http.StatusForbidden, "A page of another origin asked for this stream. Only this program's own pages may.\n")
	}
	if v == nil {
		return c.String(http.StatusNotFound, "No visit has this secret: a visit ends after 30 idle minutes. Load the page again.\n")
	}
	present, _ := v.Present()       // before: a press may come in between, whose answer says it all
	s, err := c.seat.Engine.Load(r) // whose cookie came along: another tab may have changed it
	if err != nil {
		c.Response().Header().Set("Retry-After", "2")
		c.failure = err
		return c.String(http.StatusServiceUnavailable, problemOf(err).detail+"\n")
	}
	s.Discard(r.Context(), "a stream only looks") // it keeps no session alive
	full := func() error {
		c.Response().Header().Set("Retry-After", "15")
		return c.String(http.StatusTooManyRequests, fmt.Sprintf("At most %d pages of one visit, and %d in all, are kept up to date at once.\n", hub.MaxStreams, maxAll))
	}
	if a.streams.Add(1) > maxAll {
		a.streams.Add(-1)
		return full()
	}
	defer a.streams.Add(-1)
	news, leave, ok := v.Subscribe()
	if !ok {
		return full()
	}
	defer leave()
	defer v.Use()
	seen, _ := strconv.Atoi(c.QueryParam("since"))
	if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil {
		seen = last
	}
	a.stream(c, v, keyOf(s) != present, seen, news)
	return nil
}

// keyOf is the key of a session, zero if it does not exist.
func keyOf(s *session.Session) (k session.Key) {
	if s.Exists() {
		k = s.Info().Cookie.RecordKey()
	}
	return k
}

// stream writes to a page until it leaves, does not read, or the visit ends. another tells
// that its request came with another session than the page's last press.
func (a *App) stream(c *call, v *hub.Visit, another bool, seen int, news <-chan struct{}) {
	w := c.Response()
	rc := http.NewResponseController(w.Writer)           // w's own Flush hides what went wrong
	_ = rc.SetWriteDeadline(time.Now().Add(streamWrite)) // a recorder has no deadlines
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	st := &stream{app: a, c: c, v: v, seen: seen, flush: func(message []byte) error {
		_ = rc.SetWriteDeadline(time.Now().Add(streamWrite))
		if _, err := w.Write(message); err != nil {
			return err
		}
		return rc.Flush()
	}}
	err := st.begin(c.ctx(), another)
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	for err == nil {
		select {
		case <-c.ctx().Done():
			return
		case <-a.done:
			return
		case <-beat.C:
			a.seats.Use(v.Seat)
			err = st.flush([]byte(": still here\n\n"))
		case _, open := <-news:
			if !open {
				return
			}
			<-rest.C
			err = st.news(c.ctx())
			rest.Reset(streamRest)
		}
	}
}

// stream is one connection of a page.
type stream struct {
	app   *App
	c     *call // of its request
	v     *hub.Visit
	seen  int // the last moment that was told
	flush func([]byte) error
}

// begin tells what the page may have missed. When the request for the stream came
// with another session than the page's last press, another tab has got it: the page
// is told to look, with a request of its own.
func (st *stream) begin(ctx context.Context, another bool) error {
	if err := st.flush([]byte(": here\n\n")); err != nil { // the head at once, whether or not there is news
		return err
	}
	switch {
	case another:
		return st.look()
	case st.v.Last() > st.seen:
		return st.news(ctx)
	}
	return nil
}

// look has the page ask for its session with a request of its own.
func (st *stream) look() error {
	return st.flush([]byte("event: look\ndata: the session is another\n\n"))
}

// news tells the page the timeline and the figures, and what the server keeps when the last
// change was no press of its own. It tells neither that a clock ran out, which the page
// sees and asks about by itself, nor of the page's own presses, whose answers say it all.
func (st *stream) news(ctx context.Context) error {
	a, v, c := st.app, st.v, st.c
	news := v.Since(st.seen, c.page)
	st.seen = news.Last
	if news.Since && !news.Others {
		return nil
	}
	figures := a.hub.Figures(ctx, v.Seat, v)
	now := v.Seat.Engine.Now()
	if !news.Since {
		return st.send(ctx, views.FiguresNews(show.Figures(figures, now)))
	}
	told := views.Told{Place: c.place(), Timeline: show.Timeline(v.Timeline(), 0, 0), Figures: show.Figures(figures, now)}
	look := false
	if news.Changed {
		look = st.latest(ctx, news.Latest, &told, figures)
	}
	err := st.send(ctx, views.News(told))
	if look && err == nil {
		err = st.look() // this browser's own request shows what it has now
	}
	return err
}

// latest adds to told what the last change was that the page did not press itself. It
// tells whether the page must look for itself: another page, whose cookies this browser
// shares, may have changed them.
func (st *stream) latest(ctx context.Context, e hub.Entry, told *views.Told, figures trace.Figures) (look bool) {
	a, v := st.app, st.v
	x, beside := v.Look(ctx, e)
	now := v.Seat.Engine.Now()
	seen := a.see(st.c, v.Seat, x)
	if !e.Gist.Nothing && v.Pressed(st.c.page, e.Gist.Session) { // of a session that this page saw it may see all
		seen = x.Seen(trace.Nobody)
	}
	seen.N, seen.Beside, seen.Past = e.N, beside, true
	seen.Store.Figures = figures
	if server := show.Server(seen, now, false); !ranOut(server, now) {
		told.Server = &server
	}
	switch {
	case e.Gist.Nothing:
		return e.Gist.By == hub.AnotherPage
	case seen.Hid():
		return true
	}
	// Another load of this visit was pressed: this one shows what that one saw.
	browser, wire := show.Browser(seen, now, true), show.Wire(seen)
	wire.By = "a press on another page of this visit"
	told.Browser, told.Wire, told.Tools = &browser, &wire, a.toolsOf(v, seen.Cookie.Kept, st.c.owner(""))
	told.Moment = show.Moment(seen, seen)
	told.Sentence = show.Sentence(say.Note(hub.AnotherPage, say.Text("of this visit pressed at "+say.Clock(e.Gist.At)+": "), say.Code(summary(e)), say.Text(". The panels show what it saw.")))
	return false
}

// ranOut tells whether a clock that a panel shows has run out, so that it says what is
// not so any more.
func ranOut(s views.Server, now time.Time) bool {
	for _, clock := range []views.Clock{s.Idle, s.Absolute} {
		if clock.Until != 0 && now.UnixMilli() >= clock.Until {
			return true
		}
	}
	return false
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
