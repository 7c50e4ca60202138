package app

import (
	"context"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/classroom/classtest"
)

// An answer is taken in each form, without a cookie, until the question is closed; each refusal says
// why. It is no press on the board: the tile says that the seat has answered, and nothing else.
func TestAnswer(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	id, target := w.seatAt(base).ID, base+"/class/answer"
	is := func(want int) {
		t.Helper()
		if got := w.class.together.AnswerOf(id); got != want {
			t.Errorf("the answer is %d, want %d", got, want)
		}
	}
	p.forget()
	p.form = formJSON
	p.post(target, "prediction", "1").want(409, "Nothing is asked now")
	ask(t, w, 3)
	before, _ := w.class.board.Tile(id)
	p.post(target, "prediction", "2").want(200, `{"op":"answer","question":1,"prediction":2}`)
	is(2)
	for _, bad := range []string{"0", "4", "-1", "x", "", "1.0", "99999999999999999999"} {
		p.post(target, "prediction", bad).want(422, "from 1 to 3")
	}
	p.post(target).want(422)
	p.post(target, "prediction", "1", "question", "2").want(409, "Another question")
	p.post(target, "prediction", "1", "question", "").want(409, "Another question")
	is(2)
	p.form = formFragment
	p.post(target, "prediction", "3", "question", "1").want(200, `hx-target="#now"`)
	is(3)
	p.form = formPage
	a := p.post(target, "prediction", "1", "question", "1").want(303)
	if to := a.Header.Get("Location"); to != base+"/class" {
		t.Errorf("the form leads to %s", to)
	}
	is(1)
	tile, _ := w.class.board.Tile(id)
	if before.Answered || !tile.Answered || tile.Flash != before.Flash || tile.LastOp != before.LastOp || tile.State != before.State {
		t.Errorf("the tile was %+v, and is %+v", before, tile)
	}
	w.teacher.get("/classroom").want(200, `<b class="answered">answered</b>`)
	if err := w.class.together.CloseQuestion(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	to := p.post(target, "prediction", "2").want(303).Header.Get("Location")
	p.get(to).want(200, "refused (409)", "The question is closed")
	is(1)
	p.form = formJSON
	p.post(target, "prediction", "2").want(409, "closed")
	if err := w.class.roster.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	p.post(target, "prediction", "2").want(404)
}

// ask asks the class a question with so many predictions.
func ask(t *testing.T, w *classWorld, options int) {
	t.Helper()
	if err := w.class.together.Ask(t.Context(), "cookie-or-server", nil, options, 0); err != nil {
		t.Fatal(err)
	}
}

// overDocuments opens a class whose documents are given.
func overDocuments(t *testing.T, documents classroom.Documents) *classWorld {
	return openClassWorld(t, func(c *Config) {
		open := c.Class.Open
		c.Class.Open = func(ctx context.Context) (ClassParts, error) {
			parts, err := open(ctx)
			parts.Documents = documents
			return parts, err
		}
	})
}

// After a crash the class is where it was: paused, with its answers, whose seats need no cookie, and a
// question whose time was up meanwhile is closed. An answer that could not be written is refused.
func TestAnswersOutliveTheProgram(t *testing.T) {
	t.Parallel()
	memory := classroom.NewMemoryDocuments()
	documents := &classtest.Failing{Documents: memory}
	w := overDocuments(t, documents)
	ann, bob := w.phone(), w.phone()
	own, others := ann.join(), bob.join()
	ctx := t.Context()
	if err := w.class.together.Ask(ctx, "cookie-or-server", nil, 2, time.Minute); err != nil {
		t.Fatal(err)
	}
	bob.post(others + "/class/heard").want(204) // from now on the seat is in use, which was written
	documents.Fail(1, false)
	to := bob.post(others+"/class/answer", "prediction", "1").want(303).Header.Get("Location")
	bob.get(to).want(200, "refused (503)", "could not write that down")
	ann.post(own+"/class/answer", "prediction", "2").want(303)
	w.teacher.post("/classroom/pause").want(303)

	w = overDocuments(t, documents)
	ann.h, bob.h = w.app, w.app
	ann.forget()
	ann.form = formJSON
	ann.post(own+"/class/answer", "prediction", "1").want(403, "Eyes up")
	w.teacher.get("/classroom").want(200, `action="/classroom/resume"`)
	w.teacher.post("/classroom/resume").want(303)
	if tile, _ := w.class.board.Tile(w.seatAt(own).ID); !tile.Answered || w.class.together.AnswerOf(w.seatAt(own).ID) != 2 {
		t.Errorf("the tile after the start: %+v", tile)
	}
	ann.post(own+"/class/answer", "prediction", "1").want(200)

	w = overDocuments(t, documents)
	if q := w.class.together.Present().Question; !q.Open() {
		t.Fatalf("%+v", q)
	}
	late := classWorldBefore(t, nil)
	late.documents = memory
	late.clock.Move(time.Minute)
	if err := late.app.OpenClass(ctx); err != nil {
		t.Fatal(err)
	}
	if q := late.app.openClass().together.Present().Question; q.Open() || q.Counts[0] != 1 {
		t.Errorf("after its time: %+v", q)
	}
}
