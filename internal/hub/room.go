package hub

import (
	"fmt"
	"time"
)

// Limits bound all visits together.
type Limits struct {
	Visits int   // how many visits there are at once that a request has proved
	Bytes  int64 // of all their moments; above it, each visit keeps a quarter of maxPacked
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
type FullError struct{ Visits int }

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

// longestUnused returns how many visits are proved, or with false are not, and which of them
// was used longest ago and is not in use. The caller holds the lock.
func (h *Hub) longestUnused(proved bool) (count int, gives *Visit) {
	now := h.now()
	var used time.Time
	for _, v := range h.bySecret {
		if v.Proved() != proved {
			continue
		}
		count++
		if last := v.lastUse(); (gives == nil || last.Before(used)) && !(proved && v.inUse(now)) {
			gives, used = v, last
		}
	}
	return count, gives
}

// full tells whether all visits that may be are in use. The caller holds the lock.
func (h *Hub) full() bool {
	if len(h.bySecret) < h.limits.Visits {
		return false
	}
	count, gives := h.longestUnused(true)
	return count >= h.limits.Visits && gives == nil
}

// makeRoom sees to it that there is room for one more visit that is proved, or with false for
// one that is not: the visit that nobody uses and that was used longest ago ends. It is false
// when all are in use. The caller holds the lock.
func (h *Hub) makeRoom(proved bool) bool {
	most := h.limits.Visits
	if !proved {
		most *= OpenedEach
	}
	if len(h.bySecret) < most {
		return true
	}
	count, gives := h.longestUnused(proved)
	switch {
	case count < most:
		return true
	case gives == nil:
		return false
	}
	h.gaveWay.Store(true)
	h.end(gives)
	return true
}

// admit notes that a request has proved v. It is false when there is no room for another visit
// that is proved.
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
