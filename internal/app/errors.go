package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
)

// problem is a refusal: a status, words for people, and the cause for the log.
type problem struct {
	status int
	detail string
	limit  *session.LimitError
	cause  error
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
	switch p.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		return 2
	}
	return 0
}

// aboutRequest tells that the request was refused before it concerned a session:
// its answer shows none.
func (p *problem) aboutRequest() bool {
	switch p.status {
	case http.StatusForbidden, http.StatusMisdirectedRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusInternalServerError:
		return true
	}
	return false
}

// problemOf translates any error. It is the one table from error to status.
func problemOf(err error) *problem {
	var (
		p     *problem
		limit *session.LimitError
		input *session.InputError
		store *session.StoreError
		coded *echo.HTTPError
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &limit):
		return &problem{http.StatusRequestEntityTooLarge, limitText(limit), limit, err}
	case errors.As(err, &input):
		return &problem{http.StatusUnprocessableEntity, input.Text, nil, err}
	case errors.Is(err, session.ErrGone):
		return &problem{http.StatusConflict, "Another request ended this session, or gave it a new ID, while this one worked. Nothing was changed, and nothing is revived.", nil, err}
	case errors.Is(err, session.ErrMoved):
		return &problem{http.StatusConflict, "This request carried an ID that was replaced a moment ago. Nothing was changed: try again with the new cookie.", nil, err}
	case errors.Is(err, session.ErrConflict):
		return &problem{http.StatusConflict, "Other requests kept changing this session first. Nothing was changed: try again.", nil, err}
	case errors.Is(err, session.ErrFull):
		return &problem{http.StatusInsufficientStorage, "The store is full: it takes no new session until one ends or expires. Live sessions are never thrown out.", nil, err}
	case errors.As(err, &store), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &problem{http.StatusServiceUnavailable, "The session store does not answer. Your cookie is untouched: an outage is not a logout.", nil, err}
	case errors.As(err, &coded):
		return &problem{coded.Code, statusText(coded.Code), nil, err}
	}
	return &problem{http.StatusInternalServerError, statusText(http.StatusInternalServerError), nil, err}
}

func statusText(status int) string {
	switch status {
	case http.StatusNotFound:
		return "There is no such page."
	case http.StatusMethodNotAllowed:
		return "This address does not take that method: what changes a session is a POST, what reads one is a GET."
	case http.StatusInternalServerError:
		return "Something went wrong in the server. Nothing was saved."
	}
	return http.StatusText(status) + "."
}

func limitText(e *session.LimitError) string {
	over := fmt.Sprintf("would be %s bytes, and at most %s are allowed", number(e.Size), number(e.Max))
	key := ""
	if e.Key != "" {
		key = fmt.Sprintf(" (the key is %q)", e.Key)
	}
	switch e.Limit {
	case session.LimitKeys:
		return fmt.Sprintf("The session would have %d keys, and at most %d are allowed%s. Nothing was changed.", e.Size, e.Max, key)
	case session.LimitCookie:
		return fmt.Sprintf("The cookie, name and value, %s%s. With every value in the cookie it is the browser's limit that counts: choose hybrid or server. Nothing was changed.", over, key)
	case session.LimitValue:
		return fmt.Sprintf("The value %s%s. Nothing was changed.", over, key)
	}
	return fmt.Sprintf("The session %s%s. Nothing was changed.", over, key)
}

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
}

// handleError answers every error, in the form that the client asked for.
func (a *App) handleError(err error, c echo.Context) {
	resp := c.Response()
	if resp.Committed {
		return
	}
	p := problemOf(err)
	s := a.engine.Loaded(c.Request())
	if s != nil {
		// Staged changes are dropped when the status says so. A flush, or what
		// was committed before, has happened, and its cookie must travel.
		if p.status >= http.StatusInternalServerError {
			s.Discard(c.Request().Context(), "the answer is an error")
		}
		session.SetCookie(resp.Header(), s.SetCookie())
	}
	if n := p.retryAfter(); n > 0 {
		resp.Header().Set("Retry-After", strconv.Itoa(n))
	}
	if err := a.refuse(c, p); err != nil {
		a.cfg.Log.Error("an error's answer failed", "error", err)
		_ = c.String(p.status, p.detail) // the client left, or nothing can be written any more
	}
}

func (a *App) refuse(c echo.Context, p *problem) error {
	if formOf(c.Request()) == formJSON {
		out := problemJSON{Type: "about:blank", Title: http.StatusText(p.status), Status: p.status, Detail: p.detail}
		if p.limit != nil {
			out.Limit, out.Size, out.Max, out.Key = string(p.limit.Limit), p.limit.Size, p.limit.Max, &p.limit.Key
		}
		return writeJSON(c, p.status, "application/problem+json", out)
	}
	return a.show(c, p.status, refused(p), p)
}
