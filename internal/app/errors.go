package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// problem is a refusal: a status, a sentence for people, and the cause for the log.
type problem struct {
	status int
	detail string
	limit  *session.LimitError
	cause  error
	field  string     // the form's field that is wrong, "" if no single one is
	brief  bool       // the answer is short, without the lab: many may come at once
	plain  bool       // Echo's own error, such as a 404
	link   views.Link // where one can go on, if the page that asked does not lead there

	running []ongoing // the requester's runs that go on, if there are too many
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.cause.Error()
	}
	return p.detail
}

func (p *problem) Unwrap() error { return p.cause }

// retryAfter is the number of seconds after which the request may be tried again, or 0.
func (p *problem) retryAfter() int {
	if errors.Is(p.cause, session.ErrNoID) {
		return 0 // IDs come free only when the first are past their lifetime
	}
	full, busy := (*hub.FullError)(nil), (*experiment.BusyError)(nil)
	switch {
	case errors.As(p.cause, &full):
		return max(1, int(math.Ceil(full.Free.Seconds())))
	case errors.As(p.cause, &busy) && busy.Max > 0: // the words say so too
		return max(1, int(math.Ceil(busy.Free.Seconds())))
	}
	switch p.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		return 2
	}
	return 0
}

// silent reports whether the store did not answer. A store that only takes no writes can be asked.
func (p *problem) silent() bool {
	return p.status == http.StatusServiceUnavailable && !errors.As(p.cause, new(*session.ReadOnlyError))
}

// aboutRequest reports whether the request was refused before it reached a session: the
// answer shows none.
func (p *problem) aboutRequest() bool {
	if p.brief {
		return true
	}
	switch p.status {
	case http.StatusForbidden, http.StatusMisdirectedRequest, http.StatusNotFound, http.StatusMethodNotAllowed:
		return true
	case http.StatusInternalServerError:
		return !errors.Is(p.cause, errAsked)
	}
	return false
}

// problemOf translates an error into a problem. It is the one table from error to status.
func problemOf(err error) *problem {
	var (
		p     *problem
		limit *session.LimitError
		input *session.InputError
		store *session.StoreError
		read  *session.ReadOnlyError
		full  *hub.FullError
		coded *echo.HTTPError
		part  *classroom.PartFullError
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &limit):
		return &problem{status: http.StatusRequestEntityTooLarge, detail: limitText(limit), limit: limit, cause: err}
	case errors.As(err, &input):
		return &problem{status: http.StatusUnprocessableEntity, detail: input.Text + " Nothing was changed.", cause: err, field: input.Field}
	case errors.Is(err, session.ErrGone):
		return &problem{status: http.StatusConflict, detail: "This session ended before this request could write: another request ended it or gave it a new ID, or its time ran out. Nothing was changed, and the old ID opens nothing.", cause: err}
	case errors.Is(err, session.ErrMoved):
		return &problem{status: http.StatusConflict, detail: "This request carried an ID that was replaced a moment ago. Nothing was changed: only the cookie with the new ID opens the session, or ends it.", cause: err}
	case errors.Is(err, session.ErrStale):
		return &problem{status: http.StatusConflict, detail: "A later cookie than the one that came carries values, and a new ID or another placement would leave them behind. Nothing was changed: load the page again and press again. If the later cookie was lost on its way, press Clear or Flush to begin again.", cause: err}
	case errors.Is(err, session.ErrConflict):
		return &problem{status: http.StatusConflict, detail: "Other requests kept changing this session first. Nothing was changed: try again.", cause: err}
	case errors.As(err, &read) && read.Full:
		status := http.StatusServiceUnavailable
		if errors.Is(err, session.ErrFull) {
			status = http.StatusInsufficientStorage
		}
		return &problem{status: status, detail: "The disk of the session store is full: what is stored can be read, and this could not be written. Once there is room, all goes on. Nothing was changed, and your cookie is untouched.", cause: err}
	case errors.As(err, &read):
		return &problem{status: http.StatusServiceUnavailable, detail: fmt.Sprintf("The session store can be read, and takes no writes now: %s. Nothing was changed, and your cookie is untouched.", read.Why), cause: err}
	case errors.Is(err, session.ErrNoID):
		return &problem{status: http.StatusInsufficientStorage, detail: "With placement cookie the server may have to remember each session ID as ended until its longest lifetime is over. So the number of IDs is limited, and the limit is reached. Nothing was changed. Choose placement hybrid or server. Outside a class the program's --max-sessions raises the limit.", cause: err}
	case errors.As(err, &part):
		return &problem{status: http.StatusTooManyRequests, detail: partText(part), cause: err}
	case errors.Is(err, session.ErrFull):
		return &problem{status: http.StatusInsufficientStorage, detail: "The store is full: it takes nothing more until a session ends or expires. A live session is never removed to make room.", cause: err}
	case errors.As(err, &store), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &problem{status: http.StatusServiceUnavailable, detail: "The session store does not answer. Your cookie is untouched: an outage is not a logout.", cause: err}
	case errors.Is(err, seat.ErrLeft):
		return errSeatGone
	case errors.Is(err, seat.ErrFull):
		return &problem{status: http.StatusTooManyRequests, detail: "No second browser was opened" + strings.TrimPrefix(err.Error(), seat.ErrFull.Error()) + ".", cause: err}
	case errors.As(err, &full):
		return &problem{status: http.StatusTooManyRequests, brief: true, detail: fmt.Sprintf("This lab is full: %s visits are in use, and no more are allowed. Each tab of the lab is one visit, in whichever browser. Whoever closes a tab that nobody needs makes room: %.0f minutes later, or %.0f if its browser runs no scripts. The next place is free in %s at the earliest: load this page again then. Nothing was changed.", say.Number(full.Visits), hub.ClosedLife.Minutes(), hub.VisitLife.Minutes(), say.Left(full.Free)), cause: err}
	case errors.As(err, &coded):
		return &problem{status: coded.Code, detail: statusText(coded.Code), cause: err, plain: true}
	}
	return &problem{status: http.StatusInternalServerError, detail: statusText(http.StatusInternalServerError), cause: err}
}

func statusText(status int) string {
	switch status {
	case http.StatusNotFound:
		return "There is no page at this address."
	case http.StatusMethodNotAllowed:
		return "This address does not take this method: a request that changes a session is a POST, a request that reads a session is a GET."
	case http.StatusInternalServerError:
		return "Something went wrong in the server. Nothing was saved."
	}
	return http.StatusText(status) + "."
}

// partText says which limit a seat of a class has reached.
func partText(e *classroom.PartFullError) string {
	if e.Limit == classroom.LimitSessions {
		return fmt.Sprintf("This seat has %d sessions in the store, also those that have expired and were not cleared, and no more are allowed. Nothing was changed. Flush a session, or clear the expired ones.", e.Max)
	}
	return fmt.Sprintf("The sessions of this seat have %s bytes in the store, and no more are allowed. Nothing was changed. Flush a session, or clear the expired ones.", say.Number(int(e.Max)))
}

// limitText says what would be too large, and what its size counts.
func limitText(e *session.LimitError) string {
	with := ""
	if e.Key != "" {
		with = fmt.Sprintf("With the key %q ", say.Shown(e.Key, 80))
	}
	size, most := say.Number(e.Size), say.Number(e.Max)
	switch e.Limit {
	case session.LimitValue:
		return fmt.Sprintf("The value of the key %q would be %s bytes, written as JSON and without the key; at most %s are allowed. Nothing was changed.", say.Shown(e.Key, 80), size, most)
	case session.LimitKeys:
		return with + fmt.Sprintf("the session would have %s keys; at most %s are allowed. Nothing was changed.", size, most)
	case session.LimitCookie:
		return with + fmt.Sprintf("the cookie would be %s bytes: its name and its signed value, without the = between them and without attributes; at most %s are allowed. With every value in the cookie the browser's limit counts: placement hybrid and placement server have room. Nothing was changed.", size, most)
	}
	return with + fmt.Sprintf("the session would be %s bytes: all keys and values, written as JSON, each with its colon and comma; at most %s are allowed. Nothing was changed.", size, most)
}

// largeField maps a route to the form's field that can be too large.
var largeField = map[string]string{"/set": "value", "/login": "user", "/tamper": "to", "/check": checkValue}

// problemJSON is a problem of RFC 9457.
type problemJSON struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail"`
	Limit  string  `json:"limit,omitempty"`
	Size   int     `json:"size,omitempty"`
	Max    int     `json:"max,omitempty"`
	Key    *string `json:"key,omitempty"`

	Running []ongoing `json:"running,omitempty"`
}

// ongoing is a run that goes on, as a problem names it.
type ongoing struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// handleError is Echo's HTTPErrorHandler: it answers every error, in the form that the client
// asked for.
func (a *App) handleError(err error, ec echo.Context) {
	resp := ec.Response()
	if resp.Committed {
		return
	}
	c, p := callOf(ec), problemOf(err)
	if left := a.seatLeft(c); left != nil && p.silent() {
		p, c.failure = left, left
	}
	if c.Request().Method != http.MethodPost && errors.As(err, new(*session.ReadOnlyError)) {
		p.detail += " With --rolling a read moves the idle clock, which is a write."
	}
	if c.ctx().Err() != nil {
		c.quiet() // the client left: no timeline calls that a refusal
	}
	if s := c.seat.Engine.Loaded(c.Request()); s != nil {
		// A refusal of ours saves nothing. Echo's own 4xx, which a handler may return after
		// it has staged a change, saves that change. A flush, or a commit before the error,
		// has happened: its cookie must be sent.
		if p.plain && p.status < http.StatusInternalServerError {
			if err := s.Commit(c.ctx()); err != nil {
				c.failure = err
				p = problemOf(err)
			}
		}
		s.Discard(c.ctx(), "the answer is an error")
		s.WriteCookie(resp.Header())
	}
	if n := p.retryAfter(); n > 0 {
		resp.Header().Set("Retry-After", strconv.Itoa(n))
	}
	if err := contain(func() error { return a.refuse(c, p) }); err != nil && !clientLeft(c, err) {
		a.cfg.Log.Error("an error's answer failed", "error", err)
		_ = c.String(p.status, p.detail) // it fails if nothing can be written any more
	}
}

// clientLeft reports whether err means that the client did not wait for its answer, or did
// not read it in time. That is no fault of the server.
func clientLeft(c *call, err error) bool {
	return c.ctx().Err() != nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}

// refuse answers with a problem.
func (a *App) refuse(c *call, p *problem) error {
	out := &outcome{did: trace.Did{Op: c.op()}}
	if c.wants == formJSON {
		return a.refuseJSON(c, p, out)
	}
	if p.status == http.StatusRequestEntityTooLarge {
		p.field = largeField[c.Path()]
	}
	sentence := say.Refused(p.status, p.detail, p.field, p.limit != nil && p.limit.Key != "")
	said := show.Sentence(sentence)
	e, lesson := a.shelf.Find(slugOf(c))
	lesson = lesson && a.experiments != nil && (!p.aboutRequest() || p.status == http.StatusNotFound || c.wants == formFragment)
	if (p.aboutRequest() || c.stranger) && !lesson {
		if c.wants == formFragment {
			if p.link.URL != "" {
				said.Links = append(said.Links, p.link)
			}
			return a.write(c, p.status, views.ProblemFragment(said))
		}
		return a.write(c, p.status, views.Problem(a.problemPage(c, p), said))
	}
	if p.silent() {
		c.session = nil // to ask the store again would make the page wait too
	} else {
		c.session, _ = c.seat.Engine.Load(c.Request()) // nil when the store does not answer: the page says so
	}
	if lesson {
		for _, r := range p.running {
			link := views.Link{URL: r.URL, Text: r.Title}
			if proof := c.place().Proof; proof != "" {
				link.URL += "&x=" + proof
			}
			said.Links = append(said.Links, link)
		}
		return a.showExperiment(c, p.status, e, seenRun{}, said)
	}
	if c.Path() == "/experiments" && p.silent() && c.wants == formPage {
		return a.write(c, p.status, views.ShelfPage(a.shelfView(c, "Experiments", "")))
	}
	_ = a.begin(c) // a page that is loaded during an outage has a visit too, if there is room
	l := a.labOf(c, a.record(c, p.status, out), out)
	if l.sentence = sentence; c.wants == formPage && len(l.composer.Value) > maxEchoed {
		l.sentence.Parts = append(l.sentence.Parts, say.Text(" Shorten the value before you press Get: Get sends the value in its address."))
	}
	return a.writeLab(c, p.status, l)
}

// problemPage returns the view of a page that has nothing but a problem. What came from a seat during a
// pause is led back to the class page, which learns when the class goes on.
func (a *App) problemPage(c *call, p *problem) views.Page {
	title := strconv.Itoa(p.status)
	if a.isOutside(c) {
		return a.outside(c, title)
	}
	page := a.page(c, title)
	if p == errPaused && page.Strip != nil {
		page.Again, page.Refresh = classAgain, page.Strip.Home+"/class"
	}
	return page
}

func (a *App) refuseJSON(c *call, p *problem, out *outcome) error {
	said := problemJSON{Type: "about:blank", Title: http.StatusText(p.status), Status: p.status, Detail: p.detail, Running: p.running}
	if p.limit != nil {
		said.Limit, said.Size, said.Max, said.Key = string(p.limit.Limit), p.limit.Size, p.limit.Max, &p.limit.Key
	}
	body, err := json.Marshal(said)
	if err != nil {
		return err
	}
	if c.session = c.seat.Engine.Loaded(c.Request()); c.session == nil && c.visit != nil && !p.silent() {
		c.session, _ = c.seat.Engine.Load(c.Request()) // nil when the store does not answer
	}
	a.recordJSON(c, p.status, out, body)
	return writeJSONText(c, p.status, "application/problem+json", body)
}
