package app

import (
	"net/http"
	"strings"

	"github.com/sessionscope/sessionscope/internal/seat"
)

// projector is POST /projector: it switches a visit's projector mode, with large type and
// hidden values, on or off.
func (a *App) projector(c *call) error {
	if a.visitOf(c) == nil {
		return c.noVisit(&problem{status: http.StatusBadRequest, detail: `Projector mode belongs to a visit: send the visit's secret along, as the page's field "page" does.`})
	}
	on := c.form.Get("on") == "1"
	c.visit.SetProjector(on)
	back := "/"
	if c.form.Has("experiment") { // the switch is on the shelf's pages too
		back = a.lessonBefore(c, c.form.Get("experiment"))
	}
	return goTo(c, a.leadTo(c, back), struct {
		Op string `json:"op"`
		On bool   `json:"on"`
	}{"projector", on})
}

// leadTo returns the address of a path on this side of the lab, with a token that proves the
// visit once. A page without a script finds there what stands in its composer.
func (a *App) leadTo(c *call, path string) string {
	sep, proof := "?", c.visit.Proof()
	if strings.Contains(path, "?") {
		sep = "&"
	}
	if c.wants == formPage && c.form.Has("key") {
		a.results.put(typedUnder(proof), result{composer: ownText(a.composer(c, false)), seat: c.seat, visit: c.visit})
	}
	return c.seat.Base + path + sep + "x=" + proof
}

// refill gives a page the composer's fields that leadTo has kept for it.
func (a *App) refill(c *call) {
	if c.once == "" {
		return
	}
	if r, ok := a.results.take(typedUnder(c.once)); ok && r.seat == c.seat {
		c.typed = &r.composer
	}
}

// typedUnder is the name under which the results have the composer's fields for a proof.
func typedUnder(proof string) string { return "typed " + proof }

// goTo answers a POST that leads to another page. A client of JSON gets done instead.
func goTo(c *call, location string, done any) error {
	switch c.wants {
	case formJSON:
		return writeJSON(c, http.StatusOK, "application/json", done)
	case formFragment:
		c.Response().Header().Set("HX-Redirect", location)
		return c.NoContent(http.StatusOK)
	}
	return c.Redirect(http.StatusSeeOther, withHop(c, location))
}

// second is POST /second: it opens another browser beside this one, with a path, a cookie
// name and a cookie path of its own. With the field "name" it finds one that is open already.
func (a *App) second(c *call) error {
	if a.visitOf(c) == nil || !c.seat.IsFirst() {
		return c.noVisit(&problem{status: http.StatusBadRequest, detail: `A second browser belongs to a visit of the first: send the visit's secret along, as the page's field "page" does.`})
	}
	s, err := a.seatNamed(c, c.form.Get("name"))
	if err != nil {
		return err
	}
	page := s.Base + "/?x=" + s.Invite()
	return goTo(c, page, struct {
		Op   string `json:"op"`
		Name string `json:"name"`
		URL  string `json:"url"`
		Page string `json:"page"` // with a one-time invitation into the family
	}{"second", s.Name, s.Base + "/", page})
}

// seatNamed returns the family's browser of that name, or a new one.
func (a *App) seatNamed(c *call, name string) (*seat.Seat, error) {
	open, _ := a.seats.Of(c.visit.Family)
	for _, s := range open {
		if s.Name == name {
			return s, nil
		}
	}
	return a.seats.Open(c.seat, c.visit.Family)
}
