package session

import (
	"context"
	"errors"
	"time"
)

// Flush ends the session at once, without a Commit: the record goes, the browser's cookie
// expires, and no copy of the cookie opens anything, its values included. It returns
// ErrMoved when the session lives on under a new ID, and a *StoreError when the store does
// not answer.
func (s *Session) Flush(ctx context.Context) error {
	if s.id == "" {
		if s.verdict == VerdictMoved {
			return ErrMoved
		}
		return nil
	}
	if err := s.destroy(ctx, s.key); err != nil {
		return err
	}
	place := s.base.placement
	s.before = s.name()
	s.end()
	s.e.emit(ctx, Event{Kind: Flushed, Session: s.before, Place: place})
	return nil
}

// Known is what the server needs to know of a session to end it without its cookie. The zero Known is
// no session.
type Known struct {
	Key       Key
	Placement Placement
	Version   uint64
	Created   time.Time
}

// Known returns what End needs to know of s as committed; the zero Known if s does not exist.
func (s *Session) Known() Known {
	if s.id == "" {
		return Known{}
	}
	return Known{s.key, s.base.placement, s.rec.Version, s.rec.Created}
}

// End ends a session as its own Flush does, without a request of its browser: the browser keeps its
// cookie, which opens nothing any more. A session that has ended already is no error. It returns
// ErrMoved when the session lives on under a new ID, and a *StoreError when the store does not answer.
func (e *Engine) End(ctx context.Context, k Known) error {
	if k == (Known{}) {
		return nil
	}
	s := &Session{e: e, id: "known by its key", key: k.Key, rec: Record{Version: k.Version, Created: k.Created}}
	s.base.placement = k.Placement
	return s.Flush(ctx)
}

// destroy makes sure that key opens nothing any more.
func (s *Session) destroy(ctx context.Context, key Key) error {
	backend := s.e.cfg.Backend
	if s.base.placement == InCookie {
		marker := s.marker(diedFlushed, Key{})
		err := s.settle(ctx, key, marker, backend.Create(ctx, key, marker))
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

// marker returns the marker that says how the session's present ID ended. In placement
// cookie the marker lives as long as the cookie can verify. In the other placements the missing
// record ends the session too: there the marker lives for the 30 s in which late requests get a
// 409. to is the new ID's key after a cycle, zero after a flush.
func (s *Session) marker(how string, to Key) Record {
	now := s.e.Now()
	_, until := s.e.clocks(s.rec.Created, now, Expiry{})
	if s.base.placement != InCookie {
		until = now.Add(cycledFor)
	}
	return Record{Version: s.rec.Version, Created: s.rec.Created, Expires: until, Data: markerData(how, now, to), Marker: true}
}

// end makes s a session that does not exist, and expires the browser's cookie.
func (s *Session) end() {
	s.reset()
	s.cookie = nil
	s.set, s.line = s.e.header("", -1), ""
}
