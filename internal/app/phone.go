package app

import (
	"strconv"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// phoneView returns what the class page of a seat shows of what the class does together: the question,
// while there is one, else the task of the lesson plan.
func (cl *class) phoneView(s classroom.Seat) views.Phone {
	v := views.Phone{Home: "/s/" + s.Place()}
	q := cl.together.Present().Question
	if q == nil {
		if v.Task = rich(cl.task()); len(v.Task) > 0 {
			v.State = "task"
		}
		v.Said = say.NowAsked(v.State, "")
		return v
	}
	v.State, v.Number = phaseOf(q), strconv.Itoa(q.N)
	e, ok := cl.app.shelf.Find(q.Slug)
	if !ok { // it was asked by another version of the program
		e.Title = q.Slug
	}
	own := cl.together.AnswerOf(s.ID)
	v.Title, v.Lead, v.Chosen = e.Title, show.Rich(e.Lead), chosenWords(e, q.Chosen)
	if own != 0 {
		v.Own = strconv.Itoa(own)
	}
	v.Ends = cl.timer(q)
	v.Predictions = predicted(q, e, own)
	v.Said = say.NowAsked(v.State, e.Title)
	if v.State == phaseOpen && own != 0 && own <= len(e.Predictions) {
		v.Said = say.PredictionIsIn(show.Plain(e.Predictions[own-1].Text))
	}
	if q.Result != nil {
		cl.addReveal(&v, q, own)
	}
	return v
}

// predicted returns the predictions of a question about e, of which own is the seat's, 0 for none.
func predicted(q *classroom.Question, e experiment.Experiment, own int) (out []views.Foretold) {
	for i := range q.Options {
		f := views.Foretold{N: strconv.Itoa(i + 1), Own: own == i+1}
		if i < len(e.Predictions) {
			f.Text = show.Rich(e.Predictions[i].Text)
		}
		if q.Result != nil {
			count, hands := q.Count(i + 1)
			f.Happened, f.Count = q.CameTrue(i+1), strconv.Itoa(count)
			if q.AllHands() > 0 {
				f.Hands = say.Hands(hands)
			}
		}
		out = append(out, f)
	}
	return out
}

// addReveal adds what came of a question to v.
func (cl *class) addReveal(v *views.Phone, q *classroom.Question, own int) {
	r := q.Result
	v.Judgement, v.Right = say.Foretold(own, r.Happened, r.Undecided)
	v.Said = say.NowRevealed(v.Judgement)
	v.Answered = say.AnsweredOf(q.Answers(), q.Seats, q.AllHands())
	v.Verdict = show.Rich(r.Verdict)
	v.Experiment = v.Home + "/experiments/" + q.Slug
	if run := cl.revealed(); run != nil && run.Token == r.Run {
		v.Bytes = v.Experiment + "?run=" + r.Run
	}
}

// asks returns what the strip of every page of a seat says of it, in one or two words, and whether
// something waits for the seat; "" for nothing.
func (cl *class) asks(id classroom.ID) (words string, calls bool) {
	state := ""
	switch p := cl.together.Present(); {
	case p.Paused:
		state = "paused"
	case p.Question == nil && len(cl.task()) > 0:
		state = "task"
	case p.Question == nil:
	case p.Question.Open() && cl.together.AnswerOf(id) != 0:
		state = "answered"
	default:
		state = phaseOf(p.Question)
	}
	return say.Asks(state)
}

// askedAgain is how many seconds a class page without scripts waits while the seat's answer is awaited. It
// has nothing but buttons then, so that no choice is lost; whoever reads them is disturbed less often.
const askedAgain = 15

// phoneAgain is after how many seconds the class page of a seat loads itself again without scripts.
func (cl *class) phoneAgain(id classroom.ID) int {
	p := cl.together.Present()
	switch q := p.Question; {
	case p.Paused, q == nil, !q.Open(), cl.together.AnswerOf(id) != 0:
		return classAgain
	case q.Until.IsZero():
		return askedAgain
	default: // at the latest when the time is up
		return min(askedAgain, 1+int(max(0, q.Until.Sub(cl.now()))/time.Second))
	}
}
