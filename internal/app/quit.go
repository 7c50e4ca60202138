package app

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/views"
)

// This file ends the program from a page. It is for a program that was started by a double click, which has
// no terminal where Ctrl+C would end it.

// quitRoutes adds the routes by which a page of this machine ends the program.
func (a *App) quitRoutes() {
	a.read("/quit", a.quitter(a.askToQuit))
	a.post("/quit", a.quitter(a.quit))
}

// canQuit tells whether who sent the request may end the program: somebody at this machine, if the program
// was started so that its pages offer it.
func (a *App) canQuit(c *call) bool { return a.cfg.Quit != nil && fromHere(c.Request()) }

// quitter makes a handler that is a 404 for everybody who may not end the program.
func (a *App) quitter(h func(*call) error) func(*call) error {
	return func(c *call) error {
		c.quiet()
		if !a.canQuit(c) {
			return echo.ErrNotFound
		}
		return h(c)
	}
}

// askToQuit is GET /quit: it says what ends with the program.
func (a *App) askToQuit(c *call) error {
	if c.wants == formJSON {
		v := a.quitView(c)
		return writeJSON(c, http.StatusOK, "application/json", quitJSON{"quit", false, v.Sessions, v.Seats})
	}
	return a.write(c, http.StatusOK, views.QuitPage(a.quitView(c)))
}

// quitView returns what ends with the program.
func (a *App) quitView(c *call) views.Quit {
	v := views.Quit{Page: a.page(c, "Quit"), Seats: a.ClassSeats()}
	v.Page.Quit = false // its foot needs no link to itself
	if stats, err := a.seats.Root.Engine.Stats(c.ctx()); err == nil {
		v.Sessions = stats.Live
	}
	cl := a.openClass()
	if cl == nil || cl.over.Load() != nil {
		return v
	}
	v.Board = true
	if v.Seats > 0 {
		v.Held = say.Held(cl.holdings(c.ctx()))
	}
	return v
}

// quitJSON is the JSON of /quit.
type quitJSON struct {
	Op       string `json:"op"`
	Ends     bool   `json:"ends"`     // the program ends after this answer
	Sessions int    `json:"sessions"` // live ones of the lab
	Seats    int    `json:"seats"`    // of learners, in the class that is open
}

// errSeatsLeft is the refusal to end the program while a class has seats, unless that was asked for.
var errSeatsLeft = &problem{status: http.StatusUnprocessableEntity, brief: true, detail: `Nothing has ended: learners have seats in a class, and it would end with the program. For that the field "sure" must be 1. The page /quit says what ends.`}

// quit is POST /quit: it ends the program. A server that shuts down waits until this answer has left. If
// learners have seats in a class, the field sure=1 is needed, which only a page that names the seats has. A
// page that was loaded before they came is answered with that page.
func (a *App) quit(c *call) error {
	v := a.quitView(c)
	if v.Seats > 0 && c.form.Get("sure") != "1" {
		if v.Refused = true; c.wants == formPage {
			return a.write(c, http.StatusUnprocessableEntity, views.QuitPage(v))
		}
		return errSeatsLeft
	}
	defer a.cfg.Quit()
	a.cfg.Log.Info("Quit was pressed: the program ends")
	c.Response().Header().Set("Connection", "close")
	if c.wants == formJSON {
		return writeJSON(c, http.StatusOK, "application/json", quitJSON{"quit", true, v.Sessions, v.Seats})
	}
	v.Page.Title, v.Page.Outside, v.Page.Still, v.Page.Reach = "Ended", true, true, Reach{} // no link of it would be answered
	return a.write(c, http.StatusOK, views.QuitDone(v.Page))
}
