package app

import "github.com/sessionscope/sessionscope/views"

// rehearsalRoutes adds the routes of the program's own small browsers.
func (a *App) rehearsalRoutes() {}

// rehearsalView returns the board's panel of the program's own small browsers.
func (cl *class) rehearsalView() views.Rehearsal { return views.Rehearsal{} }
