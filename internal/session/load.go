package session

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
)

// Load returns the session that r's cookie opens, and keeps it in r's context: in the
// context's Slot or, without a Slot, in a new context of r. If there is no cookie, or it
// is refused, the Session does not exist yet and reads empty. A request loads its session
// once: later calls with r return the same Session.
//
// The only error is a *StoreError.
func (e *Engine) Load(r *http.Request) (*Session, error) {
	if s := e.Loaded(r); s != nil {
		return s, nil
	}
	ctx := r.Context()
	s := &Session{e: e, codec: e.codec.Load(), verdict: VerdictAbsent}
	s.reset()
	for value := range cookiesNamed(r.Header, e.name) {
		// Of several cookies of our name the first that verifies counts; they
		// are never merged (RFC 6265, section 8.6: weak integrity).
		cookie, known, err := e.verify(s.codec, value)
		if err != nil && strings.ContainsAny(value, "\"\\") {
			continue // net/http does not parse it as a cookie, so that the page does not show it
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

// Pair is one cookie of a Cookie header, as it stands there. A text without "=" is the
// value of a cookie that has no name (RFC 6265bis, section 5.6).
type Pair struct{ Name, Value string }

// Pairs yields the cookies of a request's headers in their order.
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

// reset makes s a session that does not exist. The verdict and the cookie stay: they say
// what the request carried.
func (s *Session) reset() {
	s.id, s.key, s.rec, s.floor, s.changed, s.stale, s.missed, s.blind, s.ops = "", Key{}, Record{}, 0, 0, false, false, false, nil
	s.base = draft{placement: s.e.cfg.Placement}
	s.work = s.base
}

// open loads the session that s.cookie opens, if there is one, and sets the verdict. known tells
// whether the cookie had verified before. The only error is a *StoreError.
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

// readBase makes base and work from the cookie and the record. It returns an error for a
// corrupt record.
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
		counts := v.placement == Hybrid && v.version >= s.floor // the values in the cookie count
		s.stale = d.placement == Hybrid && v.version < s.rec.Version
		s.missed = s.stale && v.version < s.changed
		// At version floor no cookie carries values: they were cleared, or moved to the server.
		s.blind = s.stale && !counts && s.rec.Version > s.floor
		if len(v.values) > 0 && counts && d.placement == Hybrid {
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

// Loaded returns the session that Load has returned for r, or nil before the first Load.
func (e *Engine) Loaded(r *http.Request) *Session {
	if slot, ok := r.Context().Value(SlotKey{}).(*Slot); ok && slot.s != nil && (slot.s.e == e || slot.s.e.contextKey == e.contextKey) {
		return slot.s
	}
	s, _ := r.Context().Value(e.contextKey).(*Session)
	return s
}

// contextKey is the key of a Session in its request's context. Views of one engine
// with the same cookie give a request the same Session.
type contextKey struct {
	engine     *shared
	name, path string
}

// Slot is room for one session in a context. If the context of a request returns a *Slot
// for SlotKey{}, Load keeps the session there and need not copy the request.
type Slot struct{ s *Session }

// SlotKey is the key of a Slot in a context.
type SlotKey struct{}
