package session

import (
	"sync"
	"time"
)

// idRoom bounds how many markers a store may have to take. An ID of placement
// cookie has no record; when it is ended it leaves a marker, which is refused for
// no room. So IDs are counted when they are given out, until their absolute end:
// until then each is a live session or a marker.
type idRoom struct {
	max  int           // 0 for no limit
	span time.Duration // of a slot
	mu   sync.Mutex
	n    int
	ends map[int64]int // IDs by the slot of their absolute end
}

func newIDRoom(max int, lifetime time.Duration) idRoom {
	return idRoom{max: max, span: lifetime/256 + time.Second, ends: make(map[int64]int)}
}

func (r *idRoom) slot(t time.Time) int64 { return t.UnixMilli() / r.span.Milliseconds() }

// take counts one ID more and tells whether there was room for it.
func (r *idRoom) take(now, end time.Time) bool {
	if r.max == 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n >= r.max {
		for slot, n := range r.ends {
			if slot < r.slot(now) {
				delete(r.ends, slot)
				r.n -= n
			}
		}
	}
	if r.n >= r.max {
		return false
	}
	r.n++
	r.ends[r.slot(end)]++
	return true
}

// giveBack takes back one that ends then: it was not given out.
func (r *idRoom) giveBack(end time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slot := r.slot(end); r.ends[slot] > 0 {
		r.ends[slot]--
		r.n--
	}
}
