package classroom

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// visitor is somebody at the join page. The class holds mu whenever a visitor is used.
type visitor struct {
	key      [sha256.Size]byte // the hash of the page's token
	nickname string            // that is offered, or that the seat has
	spins    int               // how many are left
	seen     time.Time         // when something of the visitor was heard last
	kept     bool              // there was room to keep the offer

	device   netip.Addr // that knocked
	knocked  time.Time  // since when the visitor waits at the door; the zero time if not
	admitted bool       // was let in through a closed door

	tried  ID     // of the seat that a Join made, which may have failed: the next Join makes the same
	seat   ID     // that the visitor has joined, or ""
	cookie string // of that seat, for a form that is sent twice
}

// waits tells whether the visitor has knocked and has no seat yet.
func (v *visitor) waits() bool { return !v.knocked.IsZero() }

// expired tells whether the visitor was not heard of for too long.
func (v *visitor) expired(now time.Time) bool {
	life := OfferLife
	if v.waits() {
		life = KnockLife
	}
	return now.Sub(v.seen) >= life
}

// visitors are all visitors. Strangers make them, so that each kind is bounded: offers by
// twice the seats, those who wait by the seats, those who have joined by the seats too.
type visitors struct {
	seats  int // how many seats the class has
	byKey  map[[sha256.Size]byte]*visitor
	byName map[string]*visitor   // by name, those who have no seat
	atDoor map[*visitor]struct{} // those of byName who wait
	bySeat map[ID]*visitor
	swept  time.Time
}

func newVisitors(seats int) visitors {
	return visitors{
		seats: seats, byKey: make(map[[sha256.Size]byte]*visitor), byName: make(map[string]*visitor),
		atDoor: make(map[*visitor]struct{}), bySeat: make(map[ID]*visitor),
	}
}

// visit returns the visitor with that token, a new one if need be. The caller holds mu.
func (c *Class) visit(token string) *visitor {
	now, key := c.now(), sha256.Sum256([]byte(token))
	c.visitors.sweep(now)
	if v := c.visitors.byKey[key]; v != nil {
		v.seen = now
		return v
	}
	v := &visitor{key: key, nickname: c.freeNickname(key, 0), seen: now}
	if len(c.visitors.byName)-len(c.visitors.atDoor) < 2*c.max {
		v.spins, v.kept = Spins, true
		c.visitors.hold(v)
	}
	return v
}

// sweep drops the visitors who were not heard of, at most once in a second.
func (vs *visitors) sweep(now time.Time) {
	if passed := now.Sub(vs.swept); passed >= 0 && passed < time.Second {
		return
	}
	vs.swept = now
	for _, v := range vs.byKey {
		if v.expired(now) {
			vs.drop(v)
		}
	}
}

// hold keeps v, whether there is room or not.
func (vs *visitors) hold(v *visitor) {
	vs.byKey[v.key] = v
	vs.byName[nameOf(v.nickname)] = v
}

// drop forgets v.
func (vs *visitors) drop(v *visitor) {
	if vs.byKey[v.key] == v {
		delete(vs.byKey, v.key)
	}
	if name := nameOf(v.nickname); vs.byName[name] == v {
		delete(vs.byName, name)
	}
	if vs.bySeat[v.seat] == v {
		delete(vs.bySeat, v.seat)
	}
	delete(vs.atDoor, v)
}

// failed undoes hold after a Join that failed.
func (vs *visitors) failed(v *visitor) {
	if !v.kept {
		vs.drop(v)
	}
}

// rename gives v another nickname.
func (vs *visitors) rename(v *visitor, nickname string) {
	delete(vs.byName, nameOf(v.nickname))
	v.nickname = nickname
	vs.hold(v)
}

// settle notes that v has joined.
func (vs *visitors) settle(v *visitor, id ID, cookie string) {
	vs.drop(v)
	v.seat, v.cookie = id, cookie
	v.spins, v.knocked, v.admitted = 0, time.Time{}, false
	vs.byKey[v.key], vs.bySeat[id] = v, v
}

// unseat forgets the visitor who has joined that seat.
func (vs *visitors) unseat(id ID) {
	if v := vs.bySeat[id]; v != nil {
		vs.drop(v)
	}
}

// knock lets v wait at the door. If too many wait, the device with the most visitors there
// loses its latest. It tells whether v waits.
func (vs *visitors) knock(v *visitor, device netip.Addr, now time.Time) bool {
	v.device, v.knocked, v.kept = device, now, true
	vs.hold(v)
	vs.atDoor[v] = struct{}{}
	if len(vs.atDoor) <= vs.seats {
		return true
	}
	of := make(map[netip.Addr]int)
	for w := range vs.atDoor {
		of[w.device]++
	}
	out := v
	for w := range vs.atDoor {
		if of[w.device] > of[out.device] || w.device == out.device && w.knocked.After(out.knocked) {
			out = w
		}
	}
	vs.drop(out)
	return out != v
}

// freeNickname returns a nickname that no seat and no visitor has. It depends on the
// visitor's key and the number of the spin, so that a visitor whose offer was not kept is
// offered the same again. The caller holds mu.
func (c *Class) freeNickname(key [sha256.Size]byte, spin int) string {
	for n := uint64(0); ; n++ { // ends: more than a third of all nicknames are free, see MaxSeats
		seed := binary.BigEndian.AppendUint64(append(key[:len(key):len(key)], byte(spin)), n)
		sum := sha256.Sum256(seed)
		nickname := nicknames[binary.BigEndian.Uint64(sum[:])%uint64(len(nicknames))]
		name := nameOf(nickname)
		if _, seated := c.byName[name]; !seated && c.visitors.byName[name] == nil {
			return nickname
		}
	}
}
