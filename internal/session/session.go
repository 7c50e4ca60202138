package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"iter"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Verdict is what became of the cookie that a request carried.
type Verdict string

const (
	VerdictAbsent  Verdict = "absent"  // there was none
	VerdictOK      Verdict = "ok"      // it verified and opened its session
	VerdictStale   Verdict = "stale"   // the same, but a later one was sent out since
	VerdictGarbled Verdict = "garbled" // it is not one of ours
	VerdictForged  Verdict = "forged"  // its signature does not fit
	VerdictExpired Verdict = "expired" // one of its clocks has run out
	VerdictDead    Verdict = "dead"    // its ID was ended, or its record is gone
	VerdictMoved   Verdict = "moved"   // its ID was replaced less than 30 s ago
)

// draft is the state of a session, as loaded or with operations applied.
type draft struct {
	values    entries
	placement Placement
	expiry    Expiry
	rearm     bool // the expiry was set: a write even if it is the same
	cycle     bool // a new ID is due
	voids     bool // values in older cookies count no more
}

func (d draft) clone() draft {
	d.values = append(make(entries, 0, len(d.values)+1), d.values...)
	return d
}

// Session is the session of one request: what was loaded, and what is staged.
// It belongs to one goroutine. The zero value is not usable: see Engine.Load.
type Session struct {
	e       *Engine
	verdict Verdict
	cookie  *Cookie // the last that this request saw: received, then sent; nil if none verified

	id      string // "" when there is no session
	key     Key    // of id
	rec     Record // the session's versions and clocks; Data only when a record exists
	floor   uint64 // values in a hybrid cookie of an older version count no more
	changed uint64 // hybrid: the version at which the values in the cookie changed last
	stale   bool   // hybrid: a later cookie than this request's was sent out
	missed  bool   // hybrid: with other values than this request's
	blind   bool   // hybrid: this request's cookie is from before the floor, and says nothing of the values in later ones
	base    draft  // as loaded
	work    draft  // with ops applied
	ops     []func(*draft)
	lastSet string // the key set last, to name in a LimitError

	before Name         // the ID that a cycle or a flush ended
	set    *http.Cookie // to send, if any
	line   string       // set as a header's value, once that was asked for
	done   bool         // committed or discarded, and nothing staged since
	gone   bool         // it ended while this request worked: no write of it may begin another
	label  int          // the MaxAge that gorilla's Options were given
}

// Load returns the session that r's cookie opens, and keeps it in r's context:
// in its Slot, or else in a new context for r. Without a cookie, or when it is
// refused, the Session does not exist yet and reads empty. It is loaded once a
// request: later calls with r return the same Session.
//
// The only error is a *StoreError.
func (e *Engine) Load(r *http.Request) (*Session, error) {
	if s := e.Loaded(r); s != nil {
		return s, nil
	}
	ctx := r.Context()
	s := &Session{e: e, verdict: VerdictAbsent}
	s.reset()
	for value := range cookiesNamed(r.Header, e.name) {
		// Of several cookies of our name the first that verifies counts; they
		// are never merged (RFC 6265, section 8.6: weak integrity).
		cookie, known, err := e.verify(value)
		if err != nil && strings.ContainsAny(value, "\"\\") {
			continue // no value of a cookie: net/http, and so the page, does not see it
		}
		if err != nil {
			s.verdict = VerdictGarbled
			if errors.Is(err, errForged) {
				s.verdict = VerdictForged
			}
			e.emit(ctx, Event{Kind: Refused, Reason: err.Error(), Bytes: len(e.name) + len(value)})
			continue
		}
		s.cookie = cookie
		if err := s.open(ctx, known); err != nil {
			return nil, err
		}
		break
	}
	if slot, ok := ctx.Value(SlotKey{}).(*Slot); ok && slot.s == nil {
		slot.s = s
	} else {
		*r = *r.WithContext(context.WithValue(ctx, e.contextKey, s))
	}
	return s, nil
}

// Pair is one cookie of a Cookie header, as it stands there. What has no "=" is a value
// that has no name: that is how browsers send a cookie without one (RFC 6265bis, section 5.6).
type Pair struct{ Name, Value string }

// Pairs yields the cookies of a request's head in their order.
func Pairs(h http.Header) iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		for _, line := range h["Cookie"] {
			for text := range strings.SplitSeq(line, ";") {
				if text = strings.Trim(text, " \t"); text != "" && !yield(ParsePair(text)) {
					return
				}
			}
		}
	}
}

// ParsePair reads one cookie of a Cookie header.
func ParsePair(text string) Pair {
	if name, value, ok := strings.Cut(text, "="); ok {
		return Pair{name, value}
	}
	return Pair{"", text}
}

// cookiesNamed yields the values of the cookies of that name, without quotes
// around them, in the order of the header (RFC 6265, section 5.4).
func cookiesNamed(h http.Header, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for pair := range Pairs(h) {
			value := pair.Value
			if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			if pair.Name == name && !yield(value) {
				return
			}
		}
	}
}

// reset makes s one that does not exist. Verdict and cookie stay: they tell of the request.
func (s *Session) reset() {
	s.id, s.key, s.rec, s.floor, s.changed, s.stale, s.missed, s.blind, s.ops = "", Key{}, Record{}, 0, 0, false, false, false, nil
	s.base = draft{placement: s.e.cfg.Placement}
	s.work = s.base
}

// open finds out what s.cookie opens. It sets the verdict.
func (s *Session) open(ctx context.Context, known bool) error {
	e, v, key := s.e, s.cookie.envelope, s.cookie.key
	now := e.Now()
	refuse := func(verdict Verdict, kind EventKind, reason string) error {
		s.verdict = verdict
		e.emit(ctx, Event{Kind: kind, Session: key.Name(), Reason: reason, Bytes: s.cookieBytes()})
		return nil
	}
	if !now.Before(v.deadline) || !now.Before(v.created.Add(e.cfg.Lifetime)) {
		return refuse(VerdictExpired, Expired, "the deadline in the cookie has passed")
	}
	rec, err := e.cfg.Backend.Load(ctx, key)
	switch err = storeError("load", err); {
	case errors.Is(err, ErrExpired):
		return refuse(VerdictExpired, Expired, "the record's clock has run out")
	case errors.Is(err, ErrNotFound) && v.placement == InCookie:
		if ended, err := e.mayHaveEnded(ctx, v.created); err != nil {
			return err
		} else if ended {
			return refuse(VerdictExpired, Expired, "the store forgets ended IDs of that age")
		}
		s.rec = Record{Version: v.version, Created: v.created, Expires: v.deadline}
	case errors.Is(err, ErrNotFound):
		return refuse(VerdictDead, Refused, "no record has this ID")
	case err != nil:
		return err
	case rec.Marker:
		if at := cycledAt(rec.Data); now.Before(at.Add(cycledFor)) {
			return refuse(VerdictMoved, Refused, "this ID was replaced a moment ago")
		}
		return refuse(VerdictDead, Refused, "this ID was ended")
	default:
		s.rec = rec
	}
	s.id, s.key = v.id, key
	if err := s.readBase(); err != nil {
		s.reset()
		e.cfg.Log.Warn("a session record is corrupt and reads as absent", "session", key.Name(), "error", err)
		return refuse(VerdictDead, Refused, "the record is corrupt")
	}
	s.verdict = VerdictOK
	if s.stale {
		s.verdict = VerdictStale
		e.emit(ctx, Event{Kind: Refused, Session: key.Name(), Reason: "stale: a later cookie was sent", Version: v.version})
	}
	e.emit(ctx, Event{
		Kind: Read, Session: key.Name(), Place: s.base.placement, Version: s.rec.Version,
		Bytes: s.cookieBytes(), KeyNumber: s.cookie.Key, KeyCount: s.cookie.Keys, Known: known,
	})
	return nil
}

// readBase makes base and work from the cookie and the record.
func (s *Session) readBase() error {
	if err := s.rec.check(); err != nil {
		return err
	}
	v := s.cookie.envelope
	d := draft{placement: v.placement, expiry: v.expiry, values: v.values}
	if v.placement != InCookie {
		c, err := parseContents(s.rec.Data)
		if err != nil {
			return err
		}
		d.placement, d.expiry, d.values, s.floor, s.changed = c.placement, c.expiry, c.values, c.floor, c.changed
		known := v.placement == Hybrid && v.version >= s.floor
		s.stale = d.placement == Hybrid && v.version < s.rec.Version
		s.missed = s.stale && v.version < s.changed
		// At the floor itself the cookie's half is empty: it was cleared, or all of it lies on the server.
		s.blind = s.stale && !known && s.rec.Version > s.floor
		if len(v.values) > 0 && known && d.placement == Hybrid {
			d = draft{placement: c.placement, expiry: c.expiry, values: v.values}
			if len(c.values) > 0 { // where both halves hold a key, the record's wins
				d = d.clone()
				for _, e := range c.values {
					d.values.put(e)
				}
			}
		}
	}
	s.base, s.work = d, d
	return nil
}

func (s *Session) cookieBytes() int {
	if s.cookie == nil {
		return 0
	}
	return len(s.e.name) + len(s.cookie.Value)
}

// Exists tells whether there is a session: loaded, or born by a Commit.
func (s *Session) Exists() bool { return s.id != "" }

// ID returns the name of the session, "" without one.
func (s *Session) ID() string { return s.name().String() }

func (s *Session) name() Name {
	if s.id == "" {
		return Name{}
	}
	return s.key.Name()
}

// Verdict returns what became of the cookie that the request carried; VerdictOK
// after a Commit that wrote.
func (s *Session) Verdict() Verdict { return s.verdict }

// Version returns the session's version as committed, 0 without one.
func (s *Session) Version() uint64 { return s.rec.Version }

// Placement returns where the session's values live, as committed.
func (s *Session) Placement() Placement { return s.base.placement }

// IDBefore returns the name of the ID that this request ended, or "".
func (s *Session) IDBefore() string { return s.before.String() }

// Get returns the value of key, staged changes included.
func (s *Session) Get(key string) (Value, bool) {
	e, ok := s.work.values.get(key)
	return e.Value, ok
}

// Keys returns the sorted keys, staged changes included.
func (s *Session) Keys() []string {
	var keys []string
	for _, e := range s.work.values {
		keys = append(keys, e.key)
	}
	return keys
}

// Lives returns where the value of key lives, as committed: "cookie", "server",
// or "" for a key that is not there.
func (s *Session) Lives(key string) string {
	e, ok := s.base.values.get(key)
	if !ok {
		return ""
	}
	return e.lives()
}

// stage records an operation, so that it can be applied again after a conflict.
func (s *Session) stage(op func(*draft)) {
	if len(s.ops) == 0 {
		s.work = s.base.clone()
	}
	s.ops, s.done = append(s.ops, op), false
	op(&s.work)
}

// Set stages session[key] = v. To set the value that the key has is no change.
// It returns an *InputError for an impossible key and a *LimitError for a value
// over 64 KiB; what depends on the whole session is checked by Commit.
func (s *Session) Set(key string, v Value) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if len(v) > MaxValueBytes {
		return &LimitError{LimitValue, len(v), MaxValueBytes, key}
	}
	s.lastSet = key
	s.stage(func(d *draft) {
		old, _ := d.values.get(key)
		d.values.put(entry{key, v, old.onServer})
	})
	return nil
}

// Update stages a read-modify-write: f gets the value of key, if there is one,
// and returns the new one. After a conflict f is called again with the value
// that won, so that no update is lost. It returns an *InputError for an
// impossible key; Commit returns a *LimitError for a value over 64 KiB.
func (s *Session) Update(key string, f func(old Value, ok bool) Value) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	s.lastSet = key
	s.stage(func(d *draft) {
		old, ok := d.values.get(key)
		d.values.put(entry{key, f(old.Value, ok), old.onServer})
	})
	return nil
}

// Delete stages the removal of key and tells whether it was there.
func (s *Session) Delete(key string) bool {
	if _, ok := s.work.values.find(key); !ok {
		return false
	}
	s.stage(func(d *draft) {
		if at, ok := d.values.find(key); ok {
			d.values = slices.Delete(d.values, at, at+1)
		}
	})
	return true
}

// Clear stages the removal of every value, also of those that only a later cookie
// carries. ID and record stay.
func (s *Session) Clear() {
	if len(s.work.values) > 0 || s.stale {
		s.stage(func(d *draft) { d.values, d.voids = nil, true })
	}
}

// CycleID stages a new ID for the same data. Without a session it does nothing.
func (s *Session) CycleID() { s.stage(func(d *draft) { d.cycle = true }) }

// SetExpiry stages the session's own expiry. Its clock begins at the Commit. One
// that has passed ends the session at once.
func (s *Session) SetExpiry(x Expiry) { s.stage(func(d *draft) { d.expiry, d.rearm = x, true }) }

// SetPlacement stages where the values live from now on. What lies on the server
// stays there when the session becomes hybrid: a cookie that is lost on its way, or
// replaced by the answer to another request, takes no value along.
// Before a session is born it decides where they will live.
func (s *Session) SetPlacement(p Placement) {
	s.stage(func(d *draft) {
		if d.placement == p {
			return
		}
		d.placement, d.voids = p, true
		if p == InCookie { // known cookies are kept in memory: they must not keep the record's whole data there
			for i, e := range d.values {
				d.values[i].key, d.values[i].Value = strings.Clone(e.key), Value(strings.Clone(string(e.Value)))
			}
		}
	})
}

// Discard drops what is staged. A Commit after it does nothing.
func (s *Session) Discard(ctx context.Context, reason string) {
	s.done = true
	if len(s.ops) > 0 {
		s.ops, s.work = nil, s.base
		s.e.emit(ctx, Event{Kind: Discarded, Session: s.name(), Reason: reason})
	}
}

// SetCookie returns the cookie that the response must carry, or nil when the
// browser keeps the one it has. There is at most one, whatever was committed.
func (s *Session) SetCookie() *http.Cookie { return s.set }

// WriteCookie puts that cookie into h, in the place of an earlier one of its name.
func (s *Session) WriteCookie(h http.Header) {
	if s.set == nil {
		return
	}
	if s.line == "" {
		s.line = s.e.line(s.set)
	}
	const name = "Set-Cookie"
	if lines := h[name]; len(lines) == 1 && lines[0] == s.line {
		return
	}
	prefix := s.set.Name + "="
	h[name] = append(slices.DeleteFunc(h[name], func(line string) bool { return strings.HasPrefix(line, prefix) }), s.line)
}

// Flush ends the session at once: the record goes, the cookie expires, and what
// the old cookie held is dead with it. It does not wait for Commit.
// It returns ErrMoved when the session lives on under a new ID, and a
// *StoreError when the store does not answer.
func (s *Session) Flush(ctx context.Context) error {
	if s.id == "" {
		if s.verdict == VerdictMoved {
			return ErrMoved
		}
		return nil
	}
	if err := s.bury(ctx, s.key); err != nil {
		return err
	}
	place := s.base.placement
	s.before = s.name()
	s.end()
	s.e.emit(ctx, Event{Kind: Flushed, Session: s.before, Place: place})
	return nil
}

// bury makes sure that key opens nothing any more.
func (s *Session) bury(ctx context.Context, key Key) error {
	backend := s.e.cfg.Backend
	if s.base.placement == InCookie {
		stone := s.headstone(diedFlushed, Key{})
		err := s.settle(ctx, key, stone, backend.Create(ctx, key, stone))
		if err = storeError("create", err); !errors.Is(err, ErrExists) {
			return err
		}
	}
	if err := backend.Delete(ctx, key); err != nil {
		return storeError("delete", err)
	}
	// A marker survives Delete and says how the ID ended. After a cycle the
	// session lives on: to expire the cookie now would expire the new one.
	rec, err := backend.Load(ctx, key)
	switch err = storeError("load", err); {
	case errors.Is(err, ErrNotFound):
		return nil
	case err == nil && !cycledAt(rec.Data).IsZero():
		return ErrMoved
	}
	return err
}

// alive tells whether the session still is what this request loaded: its ID
// opens it, and no record was written meanwhile.
func (s *Session) alive(ctx context.Context) (bool, error) {
	rec, err := s.e.cfg.Backend.Load(ctx, s.key)
	if err = storeError("load", err); errors.Is(err, ErrNotFound) && s.base.placement == InCookie {
		ended, err := s.e.mayHaveEnded(ctx, s.rec.Created)
		return !ended, err
	} else if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && !rec.Marker && rec.Version == s.rec.Version, err
}

// headstone returns the marker for the session's present ID. With InCookie it
// stays as long as the cookie could still verify, otherwise only for as long as
// late requests get their 409: no record, no session. After a cycle it names
// where the session went.
func (s *Session) headstone(how string, to Key) Record {
	now := s.e.Now()
	_, until := s.e.clocks(s.rec.Created, now, Expiry{})
	if s.base.placement != InCookie {
		until = now.Add(cycledFor)
	}
	return Record{Version: s.rec.Version, Created: s.rec.Created, Expires: until, Data: markerData(how, now, to), Marker: true}
}

// end makes s one that does not exist and expires the browser's cookie.
func (s *Session) end() {
	s.reset()
	s.cookie = nil
	s.set, s.line = s.e.header("", -1), ""
}

// Commit writes what is staged, all of it or nothing, and makes the cookie that
// SetCookie returns. When nothing changed it writes nothing, and a second Commit
// does nothing at all unless more was staged.
//
// It returns a *LimitError or an *InputError for what cannot be kept, ErrFull
// when the store has no room for it, ErrGone or ErrMoved when the session
// ended meanwhile, and a *StoreError when the store does not answer: then nothing is
// known of the write. It returns ErrConflict when others kept writing first, for 5 s
// until its turn or for 2 s after it, and ErrStale for a hybrid session.
// When ctx ends while it waits to try again, it returns the cause. After an error
// nothing is staged any more.
func (s *Session) Commit(ctx context.Context) (err error) {
	if s.done {
		return nil
	}
	defer func() {
		s.done, s.lastSet = true, ""
		if err != nil {
			s.Discard(ctx, err.Error())
		}
		if errors.Is(err, ErrGone) {
			s.reset()
			s.verdict, s.set, s.gone = VerdictDead, nil, true
		}
	}()
	knew := !s.missed
	if s.leavesBehind(knew) {
		return ErrStale
	}
	err = s.commit(ctx)
	if !errors.Is(err, ErrConflict) {
		return err
	}
	leave, err := s.e.lines.enter(ctx, s.key)
	if err != nil {
		return err
	}
	defer leave()
	for until := time.Now().Add(retryFor); ; {
		s.e.emit(ctx, Event{Kind: Conflict, Session: s.name(), Version: s.rec.Version})
		if err := s.reload(ctx); err != nil {
			return err
		}
		if s.leavesBehind(knew) {
			return ErrStale
		}
		err := s.commit(ctx)
		if !errors.Is(err, ErrConflict) || time.Now().After(until) {
			return err
		}
		if err := pause(ctx, mathrand.N(5*time.Millisecond)); err != nil {
			return err
		}
	}
}

// leavesBehind tells that what is staged would move the values of a hybrid session
// without those in a later cookie: another request has put them there since this one
// was loaded, when it knew all of them, or this one's cookie is from before a clear or
// a move. A cookie that is merely stale was known to be so: whoever sends it may have
// lost a later one on its way, and must get on.
func (s *Session) leavesBehind(knew bool) bool {
	return (knew && s.missed || s.blind) && len(s.ops) > 0 && (s.work.cycle || s.work.placement != Hybrid)
}

// reload reads the record again and applies the staged operations to it.
func (s *Session) reload(ctx context.Context) error {
	rec, err := s.e.cfg.Backend.Load(ctx, s.key)
	if err = storeError("load", err); errors.Is(err, ErrNotFound) || err == nil && rec.Marker {
		return ErrGone
	} else if err != nil {
		return err
	}
	s.rec = rec
	if err := s.readBase(); err != nil {
		return ErrGone
	}
	s.work = s.base.clone()
	for _, op := range s.ops {
		op(&s.work)
	}
	return nil
}

func (s *Session) commit(ctx context.Context) error {
	switch {
	case s.verdict == VerdictMoved && s.id == "" && len(s.ops) > 0:
		return ErrMoved
	case s.gone && s.id == "" && len(s.ops) > 0:
		return ErrGone
	case s.id == "" && len(s.work.values) == 0, s.id != "" && !s.differs():
		s.ops, s.work = nil, s.base
		return s.keepAlive(ctx)
	}
	return s.write(ctx)
}

// differs tells whether the staged operations make a difference.
func (s *Session) differs() bool {
	return len(s.ops) > 0 && (s.work.cycle || s.work.rearm || s.work.voids && s.stale ||
		s.work.placement != s.base.placement || !slices.Equal(s.work.values, s.base.values))
}

// plan is what a write is about to make of the session.
type plan struct {
	now      time.Time
	next     Record // as it will be stored; Data is still missing
	absolute time.Time
	born     bool // there was no session
	fresh    bool // it gets a new ID
	expired  bool // it ends with this write
}

// plan returns what writing the staged state makes of the session, or ErrGone when
// it expired after it was loaded.
func (s *Session) plan(ctx context.Context) (p plan, err error) {
	e, d := s.e, &s.work
	p.now, p.born = e.Now(), s.id == ""
	p.next = Record{Version: s.rec.Version + 1, Created: s.rec.Created}
	from, to := s.base.placement, d.placement
	if p.born {
		p.next.Created = p.now
	} else if from == InCookie { // a record would say so itself
		ended, err := e.mayHaveEnded(ctx, s.rec.Created)
		if err == nil && (ended || !p.now.Before(s.rec.Expires)) {
			err = ErrGone
		}
		if err != nil {
			return p, err
		}
	}
	if from == InCookie && to != InCookie {
		p.next.Version = 1 // one more record: the store may say that it is full
	}
	if to == InCookie && (p.born || from != InCookie) {
		// After a clock went back, the store may have forgotten ended IDs that are
		// younger than this session: it must not be taken for one of them.
		forgotten, err := e.forgotten(ctx)
		if err != nil {
			return p, err
		}
		if least := forgotten.Add(time.Millisecond - e.cfg.Lifetime); p.next.Created.Before(least) {
			p.next.Created = least
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
	// A change of placement to or from the cookie is a change of ID too: the
	// record and the cookie of before must both be dead at once. So is an expiry that
	// is set in placement cookie: nothing on the server would end an older copy sooner.
	p.fresh = p.born || d.cycle || from != to && (from == InCookie || to == InCookie) ||
		d.rearm && from == InCookie && p.next.Expires.Before(p.absolute)
	return p, nil
}

// write stores the staged state and signs its cookie.
func (s *Session) write(ctx context.Context) error {
	e, d := s.e, &s.work
	p, err := s.plan(ctx)
	switch {
	case err != nil:
		return err
	case p.expired && p.born:
		s.ops, s.work = nil, s.base
		return nil
	case p.expired && (p.fresh || s.base.placement == InCookie):
		return s.Flush(ctx) // there would be nothing left to give a new ID to
	}
	next, fresh := p.next, p.fresh
	v := &envelope{placement: d.placement, id: s.id, created: next.Created, deadline: p.absolute, expiry: d.expiry}
	switch d.placement {
	case InCookie:
		v.version, v.deadline = next.Version, next.Expires
	case Hybrid:
		v.version = next.Version
	}
	key := s.key
	if fresh {
		v.id = rand.Text()
		key = KeyOf(v.id)
	}
	if err := s.place(d, v, fresh); err != nil {
		return err
	}
	floor, changed := s.marks(v, next.Version, fresh)
	if d.placement != InCookie {
		c := contents{placement: d.placement, expiry: d.expiry, floor: floor, changed: changed, write: e.mark(), values: d.values.half(true)}
		next.Data = string(c.append(make([]byte, 0, 256)))
	} else if fresh && !e.cfg.IDRoom.take(p.now, p.absolute, p.born) {
		return ErrNoID
	}
	if err := s.store(ctx, key, v, next, fresh); err != nil {
		if d.placement == InCookie && fresh {
			e.cfg.IDRoom.giveBack(p.absolute)
		}
		return err
	}

	s.announce(ctx, key.Name(), next.Version, p.born, fresh)
	if fresh && !p.born {
		s.before = s.name()
	}
	if p.expired {
		s.before = s.name()
		e.emit(ctx, Event{Kind: Expired, Session: s.before, Reason: "its own expiry has passed"})
		s.end()
		return nil
	}
	send := fresh || s.sends()
	s.id, s.key, s.rec, s.floor, s.changed = v.id, key, next, floor, changed
	d.rearm, d.cycle, d.voids = false, false, false
	s.base, s.ops = *d, nil
	if !send {
		if !s.stale {
			s.verdict = VerdictOK
		}
		return nil
	}
	s.stale, s.missed, s.blind, s.verdict = false, false, false, VerdictOK
	return s.sign(ctx, v)
}

// marks returns what the record will say of cookies: before which version their
// values count no more, and in which they changed last.
func (s *Session) marks(v *envelope, version uint64, fresh bool) (floor, changed uint64) {
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

// sends tells whether a write under the same ID needs a new cookie.
func (s *Session) sends() bool {
	d := &s.work
	switch {
	case d.voids, d.placement == InCookie:
		return true
	case d.placement == Hybrid:
		return !s.blind // its cookie would replace values that it does not know
	}
	// The cookie says nothing that a write changes, unless a clock of the session's
	// own must be labelled anew or an old key signed it.
	return d.rearm || d.expiry.After != 0 || s.cookie.Key != 1
}

// sign makes the cookie to send.
func (s *Session) sign(ctx context.Context, v *envelope) error {
	cookie, err := s.e.sign(v)
	if err != nil {
		return err
	}
	s.cookie = cookie
	s.set, s.line = s.e.header(cookie.Value, s.maxAge(s.e.Now())), ""
	s.e.emit(ctx, Event{Kind: Signed, Session: s.name(), Bytes: s.cookieBytes(), KeyNumber: 1, KeyCount: cookie.Keys})
	return nil
}

// maxAge returns the cookie's label in seconds: what is left of the session's
// own expiry or else of its absolute lifetime, and 0, no label, for a session
// that ends with the browser.
func (s *Session) maxAge(now time.Time) int {
	until := s.rec.Created.Add(s.e.cfg.Lifetime)
	switch x := s.base.expiry; {
	case x.BrowserClose:
		return 0
	case s.e.cfg.Rolling && s.base.placement == Hybrid:
		// Reads move its clock without a new cookie: the label must not end it before.
	case x.After != 0 || !x.At.IsZero():
		until = s.rec.Expires
	}
	return int((until.Sub(now) + time.Second - 1) / time.Second)
}

// store writes next, the record of v's session, under key, and with fresh makes sure
// that the ID of before opens nothing.
func (s *Session) store(ctx context.Context, key Key, v *envelope, next Record, fresh bool) error {
	backend := s.e.cfg.Backend
	gone := func(op string, err error) error {
		if err = storeError(op, err); errors.Is(err, ErrNotFound) || errors.Is(err, ErrExists) {
			return ErrGone
		}
		return err
	}
	r := next
	r.Version-- // a backend counts it up
	switch {
	case !fresh && v.placement == InCookie: // nothing to write, but the ID may have been ended meanwhile
		if ok, err := s.alive(ctx); err != nil || !ok {
			return cmp.Or(err, ErrGone)
		}
		return nil
	case !fresh:
		_, err := backend.Save(ctx, key, r)
		return gone("save", s.settle(ctx, key, r, err))
	}
	if v.placement != InCookie {
		if err := gone("create", s.settle(ctx, key, r, backend.Create(ctx, key, r))); err != nil {
			return err
		}
	}
	if s.id == "" {
		return nil
	}
	var err error
	old, stone := s.key, s.headstone(diedCycled, key)
	if s.base.placement == InCookie {
		err = gone("create", s.settle(ctx, old, stone, backend.Create(ctx, old, stone)))
	} else {
		_, err = backend.Save(ctx, old, stone)
		err = gone("save", s.settle(ctx, old, stone, err))
	}
	if err != nil && v.placement != InCookie {
		// The copy under the new ID was never named to anybody. If the store
		// fails here too, it stays until it expires and opens for nobody.
		_ = backend.Delete(context.WithoutCancel(ctx), key)
	}
	return err
}

// settle finds out what became of a write of r when the store did not answer to it.
// What it took out of the older cookie or record would be lost if it happened and
// the new cookie were not sent. It returns nil if the store holds this very write,
// which its mark tells from another request's, and err if it does not, or if that
// cannot be told: then the write may have happened, or may still happen.
func (s *Session) settle(ctx context.Context, key Key, r Record, err error) error {
	if Answered(err) || errors.Is(err, ErrDown) {
		return err
	}
	ctx = context.WithoutCancel(ctx) // the client may have left: the store may not
	for until := time.Now().Add(settleFor); ; {
		is, loadErr := s.e.cfg.Backend.Load(ctx, key)
		if loadErr == nil && is.Version == r.Version+1 && is.Marker == r.Marker && is.Data == r.Data {
			return nil
		}
		if Answered(loadErr) || time.Now().After(until) {
			return err
		}
		_ = pause(ctx, settlePause)
	}
}

// announce emits what a successful write did.
func (s *Session) announce(ctx context.Context, name Name, version uint64, born, fresh bool) {
	e, d := s.e, &s.work
	if !e.watched(ctx) {
		return
	}
	if born {
		e.emit(ctx, Event{Kind: Created, Session: name, Place: d.placement})
	}
	for _, now := range d.values {
		was, _ := s.base.values.get(now.key)
		if now.Value != was.Value {
			e.emit(ctx, Event{Kind: Set, Session: name, Key: now.key, Bytes: len(now.Value)})
		}
		if now != was {
			e.emit(ctx, Event{Kind: Placed, Session: name, Key: now.key, Lives: now.lives(), Bytes: len(now.Value)})
		}
	}
	cleared := d.voids && len(d.values) == 0
	for _, was := range s.base.values {
		if _, ok := d.values.find(was.key); !ok && !cleared {
			e.emit(ctx, Event{Kind: Deleted, Session: name, Key: was.key})
		}
	}
	if cleared && len(s.base.values) > 0 {
		e.emit(ctx, Event{Kind: Cleared, Session: name, Count: len(s.base.values)})
	}
	if fresh && !born {
		e.emit(ctx, Event{Kind: Cycled, Session: name, Before: s.name(), Place: d.placement})
	}
	if d.placement != InCookie {
		e.emit(ctx, Event{Kind: Saved, Session: name, Version: version})
	}
}

// place decides where each value of d lives, writes that into d, and gives v the
// cookie's half. It returns a *LimitError if the session would be too large, or
// the cookie and nothing may leave it.
func (s *Session) place(d *draft, v *envelope, fresh bool) error {
	// The server takes what a cookie may not: this request does not know what a
	// later cookie carries, or others with older cookies may not know this one.
	toServer := s.blind || d.voids && !fresh
	// n members have n-1 commas and 2 braces: entry.bytes counts one of them each.
	var buf [64 + idBytes]byte
	total, cookie := 0, len(v.head(buf[:0]))+1
	for i := range d.values {
		e := &d.values[i]
		if len(e.Value) > MaxValueBytes {
			return &LimitError{LimitValue, len(e.Value), MaxValueBytes, e.key}
		}
		switch d.placement {
		case InCookie:
			e.onServer = false
		case OnServer:
			e.onServer = true
		case Hybrid:
			e.onServer = e.onServer || toServer || len(e.Value) > MaxSmallBytes
		}
		size := e.bytes()
		total += size
		if !e.onServer {
			cookie += size
		}
	}
	tooLarge := func(limit Limit, size, max int) error {
		key := s.lastSet
		if e := largestInCookie(d.values); key == "" && e != nil {
			key = e.key
		}
		return &LimitError{limit, size, max, key}
	}
	if n := len(d.values); n > MaxKeys {
		return tooLarge(LimitKeys, n, MaxKeys)
	}
	if total > MaxSessionBytes {
		return tooLarge(LimitSession, total, MaxSessionBytes)
	}
	for cookie > s.e.maxRaw {
		e := largestInCookie(d.values)
		if e == nil {
			break
		}
		if d.placement == InCookie {
			return tooLarge(LimitCookie, len(s.e.name)+signedBytes(cookie), MaxCookieBytes)
		}
		e.onServer = true
		cookie -= e.bytes()
	}
	v.values = d.values.half(false)
	return nil
}

// largestInCookie returns the largest entry in the cookie, of several the first; nil without one.
func largestInCookie(es entries) (largest *entry) {
	for i := range es {
		if e := &es[i]; !e.onServer && (largest == nil || len(e.Value) > len(largest.Value)) {
			largest = e
		}
	}
	return largest
}

// keepAlive does what a request that changed nothing may do: with Rolling it
// moves the idle clock, and a cookie that an old key signed is signed anew. A
// read never re-sends values, nor a cookie that values may have joined since: its
// answer may arrive after a newer cookie. The exception is a rolling session of
// placement cookie, once a minute: nothing else holds its clock.
func (s *Session) keepAlive(ctx context.Context) error {
	e := s.e
	if s.id == "" || !e.cfg.Rolling && s.cookie.Key == 1 {
		return nil
	}
	now := e.Now()
	if !now.Before(s.rec.Expires) {
		return nil // it ran out since it was loaded
	}
	expires, absolute := e.clocks(s.rec.Created, now, s.base.expiry)
	v := *s.cookie.envelope
	resign := s.cookie.Key != 1 && len(v.values) == 0 && s.base.placement != InCookie
	if e.cfg.Rolling && expires.After(s.rec.Expires) {
		if s.base.placement == InCookie {
			if expires.Sub(s.rec.Expires) >= resignEvery || expires.Equal(absolute) {
				v.deadline, s.rec.Expires, resign = expires, expires, true
			}
		} else {
			err := storeError("touch", e.cfg.Backend.Touch(ctx, s.key, s.rec.Version, expires))
			if errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) {
				return nil // ended or written meanwhile: this was a read, it saw the session before
			} else if err != nil {
				return err
			}
			s.rec.Expires = expires
			resign = resign || len(v.values) == 0 && s.base.expiry.After != 0
		}
	}
	if !resign || s.stale {
		return nil // nothing to send, or a later cookie was sent already
	}
	// The ID may have been cycled meanwhile: the new cookie must not be undone.
	if ok, err := s.alive(ctx); err != nil || !ok {
		return err
	}
	return s.sign(ctx, &v)
}
