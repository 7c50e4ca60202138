package app

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
)

// identity is one browser's side of the lab: where its pages live, and an engine
// for the cookie that it has there. All share the store and the secrets.
type identity struct {
	engine *session.Engine
	base   string // before every path: "" or "/s/NAME-SUFFIX"
	name   string // "" for the first browser, "second" for another
	family string // the token of the visit that opened it
	used   int64  // counts up, to find the one that was used longest ago
	closed atomic.Bool
}

// label says whose a moment is, on the pages of the others.
func (id *identity) label() string {
	if id.name == "" {
		return "first browser"
	}
	return id.name + " browser"
}

// secondNames are the browsers that one visit can open.
var secondNames = []string{"second", "third", "fourth"}

// maxSeats is how many second browsers there are in all; the one that was used
// longest ago makes room.
const maxSeats = 32

// seats are the second browsers.
type seats struct {
	mu      sync.Mutex
	byName  map[string]*identity // by NAME-SUFFIX
	uses    int64
	secrets [][]byte // of all engines
}

// errAnswered stops what comes after a check that answered itself.
var errAnswered = errors.New("answered already")

// enter finds out whose side of the lab a request is for, and lets the routes see
// the path below it.
func (a *App) enter(c echo.Context) error {
	r := c.Request()
	samePath(r.URL)
	rest, ok := strings.CutPrefix(r.URL.Path, "/s/")
	if !ok {
		return nil
	}
	name, path, slash := strings.Cut(rest, "/")
	a.seats.mu.Lock()
	id := a.seats.byName[name]
	if id != nil {
		a.seats.uses++
		id.used = a.seats.uses
	}
	a.seats.mu.Unlock()
	if id == nil {
		return &problem{status: http.StatusNotFound, detail: "There is no such browser's lab: it ended with the program, or made room for others."}
	}
	remembered(r.Context()).id = id
	if !slash { // the cookie's path ends with it
		return errors.Join(c.Redirect(http.StatusSeeOther, id.base+"/"), errAnswered)
	}
	r.URL.Path, r.URL.RawPath = "/"+path, strings.TrimPrefix(r.URL.RawPath, id.base)
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

// second is POST /second: another identity beside this one, with its own path,
// cookie name and cookie path.
func (a *App) second(c echo.Context) error {
	mem := remembered(c.Request().Context())
	if a.visitOf(c) == nil || mem.id != a.root {
		return &problem{status: http.StatusBadRequest, detail: `A second browser belongs to a visit of the first: send the page's field "v" along.`}
	}
	id, err := a.openSeat(mem.visit)
	if err != nil {
		return err
	}
	return goTo(c, id.base+"/", struct {
		Op   string `json:"op"`
		Name string `json:"name"`
		URL  string `json:"url"`
	}{"second", id.name, id.base + "/"})
}

// goTo answers a POST whose outcome is another page: JSON says what was done.
func goTo(c echo.Context, location string, done any) error {
	switch wants(c) {
	case formJSON:
		return writeJSON(c, http.StatusOK, "application/json", done)
	case formFragment:
		c.Response().Header().Set("HX-Redirect", location)
		return c.NoContent(http.StatusOK)
	}
	return c.Redirect(http.StatusSeeOther, withHop(c, location))
}

// openSeat makes v's next second browser.
func (a *App) openSeat(v *visit) (*identity, error) {
	a.seats.mu.Lock()
	defer a.seats.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seats = slices.DeleteFunc(v.seats, func(id *identity) bool { return id.closed.Load() })
	if len(v.seats) >= len(secondNames) {
		return nil, &problem{status: http.StatusTooManyRequests, detail: "This visit has opened three browsers already, and no more are allowed."}
	}
	name := secondNames[len(v.seats)]
	place := name + "-" + strings.ToLower(rand.Text()[:12])
	cfg := a.cfg.Sessions
	cfg.Secrets = a.seats.secrets
	cfg.CookieName, cfg.CookiePath = a.root.engine.CookieName()+"~"+name, "/s/"+place+"/"
	engine, err := session.New(cfg)
	if err != nil {
		return nil, err
	}
	if len(a.seats.byName) >= maxSeats {
		oldest := ""
		for place, id := range a.seats.byName {
			if oldest == "" || id.used < a.seats.byName[oldest].used {
				oldest = place
			}
		}
		a.seats.byName[oldest].closed.Store(true)
		delete(a.seats.byName, oldest)
	}
	a.seats.uses++
	id := &identity{engine: engine, base: "/s/" + place, name: name, family: v.token, used: a.seats.uses}
	a.seats.byName[place] = id
	v.seats = append(v.seats, id)
	return id, nil
}
