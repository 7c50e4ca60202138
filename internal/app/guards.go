package app

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// contentPolicy allows this server's own files and nothing inline.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

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

func securityHeaders(c *call) error {
	maps.Copy(c.Response().Header(), fixedHeaders)
	return nil
}

// checkHost is the guard against DNS rebinding: a page of a foreign name that
// resolves to this machine has the foreign name in its Host header, and an
// Origin that agrees with it.
func (a *App) checkHost(c *call) error {
	if r := c.Request(); !a.cfg.Hosts.allow(r.Host) && !reached(r) {
		return &problem{status: http.StatusMisdirectedRequest,
			detail: "The Host of this request is no name of this server. Use the address that the program printed, or start it with --allow-host."}
	}
	return nil
}

var crossOrigin = http.NewCrossOriginProtection()

// checkOrigin refuses state-changing requests that another site's page made.
func checkOrigin(c *call) error {
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

// errAnswered stops what comes after a check that answered itself.
var errAnswered = errors.New("answered already")

// enter finds out whose side of the lab a request is for, and lets the routes see
// the path below it.
func (a *App) enter(c *call) error {
	r := c.Request()
	samePath(r.URL)
	s, below := a.seats.Enter(r.URL.Path)
	switch {
	case s == nil:
		return &problem{status: http.StatusNotFound, detail: "There is no browser's lab at this address: it ended with the program, or made room for another after half an hour without a request."}
	case s == a.seats.Root:
		return nil
	}
	c.seat = s
	if below == "" { // the cookie's path ends with a slash
		return errors.Join(c.Redirect(http.StatusSeeOther, s.Base+"/"), errAnswered)
	}
	r.URL.Path, r.URL.RawPath = below, strings.TrimPrefix(r.URL.RawPath, s.Base)
	return nil
}

// samePath makes one of the paths that name the same resource: letters may be
// percent-encoded (RFC 3986, section 6.2.2.2), and one slash may stand at the end.
// Nothing is redirected, so that no address of ours leads elsewhere, and a form is
// not lost. An encoded slash is no slash: its path is left as it came, and unknown.
func samePath(u *url.URL) {
	if strings.Contains(strings.ToLower(u.RawPath), "%2f") {
		return
	}
	u.RawPath = ""
	if u.Path == "" { // an absolute form without a path (RFC 9112, section 3.2.2)
		u.Path = "/"
	}
	bare, ok := strings.CutSuffix(u.Path, "/")
	switch {
	case !ok, bare == "", strings.HasSuffix(bare, "/"): // nothing to cut, or more than one
	case strings.HasPrefix(bare, "/s/") && !strings.Contains(bare[len("/s/"):], "/"): // where a second browser's cookie lives
	case strings.Contains(bare, "/live/"), strings.Contains(bare, "/assets"): // what follows there is a name, whatever is in it
	default:
		u.Path = bare
	}
}

// commitStaged is the safety net for a handler that stages a change and settles
// its answer without a commit: with a status below 500 the change is saved.
func (a *App) commitStaged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(ec echo.Context) error {
		c, resp := callOf(ec), ec.Response()
		resp.Before(func() {
			if err := c.commitLoaded(); err != nil {
				c.failure = err
				resp.Status = problemOf(err).status // the body is settled; the status need not lie
			}
		})
		if err := next(ec); err != nil || resp.Committed {
			return err
		}
		return c.commitLoaded()
	}
}

// commitLoaded commits the request's session, if it was loaded, unless the
// answer is an error.
func (c *call) commitLoaded() error {
	s := c.seat.Engine.Loaded(c.Request())
	if s == nil {
		return nil
	}
	if c.Response().Status >= http.StatusInternalServerError {
		s.Discard(c.ctx(), "the answer is an error") // then Commit does nothing
	}
	err := s.Commit(c.ctx())
	s.WriteCookie(c.Response().Header())
	return err
}
