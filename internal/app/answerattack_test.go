package app

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// counts closes the present question and returns how many seats gave each answer.
func counts(t *testing.T, w *classWorld) string {
	t.Helper()
	if err := w.class.together.CloseQuestion(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(w.class.together.Present().Question.Counts)
}

// Whoever answers again, with as many fields as there is room for, has one vote, the latest. After the
// question is closed, revealed or finished none is taken, and an answer to one question is none to another.
func TestOneSeatHasOneVote(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	p.form = formJSON
	ask(t, w, 3)
	for _, prediction := range []string{"1", "2", "3", "3", "2"} {
		p.post(base+"/class/answer", "prediction", prediction).want(200)
	}
	p.post(base+"/class/answer", slices.Repeat([]string{"prediction", "1"}, 10_000)...).want(200, `"prediction":1`)
	p.post(base+"/class/answer", "prediction", "3", "prediction", "1", "seat", "other", "question", "1", "question", "2").want(200, `"prediction":3`)
	if got := w.class.together.Present().Answered; got != 1 {
		t.Errorf("%d have answered", got)
	}
	if got := counts(t, w); got != "[0 0 1]" {
		t.Errorf("counts %s", got)
	}
	late := func() { t.Helper(); p.post(base+"/class/answer", "prediction", "1", "question", "1").want(409) }
	late()
	if _, err := w.class.together.BeginRun(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	late()
	if err := w.class.together.SetResult(t.Context(), 1, classroom.Result{Happened: 1}); err != nil {
		t.Fatal(err)
	}
	late()
	if err := w.class.together.Done(t.Context()); err != nil {
		t.Fatal(err)
	}
	late()
	ask(t, w, 3)
	late()
	if got := fmt.Sprint(w.class.together.Past()[0].Counts) + counts(t, w); got != "[0 0 1][0 0 0]" {
		t.Errorf("counts %s", got)
	}
}

// An answer is for the seat of its path and for no other, whatever cookies come along. A path that is
// guessed, that the seat has left, or of a second browser, takes none.
func TestAnAnswerIsForTheSeatOfItsPath(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	ann, bob := w.phone(), w.phone()
	own, others := ann.join(), bob.join()
	ann.post(own+"/set", "key", "a", "value", "b").want(303)
	bob.post(others+"/set", "key", "a", "value", "b").want(303)
	page := fieldOf(ann.get(own+"/").want(200).body, "page")
	second, _, _ := strings.Cut(ann.post(own+"/second", "page", page).want(303).Header.Get("Location"), "/?")
	ask(t, w, 2)
	annID, bobID := w.seatAt(own).ID, w.seatAt(others).ID
	r := bob.request("POST", others+"/class/answer", "prediction=2")
	r.Header.Set("Cookie", strings.ReplaceAll(r.Header.Get("Cookie"), w.seatAt(others).Name, w.seatAt(own).Name)+"; "+ann.request("GET", own+"/", "").Header.Get("Cookie"))
	bob.send(r).want(303)
	if a, b := w.class.together.AnswerOf(annID), w.class.together.AnswerOf(bobID); a != 0 || b != 2 {
		t.Errorf("with another seat's cookies: %d and %d", a, b)
	}
	place := []byte(own)
	place[len(place)-1] ^= 1
	for _, guess := range []string{string(place), own[:len(own)-1], "/s/" + w.seatAt(own).Name, "/s/" + w.seatAt(own).Name + "-", second} {
		for _, p := range []*guest{ann, bob} {
			p.post(guess+"/class/answer", "prediction", "1").want(404)
		}
	}
	w.class.roster.Back(t.Context(), deviceOf(ann.request("GET", "/", "")), w.seatAt(own).Nickname, w.seatAt(own).Code)
	ann.post(own+"/class/answer", "prediction", "1").want(404)
	if got := counts(t, w); got != "[0 1]" {
		t.Errorf("counts %s", got)
	}
}

// Who sends ten thousand answers at once is refused beyond the rate of a seat, has one vote, and harms no
// other seat.
func TestTenThousandAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openClassWorld(t, nil)
		defer w.app.Close()
		ann, bob := w.phone(), w.phone()
		own, others := ann.join(), bob.join()
		ann.form, bob.form = formJSON, formJSON
		ask(t, w, 2)
		taken := 0
		for range 10_000 {
			switch a := ann.post(own+"/class/answer", "prediction", "1"); a.StatusCode {
			case http.StatusOK:
				taken++
			case http.StatusTooManyRequests:
			default:
				t.Fatalf("%d: %s", a.StatusCode, a.body)
			}
		}
		if taken != seatBurst {
			t.Errorf("%d answers were taken, want %d", taken, seatBurst)
		}
		bob.post(others+"/class/answer", "prediction", "2").want(200)
		time.Sleep(time.Second)
		ann.post(own+"/class/answer", "prediction", "2").want(200)
		if got := counts(t, w); got != "[0 2]" {
			t.Errorf("counts %s", got)
		}
	})
}

// Who takes twenty seats to vote is seen: the board can say how many answers are of one device, and removes
// its seats with their votes. Those of a question that is closed stay in its counts.
func TestTwentySeatsOfOneDevice(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	ask(t, w, 2)
	honest := []*guest{w.phone(), w.phone()}
	for _, p := range honest {
		p.form = formPage
		p.post(p.join()+"/class/answer", "prediction", "1").want(303)
	}
	if n, seat := w.class.answersOfOneDevice(); n != 0 || seat != "" {
		t.Errorf("%d answers of one device, of %q", n, seat)
	}
	cheat := w.phone()
	for range 20 {
		cheat.forget()
		cheat.post(cheat.join()+"/class/answer", "prediction", "2").want(303)
	}
	n, seat := w.class.answersOfOneDevice()
	if p := w.class.together.Present(); n != 20 || p.Answered != 22 {
		t.Errorf("%d answers of one device, of %d", n, p.Answered)
	}
	w.teacher.post("/classroom/remove", "device", seat).want(303)
	if n, _ := w.class.answersOfOneDevice(); n != 0 || w.class.together.Present().Answered != 2 || w.class.roster.Count() != 2 {
		t.Errorf("%d answers of one device, of %d", n, w.class.together.Present().Answered)
	}
	if got := counts(t, w); got != "[2 0]" {
		t.Errorf("counts %s", got)
	}
	w.teacher.post("/classroom/remove", "seat", w.class.roster.Seats()[0].Name).want(303)
	if p := w.class.together.Present(); p.Answered != 2 || p.Question.Seats != 2 {
		t.Errorf("after closing: %+v", p)
	}
}

// No route of the teacher is there below a seat's path, by any method, also with the teacher's cookie.
func TestNoRouteOfTheTeacherIsThereForASeat(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	var p *guest
	base, found := "", 0
	for _, route := range w.app.echo.Routes() {
		if !strings.HasPrefix(route.Path, "/classroom") {
			continue
		}
		if found%10 == 0 { // one seat may not send so much at once
			p = w.phone()
			base = p.join()
			p.jar.SetCookies(&url.URL{Scheme: "http", Host: "192.168.77.1:8080", Path: base + "/"}, []*http.Cookie{{Name: w.app.teacherCookie(), Value: w.teacher.cookie("/classroom", w.app.teacherCookie())}})
		}
		found++
		for _, p.form = range []answerForm{formPage, formFragment, formJSON} {
			for _, target := range []string{base + route.Path, base + "/.." + route.Path} {
				r := p.request(route.Method, target, "")
				if a := p.send(r); a.StatusCode != 404 && a.StatusCode != 405 {
					t.Errorf("%s %s: %d %.80s", route.Method, target, a.StatusCode, a.body)
				}
			}
		}
	}
	if found < 10 || w.class.together.Present().Paused || w.class.roster.DoorClosed() {
		t.Errorf("%d routes; paused %t", found, w.class.together.Present().Paused)
	}
}
