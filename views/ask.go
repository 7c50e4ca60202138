package views

import "strings"

// Ask is what the board has of the question of a class: the question that is asked now, and the form for
// the next one.
type Ask struct {
	Asked    int // how many questions were asked
	Sections []AskSection
	Chosen   *AskChoice // whose fields the form shows; nil before an experiment is chosen
	Now      Asked
	Live     AskedLive
}

// AskSection is a section of the shelf.
type AskSection struct {
	Title       string
	Experiments []AskEntry
}

// AskEntry is an experiment that the class can be asked about.
type AskEntry struct {
	Slug, Title string
	Alone       bool // each phone runs it by itself
	Chosen      bool
}

// AskChoice is an experiment with what can be chosen for it.
type AskChoice struct {
	Slug, Title, URL string
	Lead             []Part
	Predictions      [][]Part
	Choices          []Choice
	Slow             bool
	Alone            bool   // the class cannot be asked: each phone runs it by itself
	Needs            string // why, and what the phone must have
	Number           string // its place on the shelf
	Of               string // what is asked now, and is finished then; "" for nothing
}

// Asked is the question that the class is asked now, but for what changes by itself.
type Asked struct {
	N           string // its number; "" while nothing is asked
	Phase       string // "open", "closed", "running", "revealed"
	Title       string
	URL         string // of the experiment
	Lead        []Part
	Chosen      []string // what was chosen for the run
	Predictions [][]Part
	Hands       []string // as they were counted; "" for 0
	ByHand      bool     // nobody has a seat: the hands are all there is
	Failed      string   // why the latest run could not be done, mostly ""
	Reveal      *Reveal  // once it is revealed
	Exchanges   string   // the address of the run; "" when it is not there any more
	Next        bool     // the class walks through a lesson plan: what comes after the reveal is its Next
}

// doneClass is the class of the button Done: a page has one primary button.
func (q Asked) doneClass() string {
	if q.Next {
		return ""
	}
	return "primary"
}

// AskedLive is what changes by itself while a question is asked.
type AskedLive struct {
	Phase           string
	Answered, Seats int
	Ends            *Clock // nil without a timer
	OneDevice       string // how many answers are from the seats of one device; "" for no more than two
	DeviceSeat      string // the name of one of these seats
	Doing           string // what the run does now
	Step, Of        string // how far it is; empty when that is not known
}

// Reveal is what a class predicted, beside what happened.
type Reveal struct {
	Answered string // "21 of 24 answered, no names"
	Bars     []Bar
	Phones   bool // the bars count answers
	Hands    bool // the bars count raised hands
	Tone     string
	Foretold string // "6 of 21 foretold it."
	Right    bool   // somebody did
	Verdict  []Part
	Computed string // what the verdict was computed from
}

// Bar is one prediction of a Reveal.
type Bar struct {
	Text             []Part
	Count, Most      string // answers to it, and to all
	Hands, MostHands string
	Right            bool // it came true
}

// phaseWords say where the question stands.
func (q Asked) phaseWords() string {
	switch q.Phase {
	case "open":
		return "open for all"
	case "closed":
		return "closed"
	case "running":
		return "it runs now"
	}
	return "revealed"
}

// hasHands tells whether hands were counted.
func (q Asked) hasHands() bool {
	for _, n := range q.Hands {
		if n != "" {
			return true
		}
	}
	return false
}

// joined returns the words in one line.
func joined(words []string) string { return strings.Join(words, " · ") }
