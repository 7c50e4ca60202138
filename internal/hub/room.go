package hub

import (
	"fmt"
	"time"
)

// Limits are how much all visits together may be.
type Limits struct {
	Visits int   // at once
	Bytes  int64 // of their moments; above it, each visit keeps a quarter of maxPacked
}

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

// inUse tells whether somebody works in v: then it gives way to nobody. Nobody works in a
// page that was opened and never used, in one that was closed a while ago, and in a visit that
// goes on for a made-up one.
func (v *Visit) inUse(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case len(v.streams) > 0:
		return true
	case !v.proved, v.claimed:
		return false
	case v.streamed:
		return now.Sub(v.used) < ClosedLife
	}
	return v.newest-v.own >= 2 // more than the load of a page that has no script
}

// makeRoom sees to it that there is room for one more visit: of those that nobody uses, the
// one that was used longest ago ends. It is false where all are in use. The caller holds the lock.
func (h *Hub) makeRoom() bool {
	if len(h.bySecret) < h.limits.Visits {
		return true
	}
	now := h.now()
	var gives *Visit
	var used time.Time
	for _, v := range h.bySecret {
		if last := v.lastUse(); (gives == nil || last.Before(used)) && !v.inUse(now) {
			gives, used = v, last
		}
	}
	if gives == nil {
		return false
	}
	h.end(gives)
	return true
}
