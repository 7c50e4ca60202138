package app

import "github.com/sessionscope/sessionscope/views"

// endingRoutes adds the routes of the end of the class.
func (a *App) endingRoutes() {}

// endingView returns the board's panel of the end of the class.
func (cl *class) endingView() views.Ending { return views.Ending{} }
