package experiment

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Limits on what all runs take together.
//
// A learner is a browser's session, or its page: never an address, which many people
// may share. The app says who the learner is. A client without session and page cannot be
// known again: its runs are unowned, and only its address bounds them.
//
// A run takes a place when it starts, and keeps it until its result is forgotten. When
// the places are taken, a run that has ended makes room: the oldest unowned run, or the
// learner's own oldest run. When there is neither, the new run is refused with a
// *BusyError. A learner's result is never forgotten early for a stranger's run.
//
// When a run ends, the bytes of its exchanges are added to those of the results that are
// kept. When there are too many bytes, exchanges are forgotten, the oldest of a run first: first
// the exchanges of unowned runs, then of the learner's older runs, and at last of the run
// that has just ended. A run's outcome stays in any case: its verdict, its tables and the
// cookies that it compares take a few kB.
const (
	MaxRuns        = 50              // runs at once; each has one private instance at a time
	MaxRunsEach    = 2               // runs of one learner at once
	MaxRunsAddress = 4 * MaxRunsEach // runs of one address at once: a browser with a new session is a new learner

	maxPlacesEach = 8 // places of one learner; the learner's oldest run makes room for the next

	maxKeptSize        = 32 << 20        // bytes of the exchanges of all results
	maxKeptSizeEach    = 4 << 20         // bytes of one learner
	maxKeptSizeAddress = maxKeptSize / 2 // bytes of one address

	seatKeptSize = 384 << 10 // bytes of one seat of a class

	maxShown   = 120     // exchanges of one run; the oldest are forgotten first
	maxRunSize = 2 << 20 // bytes of the exchanges of one run; the oldest are forgotten first

	runLimit  = 25 * time.Second // the longest run that Clients drive
	liveLimit = 5 * time.Minute  // the longest run that waits for the learner's own browser
	KeepFor   = 15 * time.Minute // how long a result is kept after the run's end
)

// BusyError tells that no run can start now, and which limit says so.
type BusyError struct {
	Max  int           // the limit; 0 when the program is about to end
	Kept bool          // Max limits the places; otherwise it limits the runs that go on
	Near bool          // Max is the limit of the learner's address
	Own  []string      // titles of the runs that go on, when the limit is the learner's: never a stranger's
	Runs []*Run        // the runs that go on within the limit, a stranger's too: show only those that the learner owns
	Free time.Duration // how long until there is a place, at most
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

// inWords returns d as people say it, rounded up: "40 seconds", "3 minutes".
func inWords(d time.Duration) string {
	up := func(unit time.Duration) int { return int(max(1, (d+unit-1)/unit)) }
	if d > time.Minute-time.Second {
		return Count(up(time.Minute), "minute", "minutes")
	}
	return Count(up(time.Second), "second", "seconds")
}

// share is a group of runs, and what the group may take.
type share struct {
	runs      []*Run // all of them, the oldest first
	own, near bool   // the group is the learner's runs; the group is the runs of the learner's address

	most   int // how many runs may go on at once
	places int // how many runs may go on or be kept
	size   int // how many bytes of exchanges may be kept
}

// shares returns the shares of the learner, of the learner's address and of all runs. The
// learner's share is empty for an unowned run. The caller holds the lock.
func (rn *Runner) shares(learner, address string) []share {
	own := share{own: true, most: MaxRunsEach, places: maxPlacesEach, size: maxKeptSizeEach}
	near := share{near: true, most: rn.cfg.RunsAddress, places: rn.cfg.Runs, size: maxKeptSizeAddress}
	all := share{most: rn.cfg.Runs, places: 2 * rn.cfg.Runs, size: maxKeptSize}
	if n := rn.cfg.Seats; n > 0 {
		own.size, near.size, all.size = seatKeptSize, seatKeptSize, n*seatKeptSize
		near.places, all.places = maxPlacesEach, n*maxPlacesEach
	}
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
		busy := &BusyError{Max: s.most, Near: s.near, Free: liveLimit, Runs: running}
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

// makeRoom makes a place for one more run of the learner in each share. When a share has no
// place, it returns an error and forgets nothing. The caller holds the lock.
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

// giving returns the runs that make room for a run of the learner, the first one first: the
// unowned runs, then the learner's own. Only runs that have ended make room.
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

// keep counts the exchanges of r, which has ended now, and forgets exchanges where there
// are too many. It starts the timer that forgets r's result.
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

// sweep forgets the results that were kept for long enough. There is one timer for all runs:
// a timer for each run would hold on to runs that made room.
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

// giveUp forgets exchanges, the oldest first, until it has forgotten n bytes or no exchange
// is left. It returns how many bytes it has forgotten.
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

// only removes the outcome's references to exchanges that are not kept, which would stay in
// memory uncounted. A Shot keeps the line, the status and the cookies of its exchange.
func (out *Outcome) only(kept []*Exchange) {
	if out.Decisive != nil && !slices.Contains(kept, out.Decisive) {
		out.Decisive, out.Mark = nil, ""
	}
	out.Pair = slices.Clone(out.Pair) // a page may be showing the old slice
	for i, s := range out.Pair {
		if x := s.Exchange; x != nil && !slices.Contains(kept, x) {
			out.Pair[i].Exchange = &Exchange{N: x.N, Client: x.Client, Method: x.Method, Path: x.Path, Status: x.Status, Cookie: x.Cookie, Header: http.Header{"Set-Cookie": x.Header["Set-Cookie"]}}
		}
	}
}

// weight returns when r ended, zero while it runs, and how many bytes its exchanges take.
func (r *Run) weight() (ended time.Time, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended, r.size
}
