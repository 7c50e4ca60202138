package app

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// join is GET /join.
func (a *App) join(c *call) error {
	c.quiet()
	if a.openClass() == nil {
		return echo.ErrNotFound
	}
	return c.String(http.StatusOK, "join\n")
}

// takeSeat is POST /join: That's me.
func (a *App) takeSeat(c *call) error {
	c.quiet()
	cl := a.openClass()
	if cl == nil {
		return echo.ErrNotFound
	}
	joined, err := cl.roster.Join(c.ctx(), c.form.Get("visitor"), deviceOf(c.Request()))
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/s/"+joined.Seat.Place()+"/")
}
