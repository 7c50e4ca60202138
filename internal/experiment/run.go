package experiment

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

const (
	// MaxRuns is how many runs there are at once, MaxRunsEach of one learner. A run
	// has one private instance at a time, so that it is the limit of those too.
	// Of one address there are at most four learners' worth: who takes another session
	// is another learner.
	MaxRuns        = 50
	MaxRunsEach    = 2
	MaxRunsAddress = 4 * MaxRunsEach

	runLimit    = 25 * time.Second // of a run that our clients drive
	liveLimit   = 5 * time.Minute  // of one that waits for the learner's own browser
	KeepFor     = 15 * time.Minute // what a run found, after its end
	maxKept     = 64               // of those; the oldest makes room
	maxKeptEach = 8                // of one learner
	maxKeptSize = 32 << 20         // bytes of all those
	maxShown    = 120              // exchanges of a run that are kept
	maxRunSize  = 4 << 20          // bytes of those; the oldest make room
)

// Config is what a Runner is made of.
type Config struct {
	// Boot makes an instance of the application.
	Boot func(AppConfig) (App, error)
	// Stores opens a private, empty store, by name: "memory", "sqlite", "redis".
	Stores map[string]OpenStore
	Log    *slog.Logger

	// Limit is how long a run may take that our clients drive. Default: 25 s.
	Limit time.Duration
	// After is how a run waits in real time. Default: time.After.
	After func(time.Duration) <-chan time.Time
	// Tests put themselves in between: around every handler of an instance, and
	// around every store. Nil: nobody does.
	WrapHandler func(slug string, h http.Handler) http.Handler
	WrapStore   func(slug string, b session.Backend) session.Backend
}

// Runner starts runs and keeps what they found.
type Runner struct {
	cfg Config
	ctx context.Context
	end context.CancelFunc

	mu      sync.Mutex
	closed  bool
	byToken map[string]*Run
	sweeper *time.Timer // for the run that is kept longest; nil before the first
	active  sync.WaitGroup
}

// NewRunner returns a Runner. It starts nothing by itself.
func NewRunner(cfg Config) *Runner {
	cfg.Limit = cmp.Or(cfg.Limit, runLimit)
	if cfg.After == nil {
		cfg.After = time.After
	}
	rn := &Runner{cfg: cfg, byToken: make(map[string]*Run)}
	rn.ctx, rn.end = context.WithCancel(context.Background())
	return rn
}

// Close ends all runs, and returns when they have left nothing behind.
func (rn *Runner) Close() {
	rn.mu.Lock()
	rn.closed = true
	if rn.sweeper != nil {
		rn.sweeper.Stop()
	}
	rn.mu.Unlock()
	rn.end()
	rn.active.Wait()
}

// BusyError tells that no run can start now.
type BusyError struct {
	Max  int
	Own  []string // titles of the learner's, when it is the learner who has that many
	Near bool     // it is the learner's address
}

func (e *BusyError) Error() string {
	if e.Max == 0 {
		return "The program is about to end."
	}
	if len(e.Own) > 0 {
		return fmt.Sprintf("You have %d experiments running, and no more are allowed at once: %s. Wait until one ends, or end it on its page.", e.Max, strings.Join(e.Own, ", "))
	}
	if e.Near {
		return fmt.Sprintf("%d experiments are running for browsers at your address, and no more are allowed at once. Try again in a moment.", e.Max)
	}
	return fmt.Sprintf("%d experiments are running, and no more are allowed at once. Try again in a moment.", e.Max)
}

// Run is one run of an experiment, from its start until what it found is forgotten.
type Run struct {
	Token      string
	Experiment Experiment
	Learner    string
	Address    string            // of the learner
	Prediction int               // counted from 0; None
	Chosen     map[string]string // by the Choice's name

	runner  *Runner
	started time.Time
	limit   time.Duration
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{}
	page    string // its address on the main listener
	base    string // of the addresses there that are the run's own, of a live one

	mu        sync.Mutex
	exchanges []*Exchange
	size      int // bytes of them
	dropped   int
	instance  *Instance
	step, of  int
	doing     string
	sleep     time.Time // when it fell asleep; zero when it is awake
	sleepFor  time.Duration
	outcome   Outcome
	err       error
	ended     time.Time
	noted     bool
	remark    string
	live      Live
}

// Start begins a run. learner is who it counts for, at that address. page is the
// address of the experiment's page on the main listener, with a query or none. It
// returns a *BusyError when there are too many.
func (rn *Runner) Start(e Experiment, learner, address string, prediction int, chosen map[string]string, page string) (*Run, error) {
	r, err := rn.admit(e, learner, address, prediction, chosen, page)
	if err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	go r.do(ready)
	if e.Live != nil {
		select {
		case <-ready:
		case <-r.done: // it could not be opened
		}
	}
	return r, nil
}

// admit makes room for a run, and counts it.
func (rn *Runner) admit(e Experiment, learner, address string, prediction int, chosen map[string]string, page string) (*Run, error) {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	if rn.closed {
		return nil, &BusyError{}
	}
	all, near, own := 0, 0, []*Run{}
	var kept []*Run
	for _, r := range rn.byToken {
		if r.Progress().Ended {
			kept = append(kept, r)
			continue
		}
		all++
		if r.Address == address {
			near++
		}
		if r.Learner == learner {
			own = append(own, r)
		}
	}
	switch {
	case len(own) >= MaxRunsEach:
		slices.SortFunc(own, func(a, b *Run) int { return a.started.Compare(b.started) })
		busy := &BusyError{Max: MaxRunsEach}
		for _, r := range own {
			busy.Own = append(busy.Own, "“"+r.Experiment.Title+"”")
		}
		return nil, busy
	case near >= MaxRunsAddress:
		return nil, &BusyError{Max: MaxRunsAddress, Near: true}
	case all >= MaxRuns:
		return nil, &BusyError{Max: MaxRuns}
	}
	// The learner's own runs make room first, so that nobody takes away what others found.
	mine := slices.DeleteFunc(slices.Clone(kept), func(r *Run) bool { return r.Learner != learner })
	for _, full := range []struct {
		runs []*Run
		max  int
	}{{mine, maxKeptEach}, {kept, maxKept}} {
		if len(full.runs) >= full.max {
			delete(rn.byToken, oldest(full.runs).Token)
		}
	}
	r := &Run{Token: rand.Text(), Experiment: e, Learner: learner, Address: address, started: time.Now(), Prediction: prediction, Chosen: chosen, runner: rn, done: make(chan struct{})}
	path, _, query := strings.Cut(page, "?")
	sep := "?"
	if query {
		sep = "&"
	}
	r.base, r.page = path+"/live/"+r.Token, page+sep+"run="+r.Token
	limit := rn.cfg.Limit
	if e.Live != nil {
		limit = liveLimit
	}
	r.limit = limit
	r.ctx, r.cancel = context.WithTimeout(rn.ctx, limit)
	rn.byToken[r.Token] = r
	rn.active.Add(1)
	return r, nil
}

// oldest is the run that started first.
func oldest(runs []*Run) *Run {
	return slices.MinFunc(runs, func(a, b *Run) int { return a.started.Compare(b.started) })
}

// keep sees to it that what r found is forgotten in time, and that all of that
// together is not too much: r's learner's own make room first, and r last.
func (rn *Runner) keep(r *Run) {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	size := 0
	var others []*Run
	for _, other := range rn.byToken {
		if ended, n := other.weight(); !ended.IsZero() {
			size += n
			if other != r {
				others = append(others, other)
			}
		}
	}
	slices.SortFunc(others, func(a, b *Run) int {
		switch own := a.Learner == r.Learner; {
		case own == (b.Learner == r.Learner):
			return a.started.Compare(b.started)
		case own:
			return -1
		}
		return 1
	})
	for _, old := range others {
		if size <= maxKeptSize {
			break
		}
		_, n := old.weight()
		size -= n
		delete(rn.byToken, old.Token)
	}
	if rn.sweeper == nil && !rn.closed {
		rn.sweeper = time.AfterFunc(KeepFor, rn.sweep)
	}
}

// sweep forgets what was kept for long enough. There is one timer for all runs: one
// for each would hold on to those that made room.
func (rn *Runner) sweep() {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	next := KeepFor
	for token, r := range rn.byToken {
		ended, _ := r.weight()
		switch left := KeepFor - time.Since(ended); {
		case ended.IsZero():
		case left <= 0:
			delete(rn.byToken, token)
		default:
			next = min(next, left)
		}
	}
	if !rn.closed {
		rn.sweeper.Reset(next)
	}
}

// weight is when r ended, zero while it runs, and how many bytes it found.
func (r *Run) weight() (ended time.Time, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended, r.size
}

// Find returns the run of that token, or nil.
func (rn *Runner) Find(token string) *Run {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	return rn.byToken[token]
}

// aborted ends a run from within.
type aborted struct{ err error }

// do is the whole run.
func (r *Run) do(ready chan struct{}) {
	defer r.runner.active.Done()
	defer close(r.done)
	defer r.cancel()
	var outcome Outcome
	err := contain(func() {
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
	if err != nil && r.runner.ctx.Err() == nil {
		r.runner.cfg.Log.Warn("an experiment could not be done", "experiment", r.Experiment.Slug, "error", err)
	}
}

// contain returns what f was aborted with, or its panic as an error.
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

// fail ends the run: it could not be done.
func (r *Run) fail(err error) { panic(aborted{err}) }

// ErrUnavailable is for a run that lacks something which is not there: a Redis.
var ErrUnavailable = errors.New("not available")

// Choice returns what was chosen.
func (r *Run) Choice(name string) string { return r.Chosen[name] }

// Placement returns the chosen placement.
func (r *Run) Placement() session.Placement {
	return r.placementOf(cmp.Or(r.Chosen["placement"], "hybrid"))
}

// placementOf returns the placement of that name, which was chosen.
func (r *Run) placementOf(name string) session.Placement {
	p, err := session.ParsePlacement(name)
	if err != nil {
		r.fail(err)
	}
	return p
}

// Step says how far the run is: step of as many, and what comes now.
func (r *Run) Step(step, of int, doing string) {
	if r.ctx.Err() != nil {
		r.fail(context.Cause(r.ctx))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step, r.of, r.doing = step, of, doing
}

// Sleep waits in real time, for what has a clock that cannot be moved.
func (r *Run) Sleep(d time.Duration) {
	r.mu.Lock()
	r.sleep, r.sleepFor = time.Now(), d
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sleep = time.Time{}
	}()
	select {
	case <-r.runner.cfg.After(d):
	case <-r.ctx.Done():
		r.fail(context.Cause(r.ctx))
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
	Step, Of int // hundredths of steps done, of as many; 0 of 0 when it is not known
	Doing    string
	Live     Live // nil unless the learner's browser does it, now
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
	Dropped   int   // exchanges before those, that were too many to keep
	Err       error // the run could not be done
}

// Found returns what an ended run found.
func (r *Run) Found() Found {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Found{r.outcome, slices.Clone(r.exchanges), r.dropped, r.err}
}

// Note tells whether the run is still to be noted in the learner's progress, and
// that it is now. One that could not be done never is.
func (r *Run) Note() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	is := r.notable()
	r.noted = r.noted || is
	return is
}

// notable tells whether the run is still to be noted. The caller holds the lock.
func (r *Run) notable() bool {
	return !r.ended.IsZero() && r.err == nil && !r.outcome.Undecided && !r.noted
}

// Unnote takes a Note back that came to nothing.
func (r *Run) Unnote() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted = false
}

// Noted tells whether Note would be false.
func (r *Run) Noted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.notable()
}

// Remark keeps what is to be said beside what the run found.
func (r *Run) Remark(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remark = text
}

// Remarked returns it.
func (r *Run) Remarked() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.remark
}

// add gives x its number.
func (r *Run) add(x *Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x.N = 1 + r.dropped + len(r.exchanges)
	r.exchanges = append(r.exchanges, x)
	r.size += x.size()
	for len(r.exchanges) > maxShown || r.size > maxRunSize && len(r.exchanges) > 1 {
		r.size -= r.exchanges[0].size()
		r.exchanges = slices.Delete(r.exchanges, 0, 1)
		r.dropped++
	}
}

// Together does what it is given at the same time, and returns when all is done.
func (r *Run) Together(fs ...func()) {
	var wg sync.WaitGroup
	errs := make([]error, len(fs))
	for i, f := range fs {
		wg.Go(func() { errs[i] = contain(f) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		r.fail(err)
	}
}
