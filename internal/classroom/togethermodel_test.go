package classroom_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/classroom/classtest"
)

// lesson is what a class must be doing together.
type lesson struct {
	Paused          bool
	Asked, Answered int
	Plan            string
	Step            int
	StepAt, PlanAt  time.Time
	Question        *classroom.Question
	Past            []classroom.Question
	Answers         map[classroom.ID]int // to Question
}

// lessonOf returns what t is doing.
func lessonOf(t *classroom.Together, ids []classroom.ID) lesson {
	p := t.Present()
	l := lesson{p.Paused, p.Asked, p.Answered, p.Plan, p.Step, p.StepAt, p.PlanAt, p.Question, t.Past(), make(map[classroom.ID]int)}
	for _, id := range ids {
		if answer := t.AnswerOf(id); answer != 0 {
			l.Answers[id] = answer
		}
	}
	return l
}

// copy returns a lesson that shares nothing with l which a step changes.
func (l lesson) copy() lesson {
	l.Answers, l.Past = maps.Clone(l.Answers), slices.Clone(l.Past)
	if l.Question != nil {
		q := *l.Question
		l.Question = &q
	}
	return l
}

// close closes the question, if it is open.
func (l *lesson) close(now time.Time, seats int) {
	q := l.Question
	if !q.Open() {
		return
	}
	q.Counts, q.Seats, q.Closed = make([]int, q.Options), seats, now
	if !q.Until.IsZero() && now.After(q.Until) {
		q.Closed = q.Until
	}
	for _, answer := range l.Answers {
		q.Counts[answer-1]++
	}
}

// finish puts the question, if there is one, to the past.
func (l *lesson) finish(now time.Time, seats int) {
	if l.Question == nil {
		return
	}
	l.close(now, seats)
	l.Question.Running = false
	l.Past, l.Question, l.Answers = append(l.Past, *l.Question), nil, make(map[classroom.ID]int)
}

// counted returns l with Answered.
func (l lesson) counted() lesson {
	if l.Answered = len(l.Answers); l.Question != nil && !l.Question.Open() {
		l.Answered = l.Question.Answers()
	}
	return l
}

// lessons are a Together and what it must be: in the program, and to whoever opens the documents.
type lessons struct {
	*school
	rt        *rapid.T
	together  *classroom.Together
	ids       []classroom.ID
	now, kept lesson
	after     bool // a write that fails has happened all the same
	visitors  int
}

// TestModelOfTogether asks, answers, closes, reveals, pauses and removes seats in random order, while
// writes of the documents fail before or after they have happened, and the program crashes. After every
// step it opens the documents a second time. If it fails, an answer that was taken is lost, one that
// was not counts, counts change after they were shown, or answers outlive their question.
func TestModelOfTogether(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := &lessons{school: newSchool(rt, 40), rt: rt}
		m.begin()
		steps := []func(){m.ask, m.answer, m.answer, m.answer, m.answer, m.answer, m.close, m.hands, m.run, m.result, m.result, m.stop, m.done, m.pause, m.step, m.next, m.leave, m.restart, m.wipe}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			m.school.now = m.school.now.Add(time.Duration(rapid.IntRange(0, 4).Draw(rt, "seconds")) * time.Second)
			fails := rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2}).Draw(rt, "the write that fails")
			m.after = rapid.Bool().Draw(rt, "after it has happened")
			m.documents.Fail(fails, m.after)
			rapid.SampledFrom(steps).Draw(rt, "step")()
			m.documents.Fail(0, false)
			m.check("the program", m.together, m.now)
			m.check("the documents", m.second(), m.opened())
		}
	})
}

// begin fills a class that has nobody.
func (m *lessons) begin() {
	m.ids = nil
	for range 4 {
		m.visitors++
		m.ids = append(m.ids, m.joins(fmt.Sprint("visitor ", m.visitors)).ID)
	}
	m.now = lesson{Answers: make(map[classroom.ID]int)}
	m.kept = m.now.copy()
	m.together = m.open(m.documents)
}

// open opens what the documents hold.
func (m *lessons) open(documents classroom.Documents) *classroom.Together {
	m.rt.Helper()
	together, err := classroom.OpenTogether(context.Background(), classroom.TogetherConfig{
		Documents: documents, Seats: m.Count, Now: func() time.Time { return m.school.now },
		There: func(id classroom.ID) bool { _, there := m.Seat(id); return there },
	})
	want(m.rt, err, nil)
	return together
}

// second opens a copy of the documents.
func (m *lessons) second() *classroom.Together {
	documents := classroom.NewMemoryDocuments()
	for doc, err := range m.documents.All(context.Background()) {
		want(m.rt, err, nil)
		want(m.rt, documents.Put(context.Background(), doc), nil)
	}
	return m.open(documents)
}

// opened returns what whoever opens the documents must find.
func (m *lessons) opened() lesson {
	l := m.kept.copy()
	if q := l.Question; q.Open() && !q.Until.IsZero() && !m.school.now.Before(q.Until) {
		l.close(m.school.now, m.Count())
	}
	return l
}

func (m *lessons) check(what string, t *classroom.Together, want lesson) {
	m.rt.Helper()
	if diff := cmp.Diff(want.counted(), lessonOf(t, m.ids), cmpopts.EquateEmpty()); diff != "" {
		m.rt.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// ended notes how a step has ended that should have made next of the lesson, or should have been
// refused. Whose is the seat whose answer it was, "" for every other step.
func (m *lessons) ended(whose classroom.ID, next lesson, refused, err error) {
	m.rt.Helper()
	failed := errors.Is(err, classtest.ErrFailing)
	if failed && refused != nil || !failed && !errors.Is(err, refused) {
		m.rt.Fatalf("error %v, want %v", err, refused)
	}
	if refused != nil {
		return
	}
	if !failed || m.after {
		answers := next.Answers
		if whose != "" { // what the others have written stays
			answers = maps.Clone(m.kept.Answers)
			if m.kept.Question == nil || m.kept.Question.N != next.Question.N {
				answers = maps.Clone(m.now.Answers)
			}
			answers[whose] = next.Answers[whose]
		}
		m.kept = next.copy()
		if m.kept.Answers = maps.Clone(answers); m.kept.Question != nil {
			m.kept.Question.Running = false
		}
	}
	if !failed {
		m.now = next
		if whose == "" {
			m.wantNoLitter()
		}
	}
}

// wantNoLitter wants no answer in the documents but those that count, unless the write that removes
// them was made to fail.
func (m *lessons) wantNoLitter() {
	m.rt.Helper()
	m.documents.Fail(0, false)
	want(m.rt, m.together.Pause(context.Background(), m.now.Paused), nil)
	for doc, err := range m.documents.All(context.Background()) {
		want(m.rt, err, nil)
		if id, is := strings.CutPrefix(doc.Name, "answer/"); is && m.now.Answers[classroom.ID(id)] == 0 {
			m.rt.Fatalf("%s is left: %s", doc.Name, doc.Data)
		}
	}
}

// question returns the number of the present question, or another one, and why a step on it is refused.
func (m *lessons) question() (n int, refused error) {
	n = rapid.SampledFrom([]int{m.now.Asked, m.now.Asked, m.now.Asked, m.now.Asked, m.now.Asked - 1, m.now.Asked + 1}).Draw(m.rt, "question")
	switch {
	case m.now.Question == nil:
		return n, classroom.ErrNoQuestion
	case n != 0 && n != m.now.Question.N:
		return n, classroom.ErrOther
	}
	return n, nil
}

func (m *lessons) ask() {
	options := rapid.IntRange(2, 4).Draw(m.rt, "options")
	limit := time.Duration(rapid.SampledFrom([]int{0, 0, 5, 20}).Draw(m.rt, "limit")) * time.Second
	chosen := map[string]string{"placement": rapid.SampledFrom([]string{"cookie", "server"}).Draw(m.rt, "chosen")}
	next := m.now.copy()
	next.finish(m.school.now, m.Count())
	next.Asked++
	next.Question = &classroom.Question{N: next.Asked, Slug: "tamper", Chosen: chosen, Options: options, Opened: m.school.now}
	if limit > 0 {
		next.Question.Until = m.school.now.Add(limit)
	}
	m.ended("", next, nil, m.together.Ask(context.Background(), "tamper", chosen, options, limit))
}

func (m *lessons) answer() {
	id := rapid.SampledFrom(m.ids).Draw(m.rt, "seat")
	answer := rapid.IntRange(0, 4).Draw(m.rt, "answer")
	n, refused := m.question()
	_, there := m.Seat(id)
	switch q := m.now.Question; {
	case refused != nil:
	case n == 0:
		refused = classroom.ErrOther
	case !q.Open(), !q.Until.IsZero() && !m.school.now.Before(q.Until):
		refused = classroom.ErrNotOpen
	case answer < 1 || answer > q.Options:
		refused = classroom.ErrNoOption
	case !there:
		refused = classroom.ErrNoSeat
	}
	next := m.now.copy()
	next.Answers[id] = answer
	m.ended(id, next, refused, m.together.Answer(context.Background(), id, n, answer))
}

func (m *lessons) close() {
	n, refused := m.question()
	next := m.now.copy()
	if refused == nil && !next.Question.Open() {
		refused = classroom.ErrNotOpen
	}
	next.close(m.school.now, m.Count())
	m.ended("", next, refused, m.together.CloseQuestion(context.Background(), n))
}

func (m *lessons) hands() {
	n, refused := m.question()
	next := m.now.copy()
	var hands []int
	if refused == nil {
		hands = slices.Repeat([]int{rapid.IntRange(0, 9).Draw(m.rt, "hands")}, next.Question.Options)
		if next.Question.Result != nil {
			refused = classroom.ErrRevealed
		}
		next.Question.Hands = hands
	}
	m.ended("", next, refused, m.together.SetHands(context.Background(), n, hands))
}

func (m *lessons) run() {
	n, refused := m.question()
	next := m.now.copy()
	if refused == nil {
		switch q := next.Question; {
		case q.Running:
			refused = classroom.ErrRunning
		case q.Result != nil:
			refused = classroom.ErrRevealed
		}
		next.close(m.school.now, m.Count())
		next.Question.Running = true
	}
	asked, err := m.together.BeginRun(context.Background(), n)
	if diff := cmp.Diff(next.Question, &asked); err == nil && diff != "" {
		m.rt.Fatalf("what is to be run (-want +got):\n%s", diff)
	}
	m.ended("", next, refused, err)
}

func (m *lessons) result() {
	n, refused := m.question()
	result := classroom.Result{Happened: rapid.IntRange(0, 2).Draw(m.rt, "happened"), Verdict: "it is so", At: m.school.now}
	next := m.now.copy()
	if refused == nil {
		next.close(m.school.now, m.Count())
		if next.Question.Running = false; next.Question.Result == nil {
			next.Question.Result = &result
		}
	}
	m.ended("", next, refused, m.together.SetResult(context.Background(), n, result))
}

func (m *lessons) stop() {
	n, refused := m.question()
	next := m.now.copy()
	if refused == nil {
		next.Question.Running = false
	}
	m.ended("", next, refused, m.together.StopRun(context.Background(), n))
}

func (m *lessons) done() {
	next := m.now.copy()
	next.finish(m.school.now, m.Count())
	var refused error
	if m.now.Question == nil {
		refused = classroom.ErrNoQuestion
	}
	m.ended("", next, refused, m.together.Done(context.Background()))
}

func (m *lessons) pause() {
	next := m.now.copy()
	next.Paused = rapid.Bool().Draw(m.rt, "paused")
	m.ended("", next, nil, m.together.Pause(context.Background(), next.Paused))
}

func (m *lessons) step() {
	next, was := m.now.copy(), m.now.Plan
	next.Plan, next.Step, next.StepAt = rapid.SampledFrom([]string{"", "plan"}).Draw(m.rt, "plan"), rapid.IntRange(0, 5).Draw(m.rt, "n"), m.school.now
	if next.Plan != was {
		next.PlanAt = m.school.now
	}
	m.ended("", next, nil, m.together.SetStep(context.Background(), next.Plan, next.Step))
}

// next begins another step of a plan, with a question or without one.
func (m *lessons) next() {
	next, at := m.now.copy(), m.school.now
	if next.finish(at, m.Count()); next.Plan != "next" {
		next.Plan, next.PlanAt = "next", at
	}
	next.Step, next.StepAt = next.Step+1, at
	var asking *classroom.Asking
	if rapid.Bool().Draw(m.rt, "asks") {
		asking, next.Asked = &classroom.Asking{Slug: "two-tabs", Options: 3}, next.Asked+1
		next.Question = &classroom.Question{N: next.Asked, Slug: "two-tabs", Options: 3, Opened: at}
	}
	m.ended("", next, nil, m.together.BeginStep(context.Background(), "next", next.Step, asking))
}

// leave removes a seat. The model of a class has what happens when that fails.
func (m *lessons) leave() {
	id := rapid.SampledFrom(m.ids).Draw(m.rt, "seat")
	m.documents.Fail(0, false)
	want(m.rt, m.Remove(context.Background(), id), nil)
	m.together.Left(id)
	delete(m.now.Answers, id)
	delete(m.kept.Answers, id)
}

// restart crashes the program.
func (m *lessons) restart() {
	m.documents.Fail(0, false)
	m.together.Close()
	m.now = m.opened()
	m.kept = m.now.copy()
	m.together = m.open(m.documents)
}

func (m *lessons) wipe() {
	m.documents.Fail(0, false)
	_, err := m.Wipe(context.Background())
	want(m.rt, err, nil)
	for _, id := range m.ids {
		m.together.Left(id)
	}
	m.together.Wiped()
	m.check("after End", m.together, lesson{})
	m.begin()
}
