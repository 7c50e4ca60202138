package session

import (
	"context"
	"errors"
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
