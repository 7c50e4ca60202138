package hub

import (
	"fmt"
	"time"
)

// Limits are how much all visits together may be.
type Limits struct {
	Visits int   // that a request has proved, at once
	Bytes  int64 // of their moments; above it, each visit keeps a quarter of maxPacked
}

// OpenedEach is how many visits of opened pages there may be for each of Limits.Visits. The
// visit of an opened page has one moment until a request proves it: a flood of page loads
// takes little memory, and pushes out only other pages that nobody has used yet.
const OpenedEach = 16

// Limits of one visit.
const (
	VisitLife  = 30 * time.Minute // without a request and without a stream
	ClosedLife = 5 * time.Minute  // without a page that is open, when there is no room for others
	MaxMoments = 200
	maxPacked  = 1 << 20 // bytes of its moments; the oldest lose their exchanges first
	maxWatched = 16      // sessions that it remembers
	maxProofs  = 4       // proofs for one use that it keeps; the oldest makes room
)

// FullError tells that there is no room for one more visit: all that there are, are in use.
type FullError struct{ Visits int }

func (e *FullError) Error() string { return fmt.Sprintf("%d visits are in use", e.Visits) }

// inUse tells whether somebody works in v, which a request has proved: then it gives way to
// nobody. Nobody works in a visit whose pages were closed a while ago, in one that goes on for a
// visit that may be made up, nor in one whose page has no script and was never pressed on.
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
	return v.newest-v.own >= 2 // more than the load of the page
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
