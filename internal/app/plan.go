package app

import "github.com/sessionscope/sessionscope/views"

// planRoutes adds the routes of the lesson plans.
func (a *App) planRoutes() {}

// planView returns the board's panel of the lesson plans.
func (cl *class) planView() views.Plan { return views.Plan{} }

// task returns what the step of the lesson plan gives the phones to do, in sentences with the markup of
// experiment.Text; nil for nothing.
func (cl *class) task() []string { return nil }
