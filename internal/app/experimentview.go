package app

import (
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

func (a *App) shelfView(c echo.Context, s *session.Session, current string) views.Shelf {
	return views.Shelf{Page: a.page(c, "Experiments")}
}

func (a *App) showExperiment(c echo.Context, status int, s *session.Session, e experiment.Experiment, r *experiment.Run, sentence views.Sentence, said string) error {
	return a.write(c, status, views.ShelfPage(a.shelfView(c, s, e.Slug)))
}
