package app

import (
	"testing"
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
	w.teacher.get("/classroom").want(200, `<span class="answered">answered</span>`)
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
