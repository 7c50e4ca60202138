package app

import (
	"net/http"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// again is GET /session?after=away: a page that got no answer, or whose visit has ended, asks
// by itself what became of its session. A page whose visit has ended goes on with the new one
// without being loaded again: what is typed in its fields stays.
func (a *App) again(c *call) error {
	if c.lost != hub.NotLost {
		if a.visitOf(c) == nil {
			return c.full
		}
		c.seen = 0 // of the visit that has ended
		c.Response().Header().Set(trace.VisitHeader, c.visit.Secret)
	}
	out := outcome{did: trace.Did{Op: "session", Asked: true}}
	if lessonOf(c) == "" {
		return a.answer(c, out)
	}
	if err := c.commitRead(); err != nil {
		return err
	}
	seen := a.record(c, http.StatusOK, &out)
	return a.write(c, http.StatusOK, views.LessonAgain(show.Sentence(say.Press(seen))))
}

// find notes what the call's request found of the session, before the handler changes it.
func (a *App) find(c *call) {
	info := c.session.Info()
	c.found = trace.Return{Began: a.hub.Began(), Store: a.cfg.StoreName, Verdict: info.Verdict}
	if info.Exists {
		c.found.ID, c.found.Version, c.found.Placement, c.found.Created = info.ID, info.Version, info.Placement, info.Created
	}
}
