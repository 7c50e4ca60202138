package hub

import (
	"maps"
	"slices"
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

// all returns the realms.
func (rs *realms) all() []*realm {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return slices.Collect(maps.Values(rs.byFirst))
}

// realmOf returns the realm of s, and makes it if there is none.
func (h *Hub) realmOf(s *seat.Seat) *realm {
	h.realms.mu.Lock()
	defer h.realms.mu.Unlock()
	r := h.realms.byFirst[s.First()]
	if r == nil {
		r = &realm{first: s.First()}
		h.realms.byFirst[r.first] = r
	}
	return r
}

// Leave ends the visits of a learner's seat that has gone, and of the second browsers beside it.
func (h *Hub) Leave(first *seat.Seat) {
	h.mu.Lock()
	for _, v := range h.index.realm(first) {
		h.end(v)
	}
	h.mu.Unlock()
	h.realms.mu.Lock()
	r := h.realms.byFirst[first]
	delete(h.realms.byFirst, first)
	h.realms.mu.Unlock()
	if r != nil {
		r.figures.stop()
	}
}
