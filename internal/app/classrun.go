package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/experiment"
)

// classRun is the run of the present question's experiment. The runner keeps a result for some minutes
// only; this one is kept for as long as its question is asked. The zero value has none.
type classRun struct {
	mu       sync.Mutex
	question int             // its number
	run      *experiment.Run // nil for none
	failed   string          // why the latest run could not be done; "" if it could
}

func (k *classRun) set(question int, run *experiment.Run, failed string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.question, k.run, k.failed = question, run, failed
}

// of returns the run of a question, nil for none, and why it could not be done.
func (k *classRun) of(question int) (run *experiment.Run, failed string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if question != k.question {
		return nil, ""
	}
	return k.run, k.failed
}

// keepFor lets go of the run unless it is of that question; q may be nil.
func (k *classRun) keepFor(q *classroom.Question) {
	if q == nil || q.N != k.ofQuestion() {
		k.set(0, nil, "")
	}
}

func (k *classRun) ofQuestion() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.question
}

// ownerClass owns the runs of a class's questions, and their address is counted apart: nobody sees one
// by its token before it is revealed, and no learner waits for it.
const ownerClass = "class"

// reveal closes question n, 0 for the present one, and runs its experiment in the background: once,
// however often it is asked for. Then all pages show what came of it.
func (cl *class) reveal(ctx context.Context, n int) error {
	q, err := cl.together.BeginRun(ctx, n)
	if err != nil {
		return err
	}
	e, ok := cl.app.shelf.Find(q.Slug)
	if !ok || e.Run == nil { // it was asked by another version of the program
		cl.stopRun(q.N, "This program has no experiment of that name.")
		return nil
	}
	run, err := cl.app.experiments.Start(e, "", ownerClass, experiment.None, q.Chosen, "/experiments/"+e.Slug)
	if err != nil {
		cl.stopRun(q.N, err.Error())
		if busy := (*experiment.BusyError)(nil); errors.As(err, &busy) {
			return &problem{status: http.StatusTooManyRequests, brief: true, cause: err, detail: busy.Error() + " Nothing was run."}
		}
		return err
	}
	run.Own(ownerClass)
	cl.run.set(q.N, run, "")
	cl.running.Go(func() { cl.awaitRun(q.N, e, run) })
	return nil
}

// awaitRun reveals question n once its run has ended. A run that was ended with the program leaves the
// question as it was: the teacher reveals it after the next start.
func (cl *class) awaitRun(n int, e experiment.Experiment, run *experiment.Run) {
	for !run.Wait(context.Background(), time.Minute) { // a run ends by itself
	}
	found := run.Found()
	if kept, _ := cl.run.of(n); kept != run {
		return // the question is finished
	}
	if found.Err != nil {
		if !cl.app.ended() {
			cl.stopRun(n, failure(found.Err))
		}
		return
	}
	cl.app.experiments.Take(run)
	run.Note() // it counts for nobody's progress
	out := found.Outcome
	result := classroom.Result{
		Happened: e.PredictionNumber(out.Happened), Undecided: out.Undecided, Tone: string(out.Tone), Verdict: strings.Clone(out.Verdict),
		Exchanges: len(found.Exchanges) + found.Dropped, At: cl.now(), Run: run.Token,
	}
	cl.persist("the result of a question", func(ctx context.Context) error { return cl.together.SetResult(ctx, n, result) })
}

// stopRun notes that the run of question n came to nothing, and why. It can be revealed again.
func (cl *class) stopRun(n int, why string) {
	cl.run.set(n, nil, why)
	cl.persist("the failed run of a question", func(ctx context.Context) error { return cl.together.StopRun(ctx, n) })
}

const (
	persistFor  = 5 * time.Second // how long one attempt may take
	persistWait = time.Second     // between two attempts
)

// persist writes until it is written, the question is another one, or the class has ended: the pages
// would show a run that never ends.
func (cl *class) persist(what string, write func(context.Context) error) {
	for logged := false; ; logged = true {
		ctx, cancel := context.WithTimeout(context.Background(), persistFor)
		err := write(ctx)
		cancel()
		if err == nil || errors.Is(err, classroom.ErrNoQuestion) || errors.Is(err, classroom.ErrOther) {
			return
		}
		if !logged {
			cl.app.cfg.Log.Error(what+" cannot be written down, and is tried again", "error", err)
		}
		select {
		case <-time.After(persistWait):
		case <-cl.lab.done:
			return
		}
	}
}

// shownRun returns the run of that token if it is the one that the class of this request was shown.
// Everybody in the class may see it, under their own paths.
func (a *App) shownRun(token string) *experiment.Run {
	if cl := a.classHere(); cl != nil && token != "" {
		if r := cl.revealed(); r != nil && r.Token == token {
			return r
		}
	}
	return nil
}

// isShown tells whether r is the run that the class was shown.
func (a *App) isShown(r *experiment.Run) bool {
	cl := a.classHere()
	return cl != nil && r == cl.revealed()
}

// revealed returns the run whose result the class is shown now. It is nil for none, and after a start of
// the program: the result stays, the exchanges are gone.
func (cl *class) revealed() *experiment.Run {
	q := cl.together.Present().Question
	if q == nil || q.Result == nil {
		return nil
	}
	run, _ := cl.run.of(q.N)
	if run == nil || run.Token != q.Result.Run {
		return nil
	}
	return run
}

// foretoldBy returns the name of what the seat of the request predicted about e, which the class was
// asked; None for nothing, and for the teacher.
func (a *App) foretoldBy(c *call, e experiment.Experiment) string {
	if a.of == nil {
		return experiment.None
	}
	n := a.of.together.AnswerOf(classroom.ID(c.seat.Class))
	if n < 1 || n > len(e.Predictions) {
		return experiment.None
	}
	return e.Predictions[n-1].Name
}
