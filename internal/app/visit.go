package app

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

const (
	maxVisits  = 64               // at once; the one that was idle longest makes room
	visitLife  = 30 * time.Minute // without a request and without a stream
	maxMoments = 200              // of a visit
	maxPacked  = 1 << 20          // bytes of a visit's panels; the oldest moments lose theirs first
	maxAllHeld = 32 << 20         // of all visits' panels: above it, each keeps a quarter
	maxWatched = 16               // sessions that a visit remembers
)

// visits are the pages that are being looked at: what they saw so far, in memory only.
type visits struct {
	now   func() time.Time
	count atomic.Int32
	held  atomic.Int64 // bytes of all panels

	mu      sync.Mutex
	closed  bool
	byToken map[string]*visit
}

// visit is what one page, with its reloads, saw. Its token is the page's own: it
// opens the timeline, which outlives flush and cycle, and no session.
type visit struct {
	all    *visits
	token  string
	id     *identity
	family string // the token of the visit that began it: the first browser's, on a second's page
	began  time.Time

	heirOf string // the token of the ended visit that it goes on for, "" for none

	idle *time.Timer // ends it

	mu        sync.Mutex
	used      time.Time
	entries   []entry
	dropped   int
	packed    int           // bytes of the panels
	watched   []session.Key // sessions seen, the latest last
	present   session.Key   // the session that this browser has; zero without one
	inCookie  bool          // all of it, so that the store knows of no clock
	clock     *time.Timer   // until the present session's clock runs out
	pins      []pin
	pinned    int // how many there ever were
	seats     []*identity
	projector bool
	streams   map[chan struct{}]bool
}

// entry is a moment in a visit's timeline.
type entry struct {
	n   int
	kin string // whose it is in a family of browsers, "" for the visit's own
	*moment
}

// start begins a visit. family is the token of the visit that it belongs to, "" for none.
func (vs *visits) start(id *identity, family string) *visit {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	return vs.begin(id, family, "")
}

// begin is start for one that goes on for heirOf. The caller holds the lock.
func (vs *visits) begin(id *identity, family, heirOf string) *visit {
	now := vs.now()
	v := &visit{all: vs, token: rand.Text(), id: id, family: family, heirOf: heirOf, began: now, used: now, streams: make(map[chan struct{}]bool)}
	if family == "" {
		v.family = v.token
	}
	if vs.closed {
		v.streams = nil // nobody finds it any more
		return v
	}
	for len(vs.byToken) >= maxVisits {
		vs.end(slices.MinFunc(vs.list(), func(a, b *visit) int { return a.worth().Compare(b.worth()) }))
	}
	vs.byToken[v.token] = v
	vs.count.Add(1)
	v.idle = time.AfterFunc(visitLife, func() { vs.endIdle(v) })
	return v
}

// place is where v's pages live.
func (v *visit) place() views.Place { return views.Place{Base: v.id.base, Visit: v.token} }

// lastUse is when v was used last; one with a stream is in use.
func (v *visit) lastUse() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.streams) > 0 {
		return v.used.Add(visitLife)
	}
	return v.used
}

// worth is when v was used last, and long ago for a page that was merely opened:
// such make room first.
func (v *visit) worth() time.Time {
	used := v.lastUse()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.entries) < 2 && len(v.streams) == 0 {
		return used.Add(-visitLife)
	}
	return used
}

func (vs *visits) endIdle(v *visit) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if vs.byToken[v.token] != v {
		return
	}
	if left := v.lastUse().Add(visitLife).Sub(vs.now()); left > 0 {
		v.idle.Reset(left)
		return
	}
	vs.end(v)
}

// end forgets v. The caller holds the lock.
func (vs *visits) end(v *visit) {
	delete(vs.byToken, v.token)
	vs.count.Add(-1)
	v.idle.Stop()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.clock != nil {
		v.clock.Stop()
	}
	for stream := range v.streams {
		close(stream)
	}
	v.streams = nil
	vs.held.Add(int64(-v.packed))
	v.packed = 0
}

// close ends all.
func (vs *visits) close() {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	vs.closed = true
	for _, v := range vs.list() {
		vs.end(v)
	}
}

// heir returns the visit with which a page goes on whose own has ended: each of its
// presses gets the same.
func (vs *visits) heir(token string, id *identity) *visit {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	for _, v := range vs.byToken {
		if v.id == id && v.heirOf == token {
			v.use(vs.now())
			return v
		}
	}
	return vs.begin(id, id.family, strings.Clone(token))
}

// any tells whether there is one.
func (vs *visits) any() bool { return vs.count.Load() > 0 }

// list returns all. The caller holds the lock.
func (vs *visits) list() []*visit {
	out := make([]*visit, 0, len(vs.byToken))
	for _, v := range vs.byToken {
		out = append(out, v)
	}
	return out
}

// all returns all.
func (vs *visits) all() []*visit {
	if !vs.any() {
		return nil
	}
	vs.mu.Lock()
	defer vs.mu.Unlock()
	return vs.list()
}

// find returns the visit of that token on id's pages, or nil.
func (vs *visits) find(token string, id *identity) *visit {
	if token == "" || !vs.any() {
		return nil
	}
	vs.mu.Lock()
	v := vs.byToken[token]
	vs.mu.Unlock()
	if v == nil || v.id != id {
		return nil
	}
	v.use(vs.now())
	return v
}

// bySession returns the visit on id's pages that saw that session, the one used
// last of several, or nil: so a reloaded page finds its timeline again.
func (vs *visits) bySession(k session.Key, id *identity) (found *visit) {
	for _, v := range vs.all() {
		if v.id == id && v.watches(k) && (found == nil || v.lastUse().After(found.lastUse())) {
			found = v
		}
	}
	if found != nil {
		found.use(vs.now())
	}
	return found
}

func (v *visit) use(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.used = now
}

func (v *visit) watches(k session.Key) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Contains(v.watched, k)
}

// knows returns the session of names that v saw, the latest of several.
func (v *visit) knows(names []session.Name) (k session.Key, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, k := range slices.Backward(v.watched) {
		if slices.Contains(names, k.Name()) {
			return k, true
		}
	}
	return k, false
}

// watch remembers that v saw the session of k, and with present that it is the
// one that this browser has.
func (v *visit) watch(k session.Key, present bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if present {
		v.present = k
	}
	if k == (session.Key{}) {
		return
	}
	v.watched = append(slices.DeleteFunc(v.watched, func(old session.Key) bool { return old == k }), k)
	if len(v.watched) > maxWatched {
		v.watched = slices.Delete(v.watched, 0, 1)
	}
}

// has tells whether k's is the session that this browser has, and whether all of it
// is in the cookie.
func (v *visit) has(k session.Key) (has, inCookie bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.present == k, v.inCookie
}

// session returns the one that this browser has, or had last; zero for none.
func (v *visit) session() session.Key {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n := len(v.watched); v.present == (session.Key{}) && n > 0 {
		return v.watched[n-1]
	}
	return v.present
}

// add appends m to the timeline, tells the streams, and returns its number.
func (v *visit) add(m *moment, kin string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 1 + v.dropped + len(v.entries)
	v.entries = append(v.entries, entry{n, kin, m})
	v.hold(m.size())
	if len(v.entries) > maxMoments {
		v.hold(-v.entries[0].size())
		v.entries = slices.Delete(v.entries, 0, 1)
		v.dropped++
	}
	limit := maxPacked
	if v.all.held.Load() > maxAllHeld {
		limit /= 4
	}
	for i := 0; v.packed > limit && i < len(v.entries)-1; i++ {
		if e := &v.entries[i]; e.packed != nil {
			v.hold(-e.size())
			bare := *e.moment // others may share it
			bare.packed, bare.answer = nil, nil
			e.moment = &bare
			v.hold(e.size())
		}
	}
	v.tellStreams()
	return n
}

// hold counts n bytes more. The caller holds the lock.
func (v *visit) hold(n int) {
	if v.streams == nil {
		return // it has ended, and counts no more
	}
	v.packed += n
	v.all.held.Add(int64(n))
}

// size is about what m takes in memory: its words, its panels, and the head that left.
func (m *moment) size() int {
	n := bareMoment + len(m.source) + len(m.verb) + len(m.what) + len(m.page)
	if m.packed != nil {
		n += len(m.packed) + m.head
	}
	return n
}

// bareMoment is what one takes without words and panels, with its place in the list, in bytes.
const bareMoment = 512

// wake is tellStreams for a caller that does not hold the lock.
func (v *visit) wake() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tellStreams()
}

// tellStreams tells the streams that there is news. One that has not taken the last
// news yet is not waited for. The caller holds the lock.
func (v *visit) tellStreams() {
	for stream := range v.streams {
		select {
		case stream <- struct{}{}:
		default:
		}
	}
}

// wakeAll tells all streams that there is news.
func (vs *visits) wakeAll() {
	for _, v := range vs.all() {
		v.wake()
	}
}

// entry returns the moment of that number.
func (v *visit) entry(n int) (e entry, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := n - v.dropped - 1; i >= 0 && i < len(v.entries) {
		return v.entries[i], true
	}
	return e, false
}

// last returns the last moment before n that is such a one, with its panels; n is
// 0 for the last of all.
func (v *visit) last(n int, such func(entry) bool) (e entry, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range slices.Backward(v.entries) {
		if (n == 0 || e.n < n) && e.packed != nil && such(e) {
			return e, true
		}
	}
	return e, false
}

// lastState returns the last moment before n whose panels say what this browser,
// or that kin of it, and the server kept.
func (v *visit) lastState(n int, kin string) (entry, bool) {
	return v.last(n, func(e entry) bool { return e.kin == kin && !e.aside })
}

// lastSent returns the last exchange before n of the same sender.
func (v *visit) lastSent(n int, kin, by string) (entry, bool) {
	return v.last(n, func(e entry) bool { return e.kin == kin && e.by == by && !e.observed })
}

// timeline is what people see of it. shown is the moment on the screen, 0 for now.
func (v *visit) timeline(shown int) views.Timeline {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := views.Timeline{Since: clock(v.began), Dropped: v.dropped, Shown: shown}
	last := ""
	for _, e := range v.entries {
		by := e.by
		if e.kin != "" {
			by = e.kin
		}
		name := e.session
		t.Entries = append(t.Entries, views.Entry{
			N: e.n, At: e.at.Local().Format("15:04:05"), Verb: e.verb, What: e.what, Tone: e.tone, Session: name,
			NewID: name != "" && e.kin == "" && name != last, By: by,
		})
		if e.kin == "" && name != "" {
			last = name
		}
		t.News = ""
		if (e.kin != "" || e.observed) && (e.wrote || by == theClock) {
			t.News = by + ": " + e.verb + " " + e.what
		}
	}
	return t
}

// subscribe returns a stream's place: it is told when there is news, and closed
// when the visit ends. It is false when the visit has streams enough, or has ended.
func (v *visit) subscribe() (news chan struct{}, leave func(), ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.streams == nil || len(v.streams) >= maxStreams {
		return nil, nil, false
	}
	news = make(chan struct{}, 1)
	v.streams[news] = true
	return news, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.streams, news)
	}, true
}
