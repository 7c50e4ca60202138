package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
)

// logRequests turns a panic into an error for the error handler, and logs one line for each
// request, without keys, values, cookies or IDs. Where none is asked for it logs only the
// requests that failed in the server.
func (a *App) logRequests(next echo.HandlerFunc) echo.HandlerFunc {
	return func(ec echo.Context) error {
		var began time.Time
		if a.logsRequests() {
			began = time.Now()
		}
		c := callOf(ec)
		c.Context = ec
		err := contain(func() error { return next(ec) })
		if err != nil {
			ec.Error(err)
		}
		a.logRequest(c, began, err)
		if a.of != nil { // here, since Echo gives its context to another request once this one is done
			a.of.pressed(c)
		}
		return nil
	}
}

// logsRequests tells whether one line a request is asked for. While a class is open that is asked
// for apart: its phones would scroll the address to join at away.
func (a *App) logsRequests() bool {
	if a.openClass() != nil {
		return a.cfg.Class.LogRequests
	}
	return a.cfg.LogRequests
}

// logRequest logs a request that was answered. err is the error of its handler. began is zero
// where no line is asked for: reading the clock would cost more than all the rest of a line that
// is not written.
func (a *App) logRequest(c *call, began time.Time, err error) {
	status, failure := c.Response().Status, c.failure
	if began.IsZero() && status < http.StatusInternalServerError && err == nil && failure == nil {
		return
	}
	if failure == nil {
		failure = err
	}
	level := slog.LevelInfo
	switch {
	case a.of != nil && errors.Is(failure, errAsked): // by a learner, who must not fill the teacher's terminal
	case status >= http.StatusInternalServerError, ours(failure):
		level = slog.LevelError
	case status >= http.StatusBadRequest:
		level = slog.LevelWarn
	}
	if level < slog.LevelError && began.IsZero() || c.ctx().Err() != nil && !ours(failure) {
		return // a client that left is no fault
	}
	attrs := append(make([]slog.Attr, 0, 5), slog.String("method", c.Request().Method), slog.String("route", c.Path()), slog.Int("status", status))
	if !began.IsZero() {
		attrs = append(attrs, slog.Duration("took", time.Since(began).Round(time.Microsecond)))
	}
	if level == slog.LevelError {
		attrs = append(attrs, slog.Any("error", failure))
	}
	a.cfg.Log.LogAttrs(c.ctx(), level, "request", attrs...)
}

// ours reports whether an error comes from this program or its store, and not from what a
// client sent or from a client that left.
func ours(err error) bool {
	if err == nil {
		return false
	}
	var store *session.StoreError
	return errors.As(err, new(*panicked)) || errors.As(err, &store) && !errors.Is(err, context.Canceled)
}

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
