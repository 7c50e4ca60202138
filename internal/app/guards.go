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

// fixedHeaders are set on every answer. All answers share the slices: a handler may replace
// one, and must not change it.
var fixedHeaders = http.Header{
	"Content-Security-Policy":      {contentPolicy},
	"X-Content-Type-Options":       {"nosniff"},
	"Referrer-Policy":              {"same-origin"}, // not no-referrer: that turns a form's Origin into null
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Cache-Control":                {"no-store"}, // assets set Cache-Control and Vary themselves
	"Vary":                         {"Accept, Cookie, HX-Request"},
}

func securityHeaders(c *call) error {
	maps.Copy(c.Response().Header(), fixedHeaders)
	return nil
}

// checkHost is the guard against DNS rebinding. When a foreign name resolves to this machine,
// its pages pass checkOrigin, since their Origin agrees with their Host; but that Host is not
// one of this server's. The program's own clients may name the Host of a browser whose request
// they carry on.
func (a *App) checkHost(c *call) error {
	if r := c.Request(); c.from == nil && !a.cfg.Hosts.allow(r.Host) && !reached(r) && !a.inClass(r) {
		a.cameForeign(r)
		return &problem{status: http.StatusMisdirectedRequest,
			detail: "The Host of this request is no name of this server. Use the address that the program printed, or start it with --allow-host."}
	}
	return nil
}

var crossOrigin = http.NewCrossOriginProtection()

// checkOrigin refuses a POST that another origin's page has made.
func checkOrigin(c *call) error {
	if err := crossOrigin.Check(c.Request()); err != nil {
		return &problem{status: http.StatusForbidden, cause: err,
			detail: "This request came from a page of another origin. Only this program's own pages may change a session."}
	}
	return nil
}

// foreign reports whether another origin's page made the request. Unlike checkOrigin it
// checks a GET too.
func foreign(r *http.Request) bool {
	asked := *r
	asked.Method = http.MethodPost
	return crossOrigin.Check(&asked) != nil
}

// errAnswered stops the handlers after a check that has answered the request itself.
var errAnswered = errors.New("answered already")

// enter sets the side of the lab that a request is for, by its path, and takes that side's
// base off the path, so that the routes match.
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

// samePath normalizes a path: it decodes percent-encoded letters (RFC 3986, section 6.2.2.2)
// and drops one slash at the end. It does so without a redirect, which could lead elsewhere
// and would lose a form. A path with an encoded slash stays as it came, and matches no route.
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
	case strings.HasPrefix(bare, "/s/") && !strings.Contains(bare[len("/s/"):], "/"): // the path of a second browser's cookie
	case strings.Contains(bare, "/live/"), strings.Contains(bare, "/assets"): // a name follows, which may end with a slash
	default:
		u.Path = bare
	}
}

// commitStaged saves the change of a handler that stages one and answers without a commit, if
// the status of its answer is below 500.
func (a *App) commitStaged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(ec echo.Context) error {
		c, resp := callOf(ec), ec.Response()
		resp.Before(func() {
			if err := c.commitLoaded(); err != nil {
				c.failure = err
				resp.Status = problemOf(err).status // the body cannot change any more; the status can
			}
		})
		if err := next(ec); err != nil || resp.Committed {
			return err
		}
		return c.commitLoaded()
	}
}

// commitLoaded commits the request's session, if it was loaded. With a 5xx it discards what
// was staged.
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
