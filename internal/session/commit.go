package session

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"time"
)

// Commit writes what is staged, all of it or nothing, and makes the cookie that
// SetCookie returns. When nothing changed it writes nothing, and a second Commit
// does nothing at all unless more was staged.
//
// It returns a *LimitError or an *InputError for what cannot be kept, ErrFull when the
// store has no room, ErrGone or ErrMoved when the session ended meanwhile, and a
// *StoreError when the store does not answer: then the write may have happened or not. It
// returns ErrConflict when other requests kept writing first: Commit waits 5 s for its turn
// in the queue, then tries for 2 s. It returns ErrStale when a hybrid session would
// leave behind values that this request does not know. When ctx ends while Commit waits to
// try again, it returns the cause. After an error nothing is staged any more.
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
	leave, err := s.e.queues.enter(ctx, s.key)
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

// leavesBehind tells whether the staged changes would move the values of a hybrid session
// without the values in a later cookie. knew tells that this request loaded all values: another
// request has added some since if the session is now missed. A blind request's cookie is older
// than a clear or a move. A cookie that was stale when it came may move what it knows:
// the browser may never have got the later cookie, and must be able to go on.
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

// commit tries once to write what is staged.
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

// keepAlive does what a request that changed nothing may do: with Rolling it moves the
// idle clock, and a cookie that an old key signed is signed anew. A read sends no
// cookie that carries values, nor one to which another request may have added values since: the
// read's answer may arrive after the newer cookie, and its cookie would replace the newer one. The
// exception is a rolling
// session of placement cookie, once a minute: its clock is in the cookie only.
func (s *Session) keepAlive(ctx context.Context) error {
	e := s.e
	if s.id == "" || !e.cfg.Rolling && s.cookie.Key == 1 {
		return nil
	}
	now := e.Now()
	if !now.Before(s.rec.Expires) {
		return nil // the session expired since it was loaded
	}
	expires, absolute := e.clocks(s.rec.Created, now, s.base.expiry)
	v := *s.cookie.envelope
	resign, why := s.cookie.Key != 1 && len(v.values) == 0 && s.base.placement != InCookie, SignedSecret
	if e.cfg.Rolling && expires.After(s.rec.Expires) {
		if s.base.placement == InCookie {
			if expires.Sub(s.rec.Expires) >= resignEvery || expires.Equal(absolute) {
				v.deadline, s.rec.Expires, resign, why = expires, expires, true, SignedClock
			}
		} else {
			if touched, err := s.touch(ctx, expires); err != nil || !touched {
				return err
			}
			if !resign && len(v.values) == 0 && s.base.expiry.After != 0 {
				resign, why = true, SignedMaxAge
			}
		}
	}
	if !resign || s.stale {
		return nil // nothing to send, or a later cookie was sent already
	}
	// The ID may have been cycled meanwhile: this cookie must not replace the new one.
	if ok, err := s.alive(ctx); err != nil || !ok {
		return err
	}
	return s.sign(ctx, &v, why)
}

// touch moves the record's expiry. It returns false when another request ended or wrote the session:
// this read saw the session before that.
func (s *Session) touch(ctx context.Context, expires time.Time) (bool, error) {
	err := storeError("touch", s.e.cfg.Backend.Touch(ctx, s.key, s.rec.Version, expires))
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	s.rec.Expires = expires
	return true, nil
}

// alive tells whether the session is still as this request loaded it: the ID opens it, and
// the record has the same version.
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
