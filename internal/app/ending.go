package app

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/views"
)

// This file ends a class: it wipes what there is of it. The class then stays open, without a seat, until
// another one begins or the program ends, and says that it has ended; ended.go has those words.

// endingRoutes adds the routes of the end of the class, of what is taken home from it, and of the page that
// tells what is kept. The page that asks whether the class is to end is GET /classroom?ending=1.
func (a *App) endingRoutes() {
	a.read("/classroom/export.html", a.teacher(a.exportHTML))
	a.read("/classroom/export.csv", a.teacher(a.exportCSV))
	a.read("/classroom/data", a.teacher(a.showKept))
	a.post("/classroom/end", a.teacher(a.endClass))
}

// outlives are the routes of the teacher that a class has after its end too.
var outlives = map[string]bool{"/classroom": true, "/classroom/events": true, "/classroom/screen": true, "/classroom/data": true, "/classroom/end": true}

// errOver is the refusal of what is asked of a class that has ended.
var errOver = &problem{status: http.StatusConflict, brief: true, detail: "The class has ended, and what there was of it is wiped. The board has Begin another class."}

// wiped is what the end of a class has removed.
type wiped struct {
	at       time.Time
	holdings say.Holdings
	left     bool // sessions may be left: the store did not answer
}

// endTime is how long the end of a class waits for its store.
const endTime = 20 * time.Second

// holdings counts what there is of the class.
func (cl *class) holdings(ctx context.Context) say.Holdings {
	now := cl.together.Present()
	h := say.Holdings{Seats: cl.roster.Count(), Answers: now.Answered, Questions: len(cl.together.Past()), Acts: len(cl.survey.All())}
	if now.Question != nil {
		h.Questions++
	}
	ctx, cancel := context.WithTimeout(ctx, storeAnswer)
	defer cancel()
	h.Sessions, _ = cl.shared.Count(ctx) // without an answer there is no number to say
	return h
}

// finish ends the class: it removes the documents, all of them or none, and then the sessions. From its
// beginning on no document is written, so that a request which is under way leaves none. After an error
// the class goes on. If the sessions could not be removed, the next finish tries again, and so does the
// next start of the program.
//
// The secret that signs cookies stays. Each seat's own is derived with the seat's random ID, so that a
// cookie of this class opens nothing in the next one.
func (cl *class) finish(ctx context.Context) (*wiped, error) {
	cl.finishing.Lock()
	defer cl.finishing.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if w := cl.over.Load(); w != nil {
		if w.left {
			w = &wiped{w.at, w.holdings, cl.wipeSessions(ctx) != nil}
			cl.over.Store(w)
			cl.stir()
		}
		return w, nil
	}
	cl.rehearsal.acts.Lock()
	defer cl.rehearsal.acts.Unlock()
	cl.rehearsal.halt()
	w := &wiped{at: cl.now(), holdings: cl.holdings(ctx)}
	cl.ending.Store(true)
	cl.documents.Seal(true)
	if _, err := cl.roster.Wipe(ctx); err != nil {
		cl.documents.Seal(false)
		cl.ending.Store(false)
		return nil, err
	}
	cl.run.set(0, nil, "") // what it finds is of no question any more
	cl.app.experiments.End(ownerClass)
	cl.together.Wiped()
	cl.survey.Wiped()
	cl.browsers.Wiped()
	cl.known.Clear()
	cl.board.Clear()
	cl.doctor.forget()
	cl.said.forget()
	w.left = cl.wipeSessions(ctx) != nil
	cl.over.Store(w)
	cl.stir()
	return w, nil
}

// wipeSessions removes the sessions of all seats, with their markers.
func (cl *class) wipeSessions(ctx context.Context) error {
	err := cl.shared.Wipe(ctx, cl.parts.Forget)
	if err != nil {
		cl.app.cfg.Log.Error("the sessions of the class that ended could not all be removed; the next start of the program, or another end, tries again", "error", err)
	}
	return err
}

// tidy removes what a crash has left: sessions of seats that are not there, and of a class without a seat
// everything. A crash in the middle of the end of a class leaves the class, or an empty one.
func (cl *class) tidy(ctx context.Context) error {
	if !cl.parts.Durable { // its store is a new one
		return nil
	}
	seats := make(map[[8]byte]bool)
	for _, s := range cl.roster.Seats() {
		seats[tagOf(s.ID)] = true
	}
	if len(seats) == 0 {
		return cl.shared.Wipe(ctx, cl.parts.Forget)
	}
	return cl.shared.DropOthers(ctx, func(tag [8]byte) bool { return seats[tag] })
}

// ClassSeats returns how many seats of learners the class has that is open, 0 without one.
func (a *App) ClassSeats() int {
	if cl := a.openClass(); cl != nil {
		return cl.roster.Count() - len(cl.roster.Rehearsing())
	}
	return 0
}

// ClassFile returns the database of the class that is open, "" if the class ends with the program.
func (a *App) ClassFile() string {
	if cl := a.openClass(); cl != nil {
		return cl.parts.File
	}
	return ""
}

// EndClass ends the class that is open, as the teacher's End does, and says what it has wiped.
func (a *App) EndClass(ctx context.Context) (said string, err error) {
	cl := a.openClass()
	if cl == nil {
		return "", errNoClass
	}
	w, err := cl.finish(ctx)
	switch {
	case err != nil:
		return "", err
	case w.left:
		return "", errors.New("seats and answers are wiped, and the store did not answer: sessions may be left in it")
	}
	return "The class has ended. " + say.Wiped(w.holdings), nil
}

// endClass is POST /classroom/end. The field sure=1 is that of the page which says what is wiped.
func (a *App) endClass(c *call, cl *class) error {
	if c.form.Get("sure") != "1" {
		return &problem{status: http.StatusUnprocessableEntity, brief: true, detail: `The class was not ended: the field "sure" must be 1. The page /classroom?ending=1 says what is wiped.`}
	}
	w, err := cl.finish(c.ctx())
	if err != nil {
		return notWritten(err)
	}
	return goTo(c, "/classroom", struct {
		Op        string `json:"op"`
		Seats     int    `json:"seats"`
		Sessions  int    `json:"sessions"`
		Questions int    `json:"questions"`
		Answers   int    `json:"answers"`
		Left      bool   `json:"left"` // sessions may be left: the store did not answer
	}{"end", w.holdings.Seats, w.holdings.Sessions, w.holdings.Questions, w.holdings.Answers, w.left})
}

// askToEnd is GET /classroom?ending=1: the page that asks whether the class is to end, and offers to take
// home what came out before that.
func (a *App) askToEnd(c *call, cl *class) error {
	return a.write(c, http.StatusOK, views.EndPage(views.End{
		Page: a.boardPage(c, "End the class"), Held: say.Held(cl.holdings(c.ctx())), Seats: cl.roster.Count(), Where: cl.whereKept(),
	}))
}
