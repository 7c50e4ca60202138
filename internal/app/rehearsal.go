package app

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/rehearsal"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/views"
)

// rehearsalRoutes adds the routes of the program's own small browsers.
func (a *App) rehearsalRoutes() {
	a.post("/classroom/rehearse", a.teacher(a.rehearse))
}

// rehearsing are the program's own browsers of a class. The zero value has none.
//
// They come over the network as phones do. A token says whose they are: it is random, stands in the form
// by which one of them takes its seat, and no other page has it.
type rehearsing struct {
	transport func() http.RoundTripper // makes their connections; nil is TCP

	acts    sync.Mutex   // held by a press of the teacher
	joining sync.RWMutex // held for reading while one of them takes its seat

	mu       sync.Mutex
	tokens   map[string]ownState // that were ever given to one
	leave    context.CancelFunc
	troubles []string // why some of them have no seat
	closed   bool
	all      sync.WaitGroup
}

// ownState is what became of one of the program's own browsers.
type ownState int

const (
	notOwn    ownState = iota // the token is a stranger's
	ownComes                  // it takes its seat soon
	ownSits                   // it has taken one
	ownLeaves                 // it takes none any more
)

// state returns what became of the browser with that token.
func (r *rehearsing) state(token string) ownState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tokens[token]
}

// became notes what became of the browser with that token.
func (r *rehearsing) became(token string, now ownState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens[token] = now
}

// coming returns how many are on their way, and why others have no seat.
func (r *rehearsing) coming() (n int, troubles []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, now := range r.tokens {
		if now == ownComes {
			n++
		}
	}
	return n, r.troubles
}

// begin has n browsers play at the class of those addresses. The caller has halted others. news is told
// when one of them plays no more.
func (r *rehearsing) begin(n int, addresses []string, news func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if r.tokens == nil {
		r.tokens = make(map[string]ownState)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cfg := rehearsal.Config{Addresses: addresses, Transport: r.transport, Seed: mathrand.Uint64()}
	for range n {
		token := rand.Text()
		r.tokens[token] = ownComes
		cfg.Visitors = append(cfg.Visitors, token)
	}
	cfg.Left = func(token string, why error) { r.left(token, why); news() }
	r.leave = cancel
	r.all.Go(func() {
		defer cancel()
		rehearsal.Play(ctx, cfg)
	})
}

// left notes that one of them plays no more, and why.
func (r *rehearsing) left(token string, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens[token] = ownLeaves
	if why != nil {
		r.troubles = append(r.troubles, why.Error())
	}
}

// halt stops them, and waits until they have gone. None of them takes a seat after it.
func (r *rehearsing) halt() {
	r.joining.Lock()
	r.mu.Lock()
	for token := range r.tokens {
		r.tokens[token] = ownLeaves
	}
	if r.leave != nil {
		r.leave()
	}
	r.troubles = nil
	r.mu.Unlock()
	r.joining.Unlock()
	r.all.Wait()
}

// close stops them for good.
func (r *rehearsing) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.halt()
}

// takesSeat gives a visitor of the join page a seat.
func (cl *class) takesSeat(c *call, visitor string) (joined classroom.Joined, err error) {
	device := deviceOf(c.Request())
	if cl.rehearsal.state(visitor) == notOwn {
		return cl.roster.Join(c.ctx(), visitor, device)
	}
	cl.rehearsal.joining.RLock()
	defer cl.rehearsal.joining.RUnlock()
	if cl.rehearsal.state(visitor) == ownLeaves {
		return joined, classroom.ErrNoSeat
	}
	if joined, err = cl.roster.Rehearse(c.ctx(), visitor, device); err == nil {
		cl.rehearsal.became(visitor, ownSits)
	}
	return joined, err
}

// letRehearsalLeave stops the program's own browsers and removes their seats. It returns how many seats
// they had.
func (cl *class) letRehearsalLeave(ctx context.Context) (seats int, err error) {
	cl.rehearsal.halt()
	own := cl.roster.Rehearsing()
	return len(own), cl.roster.Remove(ctx, own...)
}

// rehearse is POST /classroom/rehearse: it has the program's own browsers come, and with stop=1 leave.
func (a *App) rehearse(c *call, cl *class) error {
	type done struct {
		Op       string `json:"op"`
		Browsers int    `json:"browsers"` // that are there now, or on their way
		Removed  int    `json:"removed"`
	}
	cl.rehearsal.acts.Lock()
	defer cl.rehearsal.acts.Unlock()
	if c.form.Get("stop") == "1" {
		n, err := cl.letRehearsalLeave(c.ctx())
		if err != nil {
			return notWritten(err)
		}
		cl.news.hint()
		return cl.leadToBoard(c, cl.saying(c, say.RehearsalLeft(n)), "", done{"rehearse", 0, n})
	}
	if n := cl.rehearsers(); n > 0 {
		return cl.leadToBoard(c, cl.saying(c, say.RehearsalThere(n)), "", done{Op: "rehearse", Browsers: n})
	}
	n := min(rehearsal.Browsers, a.cfg.Class.Seats-cl.roster.Count())
	if n <= 0 {
		return &problem{status: http.StatusTooManyRequests, brief: true, detail: fmt.Sprintf("The class is full: all %s seats are taken, and a rehearsal takes none from a learner. Nobody came.", say.Number(a.cfg.Class.Seats))}
	}
	cl.rehearsal.halt() // one may be asleep, and not know that its seat was removed
	cl.rehearsal.begin(n, cl.ownWays(c), cl.news.hint)
	cl.news.hint()
	return cl.leadToBoard(c, cl.saying(c, say.RehearsalBegun(n)), "", done{Op: "rehearse", Browsers: n})
}

// rehearsers returns how many of the program's own browsers are there, or on their way.
func (cl *class) rehearsers() int {
	coming, _ := cl.rehearsal.coming()
	return min(rehearsal.Browsers, coming+len(cl.roster.Rehearsing())) // one that sits down now is in both
}

// ownWays returns where the program's own browsers find the class: at the address that phones use, and
// without a network at the loopback address to which the teacher's request came.
func (cl *class) ownWays(c *call) (ways []string) {
	for _, at := range cl.parts.Network.Addresses() {
		if at.Err == "" {
			ways = append(ways, "http://"+net.JoinHostPort(at.IP.String(), strconv.Itoa(at.Port)))
			break
		}
	}
	if local, ok := c.Request().Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		ways = append(ways, "http://"+local.String())
	}
	return ways
}

// rehearsalView returns the board's panel of the program's own small browsers.
func (cl *class) rehearsalView() views.Rehearsal {
	coming, troubles := cl.rehearsal.coming()
	v := views.Rehearsal{Seats: len(cl.roster.Rehearsing())}
	if v.Here = coming+v.Seats > 0; v.Here {
		v.Learners = cl.roster.Count() - v.Seats
	}
	if len(troubles) > 0 {
		v.Trouble = say.RehearsalTrouble(len(troubles), troubles[0])
	}
	return v
}
