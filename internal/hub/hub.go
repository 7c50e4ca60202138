// Package hub keeps visits: what each page of the lab, with its reloads, saw so far. It
// finds a visit by what proves it, watches the clocks of its session, and tells whoever
// should know of a press: the visit's own pages, the other browsers of its family, those
// that saw the session, and a board.
//
// Begin with Hub.Add, which is where a press becomes known.
package hub

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
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

const (
	MaxVisits  = 64               // at once; the one with the smallest evictionTime makes room
	VisitLife  = 30 * time.Minute // without a request and without a stream
	MaxMoments = 200              // of a visit
	maxPacked  = 1 << 20          // bytes of a visit's exchanges; the oldest moments lose theirs first
	maxAllHeld = 32 << 20         // of all visits' exchanges: above it, each keeps a quarter
	maxWatched = 16               // sessions that a visit remembers
	maxProofs  = 4                // proofs for one use that a visit keeps; the oldest makes room
	MaxStreams = 2                // of a visit: six would freeze a browser's origin over HTTP/1.1
)

// Hub is all visits of one lab, in memory only. It is safe for concurrent use.
type Hub struct {
	seats *seat.Seats
	now   func() time.Time
	start string // begins each secret of this run of the program
	key   []byte // makes the marks of families
	count atomic.Int32
	held  atomic.Int64 // bytes of all exchanges
	told  atomic.Int64 // counts the news
	last  atomic.Int64 // the id of the last moment
	plot  plot

	telling sync.Once
	news    chan news // for those who saw the session
	done    chan struct{}

	mu       sync.Mutex
	closed   bool
	bySecret map[string]*Visit
	byProof  map[string]*Visit
	boards   map[chan Beat]bool
}

// New returns a hub for the browsers of seats.
func New(seats *seat.Seats) *Hub {
	now := seats.Root.Engine.Now
	return &Hub{
		seats: seats, now: now, start: strconv.FormatInt(time.Now().UnixNano(), 36), key: []byte(rand.Text()), news: make(chan news, 256), done: make(chan struct{}),
		bySecret: make(map[string]*Visit), byProof: make(map[string]*Visit), boards: make(map[chan Beat]bool),
	}
}

// Lost says why a secret opens nothing.
type Lost string

const (
	NotLost   Lost = ""
	Restarted Lost = "restarted" // the program that gave it has ended
	Idle      Lost = "idle"      // its visit ended, after VisitLife without a request
)

// SecretLen is the most bytes that a secret has; nothing longer is looked at.
const SecretLen = 64

// randomLen is how many bytes rand.Text returns.
const randomLen = 26

// Prove returns the visit of that secret on the pages of s, or nil, and why there is none
// of a secret that was one. A visit whose secret was shown is one that somebody uses.
func (h *Hub) Prove(secret string, s *seat.Seat) (*Visit, Lost) {
	if len(secret) <= len(h.start) || len(secret) > SecretLen {
		return nil, NotLost
	}
	h.mu.Lock()
	v := h.bySecret[secret]
	h.mu.Unlock()
	switch {
	case v != nil && v.Seat == s:
		v.use(true)
		return v, NotLost
	case v != nil:
		return nil, NotLost // it is of another browser's pages
	case strings.HasPrefix(secret, h.start):
		return nil, Idle
	}
	return nil, Restarted
}

// Redeem returns the visit that a proof for one use opens on the pages of s, or nil. The
// proof opens nothing afterwards.
func (h *Hub) Redeem(proof string, s *seat.Seat) *Visit {
	h.mu.Lock()
	v := h.byProof[proof]
	if v != nil && v.Seat == s {
		v.dropProof(proof)
	}
	h.mu.Unlock()
	if v == nil || v.Seat != s {
		return nil
	}
	v.use(true)
	return v
}

// Proof returns what opens v once, for a request that follows a page without a script: as
// long as v lives, and no more than the last few are kept.
func (v *Visit) Proof() string {
	v.hub.mu.Lock()
	defer v.hub.mu.Unlock()
	if v.ended {
		return ""
	}
	proof := rand.Text()
	if len(v.proofs) >= maxProofs {
		v.dropProof(v.proofs[0])
	}
	v.proofs = append(v.proofs, proof)
	v.hub.byProof[proof] = v
	return proof
}

// dropProof forgets one. The caller holds the hub's lock.
func (v *Visit) dropProof(proof string) {
	delete(v.hub.byProof, proof)
	v.proofs = slices.DeleteFunc(v.proofs, func(p string) bool { return p == proof })
}

// Begin begins a visit on the pages of s: of family, or of its own for "". Nobody has
// proved yet that it is a visit of its own, and not the reload of a page that has one:
// until then nobody is told of it. Its timeline begins with the moments of the session of
// k, which the request's own cookie opens; the zero key opens none.
func (h *Hub) Begin(s *seat.Seat, family string, k session.Key) *Visit {
	var past []*Moment
	if k != (session.Key{}) {
		past = h.momentsOf(s, k)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.begin(s, family, "")
	for _, m := range past {
		v.append(m, "")
	}
	v.watched = append(v.watched, keysOf(k)...)
	v.own, v.of = v.dropped+len(v.entries), k.Name().String()
	return v
}

func keysOf(k session.Key) []session.Key {
	if k == (session.Key{}) {
		return nil
	}
	return []session.Key{k}
}

// begin makes a visit. heirOf is the secret of the ended visit whose page goes on with it,
// "" for none. The caller holds the lock.
func (h *Hub) begin(s *seat.Seat, family, heirOf string) *Visit {
	now := h.now()
	v := &Visit{hub: h, Name: rand.Text(), Secret: h.secret(s, family), Seat: s, Family: family, heirOf: heirOf, began: now, born: h.told.Load(), used: now, streams: make(map[chan struct{}]bool)}
	if family == "" {
		v.Family = v.Name
	}
	if h.closed {
		v.ended, v.streams = true, nil // nobody finds it any more
		return v
	}
	for len(h.bySecret) >= MaxVisits {
		h.end(slices.MinFunc(h.list(), func(a, b *Visit) int { return a.evictionTime().Compare(b.evictionTime()) }))
	}
	h.bySecret[v.Secret] = v
	h.count.Add(1)
	v.idle = time.AfterFunc(VisitLife, func() { h.endIdle(v) })
	return v
}

// momentsOf are the moments of a session that the visits on the pages of s have, oldest first.
func (h *Hub) momentsOf(s *seat.Seat, k session.Key) (out []*Moment) {
	name := k.Name().String()
	at := make(map[int64]int) // where a moment is in out, by its id
	for _, v := range h.all() {
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
			case !out[i].Kept(): // of two that shared it, one may have dropped its exchange
				out[i] = e.Moment
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *Moment) int { return a.Gist.At.Compare(b.Gist.At) })
	return out
}

// secret returns one for a visit on the pages of s. In a family it ends with a mark that
// nobody else can make: when the visit has ended, that mark still tells whose it was.
func (h *Hub) secret(s *seat.Seat, family string) string {
	secret := h.start + rand.Text()
	if family != "" {
		secret += h.mark(s, secret)
	}
	return secret
}

// mark is the end of a secret that begins like this, on the pages of s, in the family that
// opened them.
func (h *Hub) mark(s *seat.Seat, secret string) string {
	m := hmac.New(sha256.New, h.key)
	m.Write([]byte(s.Base + " " + secret))
	return base32.StdEncoding.EncodeToString(m.Sum(nil)[:10])
}

// isKin tells whether a visit of that secret was, on the pages of s, one of the family that
// opened them. Everybody can make up a secret.
func (h *Hub) isKin(s *seat.Seat, secret string) bool {
	n := len(h.start) + randomLen
	return len(secret) > n && hmac.Equal([]byte(secret[n:]), []byte(h.mark(s, secret[:n])))
}

// Heir returns the visit with which a page goes on whose own, of that secret, has ended:
// each of its presses gets the same. It is of the family that the ended one was of.
func (h *Hub) Heir(secret string, s *seat.Seat) *Visit {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.bySecret {
		if v.Seat == s && v.heirOf == secret {
			v.use(true)
			return v
		}
	}
	family := ""
	if h.isKin(s, secret) {
		family = s.Family
	}
	v := h.begin(s, family, strings.Clone(secret))
	v.proved = true
	return v
}

// Adopt makes the page that was loaded as the visit load one of v: what the load itself
// was becomes v's last moment, once, and v's others are told of it. v watches the session
// that load watched. complete adds to the exchange what only v knows. load is no more.
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
		if e.N > load.own && e.Kin == "" && e.packed != nil && !e.Gist.Nothing { // v was told of what others did
			x := e.Moment.unpack()
			complete(&x)
			m := h.newMoment(e.Seat, &x)
			m.id, m.answer, m.head = e.id, e.answer, e.head
			h.share(v, m)
			if !x.Store.Down { // when it is, nobody knows which session the browser has
				k, inCookie := load.Present()
				h.Follow(v, After{Has: k, Expires: x.Session.Expires, InCookie: inCookie})
			}
		}
	}
}

// Count returns how many visits there are.
func (h *Hub) Count() int { return int(h.count.Load()) }

// Held returns about how many bytes the exchanges of all visits take. What several share is
// counted once.
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

// all is list for a caller that does not hold the lock.
func (h *Hub) all() []*Visit {
	if !h.Any() {
		return nil
	}
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
	if v.clock != nil {
		v.clock.Stop()
	}
	for stream := range v.streams {
		close(stream)
	}
	for _, e := range v.entries {
		v.release(e.Moment)
	}
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
	for _, v := range h.list() {
		h.end(v)
	}
}
