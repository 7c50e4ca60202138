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

const (
	plotFor   = 5 * time.Minute
	plotEvery = 5 * time.Second
	plotStep  = 2 * time.Second // 150 steps in a picture that is 300 wide; each has two points at most
)

// plot remembers the store's figures of the last minutes, while anybody looks.
type plot struct {
	mu     sync.Mutex
	points []trace.Point // shared with exchanges: points are added and dropped, and never changed
	last   trace.Point   // of the current step, and not among points yet; zero for none
	looked time.Time     // when somebody looked last
}

// add remembers figures. It tells whether they are others than the last.
func (p *plot) add(now time.Time, stats session.Stats) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.looked) > 3*plotEvery {
		p.points, p.last = nil, trace.Point{} // nobody looked: what was in between is not known
	}
	p.looked = now
	for len(p.points) > 1 && now.Sub(p.points[1].At) > plotFor { // the one before still holds at the picture's edge
		p.points = p.points[1:]
	}
	n := len(p.points)
	if n == 0 {
		p.points = append(p.points, trace.Point{At: now, Live: stats.Live, Expired: stats.Expired})
		return true
	}
	newest := p.points[n-1]
	over := now.Sub(newest.At) >= plotStep
	if p.last != (trace.Point{}) {
		if newest = p.last; over {
			p.points, p.last = append(p.points, p.last), trace.Point{}
		}
	}
	if newest.Live == stats.Live && newest.Expired == stats.Expired {
		return false
	}
	p.last = trace.Point{At: now, Live: stats.Live, Expired: stats.Expired}
	if over {
		p.points, p.last = append(p.points, p.last), trace.Point{}
	}
	return true
}

// all returns what is remembered, for trace.Figures.
func (p *plot) all() (points []trace.Point, last trace.Point) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clip(p.points), p.last
}

// Figures are the store's, and what it has of the browsers of v's family; they are not
// Known when it does not answer. v may be nil. What the store counts goes into the plot.
func (h *Hub) Figures(ctx context.Context, s *seat.Seat, v *Visit) trace.Figures {
	stats, err := s.Engine.Stats(ctx)
	if err != nil {
		return trace.Figures{}
	}
	h.plot.add(h.now(), stats)
	f := trace.Figures{Known: true, Live: stats.Live, Expired: stats.Expired, Bytes: stats.Bytes, Family: h.familyOf(ctx, v)}
	f.Plot, f.Last = h.plot.all()
	return f
}

// familyOf tells what became of each session of v's family, if it is more than one
// browser: of two that are logged in, the one that logs out is seen to go alone.
func (h *Hub) familyOf(ctx context.Context, v *Visit) (out []trace.Member) {
	if v == nil {
		return nil
	}
	seen := make(map[*seat.Seat]bool)
	for _, kin := range h.kinOf(v) {
		if seen[kin.Seat] {
			continue
		}
		seen[kin.Seat] = true
		m := trace.Member{Name: kin.Seat.Label(), This: kin.Seat == v.Seat}
		if k := kin.Session(); k != (session.Key{}) {
			peeked, err := kin.Seat.Engine.Peek(ctx, k)
			present, inCookie := kin.Has(k)
			m.ID, m.State, m.Unknown = k.Name().String(), peeked.State, err != nil
			m.Carried = err == nil && peeked.State == session.StateNone && present && inCookie
		}
		out = append(out, m)
	}
	if len(out) < 2 {
		return nil
	}
	slices.SortFunc(out, func(a, b trace.Member) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// kinOf returns the visits of v's family: v, and then the others, those that were used
// last first.
func (h *Hub) kinOf(v *Visit) []*Visit {
	out := []*Visit{v}
	for _, kin := range h.all() {
		if kin != v && kin.Family == v.Family {
			out = append(out, kin)
		}
	}
	slices.SortFunc(out[1:], func(a, b *Visit) int { return b.lastUse().Compare(a.lastUse()) })
	return out
}

// Run remembers the store's figures until ctx ends.
func (h *Hub) Run(ctx context.Context) {
	tick := time.NewTicker(plotEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !h.Any() {
				continue
			}
			if stats, err := h.seats.Root.Engine.Stats(ctx); err == nil && h.plot.add(h.now(), stats) {
				for _, v := range h.all() {
					v.wake()
				}
			}
		}
	}
}
