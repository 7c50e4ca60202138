package hub

import (
	"sync"

	"github.com/sessionscope/sessionscope/internal/seat"
)

// realm is what the browsers that share a store have in common: a first browser and the second
// browsers beside it. The lab has one realm, a class has one for each learner.
type realm struct {
	first   *seat.Seat
	plot    plot
	figures sharedFigures
}

// realms are all realms of a hub. Their lock is an innermost one.
type realms struct {
	mu      sync.Mutex
	byFirst map[*seat.Seat]*realm
}

// of returns the realm of s.
func (rs *realms) of(s *seat.Seat) *realm {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.byFirst[s.First()]
	if r == nil {
		r = &realm{first: s.First()}
		rs.byFirst[r.first] = r
	}
	return r
}

// take returns the realms, of which those that drop names are forgotten.
func (rs *realms) take(drop func(*realm) bool) (all []*realm) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for first, r := range rs.byFirst {
		all = append(all, r)
		if drop(r) {
			delete(rs.byFirst, first)
		}
	}
	return all
}

// realmOf returns the realm of s.
func (h *Hub) realmOf(s *seat.Seat) *realm { return h.realms.of(s) }

// Leave ends the visits of a learner's seat that has gone, and of the second browsers beside it.
func (h *Hub) Leave(first *seat.Seat) {
	h.mu.Lock()
	for _, v := range h.list() {
		if v.Seat.First() == first {
			h.end(v)
		}
	}
	h.mu.Unlock()
	for _, r := range h.realms.take(func(r *realm) bool { return r.first == first }) {
		if r.first == first {
			r.figures.stop()
		}
	}
}
