package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"
)

// plan is what a write is about to make of the session.
type plan struct {
	now      time.Time
	next     Record // as it will be stored; compose adds its Data
	absolute time.Time
	born     bool // there was no session
	fresh    bool // the session gets a new ID
	expired  bool // the session ends with this write: its own expiry has passed

	key            Key       // the key under which next will be stored
	envelope       *envelope // of the new cookie
	floor, changed uint64    // for the record's contents: see cookieVersions
}

// newInCookie tells whether p gives out an ID of placement cookie.
func (p *plan) newInCookie() bool { return p.fresh && p.envelope.placement == InCookie }

// makePlan returns what writing the staged state makes of the session, or ErrGone when the
// session expired after it was loaded.
func (s *Session) makePlan(ctx context.Context) (p plan, err error) {
	e, d := s.e, &s.work
	p.now, p.born = e.Now(), s.id == ""
	p.next = Record{Version: s.rec.Version + 1, Created: s.rec.Created}
	from, to := s.base.placement, d.placement
	if p.born {
		p.next.Created = p.now
	} else if from == InCookie { // there is no record whose save would fail if the session has ended
		if err := s.checkClockInCookie(ctx, p.now); err != nil {
			return p, err
		}
	}
	if from == InCookie && to != InCookie {
		p.next.Version = 1 // this write adds a record, so the store may refuse it as full
	}
	if to == InCookie && (p.born || from != InCookie) {
		if p.next.Created, err = e.createdInCookie(ctx, p.next.Created); err != nil {
			return p, err
		}
	}
	p.next.Expires, p.absolute = e.clocks(p.next.Created, p.now, d.expiry)
	p.expired = !p.now.Before(p.next.Expires)
	switch {
	case p.expired && !p.born && !d.rearm:
		return p, ErrGone
	case p.expired && d.rearm:
		p.next.Expires = time.UnixMilli(0).UTC() // a clock that goes back must not revive it
	}
	p.fresh = p.born || s.needsNewID(d.rearm && p.next.Expires.Before(p.absolute))
	return p, nil
}

// checkClockInCookie returns ErrGone when a session of placement cookie has expired since
// it was loaded, or is so old that the store may have removed the marker of its end.
func (s *Session) checkClockInCookie(ctx context.Context, now time.Time) error {
	ended, err := s.e.mayHaveEnded(ctx, s.rec.Created)
	if err == nil && (ended || !now.Before(s.rec.Expires)) {
		err = ErrGone
	}
	return err
}

// createdInCookie returns the time of creation for a session that enters placement
// cookie: created, or a later time. After a clock went back, the store may have removed
// the markers of IDs that ended and are younger than this session. The session must not be taken
// for an ID whose marker the store removed.
func (e *Engine) createdInCookie(ctx context.Context, created time.Time) (time.Time, error) {
	forgotten, err := e.forgotten(ctx)
	if err != nil {
		return created, err
	}
	if least := forgotten.Add(time.Millisecond - e.cfg.Lifetime); created.Before(least) {
		created = least
	}
	return created, nil
}

// needsNewID tells whether a session that exists gets a new ID with the staged state.
// A change of placement to or from the cookie needs one: the old record and the old cookie
// must both be dead at once. So does a shorter expiry in placement cookie: nothing on the
// server would end an older copy of the cookie sooner.
func (s *Session) needsNewID(shorter bool) bool {
	from, to := s.base.placement, s.work.placement
	return s.work.cycle || from != to && (from == InCookie || to == InCookie) || shorter && from == InCookie
}

// write stores the staged state and signs its cookie.
func (s *Session) write(ctx context.Context) error {
	p, err := s.makePlan(ctx)
	switch {
	case err != nil:
		return err
	case p.expired && p.born:
		s.ops, s.work = nil, s.base
		return nil
	case p.expired && (p.fresh || s.base.placement == InCookie):
		return s.Flush(ctx) // nothing would be left under a new ID
	}
	if err := s.compose(&p); err != nil {
		return err
	}
	room := s.e.cfg.IDRoom
	if p.newInCookie() && !room.take(p.now, p.absolute, p.born) {
		return ErrNoID
	}
	if err := s.store(ctx, &p); err != nil {
		if p.newInCookie() {
			room.giveBack(p.absolute)
		}
		return err
	}
	s.announce(ctx, &p)
	if p.fresh && !p.born || p.expired {
		s.before = s.name()
	}
	if p.expired {
		s.e.emit(ctx, Event{Kind: Expired, Session: s.before, Reason: "its own expiry has passed"})
		s.end()
		return nil
	}
	return s.adopt(ctx, &p)
}

// compose decides where each value lives, and gives p the envelope and the record's
// data. It returns place's errors.
func (s *Session) compose(p *plan) error {
	d := &s.work
	v := &envelope{placement: d.placement, id: s.id, created: p.next.Created, deadline: p.absolute, expiry: d.expiry}
	switch d.placement {
	case InCookie:
		v.version, v.deadline = p.next.Version, p.next.Expires
	case Hybrid:
		v.version = p.next.Version
	}
	p.key, p.envelope = s.key, v
	if p.fresh {
		v.id = rand.Text()
		p.key = KeyOf(v.id)
	}
	if err := s.place(d, v, p.fresh); err != nil {
		return err
	}
	p.floor, p.changed = s.cookieVersions(v, p.next.Version, p.fresh)
	if d.placement != InCookie {
		c := contents{placement: d.placement, expiry: d.expiry, floor: p.floor, changed: p.changed, write: s.e.mark(), values: d.values.half(true)}
		p.next.Data = string(c.append(make([]byte, 0, 256)))
	}
	return nil
}

// adopt makes s the session that p has stored, and signs its cookie if one is due.
func (s *Session) adopt(ctx context.Context, p *plan) error {
	d := &s.work
	send, why := p.fresh || s.needsCookie(), s.whySigned(ctx, p)
	s.id, s.key, s.rec, s.floor, s.changed = p.envelope.id, p.key, p.next, p.floor, p.changed
	d.rearm, d.cycle, d.voids = false, false, false
	s.base, s.ops = *d, nil
	if !send {
		if !s.stale {
			s.verdict = VerdictOK
		}
		return nil
	}
	s.stale, s.missed, s.blind, s.verdict = false, false, false, VerdictOK
	return s.sign(ctx, p.envelope, why)
}

// whySigned is the reason of the event Signed for the cookie of p. s is as it was before p,
// and nobody needs a reason while nobody watches.
func (s *Session) whySigned(ctx context.Context, p *plan) string {
	d := &s.work
	switch {
	case !s.e.watched(ctx):
		return ""
	case p.born:
		return SignedBirth
	case p.fresh:
		return SignedID
	case d.placement != s.base.placement:
		return SignedPlacement
	case d.rearm:
		return SignedExpiry
	case d.voids, !slices.Equal(p.envelope.values, s.base.values.half(false)):
		return SignedValues
	case d.placement != OnServer:
		return SignedVersion
	case s.cookie.Key != 1:
		return SignedSecret
	}
	return SignedMaxAge
}

// cookieVersions returns two versions that the record will name. The values in a cookie older
// than floor count no more. changed is the version at which the values in the cookie changed last.
func (s *Session) cookieVersions(v *envelope, version uint64, fresh bool) (floor, changed uint64) {
	d := &s.work
	floor, changed = s.floor, s.changed
	switch {
	case s.id == "" || s.base.placement == InCookie: // a record begins
		floor = 0
	case d.voids:
		floor = version
	}
	switch {
	case d.placement != Hybrid, d.voids && !fresh: // the cookie carries no values
		changed = 0
	case fresh, s.stale && !s.blind, !slices.Equal(v.values, s.base.values.half(false)):
		changed = version
	}
	return floor, changed
}

// needsCookie tells whether a write under the same ID needs a new cookie.
func (s *Session) needsCookie() bool {
	d := &s.work
	switch {
	case d.voids, d.placement == InCookie:
		return true
	case d.placement == Hybrid:
		return !s.blind // a new cookie would replace values that this request does not know
	}
	// A server session's cookie says nothing that a write changes, unless its Max-Age
	// follows the session's own expiry, or an old key signed it.
	return d.rearm || d.expiry.After != 0 || s.cookie.Key != 1
}

// sign makes the cookie to send, which carries v. why is the reason of the event.
func (s *Session) sign(ctx context.Context, v *envelope, why string) error {
	cookie, err := s.e.sign(s.codec, v)
	if err != nil {
		return err
	}
	s.cookie = cookie
	s.set, s.line = s.e.header(cookie.Value, s.maxAge(s.e.Now())), ""
	s.e.emit(ctx, Event{Kind: Signed, Session: s.name(), Reason: why, Bytes: s.cookieBytes(), KeyNumber: 1, KeyCount: cookie.Keys})
	return nil
}

// store writes p's record under p's key. If the session gets a new ID, store makes sure
// that the old ID opens nothing.
func (s *Session) store(ctx context.Context, p *plan) error {
	backend, inCookie := s.e.cfg.Backend, p.envelope.placement == InCookie
	gone := func(op string, err error) error {
		if err = storeError(op, err); errors.Is(err, ErrNotFound) || errors.Is(err, ErrExists) {
			return ErrGone
		}
		return err
	}
	key, r := p.key, p.next
	r.Version-- // a backend expects the version before the write, and counts it up
	switch {
	case !p.fresh && inCookie: // there is no record to write, but the ID may have ended meanwhile
		if ok, err := s.alive(ctx); err != nil || !ok {
			return cmp.Or(err, ErrGone)
		}
		return nil
	case !p.fresh:
		_, err := backend.Save(ctx, key, r)
		return gone("save", s.settle(ctx, key, r, err))
	}
	if !inCookie {
		if err := gone("create", s.settle(ctx, key, r, backend.Create(ctx, key, r))); err != nil {
			return err
		}
	}
	if s.id == "" {
		return nil
	}
	var err error
	old, marker := s.key, s.marker(diedCycled, key)
	if s.base.placement == InCookie {
		err = gone("create", s.settle(ctx, old, marker, backend.Create(ctx, old, marker)))
	} else {
		_, err = backend.Save(ctx, old, marker)
		err = gone("save", s.settle(ctx, old, marker, err))
	}
	if err != nil && !inCookie {
		// No cookie was sent with the new ID. If the store does not answer here either,
		// the record under it stays until it expires, and nobody can open it.
		_ = backend.Delete(context.WithoutCancel(ctx), key)
	}
	return err
}

// settle finds out what became of a write of r whose answer was err. If the store answered,
// settle returns err. Otherwise it asks whether the store holds this write, whose mark no other
// request's write has, and returns nil if so: without the new cookie, the
// values that the write took out of the older cookie would be lost. It returns err if the
// store holds something else, or does not answer in time: then the write may have
// happened, or may still happen.
func (s *Session) settle(ctx context.Context, key Key, r Record, err error) error {
	if Answered(err) || errors.Is(err, ErrDown) {
		return err
	}
	ctx = context.WithoutCancel(ctx) // the client may have left, and the write must be settled all the same
	for until := time.Now().Add(settleFor); ; {
		found, loadErr := s.e.cfg.Backend.Load(ctx, key)
		if loadErr == nil && found.Version == r.Version+1 && found.Marker == r.Marker && found.Data == r.Data {
			return nil
		}
		if Answered(loadErr) || time.Now().After(until) {
			return err
		}
		_ = pause(ctx, settlePause)
	}
}

// announce emits the events of a successful write.
func (s *Session) announce(ctx context.Context, p *plan) {
	e, d, name := s.e, &s.work, p.key.Name()
	if !e.watched(ctx) {
		return
	}
	if p.born {
		e.emit(ctx, Event{Kind: Created, Session: name, Place: d.placement})
	}
	for _, entry := range d.values {
		before, _ := s.base.values.get(entry.key)
		if entry.Value != before.Value {
			e.emit(ctx, Event{Kind: Set, Session: name, Key: entry.key, Bytes: len(entry.Value)})
		}
		if entry != before {
			e.emit(ctx, Event{Kind: Placed, Session: name, Key: entry.key, Lives: entry.lives(), Reason: s.whyPlaced(entry, before, p), Bytes: len(entry.Value)})
		}
	}
	cleared := d.voids && len(d.values) == 0
	for _, before := range s.base.values {
		if _, ok := d.values.find(before.key); !ok && !cleared {
			e.emit(ctx, Event{Kind: Deleted, Session: name, Key: before.key})
		}
	}
	if cleared && len(s.base.values) > 0 {
		e.emit(ctx, Event{Kind: Cleared, Session: name, Count: len(s.base.values)})
	}
	if p.fresh && !p.born {
		e.emit(ctx, Event{Kind: Cycled, Session: name, Before: s.name(), Place: d.placement})
	}
	if d.placement != InCookie {
		e.emit(ctx, Event{Kind: Saved, Session: name, Version: p.next.Version})
	}
}
