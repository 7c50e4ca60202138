package hub

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Entry is a place in a visit's timeline: a moment, or several moments in a row that say the same.
type Entry struct {
	N     int    // the number of the moment, or of the last of several moments
	Times int    // how many moments it stands for, mostly 1
	Kin   string // the browser of the family that sent it, "" for the visit's own
	*Moment
}

// list returns the entries.
func (v *Visit) list() []Entry {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.entries)
}

// append adds m to the timeline, tells the streams, and returns m's number. A moment that
// repeats the last one, as when somebody tries a dead cookie again, takes the place of that one, and Times counts both.
func (v *Visit) append(m *Moment, kin string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.appendLocked(m, kin)
}

// takeOver begins the timeline with the moments of the session of k, which other visits have. These
// visits have the pins too, so the first lesson begins without pins.
func (v *Visit) takeOver(past []*Moment, k session.Key) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range past {
		v.appendLocked(m, "")
	}
	l := &v.lesson
	l.Pinned, l.Flushed, l.pinned, l.flushed = false, false, 0, 0
	v.takenUntil, v.takenOf = v.newest, k.Name().String()
}

// appendAfter appends m if the last entry that shows what v's browser and the server kept still
// has number n, or in any case if always is true. It returns whether it did.
func (v *Visit) appendAfter(m *Moment, n int, always bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if last, _ := v.lastStateLocked(0, ""); last.N != n && !always {
		return false
	}
	v.appendLocked(m, "")
	return true
}

// appendLocked is append for a caller that holds the lock.
func (v *Visit) appendLocked(m *Moment, kin string) int {
	v.newest++
	v.gone = 0
	if kin == "" {
		v.lesson.learn(&m.Gist)
	}
	e := Entry{v.newest, 1, kin, m}
	last := len(v.entries) - 1
	if last >= 0 && v.entries[last].Kin == kin && m.Gist.Repeats(&v.entries[last].Gist) {
		e.Times += v.entries[last].Times
		v.release(v.entries[last].Moment)
		v.entries[last] = e
	} else {
		v.entries = append(v.entries, e)
	}
	v.hold(m)
	if len(v.entries) > v.hub.MostMoments() {
		v.dropOne()
	}
	v.dropExchanges()
	v.signalStreams()
	return v.newest
}

// MostMoments returns how many moments a timeline has at most.
func (h *Hub) MostMoments() int { return cmp.Or(h.limits.Moments, MaxMoments) }

// maxUnsent is how many moments of a timeline may tell what other clients did, or that the
// session expired, when there is no room for all.
func (h *Hub) maxUnsent() int { return h.MostMoments() / 4 }

// dropOne drops the oldest moment. With more than maxUnsent moments that this browser did not
// send, it drops the oldest of them, so that no stranger can push out what the learner did.
// The caller holds the lock.
func (v *Visit) dropOne() {
	at, unsent := 0, 0
	for i, e := range slices.Backward(v.entries) {
		if e.Gist.Nothing {
			at = i
			unsent++
		}
	}
	if unsent <= v.hub.maxUnsent() {
		at = 0
	}
	e := v.entries[at]
	v.release(e.Moment)
	v.dropped, v.gone = v.dropped+e.Times, e.N
	v.entries = slices.Delete(v.entries, at, at+1)
}

// dropExchanges keeps the moments of v below their limit in bytes: the oldest moments lose their
// exchanges. The last moment never does. The caller holds the lock.
func (v *Visit) dropExchanges() {
	limit := maxPacked
	if v.hub.held.Load() > v.hub.limits.Bytes {
		limit /= 4
	}
	bytes := v.bytes()
	for i := 0; bytes > limit && i < len(v.entries)-1; i++ {
		e := &v.entries[i]
		if !e.Kept() {
			continue
		}
		bytes -= e.size()
		v.release(e.Moment)
		e.Moment = &Moment{id: e.id, Gist: e.Gist, Seat: e.Seat, shares: e.shares} // other visits may share the moment with its exchange
		v.hold(e.Moment)
		bytes += e.size()
	}
}

// bytes is about what the moments of v take in memory. The caller holds the lock.
func (v *Visit) bytes() (n int) {
	for _, e := range v.entries {
		n += e.size()
	}
	return n
}

// hold counts m as kept by v. After v has ended its moments count no more. The caller holds the
// lock.
func (v *Visit) hold(m *Moment) {
	if v.streams != nil {
		v.hub.hold(m)
	}
}

// release takes back one hold of v. The caller holds the lock.
func (v *Visit) release(m *Moment) {
	if v.streams != nil {
		v.hub.release(m)
	}
}

// find returns the place of the entry that has the moment of that number. The caller holds
// the lock.
func (v *Visit) find(n int) (i int, ok bool) {
	i = sort.Search(len(v.entries), func(i int) bool { return v.entries[i].N >= n })
	return i, i < len(v.entries) && n > v.entries[i].N-v.entries[i].Times
}

// Entry returns the entry that has the moment of that number.
func (v *Visit) Entry(n int) (e Entry, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i, ok := v.find(n); ok {
		return v.entries[i], true
	}
	return e, false
}

// Neighbours returns the numbers of the entries before and after the entry of number n: 0 where
// there is no entry, or the entry's exchange is not kept.
func (v *Visit) Neighbours(n int) (before, after int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i, ok := v.find(n)
	if !ok {
		return 0, 0
	}
	if i > 0 && v.entries[i-1].Kept() {
		before = v.entries[i-1].N
	}
	if i+1 < len(v.entries) && v.entries[i+1].Kept() {
		after = v.entries[i+1].N
	}
	return before, after
}

// lastWhere returns the last entry before number n for which match returns true and whose exchange
// is kept. With n 0 it looks at all entries.
func (v *Visit) lastWhere(n int, match func(Entry) bool) (e Entry, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lastWhereLocked(n, match)
}

// lastWhereLocked is lastWhere for a caller that holds the lock.
func (v *Visit) lastWhereLocked(n int, match func(Entry) bool) (e Entry, ok bool) {
	for _, e := range slices.Backward(v.entries) {
		if (n == 0 || e.N < n) && e.Kept() && match(e) {
			return e, true
		}
	}
	return e, false
}

// lastState returns the last entry before number n that shows what a browser and the server kept.
// kin names the browser in the family, "" for this one.
func (v *Visit) lastState(n int, kin string) (Entry, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lastStateLocked(n, kin)
}

// lastStateLocked is lastState for a caller that holds the lock.
func (v *Visit) lastStateLocked(n int, kin string) (Entry, bool) {
	return v.lastWhereLocked(n, func(e Entry) bool { return e.Kin == kin && !e.Gist.Aside })
}

// Last returns the number of the last moment of v, 0 for none.
func (v *Visit) Last() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.newest
}

// Timeline is what happened in a visit, oldest first.
type Timeline struct {
	Began   time.Time
	Entries []Line
	Next    bool   // Entries has only the last entry: the reader has all entries before it
	Session string // with Next: the session that this browser had before the last entry
	Dropped int    // how many moments were dropped
	Gone    int    // the number of the entry that made room for the last one, 0 for none
}

// Line is an entry of a timeline, without its exchange. Its Gist is not to be changed.
type Line struct {
	N     int
	Times int    // how many moments in a row the line stands for
	Kin   string // the browser of the family that sent it, "" for the visit's own
	Gist  *trace.Gist
}

// Timeline returns what happened in v, for a reader that has all entries up to the moment of
// number seen. seen is 0 for a reader that has nothing.
func (v *Visit) Timeline(seen int) Timeline {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := Timeline{Began: v.began, Dropped: v.dropped, Gone: v.gone}
	entries, n := v.entries, len(v.entries)
	if n > 1 && seen > 0 && entries[n-2].N == seen && entries[n-1].Times == 1 {
		t.Next, entries = true, entries[n-1:]
		for _, e := range slices.Backward(v.entries[:n-1]) {
			if e.Kin == "" && e.Gist.Session != "" {
				t.Session = e.Gist.Session
				break
			}
		}
	}
	t.Entries = make([]Line, 0, len(entries))
	for _, e := range entries {
		t.Entries = append(t.Entries, Line{e.N, e.Times, e.Kin, &e.Gist})
	}
	return t
}
