package app

import (
	"crypto/rand"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// seatCookieLife is how long a browser keeps the cookie by which it is offered its seat again: longer
// than a school day, and a browser that closes must not lose it.
const seatCookieLife = 12 * time.Hour

// joinRoutes adds the routes of the page where one takes a seat.
func (a *App) joinRoutes() {
	a.read("/join", a.joining(a.join))
	a.post("/join", a.joining(a.takeSeat))
	a.post("/join/spin", a.joining(a.spin))
	a.post("/join/back", a.joining(a.backToSeat))
}

// joining makes a handler of the page where one takes a seat in the class that is open. Nothing of it
// is a moment.
func (a *App) joining(h func(*call, *class) error) func(*call) error {
	return func(c *call) error {
		c.quiet()
		cl := a.openClass()
		if cl == nil || cl.ending.Load() {
			return a.noClass(c)
		}
		return h(c, cl)
	}
}

// joinCookie returns the name of a cookie of the join page: "seat", by which a browser is offered its
// seat again, or "visitor", which holds the name that a visitor was offered. They are sent to /join
// and to no other page, since the lab's pages show every cookie that comes.
func (a *App) joinCookie(kind string) string { return a.seats.Root.Engine.CookieName() + "-" + kind }

// setJoinCookie sets a cookie of the join page; with an empty value the browser drops it.
func (a *App) setJoinCookie(c *call, kind, value string, life time.Duration) {
	cookie := &http.Cookie{Name: a.joinCookie(kind), Value: value, Path: "/join", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(life.Seconds())}
	if value == "" {
		cookie.MaxAge = -1
	}
	c.SetCookie(cookie)
}

// visitorOf returns the token of the visitor, made here for who has none. It is random: nobody can
// take the name that another is offered. The form has it, and the cookie for the page's next load.
func (a *App) visitorOf(c *call) string {
	cookie, _ := c.cookie(a.joinCookie("visitor"))
	for _, token := range []string{c.form.Get("visitor"), cookie} {
		if len(token) == len(rand.Text()) {
			return strings.Clone(token) // the class keeps it longer than the request's body
		}
	}
	return rand.Text()
}

// joinScreen is what the join page shows, before it becomes a view.
type joinScreen struct {
	status   int
	visitor  string
	problem  string // why the press before was refused
	knocking bool
	another  bool // a browser that has a seat wants another
	back     views.Back
}

// join is GET /join. For a visitor who has knocked at the closed door it carries out that press, once
// the teacher has let the visitor in.
func (a *App) join(c *call, cl *class) error {
	visitor := a.visitorOf(c)
	if cl.roster.Knocks(visitor) {
		return a.enterBy(c, cl, visitor)
	}
	if c.wants == formFragment { // the page has knocked, and nobody remembers that
		c.Response().Header().Set("HX-Redirect", "/join")
		return c.NoContent(http.StatusOK)
	}
	return a.showJoin(c, cl, joinScreen{status: http.StatusOK, visitor: visitor, another: c.QueryParam("another") != ""})
}

// takeSeat is POST /join: That's me.
func (a *App) takeSeat(c *call, cl *class) error {
	return a.enterBy(c, cl, a.visitorOf(c))
}

// enterBy gives the visitor a seat, or has the visitor knock.
func (a *App) enterBy(c *call, cl *class, visitor string) error {
	joined, err := cl.takesSeat(c, visitor)
	switch {
	case err == nil:
		return a.seated(c, joined)
	case errors.Is(err, classroom.ErrDoor) && c.wants == formFragment:
		return c.NoContent(http.StatusNoContent)
	case errors.Is(err, classroom.ErrDoor) && c.wants == formPage && c.Request().Method == http.MethodPost:
		a.setJoinCookie(c, "visitor", visitor, classroom.OfferLife)
		return c.Redirect(http.StatusSeeOther, "/join")
	case errors.Is(err, classroom.ErrDoor):
		return a.showJoin(c, cl, joinScreen{status: http.StatusOK, visitor: visitor, knocking: true})
	case c.wants == formFragment:
		c.Response().Header().Set("HX-Redirect", "/join") // the page says why
		return c.NoContent(http.StatusOK)
	}
	return a.refuseJoin(c, cl, visitor, err, nil)
}

// refuseJoin says why there is no seat. back is the form that was refused, nil for the offer.
func (a *App) refuseJoin(c *call, cl *class, visitor string, err error, back *views.Back) error {
	var (
		full  *classroom.FullError
		fast  *classroom.RateError
		wrong *classroom.WrongCodeError
	)
	l, after := joinScreen{visitor: visitor}, time.Duration(0)
	switch {
	case errors.Is(err, classroom.ErrEnded):
		return a.noClass(c)
	case errors.As(err, &full):
		l.status, l.problem, after = http.StatusTooManyRequests, say.ClassFull(full.Seats, full.After), max(full.After, 10*time.Second)
	case errors.As(err, &fast) && back != nil && fast.Device:
		l.status, l.problem, after = http.StatusTooManyRequests, say.TooFast("Too many codes were typed at this device, or at this school, within a few minutes.", fast.After), fast.After
	case errors.As(err, &fast) && back != nil:
		l.status, l.problem, after = http.StatusTooManyRequests, say.TooFast("Too many wrong codes were typed for this seat, so it has a new one and takes none for a while.", fast.After), fast.After
	case errors.As(err, &fast):
		l.status, l.problem, after = http.StatusTooManyRequests, say.TooFast("Too many seats were taken from this device, or from this school, within a few seconds.", fast.After), fast.After
	case errors.As(err, &wrong):
		l.status, l.problem = http.StatusUnprocessableEntity, say.WrongCode(wrong.Left)
	case errors.Is(err, classroom.ErrNoSeat) && c.form.Get("own") != "":
		l.status, l.problem = http.StatusNotFound, "The seat of this browser is not in the class any more. Take another one."
		back = nil
	case errors.Is(err, classroom.ErrNoSeat):
		l.status, l.problem = http.StatusUnprocessableEntity, "No seat has this nickname with this code. Compare both with a page of your seat, or ask the teacher to give the seat back."
	default:
		c.failure = err
		l.status, l.problem, after = http.StatusServiceUnavailable, "The class could not be written down, so nothing was changed. Press again in a moment.", 2*time.Second
	}
	if after > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	if c.wants == formJSON {
		return &problem{status: l.status, detail: l.problem, brief: true}
	}
	if back != nil {
		back.Open, back.Problem, l.problem = true, l.problem, ""
		l.back = *back
	}
	return a.showJoin(c, cl, l)
}

// spin is POST /join/spin: Another name.
func (a *App) spin(c *call, cl *class) error {
	visitor := a.visitorOf(c)
	if _, _, err := cl.roster.Spin(visitor); err != nil && c.wants == formJSON {
		return &problem{status: http.StatusTooManyRequests, detail: "There is no other nickname for this visitor: each visitor has three spins, and who knocks keeps the name.", brief: true}
	}
	if c.wants == formJSON {
		return a.showJoin(c, cl, joinScreen{status: http.StatusOK, visitor: visitor, another: true})
	}
	a.setJoinCookie(c, "visitor", visitor, classroom.OfferLife)
	return goTo(c, "/join?another=1", nil)
}

// backToSeat is POST /join/back: by the seat's cookie with the field own, and otherwise by nickname and
// code, or by a code that the teacher gave.
func (a *App) backToSeat(c *call, cl *class) error {
	var joined classroom.Joined
	var err error
	back := &views.Back{Nickname: say.Shown(c.form.Get("nickname"), 60)}
	if c.form.Get("own") != "" {
		value, _ := c.cookie(a.joinCookie("seat"))
		joined, err = cl.roster.Return(c.ctx(), value)
	} else {
		joined, err = cl.roster.Back(c.ctx(), deviceOf(c.Request()), c.form.Get("nickname"), c.form.Get("code"))
	}
	if err != nil {
		return a.refuseJoin(c, cl, a.visitorOf(c), err, back)
	}
	return a.seated(c, joined)
}

// joinedJSON says in JSON who has a seat, and where.
type joinedJSON struct {
	Op       string `json:"op"`
	Nickname string `json:"nickname"`
	Code     string `json:"code"`
	URL      string `json:"url"` // of the seat's lab; its other pages are below
}

// seated leads to the class page of a seat. The browser keeps the seat's cookie; what the visitor was
// offered is used up.
func (a *App) seated(c *call, joined classroom.Joined) error {
	base := "/s/" + joined.Place()
	a.setJoinCookie(c, "seat", joined.Cookie, seatCookieLife)
	if _, had := c.cookie(a.joinCookie("visitor")); had {
		a.setJoinCookie(c, "visitor", "", 0)
	}
	return goTo(c, base+"/class", joinedJSON{"join", joined.Nickname, joined.Code, base + "/"})
}

// offerJSON says in JSON what a visitor is offered.
type offerJSON struct {
	Op        string `json:"op"`
	Visitor   string `json:"visitor"` // the field of POST /join that takes the offer
	Nickname  string `json:"nickname"`
	SpinsLeft int    `json:"spins_left"`
	Knocking  bool   `json:"knocking"`      // the door is closed: ask again until there is a URL
	Own       string `json:"own,omitempty"` // the nickname of the seat of this browser
}

// showJoin writes the join page.
func (a *App) showJoin(c *call, cl *class, l joinScreen) error {
	own, lost := classroom.Seat{}, false
	if value, came := c.cookie(a.joinCookie("seat")); came && !l.another && !l.knocking {
		var known bool
		own, known = cl.roster.Remembered(value)
		lost = !known
	}
	nickname, spins := "", 0
	if own.Nickname == "" || c.wants == formJSON { // a browser that has a seat is offered another on request
		nickname, spins = cl.roster.Offer(l.visitor)
		a.setJoinCookie(c, "visitor", l.visitor, classroom.OfferLife)
	}
	if c.wants == formJSON {
		if l.knocking {
			l.status = http.StatusAccepted
		}
		return writeJSON(c, l.status, "application/json", offerJSON{"offer", l.visitor, nickname, spins, l.knocking, own.Nickname})
	}
	page := views.Join{
		Page: a.outside(c, "Take a seat"), Visitor: l.visitor, Nickname: nickname, Own: own.Nickname,
		Knocking: l.knocking, Problem: l.problem, Back: l.back, Gave: a.gave(c),
	}
	if lost && l.problem == "" && l.back.Problem == "" {
		page.Lost = "The seat that this browser had is not in this class, or has moved to another device."
	}
	if spins > 0 {
		page.Spins = say.Spins(spins)
	}
	if l.knocking {
		page.Page.Again = classAgain
	}
	return a.write(c, l.status, views.JoinPage(page))
}

// outside returns the view of a page for somebody without a seat.
func (a *App) outside(c *call, title string) views.Page {
	p := a.page(c, title)
	p.Outside, p.Still, p.ClassCSS = true, true, a.assets.url("css/class.css")
	return p
}

// gave says what this very request brought along. The tapped connection has the lines of its head;
// without one they are counted from what net/http has.
func (a *App) gave(c *call) views.Gave {
	r := c.Request()
	came := say.Came{Lines: len(c.head.Lines), Plain: r.TLS == nil}
	if c.head.Lines == nil {
		came.Lines = 1 // Host, which net/http keeps apart
		for _, values := range r.Header {
			came.Lines += len(values)
		}
	}
	for name := range r.Header {
		came.Fetch = came.Fetch || strings.HasPrefix(name, "Sec-Fetch-")
	}
	for pair := range session.Pairs(r.Header) {
		if own := pair.Name == a.joinCookie("seat") || pair.Name == a.joinCookie("visitor"); own && !slices.Contains(came.Own, pair.Name) {
			came.Own = append(came.Own, pair.Name)
		} else {
			came.Others++
		}
	}
	var g views.Gave
	g.Cookies, g.About, g.Lines, g.Fetch = say.Gave(came)
	return g
}
