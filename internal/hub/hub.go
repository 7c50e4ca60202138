// Package hub keeps visits. A visit is a tab of the lab, with its reloads: its timeline is
// what the tab saw so far. The hub finds a visit by the secret or the proof that its page
// shows, watches when its session expires, and tells of each press: the visit's own pages,
// the other browsers of its family, and the visits that saw the session. The visits of one
// learner share a store, its figures and a limit: they are a realm (realm.go).
//
// Begin with Hub.Add, where a press becomes known, and with Limits.
package hub

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Hub has all visits of one lab, in memory only. It is safe for concurrent use. Locks are
// taken in this order: the hub's, a visit's, one of the index, the books or the realms.
type Hub struct {
	seats      *seat.Seats
	limits     Limits
	now        func() time.Time
	began      time.Time
	start      string       // begins each secret of this run of the program
	key        []byte       // makes the marks at the end of secrets
	count      atomic.Int32 // of visits
	gaveWay    atomic.Bool  // a visit has ended since others needed its place
	deedsSoFar atomic.Int64
	last       atomic.Int64 // the id of the last moment
	realms     realms
	acts       sharedActs
	index      index

	books sync.Mutex   // guards Moment.holders, and held while it changes
	held  atomic.Int64 // bytes of all moments

	deliverer sync.Once     // starts runDeeds
	deeds     chan deed     // wait for delivery to the visits that saw their sessions
	done      chan struct{} // closed when the hub is

	mu       sync.Mutex
	closed   bool
	bySecret map[string]*Visit
	byProof  map[string]*Visit
}

// New returns a hub for the browsers of seats.
func New(seats *seat.Seats, limits Limits) *Hub {
	now := seats.Root.Engine.Now
	return &Hub{
		seats: seats, limits: limits, now: now, began: now(), start: strconv.FormatInt(time.Now().UnixNano(), 36), key: []byte(rand.Text()),
		index: newIndex(), realms: realms{byFirst: make(map[*seat.Seat]*realm)}, deeds: make(chan deed, 256), done: make(chan struct{}),
		bySecret: make(map[string]*Visit), byProof: make(map[string]*Visit),
	}
}

// Begin begins a visit on the pages of s. It belongs to family, or with "" begins a family of
// its own. The page may be the reload of a page that has a visit: until the page shows that
// it has none, nobody else is told of its presses. The timeline begins with the moments of
// the session of k, which the request's own cookie opens; the zero key opens none. The error
// is an *FullError.
func (h *Hub) Begin(s *seat.Seat, family string, k session.Key) (*Visit, error) {
	var past []*Moment
	if k != (session.Key{}) {
		past = h.momentsOf(s, k)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	known := k != (session.Key{}) && len(h.index.of(k.Name())) > 0 // the page may be the reload of one that has a visit
	if !known && h.full() {
		return nil, &FullError{h.limits.Visits, h.freeIn()}
	}
	v, err := h.begin(s, family, "", func(v *Visit) { v.takeOver(past, k) })
	if err != nil {
		return nil, err
	}
	v.watch(k, false)
	return v, nil
}

// begin makes a visit. heirOf is the secret of the ended visit whose page goes on with the new
// one, "" for none. prepare completes the visit before others can find it. The caller holds the
// lock.
func (h *Hub) begin(s *seat.Seat, family, heirOf string, prepare func(*Visit)) (*Visit, error) {
	now := h.now()
	v := &Visit{hub: h, Name: rand.Text(), Secret: h.secret(s, family), Seat: s, Family: family, heirOf: heirOf, began: now, born: h.deedsSoFar.Load(), used: now, streams: make(map[chan struct{}]bool)}
	if family == "" {
		v.Family = v.Name
	}
	if h.closed {
		v.ended, v.streams = true, nil // nobody finds it any more
		return v, nil
	}
	h.makeRoomIn(s)
	if !h.makeRoom(heirOf != "") {
		return nil, &FullError{h.limits.Visits, h.freeIn()}
	}
	prepare(v)
	h.bySecret[v.Secret] = v
	h.index.add(v)
	h.count.Add(1)
	v.idle = time.AfterFunc(VisitLife, func() { h.endIdle(v) })
	return v, nil
}

// momentsOf returns the moments of the session of k that visits on the pages of s have, oldest
// first.
func (h *Hub) momentsOf(s *seat.Seat, k session.Key) (out []*Moment) {
	name := k.Name().String()
	at := make(map[int64]int) // a moment's index in out, by its id
	for _, v := range h.index.of(k.Name()) {
		if v.Seat != s || !v.watches(k) {
			continue
		}
		for _, e := range v.list() {
			if e.Kin != "" || e.Gist.Nothing || e.Gist.Session != name {
				continue
			}
			i, has := at[e.id]
			switch {
			case !has:
				at[e.id] = len(out)
				out = append(out, e.Moment)
			case !out[i].Kept(): // the visit that was asked first has dropped the exchange
				out[i] = e.Moment
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *Moment) int { return a.Gist.At.Compare(b.Gist.At) })
	return out
}

// Heir returns the visit with which a page goes on after its own visit has ended. All presses
// of the page show the secret of the ended visit, and get the same heir. The heir belongs to
// the family of the ended visit. The error is an *FullError. A secret from before the program
// was restarted may be made up: its heir gives way like a page that was merely opened, until
// a request shows the heir's own secret.
func (h *Hub) Heir(secret string, s *seat.Seat) (*Visit, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v := h.index.heir(lostPage{s, secret}); v != nil {
		v.use(false)
		return v, nil
	}
	family := ""
	if h.gave(s, secret, ofFamily) {
		family = s.Family
	}
	claimed := family == "" && !h.gave(s, secret, ofNobody)
	return h.begin(s, family, strings.Clone(secret), func(v *Visit) { v.proved, v.claimed = true, claimed })
}

// Adopt moves the reload of a page into the visit v that the page had before. The visit load
// was made for the reload, and ends. Its exchange becomes v's last moment, once, and v's
// family is told of it; complete adds to the exchange what only v knows. v watches the
// session that load watched.
func (h *Hub) Adopt(v, load *Visit, complete func(*trace.Exchange)) {
	if v == load {
		return
	}
	h.mu.Lock()
	again := load.adopted
	load.adopted = true
	if !load.ended {
		h.end(load)
	}
	h.mu.Unlock()
	if again {
		return
	}
	for _, e := range load.list() {
		if f := e.facts.Load(); e.N > load.takenUntil && e.Kin == "" && f != nil && !e.Gist.Nothing { // v has the moments of other senders already
			x := e.exchange()
			complete(&x)
			m := h.newMoment(e.Seat, &x, f.answer, f.head)
			m.id = e.id
			h.share(v, m)
			h.pack(m)
			v.noteLabel(&x)
			if !x.Store.Down { // while the store is down nobody knows which session the browser has
				k, inCookie := load.Present()
				h.Follow(v, After{Has: k, Expires: x.Session.Expires, InCookie: inCookie})
			}
		}
	}
}

// Began returns when this run of the program began.
func (h *Hub) Began() time.Time { return h.began }

// Count returns how many visits there are.
func (h *Hub) Count() int { return int(h.count.Load()) }

// Held returns about how many bytes the moments of all visits take. A moment that several
// visits share is counted once.
func (h *Hub) Held() int64 { return h.held.Load() }

// Any tells whether there is a visit.
func (h *Hub) Any() bool { return h.Count() > 0 }

// list returns all visits. The caller holds the lock.
func (h *Hub) list() []*Visit {
	out := make([]*Visit, 0, len(h.bySecret))
	for _, v := range h.bySecret {
		out = append(out, v)
	}
	return out
}

// all returns all visits.
func (h *Hub) all() []*Visit {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.list()
}

func (h *Hub) endIdle(v *Visit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v.ended {
		return
	}
	left := v.lastUse().Add(VisitLife).Sub(h.now())
	if v.Streams() > 0 {
		left = VisitLife
	}
	if left > 0 {
		v.idle.Reset(left)
		return
	}
	h.end(v)
}

// end forgets v. The caller holds the lock.
func (h *Hub) end(v *Visit) {
	v.ended = true
	delete(h.bySecret, v.Secret)
	for _, proof := range v.proofs {
		delete(h.byProof, proof)
	}
	h.count.Add(-1)
	v.idle.Stop()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.expiry != nil {
		v.expiry.Stop()
	}
	for stream := range v.streams {
		close(stream)
	}
	for _, e := range v.entries {
		v.release(e.Moment)
	}
	h.index.remove(v, v.watched)
	v.streams = nil
}

// Close ends all visits and their streams.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	close(h.done)
	for _, r := range h.realms.all() {
		r.figures.stop()
	}
	for _, v := range h.list() {
		h.end(v)
	}
}
