package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/plan"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// planRoutes adds the routes of the lesson plans.
func (a *App) planRoutes() {
	a.post("/classroom/plan", a.teacher(a.beginPlan))
	a.post("/classroom/next", a.teacher(atStep(a.nextStep)))
	a.post("/classroom/plan/back", a.teacher(atStep(a.stepBack)))
	a.post("/classroom/plan/again", a.teacher(atStep(a.stepAgain)))
	a.post("/classroom/plan/leave", a.teacher(a.leavePlan))
}

// walk is where a class is in a lesson plan.
type walk struct {
	*plan.Plan     // nil while it walks through none
	at         int // the step, from 0; after the last step the plan is through
	classroom.Present
}

// walk returns where the class is.
func (cl *class) walk() walk {
	s := cl.together.Present()
	p := plan.Find(cl.app.plans, s.Plan)
	if p == nil {
		return walk{Present: s}
	}
	return walk{p, min(max(s.Step, 0), len(p.Steps)), s}
}

// through tells whether the last step is over.
func (w walk) through() bool { return w.at == len(w.Steps) }

// stands tells whether the question of a step is what the class is asked now, or was asked last.
func (w walk) stands(s plan.Step) bool {
	q := w.Question
	return s.Kind == plan.Question && q != nil && q.Slug == s.Experiment && maps.Equal(q.Chosen, s.Chosen)
}

// unrevealed tells whether a question would be taken away before anybody knows what comes of it.
func (w walk) unrevealed() bool { return w.Question != nil && w.Question.Result == nil }

// whereIs returns where the class is, if the page that sent c shows that. The caller holds planning.
func (cl *class) whereIs(c *call) (walk, error) {
	w := cl.walk()
	n, err := strconv.Atoi(c.form.Get("step"))
	switch {
	case err != nil:
		return w, &problem{status: http.StatusUnprocessableEntity, brief: true, detail: `The field "step" is the number of the step that the page showed, from 1. Nothing was changed.`}
	case w.Plan == nil:
		return w, conflict("The class walks through no lesson plan now.")
	case n == w.at+1:
		return w, nil
	case w.through():
		return w, conflict("The plan is through already.")
	}
	return w, conflict(fmt.Sprintf("The page showed step %d, and the class is at step %d: one press was enough, or another page was faster.", n, w.at+1))
}

// atStep is a press on the step where the class is: none is under way beside it, and one on a page that
// shows another step is refused.
func atStep(do func(*call, *class, walk) error) func(*call, *class) error {
	return func(c *call, cl *class) error {
		cl.planning.Lock()
		defer cl.planning.Unlock()
		w, err := cl.whereIs(c)
		if err != nil {
			return err
		}
		return do(c, cl, w)
	}
}

// conflict is the refusal of a press on a page that is not up to date, or that comes too early.
func conflict(why string) error {
	return &problem{status: http.StatusConflict, brief: true, detail: why + " Nothing was changed."}
}

// sure refuses to take away a question that is not revealed, unless the teacher is sure of that.
func (cl *class) sure(c *call, w walk) error {
	if !w.unrevealed() || c.form.Get("sure") == "1" {
		return nil
	}
	return conflict(fmt.Sprintf("The question %q is not revealed yet, and nobody would learn what comes out. Reveal it first, or go on all the same: that is the field sure=1.", cl.titleOf(w.Question)))
}

// acted tells whether the act of the present step was done since the step began. A step without an act has
// nothing to wait for.
func (cl *class) acted(w walk) bool {
	s := w.Steps[w.at]
	return s.Kind != plan.Everyone || cl.survey.DoneSince(classroom.ActKind(s.Act), w.StepAt)
}

// beginPlan is POST /classroom/plan: the class begins with the first step of the plan of that name.
func (a *App) beginPlan(c *call, cl *class) error {
	cl.planning.Lock()
	defer cl.planning.Unlock()
	w, p := cl.walk(), plan.Find(a.plans, c.form.Get("plan"))
	switch {
	case p == nil:
		return &problem{status: http.StatusUnprocessableEntity, brief: true, detail: "There is no lesson plan of that name. Nothing was changed."}
	case w.Plan != nil:
		return conflict(fmt.Sprintf("The class walks through %q already: leave that plan first.", w.Title))
	}
	if err := cl.sure(c, w); err != nil {
		return err
	}
	return cl.moveTo(c, p, 0)
}

// nextStep is POST /classroom/next: it ends what stands, and begins the step after the one that the page showed.
func (a *App) nextStep(c *call, cl *class, w walk) error {
	switch {
	case w.through():
		return conflict("The plan is through already.")
	case !cl.acted(w) && c.form.Get("sure") != "1":
		return conflict(fmt.Sprintf("The act of this step, %q, was not done since the step began. Do it first, or go on all the same: that is the field sure=1.", say.EveryoneLabel(w.Steps[w.at].Act)))
	case w.at+1 < len(w.Steps) && w.stands(w.Steps[w.at+1]): // the teacher went back, and forth
	default:
		if err := cl.sure(c, w); err != nil {
			return err
		}
	}
	return cl.moveTo(c, w.Plan, w.at+1)
}

// moveTo begins a step, and says so.
func (cl *class) moveTo(c *call, p *plan.Plan, at int) error {
	if err := cl.beginStep(c.ctx(), p, at, false); err != nil {
		return err
	}
	said := say.PlanThrough(p.Title)
	if at < len(p.Steps) {
		said = say.StepBegun(at+1, len(p.Steps), p.Steps[at].Title)
	}
	return cl.leadToStep(c, said)
}

// notBegun is the refusal of a press after which the class is at a step that did not begin.
func notBegun(at int, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &problem{status: problemOf(askRefused(err)).status, brief: true, cause: err, detail: fmt.Sprintf("The class is at step %d, and what belongs to it could not be begun. Press Back and then Next, and it is begun again.", at+1)}
}

// beginStep takes away what is shown to everybody, and has the class at a step of p with what belongs to
// it; after the last step the plan is through. A question that stands already stays as it is, unless
// again is true. A crash leaves the class at the step before, or at this one with its question. The
// errors are refusals.
func (cl *class) beginStep(ctx context.Context, p *plan.Plan, at int, again bool) error {
	var s plan.Step
	if at < len(p.Steps) {
		s = p.Steps[at]
	}
	if !again && cl.walk().stands(s) {
		if err := cl.together.SetStep(ctx, p.Name, at); err != nil {
			return notWritten(err)
		}
		return nil
	}
	var asking *classroom.Asking
	if s.Kind == plan.Question {
		q, err := cl.asking(s.Experiment, s.Chosen, s.Limit)
		if err != nil {
			return askRefused(err)
		}
		asking = &q
	}
	if err := cl.clearBeside(ctx); err != nil {
		return askRefused(err)
	}
	if err := cl.together.BeginStep(ctx, p.Name, at, asking); err != nil {
		return askRefused(err)
	}
	if s.Kind == plan.Browsers {
		if err := cl.browsers.Ask(ctx); err != nil {
			return notBegun(at, err)
		}
	}
	return nil // an act for everyone waits for the teacher's confirmation
}

// stepBack is POST /classroom/plan/back: the step before is shown again, and nothing is undone.
func (a *App) stepBack(c *call, cl *class, w walk) error {
	if w.at == 0 {
		return conflict("This is the first step.")
	}
	if err := cl.together.SetStep(c.ctx(), w.Name, w.at-1); err != nil {
		return notWritten(err)
	}
	return cl.leadToStep(c, say.StepShown(w.at, len(w.Steps), w.Steps[w.at-1].Title))
}

// stepAgain is POST /classroom/plan/again: the present step begins once more.
func (a *App) stepAgain(c *call, cl *class, w walk) error {
	if w.through() {
		return conflict("The plan is through already.")
	}
	if err := cl.sure(c, w); err != nil {
		return err
	}
	if err := cl.beginStep(c.ctx(), w.Plan, w.at, true); err != nil {
		return err
	}
	return cl.leadToStep(c, say.StepAgain(w.Steps[w.at].Title))
}

// leavePlan is POST /classroom/plan/leave: the class walks through no plan any more.
func (a *App) leavePlan(c *call, cl *class) error {
	cl.planning.Lock()
	defer cl.planning.Unlock()
	if cl.walk().Plan == nil {
		return conflict("The class walks through no lesson plan now.")
	}
	if err := cl.together.SetStep(c.ctx(), "", 0); err != nil {
		return notWritten(err)
	}
	return cl.leadToStep(c, say.PlanLeft())
}

// leadToStep answers a press that moved the class in a plan. A program gets the step as JSON.
func (cl *class) leadToStep(c *call, said say.Sentence) error {
	type stepJSON struct {
		Op         string   `json:"op"`
		Plan       string   `json:"plan,omitempty"` // none is walked without it
		Step       int      `json:"step,omitempty"` // from 1, and one more than there are once the plan is through
		Steps      int      `json:"steps,omitempty"`
		Through    bool     `json:"through,omitempty"`
		Title      string   `json:"title,omitempty"`
		Kind       string   `json:"kind,omitempty"`
		Minutes    int      `json:"minutes,omitempty"`
		Experiment string   `json:"experiment,omitempty"`
		Act        string   `json:"act,omitempty"`
		Phones     []string `json:"phones,omitempty"`
	}
	w := cl.walk()
	out := stepJSON{Op: strings.TrimPrefix(c.Path(), "/classroom/")}
	if w.Plan != nil {
		out.Plan, out.Step, out.Steps, out.Through = w.Name, w.at+1, len(w.Steps), w.through()
		if !out.Through {
			s := w.Steps[w.at]
			out.Title, out.Kind, out.Minutes, out.Experiment, out.Act, out.Phones = s.Title, string(s.Kind), s.Minutes, s.Experiment, s.Act, s.Phones
		}
	}
	return cl.leadToBoard(c, cl.saying(c, said), "", out)
}

// task returns what the step of the lesson plan gives the phones to do, in sentences with the markup of
// experiment.Text; nil for nothing. The teacher's note is no part of it.
func (cl *class) task() []string {
	if w := cl.walk(); w.Plan != nil && !w.through() {
		return w.Steps[w.at].Phones
	}
	return nil
}

// screenTask returns the same for the beamer, which shows in large where one joins while that is the step.
func (cl *class) screenTask() []string {
	if w := cl.walk(); w.Plan != nil && !w.through() && w.Steps[w.at].Kind == plan.Join {
		return nil
	}
	return cl.task()
}

// planView returns the board's panel of the lesson plans.
func (cl *class) planView() (v views.Plan) {
	w := cl.walk()
	if w.unrevealed() {
		v.Unrevealed = cl.titleOf(w.Question)
	}
	if w.Plan == nil {
		for _, p := range cl.app.plans {
			v.Offers = append(v.Offers, views.PlanOffer{Name: p.Name, Title: p.Title, Lead: show.Rich(strings.Join(p.Lead, " ")), Steps: planLines(&p, -1)})
		}
		return v
	}
	v.Title, v.N, v.Of, v.Through, v.Steps = w.Title, w.at+1, len(w.Steps), w.through(), planLines(w.Plan, w.at)
	v.Whole = took(w.PlanAt, cl.now(), plan.Minutes)
	if v.Through {
		return v
	}
	s := w.Steps[w.at]
	v.Step, v.Time, v.Until = cl.stepView(w, s), took(w.StepAt, cl.now(), s.Minutes), strconv.Itoa(w.Before(w.at+1))
	if w.at+1 < len(w.Steps) {
		next := w.Steps[w.at+1]
		if v.Next = next.Title; w.stands(next) {
			v.Unrevealed = ""
		}
	}
	return v
}

// took says how many whole minutes have passed since at.
func took(at, now time.Time, planned int) views.Took {
	minutes := max(0, int(now.Sub(at)/time.Minute))
	return views.Took{At: at.UnixMilli(), Minutes: strconv.Itoa(minutes), Planned: strconv.Itoa(planned), Over: minutes >= planned}
}

// planLines lists the steps of p. The class is at step at.
func planLines(p *plan.Plan, at int) (out []views.PlanLine) {
	for i, s := range p.Steps {
		out = append(out, views.PlanLine{Title: s.Title, Kind: string(s.Kind), Minutes: strconv.Itoa(s.Minutes), Over: i < at, Present: i == at})
	}
	return out
}

// stepView is the present step as the teacher sees it.
func (cl *class) stepView(w walk, s plan.Step) views.PlanStep {
	e, _ := cl.app.shelf.Find(s.Experiment)
	v := views.PlanStep{
		Title: s.Title, Kind: string(s.Kind), Act: s.Act, Experiment: e.Title, Phones: rich(s.Phones),
		Note: []views.PlanNote{
			{Name: "do", Sentences: rich(s.Note.Do)}, {Name: "ask", Sentences: rich(s.Note.Ask)},
			{Name: "wrong", Sentences: rich(s.Note.Wrong)}, {Name: "seen", Sentences: rich(s.Note.Seen)},
		},
	}
	if s.Kind == plan.Everyone {
		v.Button, v.Acted, v.Counts = say.EveryoneLabel(s.Act), cl.acted(w), cl.shownAct() != nil
	}
	if s.Kind != plan.Question {
		return v
	}
	v.Limit, v.Chosen = say.Seconds(s.Limit), chosenWords(e, s.Chosen)
	if w.stands(s) {
		v.Stands = phaseOf(w.Question)
	}
	return v
}
