package views

import "strconv"

// Plan is the board's panel of the lesson plans.
type Plan struct {
	Offers     []PlanOffer // while the class walks through none
	Title      string      // of the plan that the class walks through
	N, Of      int         // the present step, from 1
	Through    bool        // the last step is over
	Step       PlanStep
	Next       string // the title of the step after it; "" after the last one
	Steps      []PlanLine
	Time       Took   // of the step
	Whole      Took   // of the plan
	Until      string // the minute of the plan in which the step ends
	Unrevealed string // the title of a question that Next would take away before it is revealed, mostly ""
}

// at returns the present step as a form sends it.
func (p Plan) at() string { return strconv.Itoa(p.N) }

// undone tells whether Next would leave out the act of the step.
func (p Plan) undone() bool { return p.Step.Kind == "everyone" && !p.Step.Acted }

// PlanOffer is a plan that the class can begin.
type PlanOffer struct {
	Name, Title string
	Lead        []Part
	Steps       []PlanLine
}

// PlanLine is a step in the list of all steps.
type PlanLine struct {
	Title, Kind, Minutes string
	Over, Present        bool
}

// PlanStep is the present step.
type PlanStep struct {
	Title      string
	Kind       string
	Act        string   // for everyone
	Button     string   // what asks for that act; the panel of it has the same word
	Acted      bool     // it was done since this step began
	Counts     bool     // the table of what came of it is shown
	Experiment string   // the title
	Chosen     []string // its choices
	Limit      string   // how long the question takes answers
	Stands     string   // of the question: "open", "closed", "revealed", or "" when it is not asked
	Phones     [][]Part // sentences
	Note       []PlanNote
}

// PlanNote is a part of what only the teacher reads: "do", "ask", "wrong" or "seen".
type PlanNote struct {
	Name      string
	Sentences [][]Part
}

// Took is how long something takes: whole minutes since At, which is in milliseconds since 1970, and
// what was planned. The page's script counts on.
type Took struct {
	At               int64
	Minutes, Planned string
	Over             bool
}
