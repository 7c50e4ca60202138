package session

import (
	"sync"
	"time"
)

// IDRoom bounds how many markers a store may have to take. An ID of placement cookie has
// no record. When it ends it leaves a marker, which no store refuses for lack of room. So
// IDs are counted from when they are given out until the end of their absolute lifetime:
// until then each of them is a live session or a marker. All engines over one store share
// one IDRoom. A nil IDRoom has no limit.
type IDRoom struct {
	max  int
	span time.Duration // of a slot
	mu   sync.Mutex
	n    int           // IDs that count now
	ends map[int64]int // IDs by the slot in which their absolute lifetime ends
}

// NewIDRoom returns room for max IDs of sessions with that absolute lifetime.
func NewIDRoom(max int, lifetime time.Duration) *IDRoom {
	return &IDRoom{max: max, span: lifetime/256 + time.Second, ends: make(map[int64]int)}
}

// Add counts n IDs whose absolute lifetime ends at end, whether or not there is room for
// them.
func (r *IDRoom) Add(n int, end time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n += n
	r.ends[r.slot(end)] += n
}

func (r *IDRoom) slot(t time.Time) int64 { return t.UnixMilli() / r.span.Milliseconds() }

// take counts one more ID, whose absolute lifetime ends at end, and tells whether there
// was room for it. Half of the room is for live sessions that change their ID: new
// sessions (born) cannot use it up, and so cannot prevent a login.
func (r *IDRoom) take(now, end time.Time, born bool) bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	most := r.max
	if born {
		most /= 2
	}
	if r.n >= most {
		for slot, n := range r.ends {
			if slot < r.slot(now) {
				delete(r.ends, slot)
				r.n -= n
			}
		}
	}
	if r.n >= most {
		return false
	}
	r.n++
	r.ends[r.slot(end)]++
	return true
}

// giveBack takes back the count of an ID that was not given out after all.
func (r *IDRoom) giveBack(end time.Time) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slot := r.slot(end); r.ends[slot] > 0 {
		r.ends[slot]--
		r.n--
	}
}
