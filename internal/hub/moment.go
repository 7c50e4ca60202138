package hub

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Moment is something that happened, as it was then. The visits of one family share a moment.
type Moment struct {
	Gist trace.Gist
	Seat *seat.Seat // whose side of the lab it was on

	id      int64                 // the same in all visits that have this moment, with its exchange or without
	facts   atomic.Pointer[facts] // nil when the exchange was dropped
	holders int                   // how many visits have the moment; guarded by the hub's books
	shares  bool                  // Gist.Acts is the list of an earlier moment, and counted there
}

// facts is the exchange of a moment. The exchange is whole while its moment is the last of the
// visit, since the next press is compared with it, and packed afterwards. facts never change: a
// moment gets new ones.
type facts struct {
	whole  *trace.Exchange // nil once it is packed
	packed trace.Packed
	plot   []trace.Point // of the packed exchange; many exchanges share a plot, so that its bytes are not counted
	answer *tap.Answer   // on its way when the exchange was kept; nil when the exchange has the whole answer
	head   int           // bytes that count for answer, 0 without it
}

// About how many bytes of memory the parts of a moment take.
const (
	bareMoment = 440      // the moment without its exchange, and its place in the list
	bareAct    = 88       // an act without its key
	usualHead  = 1536     // an answer on its way, without its cookies
	maxWhole   = 64 << 10 // an exchange that takes more is packed at once
)

// newMoment returns a moment with a copy of exchange x, on the side of s. answer is the answer on
// its way, or nil, and head about how many bytes it takes in memory.
func (h *Hub) newMoment(s *seat.Seat, x *trace.Exchange, answer *tap.Answer, head int) *Moment {
	m := &Moment{id: h.last.Add(1), Gist: x.Gist(), Seat: s}
	m.Gist.Acts, m.shares = h.acts.share(m.Gist.Acts)
	if answer == nil {
		head = 0
	}
	kept := *x
	m.facts.Store(&facts{whole: &kept, answer: answer, head: head})
	if x.Size() > maxWhole {
		h.pack(m)
	}
	return m
}

// sharedActs are the acts of the last 32 presses that differed. Where a class works, many presses
// do the same: they share one list of acts.
type sharedActs struct {
	mu   sync.Mutex
	last [32][]trace.Act
	next int
}

// share returns the equal list of an earlier press and true or, if there is none, acts and false.
func (a *sharedActs) share(acts []trace.Act) (list []trace.Act, shares bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, before := range a.last {
		if slices.Equal(acts, before) {
			return before, true
		}
	}
	a.last[a.next] = acts
	a.next = (a.next + 1) % len(a.last)
	return acts, false
}

// endedContext has ended: whoever waits with it does not wait.
var endedContext = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// pack makes m's exchange small, with its answer in it if that has left. m may be nil.
func (h *Hub) pack(m *Moment) {
	if m == nil {
		return
	}
	f := m.facts.Load()
	if f == nil || f.whole == nil {
		return
	}
	x := *f.whole
	small := &facts{plot: x.Store.Figures.Plot, answer: f.answer, head: f.head}
	if left, ok := f.answer.Wait(endedContext); ok {
		x.Finish(left, m.Seat)
		small.answer, small.head = nil, 0
	}
	small.packed = x.Pack()
	h.books.Lock()
	defer h.books.Unlock()
	if m.facts.CompareAndSwap(f, small) && m.holders > 0 {
		h.held.Add(int64(small.size() - f.size()))
	}
}

// exchange returns m's exchange, the zero one when it was dropped.
func (m *Moment) exchange() (x trace.Exchange) {
	f := m.facts.Load()
	switch {
	case f == nil:
		return x
	case f.whole != nil:
		return *f.whole
	}
	x = f.packed.Unpack()
	x.Store.Figures.Plot = f.plot
	return x
}

// answer returns the answer on its way, or nil when m's exchange has the whole answer.
func (m *Moment) answer() *tap.Answer {
	if f := m.facts.Load(); f != nil {
		return f.answer
	}
	return nil
}

// Kept tells whether the exchange of m is kept still.
func (m *Moment) Kept() bool { return m.facts.Load() != nil }

// size is about how many bytes f takes in memory.
func (f *facts) size() int {
	if f == nil {
		return 0
	}
	n := len(f.packed) + f.head
	if f.whole != nil {
		n += f.whole.Size()
	}
	return n
}

// size is about how many bytes m takes in memory.
func (m *Moment) size() int {
	n := bareMoment + len(m.Gist.Key) + m.facts.Load().size()
	if m.shares {
		return n
	}
	for _, act := range m.Gist.Acts {
		n += bareAct + len(act.Key)
	}
	return n
}

// hold counts one more visit that keeps m. The bytes of m count once, however many visits share it.
func (h *Hub) hold(m *Moment) {
	h.books.Lock()
	defer h.books.Unlock()
	if m.holders++; m.holders == 1 {
		h.held.Add(int64(m.size()))
	}
}

// release takes back one hold.
func (h *Hub) release(m *Moment) {
	h.books.Lock()
	defer h.books.Unlock()
	if m.holders--; m.holders == 0 {
		h.held.Add(int64(-m.size()))
	}
}

// keepWhole notes that m is the last moment of v, whose exchange stays whole. It returns the
// moment that was the last one before, for its exchange to be packed, or nil.
func (v *Visit) keepWhole(m *Moment) (before *Moment) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before, v.whole = v.whole, m
	return before
}
