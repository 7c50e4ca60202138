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

// progress is how many steps are done, for a screen with room for one step: "2/6".
func (g Guide) progress() string {
	done := 0
	for _, s := range g.Steps {
		if s.Done {
			done++
		}
	}
	return strconv.Itoa(done) + "/" + strconv.Itoa(len(g.Steps))
}

// GuideStep is one step. A step of several parts shows how far it has come.
type GuideStep struct {
	Name  string // of the step in the form's field
	Parts []GuidePart
	Done  bool
	Next  bool // the hint is about it: the first one that is open, or the one that the reader asked about
	Lead
}

// Lead says what to do for a step. On the narrowest phone a hint has room for two lines.
type Lead struct {
	To   string // what is to be pressed, by a name that the page's script knows
	Hint string // what to press, and what to look at
	Bare string // what a page without scripts says in place of the hint, "" for the same
}

// GuidePart is a part of a step's label.
type GuidePart struct {
	Text string
	Done bool
}

// guideLabel is a step's label behind a mark for each of its parts. The marks are of one width,
// so that a tick moves nothing. It is written by hand, since a template would put a space before
// the commas.
func guideLabel(s GuideStep) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		marks, text := "", ""
		for _, part := range s.Parts {
			mark := "○"
			if part.Done {
				mark = "✓"
			}
			marks += `<i aria-hidden="true">` + mark + `</i>`
			text += templ.EscapeString(part.Text)
			if part.Done && !s.Done {
				text += `<span class="unseen"> (done)</span>`
			}
		}
		if s.Done {
			marks += `<span class="unseen">done: </span>`
		}
		_, err := io.WriteString(w, marks+text)
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
