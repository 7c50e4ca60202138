// Package experiment is the shelf of guided experiments: what people believe about
// sessions, settled by evidence.
//
// An Experiment is data and one function. The function gets a Run, boots private
// instances of the application in it, lets Clients send real requests, and returns
// an Outcome that it computed from their answers: nothing is scripted to succeed.
// To add one, append it to one of the lists (life.go, where.go, forgery.go, theft.go,
// parallel.go, matrix.go, bybrowser.go); the page, the routes and the tests find it there.
//
// A Runner starts runs, within limits, and keeps them until they have been seen.
package experiment

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Experiment is one entry of the shelf. Its texts have a little markup: `code`,
// and {cookie words}, {server words}, {wire words} and {mac words} for the colour
// of what they speak of, {ok words} and {bad words} for good and bad news. Words
// from outside go through Plain.
type Experiment struct {
	Number      int // as progress counts it
	Slug        string
	Title       string
	Lead        string   // one or two sentences: what people believe, or what is tried
	Predictions []string // two to four; what happened is one of them, or none
	Choices     []Choice // the learner's, beside the prediction; mostly none
	Does        string   // what is done, in a few words: "two real requests, sent now"
	Slow        bool     // a run takes more than a second of real time
	Needs       string   // which machine or network it needs; "" for none

	// Run does it. Experiments that need the learner's own browser have Live instead.
	Run  func(*Run) Outcome
	Live func(*Run) Live

	Explain []string // three to six sentences, and the source that they rest on
	Breaks  string   // what would break this
	Sources []Source
}

// Source is what an explanation rests on.
type Source struct{ Text, URL string }

// Choice is something that the learner can choose or type in.
type Choice struct {
	Name, Label string
	Options     []Option // none for a free text
	Default     string   // of a free text; of options the first is it
	Max         int      // bytes of a free text
}

// Option is one of a Choice.
type Option struct{ Name, Label string }

// placements is the choice of where values live.
var placements = Choice{Name: "placement", Label: "Values live in", Options: []Option{
	{"hybrid", "hybrid"}, {"cookie", "the cookie"}, {"server", "the server"},
}}

// Outcome is what came of a run.
type Outcome struct {
	Happened int    // the prediction that came true, counted from 0, or None
	Tone     Tone   // of the verdict
	Verdict  string // what happened, in one to three sentences, with numbers
	Pair     []Shot // what to look at side by side, two or three; may be none
	Tables   []Table
	Decisive *Exchange // the one to show first; the last one by default
	Mark     string    // the decisive text in its heads or its answer
	// Undecided tells that too little was done to say anything: the run does not count.
	Undecided bool
}

// None says that nothing happened of what could be predicted.
const None = -1

// Tone says how a verdict is coloured.
type Tone string

const (
	Held    Tone = "held"    // something was kept, or protected
	Refused Tone = "refused" // something was refused
	Lost    Tone = "lost"    // something was lost, or an attack succeeded
)

// Shot is one of the things to compare: a cookie, and the exchange that it made.
// Where its cookie differs from the one before it is marked.
type Shot struct {
	Title    string
	Cookie   string // its value; "" for none
	Exchange *Exchange
	Says     string // the answer in short; by default its status
}

// Table is a small table. Its cells have markup.
type Table struct {
	Caption string     `json:"caption"`
	Head    []string   `json:"head"`
	Rows    [][]string `json:"rows"`
}

// Section is one group of the shelf.
type Section struct {
	Title       string
	Experiments []Experiment
}

// Shelf returns all experiments in their order. It is made once, and not to be changed.
var Shelf = sync.OnceValue(func() []Section {
	shelf := []Section{
		{"Life of a session", append(life(), closes())},
		{"Where data lives", where()},
		{"Trust", slices.Concat(forgery(), theft())},
		{"Together", slices.Concat(parallel(), byBrowser(), matrix())},
	}
	for _, section := range shelf {
		slices.SortFunc(section.Experiments, func(a, b Experiment) int { return a.Number - b.Number })
	}
	return shelf
})

// All returns them without their sections, in the same order.
var All = sync.OnceValue(func() (all []Experiment) {
	for _, section := range Shelf() {
		all = append(all, section.Experiments...)
	}
	return all
})

// Find returns the experiment with that slug.
func Find(slug string) (Experiment, bool) {
	for _, e := range All() {
		if e.Slug == slug {
			return e, true
		}
	}
	return Experiment{}, false
}

// Choose checks what was chosen, and fills in what was not. It returns an
// *session.InputError for what is not to be chosen.
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

// Plain keeps words from outside from being read as markup.
func Plain(s string) string {
	return strings.NewReplacer("`", "ˋ", "{", "❴", "}", "❵").Replace(s)
}

// word returns one for one and many for any other number.
func word(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %s", n, many)
}

// yes is a cell that says whether something is so, good or not.
func yes(is bool, good bool) string {
	text := "no"
	if is {
		text = "yes"
	}
	if is == good {
		return "{ok " + text + "}"
	}
	return "{bad " + text + "}"
}
