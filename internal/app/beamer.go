package app

import (
	"cmp"
	"net/http"

	"github.com/sessionscope/sessionscope/views"
)

// showScreen is GET /classroom/screen: the page for the beamer. It names nobody.
func (a *App) showScreen(c *call, cl *class) error {
	if c.wants == formJSON {
		j := cl.joinView()
		best := cmp.Or(j.Best(), &views.Way{})
		return writeJSON(c, http.StatusOK, "application/json", struct {
			Op   string `json:"op"`
			Join string `json:"join"`
			Seat int    `json:"seats"`
		}{"screen", best.Join, j.Seats})
	}
	p := a.boardPage(c, "Join the class") // not in projector mode, which the lab of this tab would keep
	return a.write(c, http.StatusOK, views.ScreenPage(views.Screen{Page: p, Stream: "/classroom/events?part=screen", Show: cl.screenView()}))
}

// screenView returns what the beamer shows now.
func (cl *class) screenView() views.ScreenShow {
	p := cl.together.Present()
	return views.ScreenShow{Paused: p.Paused, Asked: cl.askedView(p), Live: cl.askedLive(p), Grid: cl.gridView(), Task: rich(cl.screenTask()), Shown: cl.survivorsView(), Join: cl.joinView(), Ended: cl.over.Load() != nil}
}
