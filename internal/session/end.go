package session

import (
	"context"
	"errors"
)

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
