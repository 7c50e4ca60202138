package hub

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Figures asks the store of s what it counts, and which sessions of the browsers of v's family
// it has. The figures are not Known when the store does not answer. v may be nil. The counts go
// into the plot.
func (h *Hub) Figures(ctx context.Context, s *seat.Seat, v *Visit) trace.Figures {
	stats, err := s.Engine.Stats(ctx)
	if err != nil {
		return trace.Figures{}
	}
	r := h.realmOf(s)
	r.plot.add(h.now(), stats)
	r.figures.shown(stats)
	f := trace.Figures{Known: true, Live: stats.Live, Expired: stats.Expired, Bytes: stats.Bytes, Family: h.familyOf(ctx, v)}
	f.Plot, f.Last = r.plot.all()
	return f
}

// figuresEvery is the least time between two questions to the store for the figures that all
// open pages are told.
const figuresEvery = time.Second / 4

// sharedFigures are the figures that all open pages of a realm are told when any request of it
// writes.
type sharedFigures struct {
	mu    sync.Mutex
	now   trace.Figures
	n     int64 // counts up when the figures change; 0 before the store was first asked
	other bool  // since then a page was shown other figures
	asked time.Time
	next  *time.Timer // asks the store again; nil while no question is planned
	over  bool        // the hub has closed
}

// shown notes that a page is shown these figures, of which the other pages may not know.
func (f *sharedFigures) shown(stats session.Stats) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.other = f.other || f.now.Live != stats.Live || f.now.Expired != stats.Expired || f.now.Bytes != stats.Bytes
}

// stop ends the asking.
func (f *sharedFigures) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	if f.next != nil {
		f.next.Stop()
	}
}

// SharedFigures returns the store's figures that all open pages of s's realm are told, without a
// Family. n counts up when the figures change; it is 0 before there are any.
func (h *Hub) SharedFigures(s *seat.Seat) (f trace.Figures, n int64) {
	shared := &h.realmOf(s).figures
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return shared.now, shared.n
}

// askFiguresSoon plans a question to the store of s for its figures, which a request may have
// changed. All requests within figuresEvery share one question.
func (h *Hub) askFiguresSoon(s *seat.Seat) {
	r := h.realmOf(s)
	f := &r.figures
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == nil && !f.over && h.Any() {
		f.next = time.AfterFunc(figuresEvery-min(time.Since(f.asked), figuresEvery), func() { h.shareFigures(r) })
	}
}

// shareFigures asks the realm's store for its figures. If they have changed, all open pages of the
// realm are told.
func (h *Hub) shareFigures(r *realm) {
	f := &r.figures
	f.mu.Lock()
	f.next, f.asked = nil, time.Now() // a write from now on plans another question
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), watchTime)
	defer cancel()
	now := h.Figures(ctx, r.first, nil)
	if !now.Known {
		return
	}
	f.mu.Lock()
	same := f.n > 0 && !f.other
	f.other = false
	if !same {
		f.now = now
		f.n++
	}
	over := f.over
	f.mu.Unlock()
	if same || over {
		return
	}
	for _, v := range h.index.realm(r.first) {
		v.wake()
	}
}

// Run asks the store of each realm that has a visit for its figures every plotEvery until ctx ends:
// records expire without a request.
func (h *Hub) Run(ctx context.Context) {
	tick := time.NewTicker(plotEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, r := range h.realms.all() {
				if ctx.Err() == nil && len(h.index.realm(r.first)) > 0 {
					h.shareFigures(r)
				}
			}
		}
	}
}

// HasFamily tells whether v's family is more than one browser.
func (h *Hub) HasFamily(v *Visit) bool { return len(h.browsersOf(v)) > 1 }

// browsersOf returns one visit for each browser of v's family: if a browser has several visits, the
// visit that was used last.
func (h *Hub) browsersOf(v *Visit) (out []*Visit) {
	for _, kin := range h.kinOf(v) {
		if !slices.ContainsFunc(out, func(w *Visit) bool { return w.Seat == kin.Seat }) {
			out = append(out, kin)
		}
	}
	return out
}

// familyOf says what the store has of the session of each browser in v's family: a learner sees
// that one browser logs out and the other browsers stay logged in. It returns nil for a family of
// one browser.
func (h *Hub) familyOf(ctx context.Context, v *Visit) (out []trace.Member) {
	if v == nil {
		return nil
	}
	browsers := h.browsersOf(v)
	if len(browsers) < 2 {
		return nil
	}
	for _, kin := range browsers {
		m := trace.Member{Name: kin.Seat.Label(), This: kin.Seat == v.Seat}
		if k := kin.Session(); k != (session.Key{}) {
			peeked, err := kin.Seat.Engine.Peek(ctx, k)
			present, inCookie := kin.Has(k)
			m.ID, m.State, m.Unknown = k.Name().String(), peeked.State, err != nil
			m.Carried = err == nil && peeked.State == session.StateNone && present && inCookie
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b trace.Member) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// kinOf returns the visits of v's family: v first, then the other visits, the most recently used
// first.
func (h *Hub) kinOf(v *Visit) []*Visit {
	out := []*Visit{v}
	for _, kin := range h.index.family(v.Family) {
		if kin != v {
			out = append(out, kin)
		}
	}
	slices.SortFunc(out[1:], func(a, b *Visit) int { return b.lastUse().Compare(a.lastUse()) })
	return out
}
