package hub

import (
	"slices"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

const (
	plotFor   = 5 * time.Minute
	plotEvery = 5 * time.Second
	plotStep  = 2 * time.Second // 150 steps in a picture that is 300 wide; each has two points at most
)

// plot remembers what the store counted in the last minutes. It is asked only while there is a
// visit: after a time without one it begins anew.
type plot struct {
	mu     sync.Mutex
	points []trace.Point // shared with exchanges: points are added and dropped, and never changed
	last   trace.Point   // of the current step, and not among points yet; zero for none
	looked time.Time     // when add was called last
}

// add remembers what the store counts now, and tells whether it changed.
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
