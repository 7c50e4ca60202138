package app

import (
	"fmt"
	"strconv"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// The phases of a question, as pages and programs are told.
const (
	phaseOpen     = "open"
	phaseClosed   = "closed"
	phaseRunning  = "running"
	phaseRevealed = "revealed"
)

// phaseOf returns the phase of q, "" for nil.
func phaseOf(q *classroom.Question) string {
	switch {
	case q == nil:
		return ""
	case q.Result != nil:
		return phaseRevealed
	case q.Running:
		return phaseRunning
	case q.Open():
		return phaseOpen
	}
	return phaseClosed
}

// askView returns what the board has of the question of the class.
func (cl *class) askView() views.Ask {
	p := cl.together.Present()
	v := views.Ask{Asked: p.Asked, Now: cl.askedView(p), Live: cl.askedLive(p)}
	for _, section := range cl.app.shelf.Sections() {
		out := views.AskSection{Title: section.Title}
		for _, e := range section.Experiments {
			out.Experiments = append(out.Experiments, views.AskEntry{Slug: e.Slug, Title: e.Title, Alone: e.Run == nil})
		}
		v.Sections = append(v.Sections, out)
	}
	return v
}

// askChoice returns what can be chosen for a question about that experiment, nil if there is none.
func (cl *class) askChoice(slug string) *views.AskChoice {
	e, ok := cl.app.shelf.Find(slug)
	if !ok {
		return nil
	}
	v := &views.AskChoice{
		Slug: e.Slug, Title: e.Title, URL: "/experiments/" + e.Slug, Lead: show.Rich(e.Lead), Predictions: predictions(e), Slow: e.Slow,
		Choices: choices(e, func(string) (string, bool) { return "", false }), Alone: e.Run == nil, Needs: e.Needs, Number: strconv.Itoa(e.Number),
	}
	if q := cl.together.Present().Question; q != nil {
		v.Of = cl.titleOf(q)
	}
	return v
}

// chooseToAsk has the form show the fields of that experiment.
func (cl *class) chooseToAsk(v *views.Ask, slug string) {
	if v.Chosen = cl.askChoice(slug); v.Chosen == nil {
		return
	}
	for i := range v.Sections {
		for k := range v.Sections[i].Experiments {
			one := &v.Sections[i].Experiments[k]
			one.Chosen = one.Slug == slug
		}
	}
}

// titleOf returns the title of a question's experiment.
func (cl *class) titleOf(q *classroom.Question) string {
	e, _ := cl.app.shelf.Find(q.Slug)
	return e.Title
}

// predictions are the predictions of e for a page.
func predictions(e experiment.Experiment) (out [][]views.Part) {
	for _, p := range e.Predictions {
		out = append(out, show.Rich(p.Text))
	}
	return out
}

// askedView returns the question of p, but for what changes by itself. Nothing of it tells how many gave
// which answer before it is revealed.
func (cl *class) askedView(p classroom.Present) views.Asked {
	q := p.Question
	if q == nil {
		return views.Asked{}
	}
	e, _ := cl.app.shelf.Find(q.Slug)
	v := views.Asked{
		N: strconv.Itoa(q.N), Phase: phaseOf(q), Title: e.Title, URL: "/experiments/" + e.Slug, Lead: show.Rich(e.Lead), Chosen: chosenWords(e, q.Chosen),
		Predictions: predictions(e), ByHand: cl.roster.Count() == 0, Hands: make([]string, q.Options),
	}
	for i, n := range q.Hands {
		if n > 0 {
			v.Hands[i] = strconv.Itoa(n)
		}
	}
	_, v.Failed = cl.run.of(q.N)
	w := cl.walk()
	v.Next = w.Plan != nil && !w.through()
	if q.Result != nil {
		v.Reveal = cl.revealOf(q)
		if r := cl.revealed(); r != nil {
			v.Exchanges = r.Page()
		}
	}
	return v
}

// oneDevice is how many answers of one device the board says nothing of.
const oneDevice = 2

// askedLive returns what changes by itself while the question of p is asked.
func (cl *class) askedLive(p classroom.Present) views.AskedLive {
	q := p.Question
	v := views.AskedLive{Phase: phaseOf(q)}
	if v.Answered, v.Seats = cl.turnout(p); q == nil {
		return v
	}
	v.Ends = cl.timer(q)
	if n, seat := cl.answersOfOneDevice(); n > oneDevice && q.Result == nil {
		v.OneDevice, v.DeviceSeat = fmt.Sprintf("%d answers come from one device. A school behind one address looks like one device too.", n), seat
	}
	if run, _ := cl.run.of(q.N); q.Running && run != nil {
		now := run.Progress()
		if v.Doing = now.Doing; now.Of > 0 {
			v.Step, v.Of = strconv.Itoa(now.Step), strconv.Itoa(now.Of)
		}
	}
	return v
}

// timer returns the clock of a question that is open with a timer, nil for another.
func (cl *class) timer(q *classroom.Question) *views.Clock {
	if !q.Open() || q.Until.IsZero() {
		return nil
	}
	clock := countdown(q.Until, cl.now())
	return &clock
}

// justNow is how long ago a run is called so.
const justNow = 5 * time.Minute

// revealOf returns what the class predicted and what happened. All of it is from the run of q and from
// the answers.
func (cl *class) revealOf(q *classroom.Question) *views.Reveal {
	e, _ := cl.app.shelf.Find(q.Slug)
	r, answers, hands := q.Result, q.Answers(), q.AllHands()
	v := &views.Reveal{Tone: r.Tone, Verdict: show.Rich(r.Verdict), Phones: answers > 0 || hands == 0, Hands: hands > 0, Answered: answeredWords(q)}
	for i, p := range e.Predictions[:min(q.Options, len(e.Predictions))] {
		count, raised := q.Count(i + 1)
		v.Bars = append(v.Bars, views.Bar{
			Text: show.Rich(p.Text), Right: q.CameTrue(i + 1), Count: strconv.Itoa(count), Most: strconv.Itoa(max(1, answers)),
			Hands: strconv.Itoa(raised), MostHands: strconv.Itoa(max(1, hands)),
		})
	}
	v.Foretold, v.Right = foretoldWords(q)
	when := "run just now on this machine"
	if cl.now().Sub(r.At) >= justNow {
		when = "run on this machine at " + say.Clock(r.At)
	}
	v.Computed = fmt.Sprintf("Computed from %s, %s.", experiment.Count(r.Exchanges, "real exchange", "real exchanges"), when)
	return v
}

// answeredWords say how many answers there are.
func answeredWords(q *classroom.Question) string {
	words := fmt.Sprintf("%d of %d answered, no names", q.Answers(), q.Seats) + say.RehearsedAnswers(q.Rehearsed)
	switch hands := q.AllHands(); {
	case hands > 0 && q.Seats == 0:
		words = experiment.Count(hands, "raised hand", "raised hands") + ", counted by hand"
	case hands > 0:
		words += "; " + experiment.Count(hands, "raised hand", "raised hands") + ", counted by hand"
	case q.Seats == 0:
		words = "nobody has a seat, and no hands were counted"
	}
	return words
}

// foretoldWords say how many predicted what happened, and whether somebody did.
func foretoldWords(q *classroom.Question) (words string, right bool) {
	answers, hands := q.Answers(), q.AllHands()
	foretold, raised := q.Count(q.Result.Happened)
	right = foretold+raised > 0
	switch {
	case q.Result.Undecided:
		return "This run decides nothing: too little was done.", false
	case q.Result.Happened == 0:
		return "None of the predictions says this.", false
	case answers == 0 && hands == 0:
		return "Nobody made a prediction.", false
	case hands == 0:
		return fmt.Sprintf("%d of %d foretold it.", foretold, answers), right
	case answers == 0:
		return fmt.Sprintf("%d of %s foretold it.", raised, experiment.Count(hands, "raised hand", "raised hands")), right
	}
	return fmt.Sprintf("%d of %d foretold it, and %d of %s.", foretold, answers, raised, experiment.Count(hands, "raised hand", "raised hands")), right
}

// questionJSON is the question of a class for programs.
type questionJSON struct {
	N           int               `json:"n"`
	Experiment  string            `json:"experiment"`
	Title       string            `json:"title"`
	Chosen      map[string]string `json:"chosen"`
	Predictions []string          `json:"predictions"`
	Phase       string            `json:"phase"` // open, closed, running, revealed
	Until       *time.Time        `json:"until,omitempty"`
	Answered    int               `json:"answered"` // seats
	Seats       int               `json:"seats"`
	Hands       []int             `json:"hands,omitempty"`
	Failed      string            `json:"failed,omitempty"` // why the latest run could not be done
	Result      *resultJSON       `json:"result,omitempty"` // once it is revealed
}

// resultJSON is what a class predicted and what happened.
type resultJSON struct {
	Counts    []int  `json:"counts"`              // of each prediction
	Rehearsed int    `json:"rehearsed,omitempty"` // how many of them are of the program's own browsers
	Happened  int    `json:"happened"`            // the number of the prediction that came true, from 1; 0 for none
	Undecided bool   `json:"undecided"`
	Tone      string `json:"tone"`
	Verdict   string `json:"verdict"`
	Exchanges int    `json:"exchanges"`
	Run       string `json:"run,omitempty"` // the address of the run, while its exchanges are kept
}

// questionJSON returns the present question for programs, nil for none.
func (cl *class) questionJSON() *questionJSON {
	p := cl.together.Present()
	q := p.Question
	if q == nil {
		return nil
	}
	e, _ := cl.app.shelf.Find(q.Slug)
	live := cl.askedLive(p)
	out := &questionJSON{N: q.N, Experiment: q.Slug, Title: e.Title, Chosen: q.Chosen, Phase: live.Phase, Answered: live.Answered, Seats: live.Seats, Hands: q.Hands}
	if out.Chosen == nil { // it was read from the documents
		out.Chosen = map[string]string{}
	}
	for _, p := range e.Predictions {
		out.Predictions = append(out.Predictions, show.Plain(p.Text))
	}
	if !q.Until.IsZero() {
		out.Until = &q.Until
	}
	_, out.Failed = cl.run.of(q.N)
	if r := q.Result; r != nil {
		out.Result = &resultJSON{q.Counts, q.Rehearsed, r.Happened, r.Undecided, r.Tone, show.Plain(r.Verdict), r.Exchanges, ""}
		if run := cl.revealed(); run != nil {
			out.Result.Run = run.Page()
		}
	}
	return out
}
