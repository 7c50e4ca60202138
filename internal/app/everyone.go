package app

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// everyoneRoutes adds the routes of what is done to every session of the class. became.go has what the
// phones are told of it.
func (a *App) everyoneRoutes() {
	a.post("/classroom/everyone", a.teacher(a.everyone))
}

// openSurvey reads what was done to every session before the program was started again.
func (cl *class) openSurvey(ctx context.Context) (err error) {
	cl.survey, err = classroom.OpenSurvey(ctx, classroom.SurveyConfig{
		Documents: cl.parts.Documents, Now: cl.now, Log: cl.app.cfg.Log,
		There: cl.sits, Changed: cl.shownChanged,
	})
	return err
}

// everyone is POST /classroom/everyone: without sure=1 it asks the teacher first whether it shall be
// done, and whom it reaches.
func (a *App) everyone(c *call, cl *class) error {
	kind := classroom.ActKind(c.form.Get("act"))
	switch {
	case !slices.Contains(classroom.Acts, kind):
		return &problem{status: http.StatusUnprocessableEntity, brief: true, detail: `The field "act" is restart, restart-new-secret, expire, flush or forget. Nothing was done.`}
	case c.form.Get("sure") != "1" && c.wants == formPage:
		return c.Redirect(http.StatusSeeOther, "/classroom?everyone="+string(kind)+"#everyone-sure")
	case c.form.Get("sure") != "1":
		return a.askEveryone(c, cl, kind)
	}
	act, err := cl.toEveryone(kind, c.form.Get("after"))
	switch {
	case errors.Is(err, errActedMeanwhile):
		return &problem{status: http.StatusConflict, brief: true, detail: "Something was done for everyone since this page asked whether you are sure. Nothing more was done: look at the board, and press again."}
	case errors.Is(err, classroom.ErrActing):
		return &problem{status: http.StatusConflict, brief: true, detail: "Something is being done for everyone at this moment. Nothing more was done: press again when the board shows what came of it."}
	case err != nil:
		return notWritten(err)
	}
	said := cl.saying(c, say.DoneForEveryone(string(act.Kind), act.Seats, act.Awake, act.Failed))
	if c.wants == formFragment {
		return a.write(c, http.StatusOK, views.EveryoneDone(views.Board{Said: said, Door: cl.doorView(), Doctor: doctorView(cl.health())}, cl.everyoneView()))
	}
	return cl.leadToBoard(c, said, "", everyoneJSON{"everyone", act.Kind, act.N, act.Seats, act.Awake, act.Failed})
}

// everyoneJSON is the JSON of POST /classroom/everyone.
type everyoneJSON struct {
	Op     string            `json:"op"`
	Act    classroom.ActKind `json:"act"`
	N      int               `json:"n"` // 0 if it was not done: sure=1 was missing
	Seats  int               `json:"seats"`
	Awake  int               `json:"awake"`
	Failed bool              `json:"failed,omitempty"`
}

// askEveryone asks the teacher whether an act shall be done.
func (a *App) askEveryone(c *call, cl *class, kind classroom.ActKind) error {
	if c.wants == formJSON {
		seats, awake := cl.reach()
		return writeJSON(c, http.StatusOK, "application/json", everyoneJSON{Op: "everyone", Act: kind, Seats: seats, Awake: awake})
	}
	return a.write(c, http.StatusOK, views.EveryoneAsked(cl.sureView(string(kind))))
}

// errActedMeanwhile tells that another act was done since the teacher was asked.
var errActedMeanwhile = errors.New("another act was done meanwhile")

// actTime is how long an act may take. Requests of the seats that come meanwhile wait at most two
// seconds, and are then told that the store is away.
const actTime = 20 * time.Second

// toEveryone does an act to every session of the class. after is how many acts were done when the
// teacher was asked, "" if nobody was. While it is done, no request of a seat uses the store: each meets
// the class before the act or after it.
func (cl *class) toEveryone(kind classroom.ActKind, after string) (act classroom.Act, err error) {
	if !cl.acting.CompareAndSwap(false, true) {
		return act, classroom.ErrActing
	}
	defer cl.acting.Store(false)
	if after != "" && after != strconv.Itoa(cl.survey.Number()) {
		return act, errActedMeanwhile
	}
	ctx, cancel := context.WithTimeout(context.Background(), actTime) // not the teacher's request: an act that was begun is done
	defer cancel()
	if err := cl.browsers.End(ctx); err != nil { // the table of the survivors takes its place
		return act, err
	}
	err = cl.shared.Alone(ctx, func(ctx context.Context) error {
		stakes := cl.stakes()
		if _, err := cl.survey.Begin(ctx, kind, cl.awakeOf(stakes), stakes); err != nil {
			return err
		}
		cl.finishAct(ctx, kind, stakes)
		return nil
	})
	if err != nil {
		return act, err
	}
	if done, _ := cl.survey.Present(); done != nil {
		act = *done
	}
	return act, nil
}

// finishAct does an act that was begun, and notes that it is done.
func (cl *class) finishAct(ctx context.Context, kind classroom.ActKind, stakes []classroom.Stake) {
	err := cl.act(ctx, kind, stakes)
	if err != nil {
		cl.app.cfg.Log.Error("an act for everyone was not done for all", "act", string(kind), "error", err)
	}
	cl.board.Everyone(kind)
	cl.survey.Done(ctx, err != nil)
}

// act does what an act does. The context is that of Alone.
func (cl *class) act(ctx context.Context, kind classroom.ActKind, stakes []classroom.Stake) error {
	switch kind {
	case classroom.ActNewSecret:
		return cmp.Or(cl.newSecrets(), cl.shared.Swap(ctx, cl.parts.Reopen))
	case classroom.ActRestart:
		return cl.shared.Swap(ctx, cl.parts.Reopen)
	case classroom.ActForget:
		return cl.shared.Swap(ctx, cl.parts.Forget)
	case classroom.ActExpire:
		_, err := cl.shared.Expire(ctx)
		return err
	}
	ctx = context.WithValue(ctx, actorKey{}, hub.TheTeacher)
	return classroom.Each(stakes, func(s classroom.Stake) error {
		sits := cl.seatOfID(s.Seat)
		if sits == nil {
			return nil
		}
		err := sits.Engine.End(ctx, s.Known)
		if errors.Is(err, session.ErrMoved) { // a request under way gave it a new ID: the next request shows that it lives
			err = nil
		}
		return err
	})
}

// actorKey is the key of who does something to a session without a request of it.
type actorKey struct{}

// newSecrets gives the engine of each seat the secrets of the present generation.
func (cl *class) newSecrets() error {
	cl.sitting.Lock()
	defer cl.sitting.Unlock()
	var errs []error
	for id, s := range cl.seats {
		errs = append(errs, s.Engine.SetSecrets(cl.secretsOf(id)))
	}
	return errors.Join(errs...)
}

// goOnActing finishes an act in whose middle the program ended. Nobody has a seat yet.
func (cl *class) goOnActing(ctx context.Context) error {
	act, stakes := cl.survey.Unfinished()
	if act == nil {
		return nil
	}
	return cl.shared.Alone(ctx, func(ctx context.Context) error {
		if act.Kind == classroom.ActRestart || act.Kind == classroom.ActNewSecret { // that is what the end of the program has done
			cl.survey.Done(ctx, false)
			return nil
		}
		cl.finishAct(ctx, act.Kind, stakes)
		return nil
	})
}

// reach returns how many seats there are, and how many of them were heard just now.
func (cl *class) reach() (seats, awake int) {
	tiles, _, _, _ := cl.board.Since(0)
	for _, t := range tiles {
		if t.Awake {
			awake++
		}
	}
	return len(tiles), awake
}

// awakeOf returns how many of the seats that an act reaches were heard just now. A seat that is being
// removed may have a tile still.
func (cl *class) awakeOf(stakes []classroom.Stake) (awake int) {
	for _, s := range stakes {
		if t, ok := cl.board.Tile(s.Seat); ok && t.Awake {
			awake++
		}
	}
	return awake
}

// stakes returns what each seat has.
func (cl *class) stakes() (all []classroom.Stake) {
	for _, s := range cl.roster.Seats() {
		known, _ := cl.known.Load(s.ID)
		k, _ := known.(session.Known)
		all = append(all, classroom.Stake{Seat: s.ID, Known: k})
	}
	return all
}

// everyoneView returns the board's panel of what is done to every session of the class.
func (cl *class) everyoneView() views.Everyone {
	v := views.Everyone{Acts: show.EveryoneActs(), Shown: cl.survivorsView()}
	_, v.Busy = cl.survey.Present()
	return v
}

// sureView returns what the teacher is asked before an act; nil for no act of that name.
func (cl *class) sureView(kind string) *views.Sure {
	if !slices.Contains(classroom.Acts, classroom.ActKind(kind)) {
		return nil
	}
	seats, awake := cl.reach()
	return show.Sure(kind, cl.app.cfg.StoreName, seats, awake, cl.survey.Number())
}

// shownAct returns the latest act, whose outcome is shown; nil if none is.
func (cl *class) shownAct() *classroom.Act {
	act, busy := cl.survey.Present()
	if busy {
		return nil
	}
	return act
}

// survivorsView returns what became of the sessions after the latest act, for the board and the beamer;
// nil if none is shown.
func (cl *class) survivorsView() *views.Survivors {
	act := cl.shownAct()
	if act == nil {
		return nil
	}
	asleep := 0
	for _, id := range cl.survey.Unheard() {
		if t, ok := cl.board.Tile(id); !ok || !t.Awake {
			asleep++
		}
	}
	return show.Survivors(*act, cl.survey.Rows(), asleep, cl.survey.Among(cl.roster.Rehearsing()))
}
