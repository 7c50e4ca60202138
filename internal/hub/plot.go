package hub

import (
	"slices"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

const (
	plotFor   = 5 * time.Minute // how far back the picture goes
	plotEvery = 5 * time.Second // how often the store is asked while nobody presses
	plotStep  = 2 * time.Second // 150 steps in a picture that is 300 wide; a step has two points at most
)

// plot remembers what the store counted in the last minutes. The store is asked only while there
// is a visit: after a time without a visit the plot begins anew.
type plot struct {
	mu     sync.Mutex
	points []trace.Point // shared with exchanges: points are added and dropped, and never changed
	last   trace.Point   // the newest count of the current step, which points does not have yet; zero for none
	added  time.Time     // when add was called last
}

// add remembers what the store counts now, and tells whether the counts changed.
func (p *plot) add(now time.Time, stats session.Stats) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.added) > 3*plotEvery {
		p.points, p.last = nil, trace.Point{} // nobody asked meanwhile: the counts in between are not known
	}
	p.added = now
	for len(p.points) > 1 && now.Sub(p.points[1].At) > plotFor { // the point before the edge still gives the value at the edge
		p.points = p.points[1:]
	}
	n := len(p.points)
	if n == 0 {
		p.points = append(p.points, trace.Point{At: now, Live: stats.Live, Expired: stats.Expired})
		return true
	}
	newest := p.points[n-1]
	stepDone := now.Sub(newest.At) >= plotStep
	if p.last != (trace.Point{}) {
		if newest = p.last; stepDone {
			p.points, p.last = append(p.points, p.last), trace.Point{}
		}
	}
	if newest.Live == stats.Live && newest.Expired == stats.Expired {
		return false
	}
	p.last = trace.Point{At: now, Live: stats.Live, Expired: stats.Expired}
	if stepDone {
		p.points, p.last = append(p.points, p.last), trace.Point{}
	}
	return true
}

// all returns the points and the newest count, for trace.Figures.
func (p *plot) all() (points []trace.Point, last trace.Point) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clip(p.points), p.last
}
