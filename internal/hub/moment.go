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

// Moment is something that happened, as it was then. The visits of a family, and those that
// saw its session, share it.
type Moment struct {
	Gist trace.Gist
	Seat *seat.Seat // whose side of the lab it was on

	id      int64                 // the same in all visits, whether or not they have its exchange still
	facts   atomic.Pointer[facts] // nil when the exchange was dropped
	holders int                   // visits that have it; guarded by the hub's books
	shares  bool                  // Gist.Acts is the list of an earlier moment, and counted there
}

// facts is the exchange of a moment: whole while it is the last of its visit, since the next
// press is compared with it, and packed afterwards. It is never changed.
type facts struct {
	whole  *trace.Exchange // nil once it is packed
	packed trace.Packed
	plot   []trace.Point // of the packed exchange; many share it, so that its bytes are not counted
	answer *tap.Answer   // not known in full when the exchange was kept; nil when the exchange has it
	head   int           // bytes that are counted for answer
}

// Bytes that are counted for what a moment takes in memory.
const (
	bareMoment = 416      // without its exchange, with its place in the list
	bareAct    = 88       // an act without its key
	usualHead  = 1536     // an answer that is not known in full, without its cookies
	maxWhole   = 64 << 10 // a larger exchange is packed at once
)

// newMoment is a moment of exchange x on the side of s. answer is on its way, or nil; head
// counts its bytes. The moment has a copy of x.
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

// sharedActs are the acts of the last presses. Where a class works, many presses do the same, and
// what they did takes memory once.
type sharedActs struct {
	mu   sync.Mutex
	last [32][]trace.Act
	next int
}

// share returns acts or, when shares, the equal list of a press before.
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

// ended is the context of a look that waits for nothing.
var ended = func() context.Context {
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
	if left, ok := f.answer.Wait(ended); ok {
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

// answer is what is to be waited for until m's exchange is known in full, or nil.
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

// hold counts m among what visits keep: once, however many share it.
func (h *Hub) hold(m *Moment) {
	h.books.Lock()
	defer h.books.Unlock()
	if m.holders++; m.holders == 1 {
		h.held.Add(int64(m.size()))
	}
}

// release is the end of hold.
func (h *Hub) release(m *Moment) {
	h.books.Lock()
	defer h.books.Unlock()
	if m.holders--; m.holders == 0 {
		h.held.Add(int64(-m.size()))
	}
}

// keepWhole notes that m is the last moment of v, whose exchange stays whole. It returns the one
// before, or nil.
func (v *Visit) keepWhole(m *Moment) (before *Moment) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before, v.whole = v.whole, m
	return before
}
