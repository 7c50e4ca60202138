package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Run is one run of an experiment, from its start until what it found is forgotten.
type Run struct {
	Token      string // names the run, in addresses too, and opens nothing
	Ticket     string // opens the run to the browser that has it in a cookie
	Experiment Experiment
	Learner    string            // the learner for whom the run counts; "" for an unowned run
	Address    string            // the learner's IP address
	Prediction string            // the name of the prediction, or None
	Chosen     map[string]string // what the learner chose, by the Choice's name

	runner  *Runner
	started time.Time
	limit   time.Duration
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{}
	page    string // address of the run on the main listener
	base    string // beginning of a live run's own addresses there

	turning sync.Mutex // guards turn; held while the run waits for its turn
	turn    bool       // the run may work

	mu        sync.Mutex
	ends      time.Time // when its time is up, once it has its turn
	owners    []string  // sessions and pages that may see the run
	exchanges []*Exchange
	size      int // bytes that exchanges take
	dropped   int // how many exchanges were forgotten
	instance  *Instance
	step, of  int       // see Progress
	doing     string    // what the run does now, in words
	sleep     time.Time // when it fell asleep; zero when it is awake
	sleepFor  time.Duration
	outcome   Outcome
	err       error
	ended     time.Time
	noted     bool   // the learner's progress has the run
	remark    string // a sentence for the page, see Remark
	live      Live
}

// aborted is the panic by which a run ends itself.
type aborted struct{ err error }

// do runs the experiment and keeps what it found.
func (r *Run) do(ready chan struct{}) {
	defer r.runner.active.Done()
	defer close(r.done)
	defer r.cancel()
	timedOut := func() {}
	defer func() { timedOut() }()
	var outcome Outcome
	err := contain(func() {
		if r.Experiment.Live == nil {
			r.takeTurn()
			defer r.giveTurn()
		}
		r.ctx, timedOut = context.WithTimeout(r.ctx, r.limit)
		r.mu.Lock()
		r.ends = time.Now().Add(r.limit)
		r.mu.Unlock()
		if r.Experiment.Live == nil {
			outcome = r.Experiment.Run(r)
			return
		}
		live := r.Experiment.Live(r)
		r.mu.Lock()
		r.live = live
		r.mu.Unlock()
		close(ready)
		<-r.ctx.Done()
		outcome = live.Outcome()
	})
	if name := outcome.Happened; err == nil && name != None && r.Experiment.PredictionNumber(name) == 0 {
		err = fmt.Errorf("its outcome names the prediction %q, and there is none of that name", name)
	}
	if r.ctx.Err() == context.DeadlineExceeded && err != nil {
		err = fmt.Errorf("it did not end within %v, and was ended", r.limit)
	}
	r.mu.Lock()
	in := r.instance
	r.mu.Unlock()
	if in != nil {
		if closeErr := contain(in.Close); closeErr != nil {
			r.runner.cfg.Log.Error("an experiment's instance did not end well", "experiment", r.Experiment.Slug, "error", closeErr)
		}
	}
	defer r.runner.keep(r) // without r's lock
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcome, r.err, r.ended = outcome, err, time.Now()
	r.outcome.only(r.exchanges)
	if err != nil && r.runner.ctx.Err() == nil {
		r.runner.cfg.Log.Warn("an experiment could not be done", "experiment", r.Experiment.Slug, "error", err)
	}
}

// takeTurn waits until r may work, if it may not yet. It ends a run that was stopped meanwhile.
func (r *Run) takeTurn() {
	r.turning.Lock()
	defer r.turning.Unlock()
	if r.runner.turns == nil || r.turn {
		return
	}
	select {
	case r.runner.turns <- struct{}{}:
		r.turn = true
	case <-r.ctx.Done():
		r.Fail(context.Cause(r.ctx))
	}
}

// giveTurn lets the run that has waited longest work.
func (r *Run) giveTurn() {
	r.turning.Lock()
	defer r.turning.Unlock()
	if r.turn {
		r.turn = false
		<-r.runner.turns
	}
}

// contain runs f. It returns the error of Fail, or any other panic as an error.
func contain(f func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case aborted:
			err = p.err
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	f()
	return nil
}

// Fail ends the run, which could not be done. It does not return.
func (r *Run) Fail(err error) { panic(aborted{err}) }

// ErrUnavailable is the error of a run that needs what is not there, such as a Redis.
var ErrUnavailable = errors.New("not available")

// Try runs f. When f ends by Fail, Try returns its error, and the run goes on.
func (r *Run) Try(f func()) error { return contain(f) }

// Engine returns a session engine over a memory store of its own, for a program that
// takes the application's place.
func (r *Run) Engine() *session.Engine {
	cfg := r.runner.cfg
	backend, _, _, err := cfg.Stores["memory"](r.ctx, StoreConfig{Name: r.Token, MaxSessions: 100, Now: time.Now})
	if err != nil {
		r.Fail(err)
	}
	if cfg.WrapStore != nil {
		backend = cfg.WrapStore(r.Experiment.Slug, backend)
	}
	engine, err := session.New(session.Config{Backend: backend, Secrets: [][]byte{session.NewSecret()}, CookieName: CookieName})
	if err != nil {
		r.Fail(err)
	}
	return engine
}

// Choice returns what the learner chose, by the Choice's name.
func (r *Run) Choice(name string) string { return r.Chosen[name] }

// Placement returns the chosen placement.
func (r *Run) Placement() session.Placement {
	return r.PlacementNamed(cmp.Or(r.Chosen["placement"], "hybrid"))
}

// PlacementNamed returns the placement of that name. It ends the run for another name.
func (r *Run) PlacementNamed(name string) session.Placement {
	p, err := session.ParsePlacement(name)
	if err != nil {
		r.Fail(err)
	}
	return p
}

// Step notes how far the run is, step of so many, and what it does now. It ends a run whose
// time is up.
func (r *Run) Step(step, of int, doing string) {
	if r.ctx.Err() != nil {
		r.Fail(context.Cause(r.ctx))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step, r.of, r.doing = step, of, doing
}

// Sleep waits in real time, for programs whose clock cannot be moved.
func (r *Run) Sleep(d time.Duration) {
	r.mu.Lock()
	r.sleep, r.sleepFor = time.Now(), d
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sleep = time.Time{}
	}()
	r.giveTurn()
	select {
	case <-r.runner.cfg.After(d):
		r.takeTurn()
	case <-r.ctx.Done():
		r.Fail(context.Cause(r.ctx))
	}
}

// Wait waits until the run has ended, for at most d, and tells whether it has.
func (r *Run) Wait(ctx context.Context, d time.Duration) bool {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-r.done:
		return true
	case <-wait.C:
	case <-ctx.Done():
	}
	return false
}

// Stop ends a live run.
func (r *Run) Stop() {
	r.cancel()
	<-r.done
}

// Progress is how far a run is.
type Progress struct {
	Ended    bool
	Step, Of int // steps done and in all, in hundredths; 0 of 0 when unknown
	Doing    string
	Live     Live // what waits for the learner's browser now, or nil
}

// Progress returns how far r is.
func (r *Run) Progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := Progress{Ended: !r.ended.IsZero(), Step: 100 * r.step, Of: 100 * r.of, Doing: r.doing}
	if !r.sleep.IsZero() {
		p.Step += int(min(99, 100*time.Since(r.sleep)/r.sleepFor))
	}
	if !p.Ended {
		p.Live = r.live
	}
	return p
}

// Found is what a run found.
type Found struct {
	Outcome   Outcome
	Exchanges []*Exchange
	Dropped   int   // how many earlier exchanges were forgotten for want of room
	Err       error // the run could not be done
}

// Found returns what an ended run found.
func (r *Run) Found() Found {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Found{r.outcome, slices.Clone(r.exchanges), r.dropped, r.err}
}

// add gives x its number.
func (r *Run) add(x *Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x.N = 1 + r.dropped + len(r.exchanges)
	r.exchanges = append(r.exchanges, x)
	r.size += x.size()
	for len(r.exchanges) > maxShown || r.size > maxRunSize && len(r.exchanges) > 1 {
		r.drop()
	}
}

// Together calls all functions at the same time, and returns when all have returned.
func (r *Run) Together(fs ...func()) {
	var wg sync.WaitGroup
	errs := make([]error, len(fs))
	for i, f := range fs {
		wg.Go(func() { errs[i] = contain(f) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		r.Fail(err)
	}
}
