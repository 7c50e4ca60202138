package views

import (
	"context"
	"io"
	"strconv"

	"github.com/a-h/templ"
)

// Guide is the first lesson: steps that are ticked off by what really happened in the visit.
type Guide struct {
	Off         bool // this page has no lesson
	Hidden      bool // the reader has put it away
	Done        bool // all of it
	Read        bool // the reader has decoded the cookie's payload
	Steps       []GuideStep
	Lead        // to the next step
	Experiments int
	Typed       Composer // what its form keeps while no script runs
}

// GuideStep is one step. A step of several parts shows how far it has come.
type GuideStep struct {
	Name  string // of the step in the form's field
	Parts []GuidePart
	Done  bool
	Next  bool // the first one that is open
	Lead
}

// Lead says what to do for a step.
type Lead struct {
	To   string // what is to be pressed, by a name that the page's script knows
	Hint string // what to press, and what to look at
	Bare string // what a page without scripts adds to the hint
}

// GuidePart is a part of a step's label.
type GuidePart struct {
	Text string
	Done bool
}

// next returns the number of the first step that is open, counted from 1; 0 without one.
func (g Guide) next() int {
	for i, s := range g.Steps {
		if s.Next {
			return i + 1
		}
	}
	return 0
}

// count says which step is next, for a screen with room for one step: "2/6".
func (g Guide) count() string {
	if n := g.next(); n > 0 {
		return strconv.Itoa(n) + "/" + strconv.Itoa(len(g.Steps))
	}
	return ""
}

// guideLabel is a step's label with a tick: before it when the step is done, or else behind each
// part that is done. It is written by hand, since a template would put a space before the commas.
func guideLabel(s GuideStep) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		text := ""
		if s.Done {
			text = `<span aria-hidden="true">✓ </span><span class="unseen">done: </span>`
		}
		for _, part := range s.Parts {
			text += templ.EscapeString(part.Text)
			if part.Done && !s.Done {
				text += `<span aria-hidden="true"> ✓</span><span class="unseen"> (done)</span>`
			}
		}
		_, err := io.WriteString(w, text)
		return err
	})
}

// currentStep marks the step that is next.
func currentStep(next bool) templ.Attributes {
	if !next {
		return nil
	}
	return templ.Attributes{"aria-current": "step"}
}
