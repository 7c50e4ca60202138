package app

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/plan"
)

// recording are documents that keep how they were after each write.
type recording struct {
	*classroom.MemoryDocuments
	after []*classroom.MemoryDocuments // in the order of the writes
}

// Put implements classroom.Documents.
func (r *recording) Put(ctx context.Context, docs ...classroom.Document) error {
	err := r.MemoryDocuments.Put(ctx, docs...)
	r.record(ctx)
	return err
}

// Delete implements classroom.Documents.
func (r *recording) Delete(ctx context.Context, names ...string) error {
	err := r.MemoryDocuments.Delete(ctx, names...)
	r.record(ctx)
	return err
}

func (r *recording) record(ctx context.Context) {
	now := classroom.NewMemoryDocuments()
	for doc := range r.All(ctx) {
		_ = now.Put(ctx, doc) // memory does not fail
	}
	r.after = append(r.after, now)
}

// The program is killed between any two writes of a press on Next, with a question open and the table of an
// act shown. If this fails, the class is at a step whose question nobody is asked, while the phones are
// asked the one before.
func TestAKilledNextIsDoneOrNot(t *testing.T) {
	t.Parallel()
	documents := &recording{MemoryDocuments: classroom.NewMemoryDocuments()}
	w := overDocuments(t, documents)
	w.teacher.form = formJSON
	w.sit(w.phone())
	const name = "what-a-session-is"
	p := plan.Find(w.app.plans, name)
	at := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return s.Kind == plan.Question })
	w.teacher.post("/classroom/plan", "plan", name).want(200)
	did(t, w.class.together.SetStep(t.Context(), name, at-1))
	w.teacher.post("/classroom/open", "slug", "two-tabs").want(200)
	w.teacher.post("/classroom/everyone", "act", "flush", "sure", "1").want(200)

	documents.after = nil
	w.next(at, "sure", "1").want(200)
	moved := 0
	for n, killed := range documents.after {
		again := overDocuments(t, killed)
		got, asked := again.class.walk(), again.class.together.Present().Question
		switch {
		case asked == nil:
			t.Errorf("after write %d: nothing is asked, at step %d", n+1, got.at+1)
		case got.at == at && asked.Slug == p.Steps[at].Experiment:
			moved++
		case got.at != at-1 || asked.Slug != "two-tabs":
			t.Errorf("after write %d: step %d, with the question %s", n+1, got.at+1, asked.Slug)
		}
	}
	if moved == 0 || moved == len(documents.after) {
		t.Errorf("of %d writes %d were after the move", len(documents.after), moved)
	}
}

// A program that plays the teacher is told the same question after a start, also if its experiment has no
// choices.
func TestTheBoardIsToldTheSameAfterAStart(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	w.teacher.form = formJSON
	w.sit(w.phone())
	w.teacher.post("/classroom/open", "slug", "born-on-first-write").want(200)
	again := w.restarted(t)
	again.teacher.form = formJSON
	if was, is := w.class.questionJSON(), again.class.questionJSON(); !reflect.DeepEqual(was, is) {
		t.Errorf("after a start the question is %+v, and was %+v", is, was)
	}
}
