package classroom

import (
	"context"
	"errors"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Eraser is a session.Backend that can remove all that it has.
type Eraser interface {
	// Erase removes every session and every marker. After an error some may be left.
	Erase(ctx context.Context) error
}

// never is later than every expiry of a session.
var never = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// Wipe removes the sessions and markers of all parts. forget makes a store without them, as for Swap; nil
// is none, and then a marker's latest expiry may stay. A store that is an Eraser is erased too. Whoever
// has a part from before can write no session to it any more, as after Drop. After an error some may be
// left: call Wipe again.
func (s *Shared) Wipe(ctx context.Context, forget func(context.Context) (session.Backend, error)) error {
	all := s.indexes()
	for _, x := range all {
		x.drop()
	}
	if err := s.Alone(ctx, func(ctx context.Context) error {
		if forget != nil {
			if err := s.Swap(ctx, forget); err != nil {
				return err
			}
		}
		return s.erase(ctx, forget == nil)
	}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range all {
		if s.byTag[x.tag] == x {
			delete(s.byTag, x.tag)
		}
	}
	return nil
}

// erase removes all that the store has, for which a store that is no Eraser is told that everything has
// expired if it is to be swept.
func (s *Shared) erase(ctx context.Context, swept bool) error {
	v, err := s.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	if e, ok := v.Backend.(Eraser); ok {
		return e.Erase(ctx)
	}
	for n := sweepStep; swept && n == sweepStep; {
		if n, err = v.DeleteExpired(ctx, never, sweepStep); err != nil {
			return err
		}
	}
	return nil
}

// DropOthers removes the sessions of the parts whose tags has does not know: a crash has left them.
func (s *Shared) DropOthers(ctx context.Context, has func(tag [tagBytes]byte) bool) (err error) {
	for _, x := range s.indexes() {
		if !has(x.tag) {
			err = errors.Join(err, s.Drop(ctx, x.tag))
		}
	}
	return err
}

// Count returns how many sessions the parts have, live and expired. It asks the store only about
// writes whose outcome is not known.
func (s *Shared) Count(ctx context.Context) (n int, err error) {
	for _, x := range s.indexes() {
		if err := x.settle(ctx); err != nil {
			return 0, err
		}
		stats := x.stats(s.now())
		n += stats.Live + stats.Expired
	}
	return n, nil
}
