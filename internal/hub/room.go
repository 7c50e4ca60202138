package hub

import (
	"fmt"
	"slices"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
)

// Limits bound all visits together.
type Limits struct {
	Visits  int   // the most proved visits at once
	Bytes   int64 // of the moments of all visits; above it, each visit keeps only a quarter of maxPacked
	Moments int   // in the timeline of each visit; 0 for MaxMoments
	Each    int   // the most visits of one realm, proved or not: its visit that was used longest ago gives way, whether or not it is in use; 0 for no limit
}

// OpenedEach is how many visits of opened pages there may be for each of Limits.Visits. The
// visit of an opened page has one moment until a request proves it: a flood of page loads
// takes little memory, and pushes out only other pages that nobody has used yet.
const OpenedEach = 16

// Limits of one visit.
const (
	VisitLife  = 30 * time.Minute // how long it lives without a request and without a stream
	ClosedLife = 5 * time.Minute  // how long it is in use after its page was closed: then it may make room for another visit
	MaxMoments = 200              // in its timeline
	maxPacked  = 1 << 20          // bytes of its moments; the oldest lose their exchanges first
	maxWatched = 16               // sessions that it remembers
	maxProofs  = 4                // proofs that it keeps; a new proof drops the oldest
)

// FullError tells that there is no room for one more visit: all Visits visits are in use.
type FullError struct {
	Visits int
	Free   time.Duration // how long until one of them can make room, at the earliest
}

func (e *FullError) Error() string { return fmt.Sprintf("%d visits are in use", e.Visits) }

// inUse tells whether somebody works in v, which a request has proved: then v makes room for no
// other visit. Nobody works in a visit whose page was closed ClosedLife ago, in the heir of a
// visit that a client may have made up, or in a page without scripts that was never pressed on.
func (v *Visit) inUse(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case len(v.streams) > 0:
		return true
	case v.claimed:
		return false
	case v.streamed:
		return now.Sub(v.used) < ClosedLife
	}
	if v.heirOf != "" {
		return true // a press began it
	}
	return v.newest-v.takenUntil >= 2 // more than the load of the page
}

// freeIn returns how long until one of the visits that are in use can make room, at the earliest: if
// every page were closed now, and no request came. The caller holds the lock.
func (h *Hub) freeIn() time.Duration {
	now, free := h.now(), VisitLife
	for _, v := range h.bySecret {
		if v.Proved() {
			free = min(free, v.freeIn(now))
		}
	}
	return free
}

// freeIn is what Hub.freeIn says of one visit.
func (v *Visit) freeIn(now time.Time) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case len(v.streams) > 0:
		return ClosedLife
	case v.streamed:
		return max(0, ClosedLife-now.Sub(v.used))
	}
	return max(0, VisitLife-now.Sub(v.used))
}

// longestUnused counts the visits that are proved, or that are not. victim is the one of them
// that was used longest ago. A proved visit that is in use is never the victim. The caller holds
// the lock.
func (h *Hub) longestUnused(proved bool) (count int, victim *Visit) {
	now := h.now()
	var used time.Time
	for _, v := range h.bySecret {
		if v.Proved() != proved {
			continue
		}
		count++
		if last := v.lastUse(); (victim == nil || last.Before(used)) && !(proved && v.inUse(now)) {
			victim, used = v, last
		}
	}
	return count, victim
}

// makeRoomIn makes room for one more visit in the realm of s, at the cost of that realm only. The
// caller holds the lock.
func (h *Hub) makeRoomIn(s *seat.Seat) {
	visits := h.index.realm(s.First())
	if h.limits.Each == 0 || len(visits) < h.limits.Each {
		return
	}
	h.end(slices.MinFunc(visits, func(a, b *Visit) int {
		if a.Proved() != b.Proved() { // a page that was merely opened goes first
			if b.Proved() {
				return -1
			}
			return 1
		}
		return a.lastUse().Compare(b.lastUse())
	}))
}

// full tells whether no visit can be proved any more. The caller holds the lock.
func (h *Hub) full() bool {
	if len(h.bySecret) < h.limits.Visits {
		return false
	}
	count, victim := h.longestUnused(true)
	return count >= h.limits.Visits && victim == nil
}

// makeRoom makes room for one more proved visit, or with proved=false for the visit of one more
// opened page: if there is none, the victim ends. It is false when all are in use. The caller
// holds the lock.
func (h *Hub) makeRoom(proved bool) bool {
	most := h.limits.Visits
	if !proved {
		most *= OpenedEach
	}
	if len(h.bySecret) < most {
		return true
	}
	count, victim := h.longestUnused(proved)
	switch {
	case count < most:
		return true
	case victim == nil:
		return false
	}
	h.gaveWay.Store(true)
	h.end(victim)
	return true
}

// admit marks v as proved. It is false, and v stays as it is, when there is no room for another
// proved visit.
func (h *Hub) admit(v *Visit) bool {
	if !v.Proved() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !v.ended && !v.Proved() && !h.makeRoom(true) {
			return false
		}
	}
	v.use(true)
	return true
}
