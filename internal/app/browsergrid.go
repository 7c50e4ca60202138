package app

import (
	"context"

	"github.com/sessionscope/sessionscope/views"
)

// gridRoutes adds the routes of what the browsers of the class gave.
func (a *App) gridRoutes() {}

// gridView returns the board's panel of what the browsers of the class gave.
func (cl *class) gridView() views.Grid { return views.Grid{} }

// endGrid takes the browsers away from the screens.
func (cl *class) endGrid(ctx context.Context) error { return nil }

// askBrowsers asks every page of the class for what its browser has.
func (cl *class) askBrowsers(ctx context.Context) error { return nil }
