package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

const (
	streamBeat  = 15 * time.Second       // between signs of life
	streamWrite = 5 * time.Second        // what takes longer is dropped
	streamRest  = 150 * time.Millisecond // between two pieces of news, which may tell of much
)

// events is GET /events: server-sent events that tell a page what happens in its visit without
// a press. Each message has the whole state of what it is about, so that the next message makes
// up for one that was missed. A refusal is one line: the page's script reads its status only.
func (a *App) events(c *call) error {
	r := c.Request()
	v := c.visit
	c.quiet()
	if foreign(r) {
		return refuseForeign(c)
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
	news, leave, ok := v.Subscribe()
	if !ok {
		c.Response().Header().Set("Retry-After", "15")
		return c.String(http.StatusTooManyRequests, fmt.Sprintf("At most %d pages of one visit are kept up to date at once.\n", hub.MaxStreams))
	}
	defer leave()
	defer v.Use()
	seen, _ := strconv.Atoi(c.QueryParam("since"))
	if last, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil {
		seen = last
	}
	ctx, end := context.WithCancel(c.ctx())
	defer end()
	defer a.useOf(v.Seat).stream(end)()
	a.stream(ctx, c, v, keyOf(s) != present, seen, news)
	return nil
}

// refuseForeign refuses a stream to a page of another origin.
func refuseForeign(c *call) error {
	return c.String(http.StatusForbidden, "A page of another origin asked for this stream. Only this program's own pages may.\n")
}

// keyOf is the key of a session, zero if it does not exist.
func keyOf(s *session.Session) (k session.Key) {
	if s.Exists() {
		k = s.Info().Cookie.RecordKey()
	}
	return k
}

// stream writes to a page until it leaves, does not read, or its visit ends. another tells
// that the stream's request carried another session than the page's last press.
func (a *App) stream(ctx context.Context, c *call, v *hub.Visit, another bool, seen int, news <-chan struct{}) {
	st := &stream{app: a, c: c, v: v, seen: seen, learn: v.Lesson(), flush: beginStream(c)}
	err := st.begin(ctx, another)
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
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
			err = st.news(ctx)
			rest.Reset(streamRest)
		}
	}
}

// beginStream writes the head of an event stream, and returns what writes to it. A write fails that
// takes longer than streamWrite.
func beginStream(c *call) (flush func(parts ...[]byte) error) {
	w := c.Response()
	rc := http.NewResponseController(w.Writer)           // w's own Flush hides what went wrong
	_ = rc.SetWriteDeadline(time.Now().Add(streamWrite)) // a recorder has no deadlines
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return func(parts ...[]byte) error {
		_ = rc.SetWriteDeadline(time.Now().Add(streamWrite))
		for _, part := range parts {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return rc.Flush()
	}
}

// stream is one connection of a page.
type stream struct {
	app   *App
	c     *call // of its request
	v     *hub.Visit
	seen  int        // the last moment that was told
	n     int64      // counts the shared figures that were told last
	learn hub.Lesson // as it was told last
	flush func(parts ...[]byte) error
}

// begin tells what the page may have missed. When the stream's request carried another session
// than the page's last press, a tab of the same browser has got a new one since: the page is
// told to look, with a request of its own.
func (st *stream) begin(ctx context.Context, another bool) error {
	if err := st.flush([]byte(": here\n\n")); err != nil { // the head at once, whether or not there is news
		return err
	}
	switch {
	case another:
		return st.askPageToLook()
	case st.v.Last() > st.seen:
		return st.news(ctx)
	}
	return st.figures(ctx, true) // others may have written since the page was loaded
}

// askPageToLook has the page ask for its session with a request of its own.
func (st *stream) askPageToLook() error {
	return st.flush([]byte("event: look\ndata: the session is another\n\n"))
}

// news tells the page the timeline, the figures and, when the last change was not the page's
// own press, what the server keeps. It does not tell that a session expired, since the page
// counts the seconds and asks by itself, nor of the page's own presses, whose answers tell all.
func (st *stream) news(ctx context.Context) error {
	a, v, c := st.app, st.v, st.c
	news, lesson := v.Since(st.seen, c.page), v.Lesson()
	learned := lesson != st.learn
	st.seen, st.learn = news.Last, lesson
	if news.Since && !news.Others {
		return st.figures(ctx, true)
	}
	if !news.Since && learned {
		return st.send(ctx, views.GuideNews(c.place(), a.guideNow(c, v)))
	}
	if !news.Since {
		return st.figures(ctx, false)
	}
	figures := a.hub.Figures(ctx, v.Seat, v)
	now := v.Seat.Engine.Now()
	told := views.Told{Place: c.place(), Guide: a.guideNow(c, v), Timeline: show.Timeline(v.Timeline(0), 0), Figures: show.Figures(figures, now)}
	look := false
	if news.Changed {
		look = st.latest(ctx, news.Latest, &told, figures)
	}
	err := st.send(ctx, views.News(told))
	if look && err == nil {
		err = st.askPageToLook() // this browser's own request shows what it has now
	}
	return err
}

// figures tells the page the store's figures, if they are others than those it was told last.
// A page of one browser only gets those that all get. own tells that the page pressed, and was
// told what became of its family.
func (st *stream) figures(ctx context.Context, own bool) error {
	a, v := st.app, st.v
	if a.hub.HasFamily(v) {
		_, n := a.hub.SharedFigures(v.Seat)
		if own && n == st.n {
			return nil
		}
		st.n = n
		return st.send(ctx, views.FiguresNews(show.Figures(a.hub.Figures(ctx, v.Seat, v), v.Seat.Engine.Now())))
	}
	n, data, err := a.figuresOf(v.Seat).get(ctx, a, v.Seat)
	if err != nil || n == st.n {
		return err
	}
	st.n = n
	return st.flush(fmt.Appendf(nil, "id: %d\n", st.seen), data)
}

// figuresOf returns the message of the figures that all pages of s's realm are told.
func (a *App) figuresOf(s *seat.Seat) *figuresNews {
	if a.of != nil && a.useOf(s) == nil { // the seat has left: nobody would drop what is kept of it
		return &figuresNews{}
	}
	f, _ := a.figures.LoadOrStore(s.First(), &figuresNews{})
	return f.(*figuresNews)
}

// figuresNews is the message of the shared figures: rendered once for all streams of a realm.
type figuresNews struct {
	mu   sync.Mutex
	n    int64 // of the figures that data shows, 0 for none
	data []byte
}

// get returns the message as of now, without its id, and what counts up when it changes. It is
// not to be changed.
func (f *figuresNews) get(ctx context.Context, a *App, s *seat.Seat) (n int64, data []byte, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	figures, n := a.hub.SharedFigures(s)
	if n == f.n {
		return f.n, f.data, nil
	}
	message, err := a.message(ctx, views.FiguresNews(show.Figures(figures, s.Engine.Now())))
	if err != nil {
		return 0, nil, err
	}
	f.n, f.data = n, message
	return f.n, f.data, nil
}

// latest adds to told what the last change was that the page did not press itself. It
// tells whether the page must look for itself: another page, whose cookies this browser
// shares, may have changed them.
func (st *stream) latest(ctx context.Context, e hub.Entry, told *views.Told, figures trace.Figures) (look bool) {
	a, v := st.app, st.v
	x, beside := v.ExchangeOf(ctx, e)
	now := v.Seat.Engine.Now()
	hides := a.eyes(st.c, v.Seat)
	if !e.Gist.Nothing && v.Pressed(st.c.page, e.Gist.Session) {
		hides = butOf(e.Gist.Session, hides)
	}
	seen := x.Seen(hides)
	seen.N, seen.Beside, seen.Past = e.N, beside, true
	seen.Store.Figures = figures
	if server := show.Server(seen, now, false); !ranOut(server, now) {
		server.Clear = &told.Place
		told.Server = &server
	}
	if e.Gist.OtherPage || !e.Gist.Nothing && seen.Hid() {
		return true
	}
	wire := show.Wire(seen)
	told.Wire, told.Moment = &wire, show.Moment(seen, seen)
	if e.Gist.Nothing { // another client changed the record: nothing travelled, and this browser keeps what it kept
		return false
	}
	// Another load of this visit was pressed: this one shows what that one saw.
	browser := show.Browser(seen, now, true)
	wire.By = "a press on another page of this visit"
	told.Browser, told.Tools = &browser, a.toolsOf(v, seen.Cookie.Kept, st.c.owner(""))
	told.Sentence = show.Sentence(say.Note(hub.AnotherPage, say.Text("of this visit pressed at "+say.Clock(e.Gist.At)+": "), say.Code(summary(e)), say.Text(". The panels show what it saw.")))
	return false
}

// ranOut tells whether an expiry that the panel counts down to has passed: then the panel shows
// a session that has expired.
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
	message, err := st.app.message(ctx, component)
	if err != nil {
		return err
	}
	return st.flush(fmt.Appendf(nil, "id: %d\n", st.seen), message)
}

// message renders a component as the data of one message.
func (a *App) message(ctx context.Context, component templ.Component) ([]byte, error) {
	buf := templ.GetBuffer()
	defer templ.ReleaseBuffer(buf)
	if err := a.render(ctx, buf, component); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	writeData(&b, buf.Bytes())
	return b.Bytes(), nil
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
