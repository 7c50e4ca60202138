package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/views"
)

// classAnswer is POST /s/NAME-SUFFIX/class/answer: prediction is the number of an answer, from 1, to the
// question of the number in the field question, or to the present one. The path says whose answer it
// is: who has lost all cookies can answer. It has to do with no session, so that it is no moment of a
// visit, and no press on the board.
func (a *App) classAnswer(c *call) error {
	n, prediction, err := a.takeAnswer(c)
	switch {
	case c.wants == formJSON && err == nil:
		return writeJSON(c, http.StatusOK, "application/json", struct {
			Op         string `json:"op"`
			Question   int    `json:"question"`
			Prediction int    `json:"prediction"`
		}{"answer", n, prediction})
	case c.wants == formPage && err == nil:
		return c.Redirect(http.StatusSeeOther, c.seat.First().Base+"/class")
	case c.wants == formPage:
		return a.leadToClass(c, err)
	case err != nil:
		return err
	}
	s, ok := a.of.seatOf(c)
	if !ok {
		return errSeatGone
	}
	return a.write(c, http.StatusOK, views.PhoneNews(a.of.phoneView(s)))
}

// takeAnswer notes the answer that a form has. It returns the numbers of the question and of the answer.
func (a *App) takeAnswer(c *call) (n, prediction int, err error) {
	s, ok := a.of.seatOf(c)
	switch {
	case !c.seat.IsFirst():
		return 0, 0, &problem{status: http.StatusNotFound, brief: true, detail: "A second browser has no answer of its own. Answer on the class page of your seat."}
	case !ok:
		return 0, 0, errSeatGone
	}
	q := a.of.together.Present().Question
	if q == nil {
		return 0, 0, refusedAnswer(classroom.ErrNoQuestion, 0)
	}
	if n = q.N; c.form.Has("question") {
		n, _ = strconv.Atoi(c.form.Get("question")) // no question has the number 0
	}
	prediction, _ = strconv.Atoi(c.form.Get("prediction")) // and no answer
	return n, prediction, refusedAnswer(a.of.together.Answer(c.ctx(), s.ID, n, prediction), q.Options)
}

// refusedAnswer returns the refusal of an answer to a question with so many predictions, nil if err is.
func refusedAnswer(err error, options int) error {
	refused := func(status int, detail string) error {
		return &problem{status: status, brief: true, cause: err, detail: detail}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, classroom.ErrNoQuestion):
		return refused(http.StatusConflict, "Nothing is asked now, so no answer was taken.")
	case errors.Is(err, classroom.ErrOther):
		return refused(http.StatusConflict, "Another question is asked now, so this answer was not taken. Answer the one on the class page.")
	case errors.Is(err, classroom.ErrNotOpen):
		return refused(http.StatusConflict, "The question is closed: no answer is taken any more. One that you gave before counts.")
	case errors.Is(err, classroom.ErrNoOption):
		return refused(http.StatusUnprocessableEntity, fmt.Sprintf(`The question does not have this answer: the field "prediction" is a number from 1 to %d. Nothing was changed.`, options))
	case errors.Is(err, classroom.ErrNoSeat):
		return errSeatGone
	}
	return notWritten(err)
}

// leadToClass answers a form with the way to the class page, which says why the form was refused.
func (a *App) leadToClass(c *call, err error) error {
	p := problemOf(err)
	if p.status == http.StatusNotFound { // there is no class page
		return err
	}
	if p.status >= http.StatusInternalServerError {
		c.failure = p.cause
	}
	token := rand.Text()
	a.results.put(token, result{sentence: say.Refused(p.status, p.detail, p.field, false), seat: c.seat})
	return c.Redirect(http.StatusSeeOther, c.seat.First().Base+"/class?x="+token)
}

// answersOfOneDevice returns how many answers to the present question are from the seats of one device, of
// the device with most of them, and the name of one of its seats: with that name in the field device
// POST /classroom/remove removes them all, and while the question is open their answers count no more. It
// returns 0 if no device has two answers. The program's own browsers, in a rehearsal, are left out. What a device is, a school behind one address is too.
func (cl *class) answersOfOneDevice() (answers int, seat string) {
	of := make(map[netip.Addr]int)
	for _, s := range cl.roster.Seats() {
		if s.Rehearsal || cl.together.AnswerOf(s.ID) == 0 {
			continue
		}
		if of[s.Device]++; of[s.Device] > max(answers, 1) {
			answers, seat = of[s.Device], s.Name
		}
	}
	return answers, seat
}

// turnout returns how many seats have answered the question of p, and of how many. While it is open, both
// are of the seats that there are at one moment: of seats that are being removed neither counts.
func (cl *class) turnout(p classroom.Present) (answered, of int) {
	switch q := p.Question; {
	case q == nil:
		return 0, cl.roster.Count()
	case !q.Open():
		return q.Answers(), q.Seats
	}
	seats := cl.roster.Seats()
	for _, s := range seats {
		if cl.together.AnswerOf(s.ID) != 0 {
			answered++
		}
	}
	return answered, len(seats)
}
