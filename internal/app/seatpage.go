package app

import (
	"net/http"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// classAgain is how many seconds a class page without scripts waits before it is loaded again.
const classAgain = 5

// seatRoutes adds the routes that only the seats of a class have.
func (a *App) seatRoutes() {
	a.read("/class", a.classPage)
	a.read("/class/became", a.became)
	a.post("/class/heard", a.heard)
	a.echo.POST("/class/answer", inOrder(a.readForm)(handler(a.classAnswer)))
	a.post("/class/browser", a.seatGave)
	a.echo.GET("/class/events", inOrder(checkQuery)(handler(a.classEvents)))
}

// strip returns what the top of every page of a seat says, nil for a page that belongs to no seat. A
// page of a place that the seat has left says nothing of it, also if the seat left while the request
// was under way: the seat's new place and code are for whoever has it now.
func (cl *class) strip(c *call) *views.Strip {
	s, ok := cl.seatOf(c)
	if !ok {
		return nil
	}
	tile, _ := cl.board.Tile(s.ID)
	v := &views.Strip{Nickname: s.Nickname, Code: s.Code, Home: "/s/" + s.Place(), Twice: tile.Devices > 1, Paused: cl.together.Present().Paused}
	v.Asks, v.Calls = cl.asks(s.ID)
	return v
}

// seatOf returns the seat of the roster that a request is for, if it is still at the request's place.
func (cl *class) seatOf(c *call) (classroom.Seat, bool) {
	s, ok := cl.roster.Seat(classroom.ID(c.seat.Class))
	return s, ok && c.seat.First().Base == "/s/"+s.Place()
}

// classJSON is the JSON of GET /s/NAME-SUFFIX/class.
type classJSON struct {
	Op       string `json:"op"`
	Nickname string `json:"nickname"`
	Code     string `json:"code"`
	Devices  int    `json:"devices"` // how many have pages of the seat open

	Paused   bool       `json:"paused"`
	Question *askedJSON `json:"question,omitempty"` // while it can be answered
	Task     []string   `json:"task,omitempty"`     // what the step of the lesson plan gives to do
}

// askedJSON is the question that can be answered.
type askedJSON struct {
	N       int `json:"n"`
	Options int `json:"options"`
	Answer  int `json:"answer,omitempty"` // of this seat, from 1
}

// classAsks returns what the class page of a seat says in JSON of what the class does together.
func (cl *class) classAsks(id classroom.ID) (paused bool, q *askedJSON) {
	now := cl.together.Present()
	if asked := now.Question; asked.Open() {
		q = &askedJSON{asked.N, asked.Options, cl.together.AnswerOf(id)}
	}
	return now.Paused, q
}

// classPage is GET /s/NAME-SUFFIX/class: what a phone shows during class. It says what its own request
// showed, also while the store does not answer. It is no moment of a visit, and no press: a page
// without scripts loads itself again and again.
func (a *App) classPage(c *call) error {
	c.quiet()
	if !c.seat.IsFirst() { // a second browser has no class page of its own
		return c.Redirect(http.StatusSeeOther, c.seat.First().Base+"/class")
	}
	seen, status := a.lookAtSession(c)
	own := a.page(c, "")
	if own.Strip == nil { // the seat went between two steps of this request
		return errSeatGone
	}
	own.Title = own.Strip.Nickname
	if c.wants == formJSON {
		tile, _ := a.of.board.Tile(classroom.ID(c.seat.Class))
		paused, question := a.of.classAsks(tile.ID)
		return writeJSON(c, status, "application/json", classJSON{"class", own.Strip.Nickname, own.Strip.Code, tile.Devices, paused, question, a.of.task()})
	}
	showed := say.Showed(seen)
	page := views.ClassPage{
		Page: own, Place: views.Place{Base: c.seat.Base},
		Browser: show.Parts(showed.Browser), Wire: show.Parts(showed.Wire), Server: show.Parts(showed.Server),
		Experiments: a.experimentCount(),
	}
	if s, ok := a.of.seatOf(c); ok {
		page.Phone = a.of.phoneView(s)
	}
	if page.At = say.Clock(c.now()); c.wants == formFragment {
		return a.write(c, status, views.Showed(page))
	}
	if r, ok := a.results.take(c.once); ok && r.seat == c.seat && status == http.StatusOK {
		page.Said = show.Sentence(r.sentence)
		page.Said.At = page.At // it stands there while the class goes on
	}
	page.Page.Strip.Became = a.of.becameView(c, seen)
	learned, _ := a.learned(c)
	page.Done = len(learned.Done)
	page.Page.Again = a.of.phoneAgain(classroom.ID(c.seat.Class))
	page.Page.Still, page.Page.Strip.ClassPage = true, true
	a.of.probeByLoad(c, classroom.ID(c.seat.Class))
	return a.write(c, status, views.ClassroomPage(page))
}

// heard is POST /s/NAME-SUFFIX/class/heard: a page answers a beat of the class's stream. As each request
// of a seat it is told to the board (class.pressed), and does nothing more.
func (a *App) heard(c *call) error {
	c.quiet()
	return c.NoContent(http.StatusNoContent)
}
