package app

import (
	"net/http"
	"slices"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// lessonState is the JSON of POST /lesson.
type lessonState struct {
	Op     string   `json:"op"`
	Done   []string `json:"done"` // the names of the steps
	Hidden bool     `json:"hidden"`
}

// stepPeel is the step that no request of the session shows.
const stepPeel = "peel"

// lesson is POST /lesson. With the field "step" a page without a script asks for the hint of a
// step; the step "peel" is done by that, since the page comes back with the cookie's base64 off.
// A page with a script sends "peel" when its reader has taken a layer off, and names the layer:
// no request of the session shows that. With the field "hide" the lesson is put away or offered
// again.
func (a *App) lesson(c *call) error {
	c.quiet()
	step := c.form.Get("step")
	switch {
	case !a.teaches(c.seat):
		return &problem{status: http.StatusNotFound, detail: "The first lesson is in the first browser's lab."}
	case a.visitOf(c) == nil:
		return c.noVisit(errNoVisit("The first lesson"))
	case c.form.Has("hide"):
		if hide := c.form.Get("hide"); hide != "0" && hide != "1" {
			return &session.InputError{Field: "hide", Text: "The field hide is 1 to hide the first lesson, or 0 to show it."}
		}
		c.visit.HideLesson(c.form.Get("hide") == "1")
	case !c.form.Has("step"):
		return &problem{status: http.StatusBadRequest, detail: `The form has neither the field "step" nor the field "hide".`}
	case !isStep(step):
		return &session.InputError{Field: "step", Text: "The first lesson has no step of that name."}
	case step == stepPeel && !slices.Contains([]string{"", "base64", "payload"}, c.form.Get("layer")):
		return &session.InputError{Field: "layer", Text: "The layers that can be taken off are base64 and payload."}
	case step == stepPeel:
		a.peel(c)
		if layer := c.form.Get("layer"); layer != "" && layer != "base64" {
			step = "" // it is done: the hint is the next step's
		}
	}
	switch c.wants {
	case formFragment:
		g := a.guideNow(c, c.visit)
		if step != "" { // a layer can be taken off a cookie of the past, too
			return a.write(c, http.StatusOK, views.GuideNews(c.place(), g))
		}
		return a.write(c, http.StatusOK, views.GuideAnswer(c.place(), g))
	case formJSON:
		return writeJSON(c, http.StatusOK, "application/json", stateOf(c.visit.Lesson()))
	}
	to := "/"
	if step != "" {
		to = "/?step=" + step
	}
	return goTo(c, a.leadTo(c, to), nil)
}

// peel notes that the reader has read the cookie. Without a named layer all layers are off on
// the page that follows, if there is a cookie.
func (a *App) peel(c *call) {
	layer := c.form.Get("layer")
	value, _ := c.carried()
	if l, _ := session.Peel(value); layer == "" {
		if _, whole := l.Envelope(); !whole {
			return // the page has nothing to peel
		}
	}
	c.visit.Peel(layer != "base64")
}

// teaches reports whether the pages of s have the first lesson. A second browser's lab is opened
// to be compared with the first: there it would only ask for the same steps again.
func (a *App) teaches(s *seat.Seat) bool { return s.IsFirst() && a.experiments != nil }

// guide returns the first lesson for the page of a screen. learned is how many experiments are done.
func (a *App) guide(c *call, l screen, learned int) views.Guide {
	asked := ""
	if c.wants == formPage {
		asked = c.QueryParam("step")
	}
	return a.guideOf(c.visit, asked, l.past.N != 0, learned)
}

// guideNow returns the first lesson of v for a page that shows the present. The session of c has
// the progress that a flush would take away.
func (a *App) guideNow(c *call, v *hub.Visit) views.Guide {
	learned, _ := a.learned(c)
	return a.guideOf(v, "", false, len(learned.Done))
}

// guideOf returns the first lesson of a visit, which may be nil.
func (a *App) guideOf(v *hub.Visit, asked string, past bool, learned int) views.Guide {
	if v == nil || !a.teaches(v.Seat) {
		return views.Guide{Off: true}
	}
	return show.Guide(v.Lesson(), asked, past, learned, a.experimentCount())
}

// withoutScript adds to a page what it needs while no script runs: its forms keep what was typed,
// the step "peel" shows the cookie without its base64, and what a step presses is folded open.
func (a *App) withoutScript(c *call, lab *views.Lab) {
	lab.Browser.Typed, lab.Guide.Typed = lab.Composer, lab.Composer
	if lab.Tools != nil {
		lab.Tools.Typed = lab.Composer
	}
	if l := lab.Browser.Layers; l != nil && len(l.Fields) > 0 {
		lab.Browser.Peeled = c.QueryParam("step") == stepPeel
	}
	asked := c.QueryParam("step")
	if asked == stepPeel || asked == "change" {
		lab.Moment.Panel = "browser"
	}
	switch {
	case asked == "change" && lab.Tools != nil:
		lab.Tools.Open = true
	case asked == "expire":
		lab.MenuOpen = true
	}
}

// isStep reports whether the first lesson has a step of that name.
func isStep(name string) bool {
	return slices.ContainsFunc(show.Guide(hub.Lesson{}, "", false, 0, 0).Steps, func(s views.GuideStep) bool { return s.Name == name })
}

// stateOf is how far a visit has come.
func stateOf(l hub.Lesson) lessonState {
	out := lessonState{Op: "lesson", Done: []string{}, Hidden: l.Hidden}
	for _, s := range show.Guide(l, "", false, 0, 0).Steps {
		if s.Done {
			out.Done = append(out.Done, s.Name)
		}
	}
	return out
}
