package app

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// answerLive answers the learner's own browser below the path of a run.
func (a *App) answerLive(c echo.Context) error {
	return &problem{status: http.StatusNotFound, detail: "No such run waits for your browser."}
}
