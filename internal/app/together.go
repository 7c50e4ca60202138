package app

import (
	"context"

	"github.com/a-h/templ"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/views"
)

// This file tells the pages of a class what it does together. Each panel of the board has a file of
// its own with its routes and its view: ask.go, plan.go, everyone.go, browsergrid.go, rehearsal.go and
// ending.go; phone.go has what a seat's pages show of it, beamer.go what the beamer shows.

// togetherRoutes adds the routes of what the class does together.
func (a *App) togetherRoutes() {
	a.pauseRoutes()
	a.askRoutes()
	a.planRoutes()
	a.everyoneRoutes()
	a.gridRoutes()
	a.rehearsalRoutes()
	a.endingRoutes()
}

// openTogether reads what the class did together before the program was started again.
func (cl *class) openTogether(ctx context.Context) (err error) {
	cl.together, err = classroom.OpenTogether(ctx, classroom.TogetherConfig{
		Documents: cl.parts.Documents, Seats: cl.roster.Count, Now: cl.now, Log: cl.app.cfg.Log,
		Rehearses: func(id classroom.ID) bool { s, _ := cl.roster.Seat(id); return s.Rehearsal },
		There:     cl.sits,
		Changed:   cl.togetherChanged,
	})
	if err != nil {
		return err
	}
	return cl.openBrowsers(ctx)
}

// stir has all pages of the class look at what the class does together, at once: what is shown to
// everybody appears on the board, on the beamer and on the phones at the same moment.
func (cl *class) stir() {
	cl.news.stir()
	cl.streams.lookAll()
}

// togetherChanged is told of each change of what the class does together. With the answer of one seat
// only that seat's pages, its tile and the count of the board change.
func (cl *class) togetherChanged(answered classroom.ID) {
	cl.noteAnswers()
	if answered == "" {
		cl.run.keepFor(cl.together.Present().Question)
		cl.stir()
		return
	}
	cl.news.hint()
	cl.streams.look(answered)
}

// shownChanged is told of each change of an act for everyone and of what the browsers gave: whether other
// things are shown than before, or only more was heard of them, which the board counts.
func (cl *class) shownChanged(shown bool) {
	if shown {
		cl.stir()
	} else {
		cl.news.hint()
	}
}

// sits tells whether there is a seat of that ID.
func (cl *class) sits(id classroom.ID) bool { _, there := cl.roster.Seat(id); return there }

// noteAnswers has the tiles say which seats have answered, until the question is revealed. What it
// looks at is as new as the tile that it changes: the last of two calls is right.
func (cl *class) noteAnswers() {
	cl.board.SetAnswered(func(id classroom.ID) bool {
		q := cl.together.Present().Question
		return q != nil && q.Result == nil && cl.together.AnswerOf(id) != 0
	})
}

// togetherView returns the panels of the board about what the class does together.
func (cl *class) togetherView() views.Together {
	return views.Together{
		Paused: cl.together.Present().Paused,
		Ask:    cl.askView(), Plan: cl.planView(), Everyone: cl.everyoneView(), Grid: cl.gridView(), Rehearsal: cl.rehearsalView(),
	}
}

// panel is a part of the board, as the stream tells it.
type panel struct {
	name string
	part templ.Component
}

// panels returns the panels for the stream of the board.
func (cl *class) panels() []panel {
	t := cl.togetherView()
	return []panel{
		{"pause", views.PauseNews(t.Paused)},
		{"ask", views.AskNews(t.Ask)}, {"asked", views.AskedNews(t.Ask.Now)}, {"asked-live", views.AskedLiveNews(t.Ask.Live)}, {"plan", views.PlanNews(t.Plan)}, {"everyone", views.EveryoneNews(t.Everyone)},
		{"grid", views.GridNews(t.Grid)}, {"rehearsal", views.RehearsalNews(t.Rehearsal)},
	}
}
