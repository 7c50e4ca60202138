package app

import "net/http"

// showBoard is GET /classroom.
func (a *App) showBoard(c *call, cl *class) error {
	return c.String(http.StatusOK, "board\n")
}
