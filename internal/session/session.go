package session

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Verdict is what became of the cookie that a request carried.
type Verdict string

const (
	VerdictAbsent  Verdict = "absent"  // the request carried no cookie of our name
	VerdictOK      Verdict = "ok"      // the cookie verified and opened its session
	VerdictStale   Verdict = "stale"   // the cookie verified and opened its session, and a later cookie was sent out since
	VerdictGarbled Verdict = "garbled" // the cookie does not have the form of the engine's cookies
	VerdictForged  Verdict = "forged"  // the cookie's signature does not fit
	VerdictExpired Verdict = "expired" // one of the session's clocks has run out
	VerdictDead    Verdict = "dead"    // the session's ID was ended, or its record is gone
	VerdictMoved   Verdict = "moved"   // the session's ID was replaced less than 30 s ago
)

// draft is the state of a session, as loaded or with operations applied.
type draft struct {
	values    entries
	placement Placement
	expiry    Expiry
	rearm     bool // the expiry was set: that is a change even if the expiry is the same as before
	cycle     bool // the session gets a new ID
	voids     bool // the values in older cookies count no more
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
	cookie  *Cookie // the cookie that came, then the one that is sent; nil if none verified
	codec   *codec  // verifies and signs for this request, also when the secrets are replaced meanwhile

	id      string // "" when there is no session
	key     Key    // of id
	rec     Record // the session's version and clocks; Data only when a record exists
	floor   uint64 // the values in a hybrid cookie of an older version count no more
	changed uint64 // hybrid: the version at which the values in the cookie changed last
	stale   bool   // hybrid: a later cookie than this request's was sent out
	missed  bool   // hybrid: the later cookie carries other values than this request's cookie
	blind   bool   // hybrid: this request's cookie is older than floor, and does not say which values later cookies carry
	base    draft  // as loaded
	work    draft  // base with ops applied
	ops     []func(*draft)
	lastSet string // the key that was set last, for a LimitError

	before Name         // the name of the ID that a cycle or a flush ended
	set    *http.Cookie // the cookie to send, or nil
	line   string       // the Set-Cookie line of set, once WriteCookie needed it
	done   bool         // committed or discarded, and nothing was staged since
	gone   bool         // the session ended during this request: a later write of the request must not begin another session
	label  int          // the MaxAge that fill wrote into gorilla's Options
}

func (s *Session) cookieBytes() int {
	if s.cookie == nil {
		return 0
	}
	return len(s.e.name) + len(s.cookie.Value)
}

// Exists tells whether there is a session: loaded, or born by a Commit.
func (s *Session) Exists() bool { return s.id != "" }

// ID returns the session's short name, "" without a session; never the ID itself.
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

// Version returns the session's version as committed, 0 without a session.
func (s *Session) Version() uint64 { return s.rec.Version }

// Placement returns where the session's values live, as committed.
func (s *Session) Placement() Placement { return s.base.placement }

// IDBefore returns the short name of the ID that this request ended, or "".
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

// Set stages session[key] = v. To set the value that the key has already is no change.
// It returns an *InputError for an impossible key and a *LimitError for a value over
// 64 KiB. Commit checks the limits of the whole session.
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

// Update stages a read-modify-write: f gets the value of key, if it has one, and returns
// the new value. After a conflict f is called again with the value that the other request
// wrote, so that no update is lost. Update returns an *InputError for an impossible key;
// Commit returns a *LimitError for a value over 64 KiB.
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

// Clear stages the removal of every value, also of values that only a later cookie
// carries. ID and record stay.
func (s *Session) Clear() {
	if len(s.work.values) > 0 || s.stale {
		s.stage(func(d *draft) { d.values, d.voids = nil, true })
	}
}

// CycleID stages a new ID for the same data. Without a session it does nothing.
func (s *Session) CycleID() { s.stage(func(d *draft) { d.cycle = true }) }

// SetExpiry stages the session's own expiry. Its clock begins at the Commit. An expiry
// that has passed then ends the session at once.
func (s *Session) SetExpiry(x Expiry) { s.stage(func(d *draft) { d.expiry, d.rearm = x, true }) }

// SetPlacement stages where the values live from now on. Values that live on the server
// stay there when the session becomes hybrid: otherwise a cookie that is lost on its way,
// or replaced by the answer to another request, would take them along. Before a session
// is born, SetPlacement decides where its values will live.
func (s *Session) SetPlacement(p Placement) {
	s.stage(func(d *draft) {
		if d.placement == p {
			return
		}
		d.placement, d.voids = p, true
		if p == InCookie { // the cache of known cookies must not keep the record's whole data in memory
			for i, e := range d.values {
				d.values[i].key, d.values[i].Value = strings.Clone(e.key), Value(strings.Clone(string(e.Value)))
			}
		}
	})
}

// Discard drops what is staged, and the event says why. A Commit after it does nothing.
func (s *Session) Discard(ctx context.Context, reason string) {
	s.done = true
	if len(s.ops) > 0 {
		s.ops, s.work = nil, s.base
		s.e.emit(ctx, Event{Kind: Discarded, Session: s.name(), Reason: reason})
	}
}

// SetCookie returns the cookie that the response must carry, or nil if the browser keeps
// the cookie that it has. There is at most one, however often the request commits.
func (s *Session) SetCookie() *http.Cookie { return s.set }

// WriteCookie writes the cookie of SetCookie into h, in the place of an earlier cookie of
// the same name.
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

// maxAge returns the cookie's Max-Age in seconds: what is left of the session's own expiry
// or, without one, of its absolute lifetime. It returns 0, which means no Max-Age, for a
// session that ends with the browser.
func (s *Session) maxAge(now time.Time) int {
	until := s.rec.Created.Add(s.e.cfg.Lifetime)
	switch x := s.base.expiry; {
	case x.BrowserClose:
		return 0
	case s.e.cfg.Rolling && s.base.placement == Hybrid:
		// Reads move the record's clock and send no cookie: the cookie must not end before the record.
	case x.After != 0 || !x.At.IsZero():
		until = s.rec.Expires
	}
	return int((until.Sub(now) + time.Second - 1) / time.Second)
}
