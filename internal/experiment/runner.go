package experiment

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Config has the settings of a Runner.
type Config struct {
	// Boot makes an instance of the application.
	Boot func(AppConfig) (App, error)
	// Stores opens a private, empty store, by name: "memory", "sqlite", "redis".
	Stores map[string]OpenStore
	Log    *slog.Logger

	// Runs and RunsAddress bound how many runs go on at once, in all and from one address.
	// 2×Runs places hold runs and results; one address has half of the places. Default:
	// MaxRuns and MaxRunsAddress.
	Runs, RunsAddress int
	// Seats is how many learners a class has, each at an address of its own: then there are places
	// and bytes for the results of all of them, so that none takes those of another. 0 is no class.
	Seats int
	// AtOnce bounds how many runs that Clients drive work at the same moment: the others wait in
	// the order of their start, and a run that sleeps lets another go on. 0 is no limit.
	AtOnce int
	// Limit is the longest time of a run that Clients drive. Default: 25 s.
	Limit time.Duration
	// After lets a run wait in real time. Default: time.After.
	After func(time.Duration) <-chan time.Time
	// For tests: WrapHandler wraps every handler of an instance, WrapStore every store.
	// Nil wraps nothing.
	WrapHandler func(slug string, h http.Handler) http.Handler
	WrapStore   func(slug string, b session.Backend) session.Backend
}

// Runner starts runs and keeps what they found.
type Runner struct {
	cfg   Config
	ctx   context.Context
	end   context.CancelFunc
	turns chan struct{} // one place for each run that works; nil without AtOnce. Go serves those that wait in their order

	mu      sync.Mutex
	closed  bool
	byToken map[string]*Run
	sweeper *time.Timer // calls sweep; nil before the first run has ended
	active  sync.WaitGroup
}

// NewRunner returns a Runner. It starts nothing by itself.
func NewRunner(cfg Config) *Runner {
	cfg.Limit = cmp.Or(cfg.Limit, runLimit)
	cfg.Runs, cfg.RunsAddress = cmp.Or(cfg.Runs, MaxRuns), cmp.Or(cfg.RunsAddress, MaxRunsAddress)
	if cfg.After == nil {
		cfg.After = time.After
	}
	rn := &Runner{cfg: cfg, byToken: make(map[string]*Run)}
	rn.ctx, rn.end = context.WithCancel(context.Background())
	if cfg.AtOnce > 0 {
		rn.turns = make(chan struct{}, cfg.AtOnce)
	}
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

// Start begins a run. The run counts for learner; it is unowned when learner is "", since
// nothing but the client's address is known. prediction is the name of a prediction, or
// None. page is the address of the experiment's page on the main listener, with a query or
// without. Start returns a *BusyError when there are too many runs.
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
		case <-r.done: // the run could not be opened
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
	r.limit = rn.cfg.Limit
	if e.Live != nil {
		r.limit = liveLimit
	}
	r.ctx, r.cancel = context.WithCancel(rn.ctx)
	r.ends = r.started.Add(r.limit)
	rn.byToken[r.Token] = r
	rn.active.Add(1)
	return r, nil
}

// End ends and forgets the runs of an address whose learner has left for good.
func (rn *Runner) End(address string) {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	for token, r := range rn.byToken {
		if r.Address == address {
			delete(rn.byToken, token)
			r.cancel()
		}
	}
}

// Find returns the run of that token, or nil.
func (rn *Runner) Find(token string) *Run {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	return rn.byToken[token]
}

// Take removes a run that has ended from those that the Runner keeps and counts: nothing of it is
// forgotten any more, for as long as the caller has it.
func (rn *Runner) Take(r *Run) {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	delete(rn.byToken, r.Token)
}

// Last returns the run of that experiment that has ended last, of those that one of owners
// owns and whose result is kept; nil for none.
func (rn *Runner) Last(slug string, owners ...string) (last *Run) {
	rn.mu.Lock()
	defer rn.mu.Unlock()
	var latest time.Time
	for _, r := range rn.byToken {
		ended, _ := r.weight()
		if r.Experiment.Slug == slug && ended.After(latest) && !r.OwnedBy() && r.OwnedBy(owners...) {
			last, latest = r, ended
		}
	}
	return last
}
