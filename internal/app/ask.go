package app

import (
	"context"
	"time"

	"github.com/sessionscope/sessionscope/views"
)

// askRoutes adds the routes of what the class is asked.
func (a *App) askRoutes() {}

// askView returns the board's panel of what the class is asked.
func (cl *class) askView() views.Ask { return views.Ask{} }

// ask opens a question about an experiment, for a time limit or without one (0). What was shown to
// everybody before is taken away.
func (cl *class) ask(ctx context.Context, slug string, chosen map[string]string, limit time.Duration) error {
	return nil
}

// clearStage takes away what is shown to everybody: the question, what became of the sessions, the browsers.
func (cl *class) clearStage(ctx context.Context) error {
	return nil
}
