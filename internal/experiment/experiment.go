// Package experiment is the machinery of guided experiments: what people believe about
// sessions, settled by evidence. The experiments themselves are in the package shelf.
//
// An Experiment is facts, a text and one function. The function gets a Run, boots private
// instances of the application in it, lets Clients send real requests, and returns an
// Outcome that it computed from their answers: nothing is scripted to succeed.
//
// A Runner starts runs, within limits, and keeps them until they have been seen.
// Begin with Experiment and Run.
package experiment

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Experiment is one experiment: how it is run, and its Text.
type Experiment struct {
	Slug    string   // in addresses
	Section string   // the title of its section of the shelf
	Choices []Choice // what the learner chooses beside the prediction; mostly nothing
	Slow    bool     // a run takes more than a second of real time; the page says so

	// Run does the experiment. Experiments that need the learner's own browser have Live
	// instead.
	Run  func(*Run) Outcome
	Live func(*Run) Live

	// The shelf gives an experiment the rest.
	ID     int // names it in the progress that learners' sessions keep
	Number int // its place on the shelf, counted from 1
	Text
}

// Text is what people read of an experiment. It has a little markup: `code`, and
// {cookie words}, {server words}, {wire words} and {mac words} for the colour of what they
// speak of, {ok words} and {bad words} for good and bad news. Words from outside go
// through Plain.
type Text struct {
	Title       string       // does not say what comes out
	Lead        string       // what people believe, or what is tried
	Predictions []Prediction // two to four; an Outcome names one of them, or None
	Does        string       // what is done, in a few words: "two real requests, sent now"
	Needs       string       // which machine or network the experiment needs; "" for any
	Answer      string       // the title that says what comes out, for who has run it
	SoWhat      []string     // two sentences: what a developer does differently because of this
	Explain     []string     // sentences
	Breaks      string       // what would break this
	Sources     []Source     // what the explanation rests on
}

// Prediction is one of the things that a learner can predict.
type Prediction struct {
	Name string // an Outcome names the prediction by it: "refused"
	Text string
}

// PredictionNumber is the number of the prediction of that name, from 1; 0 for none.
func (e Experiment) PredictionNumber(name string) int {
	return 1 + slices.IndexFunc(e.Predictions, func(p Prediction) bool { return p.Name == name })
}

// Source is what an explanation rests on.
type Source struct{ Text, URL string }

// Choice is something that the learner can choose or type in.
type Choice struct {
	Name, Label string
	Options     []Option // nil for a free text
	Default     string   // of a free text; the first of Options is their default
	Max         int      // the most bytes of a free text
}

// Option is one of the things that a Choice offers.
type Option struct{ Name, Label string }

// Placements is the choice of where values live.
var Placements = Choice{Name: "placement", Label: "Values live in", Options: []Option{
	{"hybrid", "hybrid"}, {"cookie", "the cookie"}, {"server", "the server"},
}}

// Outcome is what came of a run.
type Outcome struct {
	Happened string // the name of the prediction that came true, or None
	Tone     Tone   // of the verdict
	Verdict  string // what happened, in one to three sentences, with numbers
	Pair     []Shot // two or three cookies to compare side by side, or nil
	Tables   []Table
	Decisive *Exchange // the exchange to show first; nil for the last exchange
	Mark     string    // the text to mark in Decisive's heads or answer
	// Undecided tells that too little was done to say anything: the run does not count.
	Undecided bool
}

// None stands for no prediction: no prediction came true, or the learner made none.
const None = ""

// Tone says how a verdict is coloured.
type Tone string

const (
	Held    Tone = "held"    // something was kept, or protected
	Refused Tone = "refused" // something was refused
	Lost    Tone = "lost"    // something was lost, or an attack succeeded
)

// Shot is a cookie and the exchange that carried it, to compare with the Shot before it.
// The page marks where the two cookies differ.
type Shot struct {
	Title    string
	Cookie   string // its value; "" for none
	Exchange *Exchange
	Says     string // the answer in short; "" for its status
}

// Table is a small table. Its cells have markup.
type Table struct {
	Caption string     `json:"caption"`
	Head    []string   `json:"head"`
	Rows    [][]string `json:"rows"`
	Note    string     `json:"note,omitempty"` // sentences below it, with markup; mostly none
}

// Choose checks the learner's choices, and fills in the choices that are missing. It returns a
// *session.InputError for a choice that the experiment does not offer.
func (e Experiment) Choose(get func(name string) (string, bool)) (map[string]string, error) {
	chosen := make(map[string]string)
	for _, c := range e.Choices {
		text, ok := get(c.Name)
		switch {
		case !ok && len(c.Options) > 0:
			text = c.Options[0].Name
		case !ok:
			text = c.Default
		case len(c.Options) > 0 && !slices.ContainsFunc(c.Options, func(o Option) bool { return o.Name == text }):
			var names []string
			for _, o := range c.Options {
				names = append(names, o.Name)
			}
			return nil, &session.InputError{Field: c.Name, Text: fmt.Sprintf("%s: that is none of %s.", c.Label, strings.Join(names, ", "))}
		case len(c.Options) == 0 && len(text) > c.Max:
			return nil, &session.InputError{Field: c.Name, Text: fmt.Sprintf("%s: that has %d bytes, at most %d are allowed.", c.Label, len(text), c.Max)}
		case len(c.Options) == 0 && strings.ContainsFunc(text, func(r rune) bool { return session.Unseen(r) || r == utf8.RuneError }):
			return nil, &session.InputError{Field: c.Name, Text: c.Label + ": letters that cannot be seen are not allowed."}
		}
		chosen[c.Name] = strings.Clone(text)
	}
	return chosen, nil
}
