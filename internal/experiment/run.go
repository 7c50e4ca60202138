package experiment

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// What all runs may take together.
//
// A learner is a browser's session, or its page: never an address, which many people
// may share. The app says who the learner is. A client without session and page cannot be
// known again: its runs are unowned, and only its address bounds them.
//
// A run takes a place when it starts, and keeps it until its result is forgotten. When
// the places are taken, a run that has ended makes room: the oldest unowned one, or the
// learner's own oldest one. When there is neither, the new run is refused with a
// *BusyError. A learner's result is never forgotten early for a stranger's run.
//
// When a run ends, the bytes of its exchanges are added to those of the results that are
// kept. When they are too many, exchanges are forgotten, the oldest of a run first: those
// of unowned runs, then those of the learner's older runs, and at last those of the run
// that has just ended. A run's outcome stays in any case: its verdict, its tables and the
// cookies that it compares take a few kB.
const (
	MaxRuns        = 50              // runs at once; each has one private instance at a time
	MaxRunsEach    = 2               // runs of one learner at once
	MaxRunsAddress = 4 * MaxRunsEach // runs of one address at once: a browser with a new session is a new learner

	maxPlaces        = 2 * MaxRuns   // places for all runs
	maxPlacesEach    = 8             // places of one learner, whose oldest run always makes room
	maxPlacesAddress = maxPlaces / 2 // places of one address, so that it cannot take them all

	maxKeptSize        = 32 << 20        // bytes of the exchanges of all results
	maxKeptSizeEach    = 4 << 20         // bytes of one learner
	maxKeptSizeAddress = maxKeptSize / 2 // bytes of one address

	maxShown   = 120     // exchanges of one run; the oldest are forgotten first
	maxRunSize = 2 << 20 // bytes of the exchanges of one run; likewise

	runLimit  = 25 * time.Second // of a run that our clients drive
	liveLimit = 5 * time.Minute  // of one that waits for the learner's own browser
	KeepFor   = 15 * time.Minute // how long a result is kept after the run's end
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

// BusyError tells that no run can start now, and which limit says so.
type BusyError struct {
	Max  int           // the limit; 0 when the program is about to end
	Kept bool          // the places are taken; otherwise so many runs go on
	Near bool          // the limit is that of the learner's address
	Own  []string      // titles of the runs that go on, when the limit is the learner's: never a stranger's
	Free time.Duration // until there is a place, at the latest
}

func (e *BusyError) Error() string {
	whose := ""
	if e.Near {
		whose = " for browsers at your address"
	}
	switch {
	case e.Max == 0:
		return "The program is about to end."
	case len(e.Own) > 0:
		return fmt.Sprintf("You have %d experiments running, and no more are allowed at once: %s. Wait until one ends, or end it on its page.", e.Max, strings.Join(e.Own, ", "))
	case e.Kept:
		return fmt.Sprintf("There is room for %d experiments%s, those that run and those whose result is kept for %s, and it is taken. The next place is free in %s: try again then.", e.Max, whose, inWords(KeepFor), inWords(e.Free))
	}
	return fmt.Sprintf("%d experiments are running%s, and no more are allowed at once. The first of them ends within %s: try again then.", e.Max, whose, inWords(e.Free))
}

// inWords is d as people say it, never less than it is: "40 seconds", "3 minutes".
func inWords(d time.Duration) string {
	up := func(unit time.Duration) int { return int(max(1, (d+unit-1)/unit)) }
	if d > time.Minute-time.Second {
		return Count(up(time.Minute), "minute", "minutes")
	}
	return Count(up(time.Second), "second", "seconds")
}

// Run is one run of an experiment, from its start until what it found is forgotten.
type Run struct {
	Token      string // names it, in addresses too, and opens nothing
	Ticket     string // opens it to the browser that has it in a cookie
	Experiment Experiment
	Learner    string            // who it counts for; "" for an unowned run
	Address    string            // where the learner is
	Prediction string            // its name, or None
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
	owners    []string // whose it is
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

// Start begins a run. learner is who it counts for; "" when nothing is known of the
// client but its address, which makes the run unowned. page is the address of the experiment's page
// on the main listener, with a query or none. It returns a *BusyError when there are
// too many.
func (rn *Runner) Start(e Experiment, learner, address string, prediction string, chosen map[string]string, page string) (*Run, error) {
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
func (rn *Runner) admit(e Experiment, learner, address string, prediction string, chosen map[string]string, page string) (*Run, error) {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	if rn.closed {
		return nil, &BusyError{}
	}
	shares := rn.shares(learner, address)
	if busy := tooManyRunning(shares); busy != nil {
		return nil, busy
	}
	if busy := rn.makeRoom(shares, learner); busy != nil {
		return nil, busy
	}
	token := rand.Text()
	r := &Run{Token: token, Ticket: token + "." + rand.Text(), Experiment: e, Learner: learner, Address: address, started: time.Now(), Prediction: prediction, Chosen: chosen, runner: rn, done: make(chan struct{})}
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

// share is what some of the runs may take together.
type share struct {
	runs      []*Run // all of them, the oldest first
	own, near bool   // the runs are the learner's; the runs are those of the learner's address

	most   int // runs that may go on at once
	places int // runs that may go on or be kept
	size   int // bytes of the exchanges that may be kept
}

// shares returns the shares of the learner, of its address and of all runs. The learner's
// is empty for an unowned run. The caller holds the lock.
func (rn *Runner) shares(learner, address string) []share {
	own := share{own: true, most: MaxRunsEach, places: maxPlacesEach, size: maxKeptSizeEach}
	near := share{near: true, most: MaxRunsAddress, places: maxPlacesAddress, size: maxKeptSizeAddress}
	all := share{most: MaxRuns, places: maxPlaces, size: maxKeptSize}
	all.runs = slices.SortedFunc(maps.Values(rn.byToken), func(a, b *Run) int { return a.started.Compare(b.started) })
	for _, r := range all.runs {
		if r.Learner == learner && learner != "" {
			own.runs = append(own.runs, r)
		}
		if r.Address == address {
			near.runs = append(near.runs, r)
		}
	}
	return []share{own, near, all}
}

// tooManyRunning says which share has as many runs going on as it may; nil for none.
func tooManyRunning(shares []share) *BusyError {
	for _, s := range shares {
		running := slices.DeleteFunc(slices.Clone(s.runs), func(r *Run) bool { return r.Progress().Ended })
		if len(running) < s.most {
			continue
		}
		busy := &BusyError{Max: s.most, Near: s.near, Free: liveLimit}
		for _, r := range running {
			busy.Free = min(busy.Free, time.Until(r.Ends()))
			if s.own {
				busy.Own = append(busy.Own, "“"+r.Experiment.Title+"”")
			}
		}
		return busy
	}
	return nil
}

// makeRoom sees to it that there is a place for one more run of the learner's in each
// share. Where there is none it says so, and nothing is forgotten. The caller holds the lock.
func (rn *Runner) makeRoom(shares []share, learner string) *BusyError {
	var gone []*Run
	for _, s := range shares {
		taken := slices.DeleteFunc(slices.Clone(s.runs), func(r *Run) bool { return slices.Contains(gone, r) })
		if len(taken) < s.places {
			continue
		}
		if givers := giving(taken, learner); len(givers) > 0 {
			gone = append(gone, givers[0])
			continue
		}
		busy := &BusyError{Max: s.places, Kept: true, Near: s.near, Free: KeepFor}
		for _, r := range taken {
			if ended, _ := r.weight(); !ended.IsZero() {
				busy.Free = min(busy.Free, time.Until(ended.Add(KeepFor)))
			}
		}
		return busy
	}
	for _, r := range gone {
		delete(rn.byToken, r.Token)
	}
	return nil
}

// giving returns the runs that make room for a run of the learner's, in the order in which
// they do: the unowned ones, then the learner's own. Only runs that have ended make room.
func giving(runs []*Run, learner string) (givers []*Run) {
	for _, whose := range slices.Compact([]string{"", learner}) {
		for _, r := range runs {
			if ended, _ := r.weight(); !ended.IsZero() && r.Learner == whose {
				givers = append(givers, r)
			}
		}
	}
	return givers
}

// keep counts the exchanges of r, which has ended now, and forgets some where they are
// too many. It sees to it that r's result is forgotten in time.
func (rn *Runner) keep(r *Run) {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	for _, s := range rn.shares(r.Learner, r.Address) {
		over := -s.size
		for _, other := range s.runs {
			if ended, n := other.weight(); !ended.IsZero() {
				over += n
			}
		}
		givers := slices.DeleteFunc(giving(s.runs, r.Learner), func(other *Run) bool { return other == r })
		for _, giver := range append(givers, r) {
			if over > 0 {
				over -= giver.giveUp(over)
			}
		}
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

// giveUp forgets exchanges, the oldest first, until those forgotten have n bytes or none
// is left. It returns how many bytes those had.
func (r *Run) giveUp(n int) (bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.size
	for before-r.size < n && len(r.exchanges) > 0 {
		r.drop()
	}
	r.outcome.only(r.exchanges)
	return before - r.size
}

// drop forgets the oldest exchange. The caller holds the lock.
func (r *Run) drop() {
	r.size -= r.exchanges[0].size()
	r.exchanges = slices.Delete(r.exchanges, 0, 1)
	r.dropped++
}

// only lets the outcome refer to kept exchanges only, since others would stay in memory
// uncounted. Of the exchange of a Shot the line, the status and the cookies stay.
func (out *Outcome) only(kept []*Exchange) {
	if out.Decisive != nil && !slices.Contains(kept, out.Decisive) {
		out.Decisive, out.Mark = nil, ""
	}
	out.Pair = slices.Clone(out.Pair) // a page may be showing the old one
	for i, s := range out.Pair {
		if x := s.Exchange; x != nil && !slices.Contains(kept, x) {
			out.Pair[i].Exchange = &Exchange{N: x.N, Client: x.Client, Method: x.Method, Path: x.Path, Status: x.Status, Cookie: x.Cookie, Header: http.Header{"Set-Cookie": x.Header["Set-Cookie"]}}
		}
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

// Fail ends the run: it could not be done.
func (r *Run) Fail(err error) { panic(aborted{err}) }

// ErrUnavailable is for a run that lacks something which is not there: a Redis.
var ErrUnavailable = errors.New("not available")

// Try runs f, and returns what it was aborted with.
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

// Choice returns what was chosen.
func (r *Run) Choice(name string) string { return r.Chosen[name] }

// Placement returns the chosen placement.
func (r *Run) Placement() session.Placement {
	return r.PlacementNamed(cmp.Or(r.Chosen["placement"], "hybrid"))
}

// PlacementNamed returns the placement of that name, which was chosen.
func (r *Run) PlacementNamed(name string) session.Placement {
	p, err := session.ParsePlacement(name)
	if err != nil {
		r.Fail(err)
	}
	return p
}

// Step says how far the run is: step of as many, and what comes now.
func (r *Run) Step(step, of int, doing string) {
	if r.ctx.Err() != nil {
		r.Fail(context.Cause(r.ctx))
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
	Dropped   int   // exchanges before those, for which there was no room
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
		r.drop()
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
		r.Fail(err)
	}
}

// maxOwners is how many that a run remembers; the oldest makes room.
const maxOwners = 8

// Own notes whose r is: a session, or a page. One learner may be known by several, one
// after the other.
func (r *Run) Own(owners ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, owner := range owners {
		r.owners = append(slices.DeleteFunc(r.owners, func(old string) bool { return old == owner }), owner)
	}
	r.owners = r.owners[max(0, len(r.owners)-maxOwners):]
}

// OwnedBy tells whether r is one of theirs. A run that nobody owns, since its client had
// neither session nor page, is open to whoever knows its token.
func (r *Run) OwnedBy(who ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.owners) == 0 || slices.ContainsFunc(who, func(one string) bool { return slices.Contains(r.owners, one) })
}
