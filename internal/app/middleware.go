package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/views"
)

// maxBodyBytes is the most that a request's body may have.
const maxBodyBytes = 256 << 10

// contentPolicy allows this server's own files and nothing inline.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// request is what the app remembers of a request while it answers it. It is the
// request's context.
type request struct {
	context.Context
	wants  form      // which of the three answers
	id     *identity // whose side of the lab it is for
	tapped tap.Head  // what its connection knows of it
	body   string    // as received
	form   url.Values
	events []session.Event // nothing is recorded for an answer that shows none
	slot   session.Slot

	visit     *visit            // nil if the request belongs to none
	lost      string            // the token of a visit that it named and that is not there any more
	page      string            // which of a visit's pages sent it, "" when it did not say
	seen      int               // the last moment that the page shows, 0 when it did not say
	planted   *bool             // the readable cookie is in the browser after this answer, or is not
	replaced  *string           // what the browser's session cookie is made to be, whatever the session; nil mostly
	pinsOwner string            // the browser's pins cookie, if this answer sets it
	by        string            // who sent it, if it was not a page
	outcome   *outcome          // nil unless somebody may want to know
	info      *session.Info     // after the commit
	wire      *views.Wire       // of its exchange
	panels    *panels           // that show it; of an exchange that somebody waits for
	recorded  bool              // it is a moment of its visit, or is to be none
	told      []*visit          // that know of it
	quiet     bool              // it only looks at what happened, and others need not know
	failure   error             // for the log, when no handler returned it
	rest      *remains          // of what waits to be told: the session as the request left it
	room      int               // bytes taken of the room for bodies
	live      *experiment.Reply // of the run below whose path it came; nil mostly
}

type requestKey struct{}

// Value implements context.Context.
func (r *request) Value(key any) any {
	switch key {
	case requestKey{}:
		return r
	case session.SlotKey{}:
		return &r.slot
	}
	return r.Context.Value(key)
}

// inOrder makes one middleware of checks that come one after the other: each
// middleware of its own would be made anew for each request.
func inOrder(checks ...func(echo.Context) error) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			for _, check := range checks {
				if err := check(c); err != nil {
					return err
				}
			}
			return next(c)
		}
	}
}

// ServeHTTP implements http.Handler. It gives each request its memory.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mem := &request{Context: r.Context(), wants: formOf(r), id: a.root}
	job, _ := mem.Value(errandKey{}).(*errand)
	if job != nil {
		mem.visit, mem.by = job.visit, job.by
	}
	mem.tapped = tap.HeadOf(r, a.shows(mem) && r.Method != http.MethodHead)
	defer func() { // also after a panic
		a.bodies.Give(mem.room)
		mem.tapped.Answered()
	}()
	a.echo.ServeHTTP(w, r.WithContext(mem))
	mem.body, mem.form = "", nil // nothing of them is kept with what others are told
	if job != nil {
		job.done <- mem
	}
	a.tell(mem)
}

// remains are what a request left of its session.
type remains struct {
	key     session.Key
	expires time.Time
}

// remembered returns the memory of the request with this context. It is empty,
// and forgotten, for one that was refused before it began.
func remembered(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{wants: formJSON, id: &identity{}}
}

// wants returns which of the three answers the request gets.
func wants(c echo.Context) form { return remembered(c.Request().Context()).wants }

// idOf returns whose side of the lab the request is for.
func idOf(c echo.Context) *identity { return remembered(c.Request().Context()).id }

// recordEvent is the engine's OnEvent: a page shows what the engine did for it,
// and a visit what it did for others, such as the sweeper, who makes no request.
func (a *App) recordEvent(ctx context.Context, ev session.Event) {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		r.events = append(r.events, ev)
		return
	}
	a.tell(&request{Context: context.WithoutCancel(ctx), id: a.root, events: []session.Event{ev}, by: theSweeper})
}

// shows tells whether anybody may want to see a request: JSON shows nothing, but a
// visit may, or who sent it.
func (a *App) shows(mem *request) bool {
	return mem.wants != formJSON || a.visits.any() || mem.by != ""
}

// showsEvents is the engine's Watched.
func (a *App) showsEvents(ctx context.Context) bool { return a.shows(remembered(ctx)) }

// logRequests turns a panic into an error for the one error handler, and writes one line
// a request, without keys, values, cookies or IDs. Without Config.LogRequests it writes
// one for each request that failed in the server.
func (a *App) logRequests(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		var began time.Time
		if a.cfg.LogRequests {
			began = time.Now()
		}
		err := contain(func() error { return next(c) })
		if err != nil {
			c.Error(err)
		}
		a.logRequest(c, began, err)
		return nil
	}
}

// logRequest writes the line of a request that was answered. err is what its handler
// returned. When it began is not known without Config.LogRequests: looking at the clock
// would be the dearest part of a line that is not written.
func (a *App) logRequest(c echo.Context, began time.Time, err error) {
	ctx, status := c.Request().Context(), c.Response().Status
	failure := remembered(ctx).failure
	if !a.cfg.LogRequests && status < http.StatusInternalServerError && err == nil && failure == nil {
		return
	}
	if failure == nil {
		failure = err
	}
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError, ours(failure):
		level = slog.LevelError
	case status >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	if level < slog.LevelError && !a.cfg.LogRequests || ctx.Err() != nil && !ours(failure) {
		return // a client that left is nobody's fault
	}
	attrs := append(make([]slog.Attr, 0, 5), slog.String("method", c.Request().Method), slog.String("route", c.Path()), slog.Int("status", status))
	if !began.IsZero() {
		attrs = append(attrs, slog.Duration("took", time.Since(began).Round(time.Microsecond)))
	}
	if level == slog.LevelError {
		attrs = append(attrs, slog.Any("error", failure))
	}
	a.cfg.Log.LogAttrs(ctx, level, "request", attrs...)
}

// ours tells whether an error is of this program or its store, and not of what a
// client sent, nor of its leaving.
func ours(err error) bool {
	if err == nil {
		return false
	}
	var store *session.StoreError
	return errors.As(err, new(*panicked)) || errors.As(err, &store) && !errors.Is(err, context.Canceled)
}

// noteFailure keeps, for the log, an error that no handler returns since an answer is
// being written already.
func noteFailure(c echo.Context, err error) { remembered(c.Request().Context()).failure = err }

// panicked is a panic, as an error.
type panicked struct {
	cause any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.cause, p.stack) }

// contain returns f's error, or its panic as one.
func contain(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{p, debug.Stack()}
		}
	}()
	return f()
}

// fixedHeaders are on every answer. Their values are shared: they are replaced, never changed.
var fixedHeaders = http.Header{
	"Content-Security-Policy":      {contentPolicy},
	"X-Content-Type-Options":       {"nosniff"},
	"Referrer-Policy":              {"same-origin"}, // not no-referrer: that turns a form's Origin into null
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Cache-Control":                {"no-store"}, // this and Vary are for all but assets, which have their own
	"Vary":                         {"Accept, Cookie, HX-Request"},
}

func securityHeaders(c echo.Context) error {
	maps.Copy(c.Response().Header(), fixedHeaders)
	return nil
}

// checkHost is the guard against DNS rebinding: a page of a foreign name that
// resolves to this machine has the foreign name in its Host header, and an
// Origin that agrees with it.
func (a *App) checkHost(c echo.Context) error {
	if r := c.Request(); !a.cfg.Hosts.allow(r.Host) && !reached(r) {
		return &problem{status: http.StatusMisdirectedRequest,
			detail: "The Host of this request is not one of this server's. Use the address that the program printed, or start it with --allow-host."}
	}
	return nil
}

var crossOrigin = http.NewCrossOriginProtection()

// checkOrigin refuses state-changing requests that another site's page made.
func checkOrigin(c echo.Context) error {
	if err := crossOrigin.Check(c.Request()); err != nil {
		return &problem{status: http.StatusForbidden, cause: err,
			detail: "This request came from a page of another origin. Only this program's own pages may change a session."}
	}
	return nil
}

// foreign tells whether another origin's page made a request. Unlike checkOrigin it
// holds a GET to that as well.
func foreign(r *http.Request) bool {
	asked := *r
	asked.Method = http.MethodPost
	return crossOrigin.Check(&asked) != nil
}

const (
	freeBody  = 4 << 10  // bytes that a body may have without room being asked for
	allBodies = 16 << 20 // bytes of all longer bodies, as they come and until their answers left
)

// errCrowded is for a body that no room is left for.
var errCrowded = errors.New("too many long bodies at once")

// readBody reads r's body, at most maxBodyBytes of it. A *http.MaxBytesError tells
// that there is more. Room is taken as the bytes come, and not because a head
// promises them.
func (a *App) readBody(w http.ResponseWriter, r *http.Request, mem *request) (string, error) {
	if n := r.ContentLength; n >= 0 && n <= freeBody {
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return string(body), err
	}
	from := http.MaxBytesReader(w, r.Body, maxBodyBytes)
	body := make([]byte, 0, 512)
	for {
		n, err := from.Read(body[len(body):cap(body)])
		switch body = body[:len(body)+n]; {
		case err == io.EOF:
			return string(body), nil
		case err != nil:
			return string(body), err
		case len(body) < cap(body):
		case cap(body) >= freeBody && !a.bodies.Take(cap(body)):
			return "", errCrowded
		default:
			if cap(body) >= freeBody {
				mem.room += cap(body)
			}
			body = append(make([]byte, 0, 2*cap(body)), body...)
		}
	}
}

const formType = "application/x-www-form-urlencoded"

// readForm reads the body of a POST: a form, or nothing.
func (a *App) readForm(c echo.Context) error {
	r := c.Request()
	if declared := r.Header.Get("Content-Type"); declared != formType && (declared != "" || r.ContentLength != 0) {
		if kind, _, err := mime.ParseMediaType(declared); err != nil || kind != formType {
			return &problem{status: http.StatusUnsupportedMediaType, brief: r.ContentLength < 0 || r.ContentLength > freeBody, // then it is not waited for
				detail: "The body is not a form. Send it as " + formType + "."}
		}
	}
	tooLong := func(brief bool) error {
		return &problem{status: http.StatusRequestEntityTooLarge, brief: brief,
			detail: fmt.Sprintf("The body of this request is too large: at most %s bytes are allowed. Nothing was changed.", number(maxBodyBytes))}
	}
	if r.ContentLength > 4*maxBodyBytes { // so long a one is not waited for; of others the page shows again what it can
		return tooLong(true)
	}
	mem := remembered(r.Context())
	body, err := a.readBody(c.Response(), r, mem)
	if errors.Is(err, errCrowded) {
		c.Response().Header().Set("Connection", "close") // the rest is not waited for
		_ = http.NewResponseController(c.Response().Writer).SetReadDeadline(time.Now())
		return &problem{status: http.StatusTooManyRequests, cause: err, brief: true,
			detail: fmt.Sprintf("Longer forms than this server has room for are on their way: %s bytes of all together are allowed. Nothing was changed: try again in a moment.", number(allBodies))}
	} else if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		mem.form, _ = url.ParseQuery(body) // what there is of it stays in the form
		return tooLong(false)
	} else if err != nil {
		return &problem{status: http.StatusBadRequest, cause: err, brief: true, detail: "The body of this request could not be read to its end."}
	}
	mem.body = body
	if mem.form, err = url.ParseQuery(mem.body); err != nil {
		return &problem{status: http.StatusBadRequest, cause: err,
			detail: "The form does not parse: a field holds a broken %-escape or a semicolon."}
	}
	return nil
}

// visitOf returns the request's visit. A page whose own has ended goes on with a new
// one; nil for a request of no page.
func (a *App) visitOf(c echo.Context) *visit {
	mem := remembered(c.Request().Context())
	if mem.visit == nil && mem.lost != "" && mem.wants != formJSON {
		mem.visit = a.visits.heir(mem.lost, mem.id)
	}
	return mem.visit
}

// pageHeader is how a page with a script says which of its visit's pages it is, so
// that its own presses are no news to it, and behind a space the last moment that
// it shows, so that only what is new need come.
const pageHeader = "Sessionscope-Page"

// pageIDLen is the length of rand.Text, of which a page's ID is made, and a visit's token.
const pageIDLen = 26

// findVisit finds the visit that a request names, in its form or its address.
func (a *App) findVisit(c echo.Context) error {
	mem := remembered(c.Request().Context())
	if mem.visit != nil {
		return nil // it is of the server's own client
	}
	if c.Request().Method == http.MethodHead { // it shows nothing
		mem.recorded, mem.quiet = true, true
	}
	token := mem.form.Get("v")
	if r := c.Request(); r.Method != http.MethodPost {
		token = ""
		if strings.Contains(r.URL.RawQuery, "v=") {
			token = c.QueryParam("v")
		}
	}
	mem.visit = a.visits.find(token, mem.id)
	page, seen, _ := strings.Cut(c.Request().Header.Get(pageHeader), " ")
	if len(page) == pageIDLen { // nothing longer is kept
		mem.page, mem.seen = strings.Clone(page), momentParam(seen)
	}
	if mem.visit == nil && len(token) == pageIDLen { // nothing else was ever one
		mem.lost = token
	}
	return nil
}

// commitStaged is the safety net for a handler that stages a change and settles
// its answer without a commit: with a status below 500 the change is saved.
func (a *App) commitStaged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		resp := c.Response()
		resp.Before(func() {
			if err := a.commitLoaded(c); err != nil {
				noteFailure(c, err)
				resp.Status = problemOf(err).status // the body is settled; the status need not lie
			}
		})
		if err := next(c); err != nil || resp.Committed {
			return err
		}
		return a.commitLoaded(c)
	}
}

// commitLoaded commits the request's session, if it was loaded, unless the
// answer is an error.
func (a *App) commitLoaded(c echo.Context) error {
	s := idOf(c).engine.Loaded(c.Request())
	if s == nil {
		return nil
	}
	ctx := c.Request().Context()
	if c.Response().Status >= http.StatusInternalServerError {
		s.Discard(ctx, "the answer is an error") // then Commit does nothing
	}
	err := s.Commit(ctx)
	s.WriteCookie(c.Response().Header())
	return err
}
