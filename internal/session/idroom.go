package session

import (
	"sync"
	"time"
)

// IDRoom bounds how many markers a store may have to take. An ID of placement
// cookie has no record; when it is ended it leaves a marker, which is refused for
// no room. So IDs are counted when they are given out, until their absolute end:
// until then each is a live session or a marker. Engines over one store share one.
// A nil IDRoom has no limit.
type IDRoom struct {
	max  int
	span time.Duration // of a slot
	mu   sync.Mutex
	n    int
	ends map[int64]int // IDs by the slot of their absolute end
}

// NewIDRoom returns room for max IDs of sessions that live as long as that at most.
func NewIDRoom(max int, lifetime time.Duration) *IDRoom {
	return &IDRoom{max: max, span: lifetime/256 + time.Second, ends: make(map[int64]int)}
}

// Add counts n IDs that end then, whether or not there is room for them.
func (r *IDRoom) Add(n int, end time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n += n
	r.ends[r.slot(end)] += n
}

func (r *IDRoom) slot(t time.Time) int64 { return t.UnixMilli() / r.span.Milliseconds() }

// take counts one ID more and tells whether there was room for it. Half of the room is
// for live sessions that change their ID: new ones cannot keep them from a login.
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

// giveBack takes back one that ends then: it was not given out.
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
