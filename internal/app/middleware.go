package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/sessionscope/sessionscope/internal/session"
)

// maxBodyBytes is the most that a request's body may have.
const maxBodyBytes = 256 << 10

// contentPolicy allows this server's own files and nothing inline.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// request is what the app remembers of a request while it answers it.
type request struct {
	head   []string // the header lines as received; nil when only net/http knows them
	body   string   // as received
	form   url.Values
	events []session.Event
}

type requestKey struct{}

// begin gives each request its memory.
func begin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), requestKey{}, &request{head: tappedHead(r)})))
		return next(c)
	}
}

// remembered returns the memory of the request with this context. It is empty,
// and forgotten, for one that was refused before it began.
func remembered(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// recordEvent is the engine's OnEvent: a page shows what the engine did for it.
func recordEvent(ctx context.Context, ev session.Event) {
	r := remembered(ctx)
	r.events = append(r.events, ev)
}

// logRequests writes one line a request, without keys, values, cookies or IDs.
// It is made once: Echo applies what comes before the routing anew to each request.
func (a *App) logRequests() echo.MiddlewareFunc {
	return middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
		LogMethod: true, LogRoutePath: true, LogStatus: true, LogLatency: true, LogError: true, HandleError: true,
		LogValuesFunc: func(c echo.Context, v middleware.RequestLoggerValues) error {
			ctx := c.Request().Context()
			if ctx.Err() != nil {
				return nil // the client left: nobody's fault
			}
			level, attrs := slog.LevelInfo, []slog.Attr{
				slog.String("method", v.Method), slog.String("route", v.RoutePath),
				slog.Int("status", v.Status), slog.Duration("took", v.Latency.Round(time.Microsecond)),
			}
			switch {
			case v.Status >= 500:
				level = slog.LevelError
				attrs = append(attrs, slog.Any("error", v.Error))
			case v.Status >= 400:
				level = slog.LevelWarn
			}
			a.cfg.Log.LogAttrs(ctx, level, "request", attrs...)
			return nil
		},
	})
}

// recoverPanics turns a panic into an error for the one error handler.
func recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error { return contain(func() error { return next(c) }) }
}

// contain returns f's error, or its panic as one.
func contain(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

func securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // not no-referrer: that turns a form's Origin into null
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store") // this and Vary are for all but assets, which have their own
		h.Set("Vary", "Accept, Cookie, HX-Request")
		return next(c)
	}
}

// checkHost is the guard against DNS rebinding: a page of a foreign name that
// resolves to this machine has the foreign name in its Host header, and an
// Origin that agrees with it.
func (a *App) checkHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !a.cfg.Hosts.allow(c.Request().Host) {
			return &problem{status: http.StatusMisdirectedRequest,
				detail: "The Host of this request is not one of this server's. Use the address that the program printed, or start it with --allow-host."}
		}
		return next(c)
	}
}

var crossOrigin = http.NewCrossOriginProtection()

// checkOrigin refuses state-changing requests that another site's page made.
func checkOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := crossOrigin.Check(c.Request()); err != nil {
			return &problem{status: http.StatusForbidden, cause: err,
				detail: "This request came from a page of another origin. Only this program's own pages may change a session."}
		}
		return next(c)
	}
}

// readForm reads the body of a POST: a form, or nothing.
func readForm(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		declared := r.Header.Get("Content-Type")
		if kind, _, err := mime.ParseMediaType(declared); (err != nil || kind != "application/x-www-form-urlencoded") &&
			(declared != "" || r.ContentLength != 0) {
			return &problem{status: http.StatusUnsupportedMediaType,
				detail: "The body is not a form. Send it as application/x-www-form-urlencoded."}
		}
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, maxBodyBytes))
		mem := remembered(r.Context())
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			mem.form, _ = url.ParseQuery(string(body)) // what there is of it stays in the form
			return &problem{status: http.StatusRequestEntityTooLarge,
				detail: fmt.Sprintf("The body of this request is too large: at most %s bytes are allowed. Nothing was changed.", number(maxBodyBytes))}
		} else if err != nil {
			return &problem{status: http.StatusBadRequest, cause: err, detail: "The body of this request could not be read to its end."}
		}
		mem.body = string(body)
		if mem.form, err = url.ParseQuery(mem.body); err != nil {
			return &problem{status: http.StatusBadRequest, cause: err,
				detail: "The form does not parse: a field holds a broken %-escape or a semicolon."}
		}
		return next(c)
	}
}

// commitStaged is the safety net for a handler that stages a change and settles
// its answer without a commit: with a status below 500 the change is saved.
func (a *App) commitStaged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		resp := c.Response()
		commit := func() error {
			s := a.engine.Loaded(c.Request())
			if s == nil {
				return nil
			}
			ctx := c.Request().Context()
			if resp.Status >= http.StatusInternalServerError {
				s.Discard(ctx, "the answer is an error") // then Commit does nothing
			}
			err := s.Commit(ctx)
			session.SetCookie(resp.Header(), s.SetCookie())
			return err
		}
		resp.Before(func() {
			if err := commit(); err != nil {
				resp.Status = problemOf(err).status // the body is settled; the status need not lie
			}
		})
		if err := next(c); err != nil || resp.Committed {
			return err
		}
		return commit()
	}
}
