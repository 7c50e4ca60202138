// Package plan holds the lesson plans: what a class does in 45 minutes, step by step, with a note
// for the teacher at each step. It knows neither HTTP nor HTML.
//
// A plan is one text file, for example what_a_session_is.md; text.go says how it is written. The
// notes are for the teacher only: nobody but the board shows them.
//
// To add a plan, write its file, give it a line in order, and run go test ./internal/say -update,
// which lists its sentences. Begin with Open.
package plan

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment/shelf"
)

// Minutes is how long a lesson is. The minutes of a plan's steps add up to it.
const Minutes = 45

// Plan is a lesson. It never changes.
type Plan struct {
	Name  string // in addresses and documents: "what-a-session-is"
	Title string
	Lead  []string // sentences: what the class learns
	Steps []Step
}

// Find returns the plan of that name, nil if there is none.
func Find(all []Plan, name string) *Plan {
	if i := slices.IndexFunc(all, func(p Plan) bool { return p.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// Before returns the minutes of the steps before step at, from 0.
func (p *Plan) Before(at int) (sum int) {
	for _, s := range p.Steps[:min(at, len(p.Steps))] {
		sum += s.Minutes
	}
	return sum
}

// Step is one thing that the class does. Its sentences have the markup `code` of experiment.Text.
type Step struct {
	Title      string
	Kind       Kind
	Minutes    int
	Experiment string            // the slug, of a Question and a Run
	Chosen     map[string]string // of a Question: all choices of its experiment
	Limit      time.Duration     // of a Question: how long it takes answers
	Act        string            // of Everyone: one of Acts
	Phones     []string          // what the phones are told; a Question tells them itself
	Note       Note
}

// Note is what only the teacher reads. Each part has at least one sentence.
type Note struct {
	Do    []string // what the teacher does
	Ask   []string // what to ask the class
	Wrong []string // what usually goes wrong
	Seen  []string // what the class should have seen
}

// Kind says what a step does when it begins.
type Kind string

const (
	Join     Kind = "join"     // the class takes its seats: the beamer shows where
	Question Kind = "question" // the class predicts what comes of an experiment
	Task     Kind = "task"     // each does something in the lab
	Run      Kind = "run"      // each runs an experiment
	Everyone Kind = "everyone" // something is done to every session of the class, once the teacher confirms it
	Browsers Kind = "browsers" // every page is asked what its browser gave
	Talk     Kind = "talk"     // nobody presses anything
)

// Acts are what can be done to every session of the class.
var Acts = []string{"restart", "restart-new-secret", "expire", "flush", "forget"}

// order are the plans, by name.
var order = []string{"what-a-session-is", "who-can-be-you"}

//go:embed *.md
var texts embed.FS

// Open returns the plans. Its error names the file and the line of a text that is wrong. The
// texts are a part of the program, and are read once. They ask about experiments on the shelf.
func Open() ([]Plan, error) { return read() }

var read = sync.OnceValues(func() ([]Plan, error) {
	s, err := shelf.Open()
	if err != nil {
		return nil, err
	}
	all := make([]Plan, 0, len(order))
	for _, name := range order {
		file := strings.ReplaceAll(name, "-", "_") + ".md"
		text, err := texts.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
		p, err := parse(file, string(text), s)
		if err != nil {
			return nil, err
		}
		p.Name = name
		all = append(all, p)
	}
	return all, nil
})
