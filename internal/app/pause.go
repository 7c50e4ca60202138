package app

import (
	"net/http"

	"github.com/sessionscope/sessionscope/internal/say"
)

// pauseRoutes adds the routes by which the teacher pauses the class, and lets it go on.
func (a *App) pauseRoutes() {
	a.post("/classroom/pause", a.teacher(func(c *call, cl *class) error { return cl.setPaused(c, true) }))
	a.post("/classroom/resume", a.teacher(func(c *call, cl *class) error { return cl.setPaused(c, false) }))
}

// setPaused is POST /classroom/pause and /classroom/resume.
func (cl *class) setPaused(c *call, paused bool) error {
	if err := cl.together.Pause(c.ctx(), paused); err != nil {
		return notWritten(err)
	}
	op := "resume"
	if paused {
		op = "pause"
	}
	return cl.leadToBoard(c, cl.saying(c, say.Paused(paused)), "", struct {
		Op     string `json:"op"`
		Paused bool   `json:"paused"`
	}{op, paused})
}

// errPaused is the refusal of what a seat sends while its class is paused.
var errPaused = &problem{status: http.StatusForbidden, brief: true, detail: "Eyes up: the teacher has paused the class. Nothing was changed. Press again once the class goes on."}

// pauses tells whether r would change something at a seat of a class that is paused. A page that is
// open may say that it is: such a beat changes nothing.
func (a *App) pauses(r *http.Request) bool {
	return a.of != nil && r.Method != http.MethodGet && r.Method != http.MethodHead && a.of.together.Present().Paused
}

// checkPause refuses whatever a seat sends while the class is paused. What it only looks at goes on, and
// so does what runs already; so does what the pages send by themselves, for it changes nothing of the seat.
func (a *App) checkPause(c *call) error {
	switch path := c.Request().URL.Path; {
	case c.from != nil, !a.pauses(c.Request()), path == "/class/heard", path == "/class/browser":
		return nil
	}
	c.quiet()
	return errPaused
}
