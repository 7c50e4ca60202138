package hub

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Visit is what one page, with its reloads, saw. Its Name may stand in addresses and opens
// nothing; its Secret opens it, and stands in none.
type Visit struct {
	Name   string
	Secret string
	Seat   *seat.Seat
	Family string // the name of the visit that began the family: the first browser's, on a second's page

	hub    *Hub
	began  time.Time
	heirOf string // the secret of the ended visit that it goes on for, "" for none
	own    int    // the last moment that it began with, of other visits: its own come after
	of     string // the short name of the session whose moments those are
	born   int64  // the number of the last news before it began
	idle   *time.Timer

	ended   bool     // guarded by the hub's lock, as the next
	adopted bool     // another visit has its load
	proofs  []string // for one use

	mu        sync.Mutex
	used      time.Time
	proved    bool // somebody has shown its secret
	entries   []Entry
	dropped   int           // moments that were too many
	newest    newest        // its own last exchange, which the next one is compared with
	packed    int           // bytes of the exchanges
	watched   []session.Key // sessions seen, the latest last
	present   session.Key   // the session that this browser has; zero without one
	inCookie  bool          // all of it, so that the store knows of no clock
	clock     *time.Timer   // until the present session's clock runs out
	pins      []Pin
	pinned    int // how many there ever were
	projector bool
	streams   map[chan struct{}]bool
}

// newest is a moment with its exchange unpacked.
type newest struct {
	*Moment
	x trace.Exchange
}

// maxNewest is the most bytes of an exchange that stays unpacked: these are not counted.
const maxNewest = 64 << 10

// Moment is something that happened, as it was then.
type Moment struct {
	Gist trace.Gist
	Seat *seat.Seat // whose side of the lab it was on

	id     int64         // the same in all visits, whether or not they have its exchange still
	packed trace.Packed  // nil when it was dropped
	plot   []trace.Point // of the packed exchange; shared, so that its bytes are not counted
	answer *tap.Answer   // until it has left, what it will be is not known
	head   int           // bytes that are counted for answer's head

	holders int32 // visits that have it; changed atomically
}

// usualHead is what an answer's head takes without its cookies, in bytes; bareMoment a
// moment without its exchange, with its place in the list; bareAct an act without its key.
const (
	usualHead  = 1536
	bareMoment = 768
	bareAct    = 96
)

// size is about what m takes in memory, in bytes.
func (m *Moment) size() int {
	n := bareMoment + len(m.Gist.Key)
	for _, act := range m.Gist.Acts {
		n += bareAct + len(act.Key)
	}
	if m.packed != nil {
		n += len(m.packed) + m.head
	}
	return n
}

// newMoment is a moment of exchange x on the side of s.
func (h *Hub) newMoment(s *seat.Seat, x *trace.Exchange) *Moment {
	return &Moment{id: h.last.Add(1), Gist: x.Gist(), Seat: s, packed: x.Pack(), plot: x.Store.Figures.Plot}
}

// unpack returns m's exchange, the zero one when it was dropped.
func (m *Moment) unpack() trace.Exchange {
	x := m.packed.Unpack()
	x.Store.Figures.Plot = m.plot
	return x
}

// Kept tells whether the exchange of m is kept still.
func (m *Moment) Kept() bool { return m.packed != nil }

// Entry is a moment in a visit's timeline.
type Entry struct {
	N   int
	Kin string // whose it is in a family of browsers, "" for the visit's own
	*Moment
}

// use notes that v is in use. With proved, somebody has shown what proves it.
func (v *Visit) use(proved bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.used, v.proved = v.hub.now(), v.proved || proved
}

// Use notes that v is in use.
func (v *Visit) Use() { v.use(false) }

// Confirm notes that v is a visit of its own, whose page has proved where it is from.
func (v *Visit) Confirm() { v.use(true) }

// Proved tells whether somebody has shown what proves v.
func (v *Visit) Proved() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.proved
}

// lastUse is when v was used last; one with a stream is in use.
func (v *Visit) lastUse() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.streams) > 0 {
		return v.used.Add(VisitLife)
	}
	return v.used
}

// evictionTime orders visits for eviction: the smallest goes first. It is the time of last
// use; a page that was opened and never used counts as half an hour older, so that opening
// many pages pushes out no visit that somebody works in.
func (v *Visit) evictionTime() time.Time {
	used := v.lastUse()
	v.mu.Lock()
	defer v.mu.Unlock()
	if (!v.proved || v.dropped+len(v.entries)-v.own < 2) && len(v.streams) == 0 {
		return used.Add(-VisitLife)
	}
	return used
}

// list returns the entries.
func (v *Visit) list() []Entry {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.entries)
}

// append adds m to the timeline, tells the streams, and returns its number.
func (v *Visit) append(m *Moment, kin string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 1 + v.dropped + len(v.entries)
	v.entries = append(v.entries, Entry{n, kin, m})
	v.hold(m)
	if len(v.entries) > MaxMoments {
		v.release(v.entries[0].Moment)
		v.entries = slices.Delete(v.entries, 0, 1)
		v.dropped++
	}
	limit := maxPacked
	if v.hub.held.Load() > maxAllHeld {
		limit /= 4
	}
	for i := 0; v.packed > limit && i < len(v.entries)-1; i++ {
		if e := &v.entries[i]; e.packed != nil {
			v.release(e.Moment)
			e.Moment = &Moment{id: e.id, Gist: e.Gist, Seat: e.Seat} // others may share the whole one
			v.hold(e.Moment)
		}
	}
	v.tellStreams()
	return n
}

// hold counts the bytes of m, which v has from now on: among those of all visits once,
// however many share it. The caller holds the lock.
func (v *Visit) hold(m *Moment) {
	if v.streams == nil {
		return // it has ended, and counts no more
	}
	v.packed += m.size()
	if atomic.AddInt32(&m.holders, 1) == 1 {
		v.hub.held.Add(int64(m.size()))
	}
}

// release is the end of hold. The caller holds the lock.
func (v *Visit) release(m *Moment) {
	if v.streams == nil {
		return
	}
	v.packed -= m.size()
	if atomic.AddInt32(&m.holders, -1) == 0 {
		v.hub.held.Add(int64(-m.size()))
	}
}

// wake is tellStreams for a caller that does not hold the lock.
func (v *Visit) wake() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tellStreams()
}

// tellStreams tells the streams that there is news. One that has not taken the last
// news yet is not waited for. The caller holds the lock.
func (v *Visit) tellStreams() {
	for stream := range v.streams {
		select {
		case stream <- struct{}{}:
		default:
		}
	}
}

// Subscribe returns a stream's place: it is told when there is news, and closed when the
// visit ends. It is false when the visit has streams enough, or has ended.
func (v *Visit) Subscribe() (news chan struct{}, leave func(), ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.streams == nil || len(v.streams) >= MaxStreams {
		return nil, nil, false
	}
	news = make(chan struct{}, 1)
	v.streams[news] = true
	return news, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.streams[news] {
			v.used = v.hub.now() // until now
			delete(v.streams, news)
		}
	}, true
}

// Streams returns how many streams v has.
func (v *Visit) Streams() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.streams)
}

// Entry returns the moment of that number.
func (v *Visit) Entry(n int) (e Entry, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := n - v.dropped - 1; i >= 0 && i < len(v.entries) {
		return v.entries[i], true
	}
	return e, false
}

// last returns the last moment before number n for which is says true and whose exchange is
// kept. With n 0 all moments count.
func (v *Visit) last(n int, is func(Entry) bool) (e Entry, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range slices.Backward(v.entries) {
		if (n == 0 || e.N < n) && e.packed != nil && is(e) {
			return e, true
		}
	}
	return e, false
}

// lastState returns the last moment before number n that shows what this browser, or with
// kin the browser of that name, and the server kept.
func (v *Visit) lastState(n int, kin string) (Entry, bool) {
	return v.last(n, func(e Entry) bool { return e.Kin == kin && !e.Gist.Aside })
}

// Compare compares x, the exchange of number n on the side of kin, with those before it:
// its heads with the sender's exchange before, and what browser and server keep with the
// last state that is known. n is 0 for an exchange that is no moment yet. It waits until
// ctx ends for the answer of the exchange before to leave.
func (v *Visit) Compare(ctx context.Context, x *trace.Exchange, n int, kin string) (b trace.Beside) {
	state, known := v.lastState(n, kin)
	sent, ok := v.last(n, func(e Entry) bool { return e.Kin == kin && e.Gist.By == x.By && !e.Gist.Nothing })
	var before trace.Exchange
	if ok {
		before = v.exchange(ctx, sent)
	}
	switch {
	case !known:
		b = x.Against(nil)
	case ok && sent.Moment == state.Moment:
		b = x.Against(&before)
	default:
		kept := v.unpack(state)
		b = x.Against(&kept)
	}
	if ok && !x.Nothing {
		b.N, b.Same = sent.N, x.CompareHeads(&before)
	}
	return b
}

// leaveTime is how long a look at an exchange waits for its last byte to leave, and for
// that of the one before. An exchange that is older is not waited for: when its client went
// away, its last byte never leaves.
const leaveTime = time.Second

// exchange is that of an entry of v, with its answer as it left. One that has not left when
// ctx ends stays unfinished.
func (v *Visit) exchange(ctx context.Context, e Entry) trace.Exchange {
	x := v.unpack(e)
	if e.answer == nil || x.Nothing {
		return x
	}
	ctx, cancel := context.WithTimeout(ctx, e.Gist.At.Add(leaveTime).Sub(e.Seat.Engine.Now()))
	defer cancel()
	if left, ok := e.answer.Wait(ctx); ok {
		x.Finish(left, e.Seat)
	}
	return x
}

// keepNewest keeps the exchange of m unpacked, in place of the one before, unless it is large.
func (v *Visit) keepNewest(m *Moment, x *trace.Exchange) {
	kept := newest{}
	if x.Size() <= maxNewest {
		kept = newest{m, *x}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.newest = kept
}

// unpack is exchange without the answer.
func (v *Visit) unpack(e Entry) trace.Exchange {
	v.mu.Lock()
	newest := v.newest
	v.mu.Unlock()
	if newest.Moment == e.Moment {
		return newest.x
	}
	return e.Moment.unpack()
}

// Look returns the exchange of an entry of v as it ended, and how it compares with those
// before it. It waits at most a second for answers to leave. What v began with it knows by
// a session's cookie alone, and it learns nothing of other sessions from that.
func (v *Visit) Look(ctx context.Context, e Entry) (trace.Exchange, trace.Beside) {
	ctx, cancel := context.WithTimeout(ctx, leaveTime)
	defer cancel()
	x := v.exchange(ctx, e)
	if e.N <= v.own {
		x.Only(v.of)
	}
	return x, v.Compare(ctx, &x, e.N, e.Kin)
}

// Timeline is what happened in a visit, oldest first.
type Timeline struct {
	Began   time.Time
	Entries []Line
	Dropped int // that were too many
	Gone    int // the number of the moment that made room for the last one, 0 for none
}

// Line is a moment of a timeline, without its exchange. Its Gist is not to be changed.
type Line struct {
	N    int
	Kin  string // whose it is in a family of browsers, "" for the visit's own
	Gist *trace.Gist
}

// Timeline returns what happened in v.
func (v *Visit) Timeline() Timeline {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := Timeline{Began: v.began, Dropped: v.dropped, Gone: v.dropped, Entries: make([]Line, 0, len(v.entries))}
	for _, e := range v.entries {
		t.Entries = append(t.Entries, Line{e.N, e.Kin, &e.Gist})
	}
	return t
}

// Pin is a cookie that was kept, to be sent again.
type Pin struct {
	N     int
	Owner string // the pins cookie of the browser that pinned it
	Value string
	Name  string // its session's short name
	At    time.Time
}

// MaxPins is how many cookies a visit keeps of one browser, and four times as many in
// all; the oldest makes room.
const MaxPins = 5

// Pin keeps p, under a number that it returns.
func (v *Visit) Pin(p Pin) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pinned++
	p.N, p.Value = v.pinned, strings.Clone(p.Value) // not a part of the whole header
	v.pins = append(v.pins, p)
	own := 0
	for _, old := range slices.Backward(v.pins) {
		if old.Owner == p.Owner {
			own++
		}
		if own > MaxPins {
			v.pins = slices.DeleteFunc(v.pins, func(o Pin) bool { return o.N == old.N })
			break
		}
	}
	if len(v.pins) > 4*MaxPins {
		v.pins = v.pins[1:]
	}
	return p.N
}

// Pins returns the owner's, oldest first.
func (v *Visit) Pins(owner string) (own []Pin) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.pins {
		if p.Owner == owner {
			own = append(own, p)
		}
	}
	return own
}

// ForgetPins forgets the owner's.
func (v *Visit) ForgetPins(owner string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pins = slices.DeleteFunc(v.pins, func(p Pin) bool { return p.Owner == owner })
}

// SetProjector switches the visit's large type on or off.
func (v *Visit) SetProjector(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.projector = on
}

// Projector tells whether it is on.
func (v *Visit) Projector() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.projector
}
