package app

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// progressKey is the key of the learner's own session under which progress is kept.
const progressKey = "progress"

// progress is the value under that key: the IDs of the experiments that were run to their
// end, and the IDs of those whose outcome the learner predicted.
type progress struct {
	Done  []int `json:"done"`
	Right []int `json:"right"`
}

// progressOf returns the progress in a session's value, without experiments that are not on
// the shelf. valid is false when the value is something else. No value is no progress yet.
func (a *App) progressOf(v session.Value, found bool) (p progress, valid bool) {
	if !found {
		return p, true
	}
	dec := json.NewDecoder(strings.NewReader(string(v)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil || v.Type() != session.TypeObject {
		return progress{}, false
	}
	unknown := func(id int) bool {
		return !slices.ContainsFunc(a.shelf.All(), func(e experiment.Experiment) bool { return e.ID == id })
	}
	tidy := func(ids []int) []int { slices.Sort(ids); return slices.DeleteFunc(slices.Compact(ids), unknown) }
	p.Done, p.Right = tidy(p.Done), tidy(p.Right)
	return p, true
}

// progressIn returns the progress that s keeps; s may be nil. valid is false when something
// else lies under the key.
func (a *App) progressIn(s *session.Session) (p progress, valid bool) {
	if s == nil {
		return p, true
	}
	v, ok := s.Get(progressKey)
	return a.progressOf(v, ok)
}

// learned returns the learner's progress: in a class the seat keeps it, so that a flush loses none
// of it, and otherwise the request's session. valid is false when something else lies under the
// session's key.
func (a *App) learned(c *call) (p progress, valid bool) {
	if a.of == nil {
		return a.progressIn(c.session)
	}
	s, _ := a.of.roster.Seat(classroom.ID(c.seat.Class))
	return a.progressOf(session.Value(s.Progress), len(s.Progress) > 0)
}

// doneCount returns how many experiments are done by p, the learner's progress. It is views.NotKnown when
// p could not be read: the store does not answer, so that the request has no session. A seat's is in the class.
func (a *App) doneCount(c *call, p progress) int {
	if a.of == nil && c.session == nil {
		return views.NotKnown
	}
	return len(p.Done)
}

// loses returns how many experiments are not known as done any more once the request's session has
// ended. In a class the seat keeps them.
func (a *App) loses(c *call) int {
	if a.of != nil {
		return 0
	}
	p, _ := a.progressIn(c.session)
	return len(p.Done)
}

// keeps tells whether the request's session keeps that e is done, and that its outcome was
// predicted.
func (a *App) keeps(c *call, e experiment.Experiment) (done, right bool) {
	p, _ := a.learned(c)
	return slices.Contains(p.Done, e.ID), slices.Contains(p.Right, e.ID)
}

// told tells whether the request may be told what comes out of e: it is done, or r, the run
// that is shown, has found it. r has none if nothing is shown.
func (a *App) told(c *call, e experiment.Experiment, r seenRun) bool {
	done, _ := a.keeps(c, e)
	return done || r.Run != nil && r.now.Ended && r.found.Err == nil && !r.found.Outcome.Undecided
}

// with returns p with one more experiment done. A prediction that was right once stays so.
func (p progress) with(id int, right bool) progress {
	insert := func(ids []int, add bool) []int {
		ids = append([]int{}, ids...) // never null in JSON
		if at, has := slices.BinarySearch(ids, id); add && !has {
			ids = slices.Insert(ids, at, id)
		}
		return ids
	}
	return progress{insert(p.Done, true), insert(p.Right, right)}
}

// note writes a run that has ended into the progress in the learner's session, which begins
// by it if there is none. said is why the progress was not kept, and mostly "".
func (a *App) note(c *call, r *experiment.Run) (said string) {
	ctx := c.ctx()
	if !r.Note() {
		return ""
	}
	if a.of != nil {
		return a.of.note(c, r)
	}
	if _, valid := a.progressIn(c.session); !valid {
		r.Unnote()
		return "Your session's key progress holds something other than progress, and was left as it is. Delete that key, and this run can still be written down."
	}
	c.placeNext()
	err := c.session.Update(progressKey, func(old session.Value, ok bool) session.Value {
		p, valid := a.progressOf(old, ok)
		if !valid {
			return old
		}
		v, err := session.ValueOf(p.with(r.Experiment.ID, foretold(r)))
		if err != nil {
			return old // cannot happen: the progress is lists of numbers
		}
		return v
	})
	if err == nil {
		err = c.session.Commit(ctx)
	}
	c.session.WriteCookie(c.Response().Header())
	if err != nil {
		r.Unnote()
		c.failure = err
		return "Your progress was not kept: " + problemOf(err).detail
	}
	return ""
}

// foretold tells whether the learner predicted what the run found.
func foretold(r *experiment.Run) bool {
	return r.Prediction != experiment.None && r.Prediction == r.Found().Outcome.Happened
}

// note is App.note for a seat of the class, which keeps its progress itself.
func (cl *class) note(c *call, r *experiment.Run) (said string) {
	use := cl.lab.useOf(c.seat)
	if use == nil { // the seat left while the run went on
		r.Unnote()
		return "Your progress was not kept: your seat is not at this address any more."
	}
	use.mu.Lock()
	defer use.mu.Unlock()
	p, _ := cl.lab.learned(c)
	p = p.with(r.Experiment.ID, foretold(r))
	text, err := json.Marshal(p)
	if err == nil {
		err = cl.roster.SetProgress(c.ctx(), classroom.ID(c.seat.Class), text)
	}
	if err != nil {
		r.Unnote()
		c.failure = err
		return "Your progress was not kept: the class could not write it down. Press once more."
	}
	cl.board.SetDone(classroom.ID(c.seat.Class), len(p.Done))
	return ""
}
