package app

import (
	"errors"
	"net/http"
	"strings"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// This file says everywhere that a class has ended: on the board, on the beamer, on the page where one
// joins, and at every address where a seat was.

// errEnded is the refusal of a request to a seat of a class that has ended, which asks for no page.
var errEnded = &problem{status: http.StatusNotFound, brief: true, detail: "This class has ended, and what was done in it is removed."}

// endedView returns what the board says after the end of the class; nil before.
func (cl *class) endedView() *views.Ended {
	w := cl.over.Load()
	if w == nil {
		return nil
	}
	return &views.Ended{At: say.Clock(w.at), Wiped: say.Wiped(w.holdings), Left: w.left, Where: cl.whereKept()}
}

// endedBoard returns the board of a class that has ended.
func (cl *class) endedBoard() views.Board {
	return views.Board{Ended: cl.endedView(), Now: cl.now().UnixMilli()}
}

// tellEnd tells all pages that the class has ended. The caller holds the lock.
func (n *boardNews) tellEnd() {
	_, _, _, n.version = n.class.board.Since(n.version)
	n.feed = nil
	clear(n.seats)
	clear(n.acts)
	n.send(false, n.message(n.fresh("ended", views.BoardStage(n.class.endedBoard()))))
	n.send(true, n.message(n.fresh("screen", views.ScreenNews(n.class.screenView()))))
}

// seatLetters is how many letters follow the name of a seat of a class in its paths.
const seatLetters = 12

// wasSeat tells whether a request is for an address at which a seat of a class may have been.
func (a *App) wasSeat(c *call) bool {
	place, _, below := seat.PlaceOf(c.Request().URL.Path)
	i := strings.LastIndexByte(place, '-')
	return below && c.from == nil && len(place)-i-1 == seatLetters && !a.seats.Has(c.Request().URL.Path)
}

// sayEnded answers whatever is asked of a seat of a class that has ended: every address of a seat says so
// until another class begins or the program ends. It has the browser drop what it kept for the seat.
func (a *App) sayEnded(c *call) error {
	c.quiet()
	if c.wants != formPage {
		return errEnded
	}
	place, _, _ := seat.PlaceOf(c.Request().URL.Path)
	for pair := range session.Pairs(c.Request().Header) {
		if strings.HasPrefix(pair.Name, a.seats.Root.Engine.CookieName()+"~") {
			c.SetCookie(&http.Cookie{Name: pair.Name, Path: "/s/" + place + "/", MaxAge: -1})
		}
	}
	return errors.Join(a.write(c, http.StatusNotFound, views.ClassEnded(a.outside(c, "The class has ended"))), errAnswered)
}

// noClass answers what is asked of the join page while no class is open, or after the end of one.
func (a *App) noClass(c *call) error {
	ended := a.openClass() != nil
	switch {
	case c.wants != formPage && ended:
		return errEnded
	case c.wants != formPage:
		return &problem{status: http.StatusNotFound, detail: "No class is open here. The teacher opens it.", brief: true}
	case ended:
		for _, kind := range []string{"seat", "visitor"} {
			if _, came := c.cookie(a.joinCookie(kind)); came {
				a.setJoinCookie(c, kind, "", 0)
			}
		}
		return a.write(c, http.StatusNotFound, views.ClassEnded(a.outside(c, "The class has ended")))
	}
	return a.write(c, http.StatusNotFound, views.NoClass(a.outside(c, "No class")))
}
