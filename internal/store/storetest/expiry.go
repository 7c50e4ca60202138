package storetest

import (
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it fails, a session lives longer or shorter than its expiry, or the sweep removes live
// sessions or leaves dead ones.
func expiry(t *testing.T, s *suite) {
	s.create(1, 5*time.Second, `1`)
	s.create(2, 5*time.Second+400*time.Millisecond, `22`)
	s.create(3, time.Hour, `333`)
	s.clock.Move(5*time.Second - time.Millisecond)
	s.wantLoad(1, nil)
	s.wantStats(3, 0, 6)
	s.clock.Move(time.Millisecond) // dead when !now.Before(Expires)
	s.wantLoad(1, session.ErrNotFound)
	s.wantLoad(2, nil)
	s.wantStats(2, 1, 6) // expired is not cleared
	s.clock.Move(400 * time.Millisecond)
	s.wantStats(1, 2, 6)
	s.wantCleared(10, 2)
	s.wantStats(1, 0, 3)
	s.wantCleared(10, 0)
	s.wantLoad(3, nil)

	s.create(4, time.Second, `1`)
	s.clock.Move(48 * time.Hour)
	s.wantStats(0, 2, 4)
	s.want(nil, s.backend.Delete(t.Context(), key(4))) // an expired session can be deleted
	s.wantStats(0, 1, 3)
	s.wantCleared(10, 1)
}

// If it fails, the store holds on to the first expiry of a session, though a touch or a
// save has moved it, to later or to earlier.
func expiryMoves(t *testing.T, s *suite) {
	ctx := t.Context()
	start := s.clock.Now()
	s.create(1, 10*time.Second, `1`)
	s.want(nil, s.backend.Touch(ctx, key(1), 1, start.Add(time.Minute)))
	s.want(session.ErrConflict, s.backend.Touch(ctx, key(1), 2, start.Add(time.Hour)))
	r := s.wantLoad(1, nil)
	if r.Version != 1 || !r.Expires.Equal(start.Add(time.Minute)) {
		t.Fatalf("after touch: version %d, expires %v", r.Version, r.Expires)
	}
	s.clock.Move(30 * time.Second)
	s.wantLoad(1, nil)
	s.wantStats(1, 0, 1)
	r.Expires = start.Add(31 * time.Second) // earlier
	_, err := s.backend.Save(ctx, key(1), r)
	s.want(nil, err)
	s.clock.Move(time.Second)
	s.wantLoad(1, session.ErrNotFound)
	s.wantStats(0, 1, 1)
	s.wantCleared(10, 1)
	s.clock.Move(time.Hour)
	s.wantStats(0, 0, 0)
	s.wantCleared(10, 0)

	s.create(2, time.Minute, `1`)
	r = s.wantLoad(2, nil)
	r.Expires = s.clock.Now() // saved as dead: it stays until it is cleared
	_, err = s.backend.Save(ctx, key(2), r)
	s.want(nil, err)
	s.wantLoad(2, session.ErrNotFound)
	s.wantStats(0, 1, 1)
	s.wantCleared(10, 1)
}

// If it fails, a session that was found dead stays dead or disappears when the clock is set
// back, or is swept although it lives.
func backwards(t *testing.T, s *suite) {
	s.create(1, 10*time.Second, `1`)
	s.clock.Move(20 * time.Second)
	s.wantStats(0, 1, 1)
	s.clock.Move(-15 * time.Second)
	s.wantLoad(1, nil)
	s.wantStats(1, 0, 1)
	s.wantCleared(10, 0)
	s.clock.Move(5 * time.Second)
	s.wantStats(0, 1, 1)
	s.clock.Move(-time.Millisecond) // within the same second
	s.wantLoad(1, nil)
	s.wantCleared(10, 0)
	s.wantLoad(1, nil)
	s.clock.Move(time.Millisecond)
	s.wantCleared(10, 1)

	s.create(1, 500*time.Millisecond, `1`)
	s.clock.Move(600 * time.Millisecond)
	s.wantStats(0, 1, 1)
	s.clock.Move(-200 * time.Millisecond) // found dead, and alive again within the same second
	s.wantCleared(10, 0)
	s.wantLoad(1, nil)
	s.clock.Move(200 * time.Millisecond)
	s.wantCleared(10, 1)
	s.clock.Move(400 * time.Millisecond) // to a whole second again

	// Found dead, and written again after a small step back.
	ctx := t.Context()
	for n, write := range []func(k session.Key, r session.Record) error{
		func(k session.Key, r session.Record) error { _, err := s.backend.Save(ctx, k, r); return err },
		func(k session.Key, r session.Record) error { return s.backend.Touch(ctx, k, r.Version, r.Expires) },
		func(k session.Key, r session.Record) error {
			r.Marker = true
			_, err := s.backend.Save(ctx, k, r)
			return err
		},
	} {
		s.create(2+n, 100*time.Millisecond, `1`)
		s.clock.Move(101 * time.Millisecond)
		s.wantStats(0, 1, 1)
		s.clock.Move(-5 * time.Millisecond)
		r := s.wantLoad(2+n, nil)
		r.Expires = s.clock.Now().Add(time.Minute)
		s.want(nil, write(key(2+n), r))
		s.wantStats(1-n/2, 0, int64(1-n/2))
		s.clock.Move(time.Hour)
		s.wantCleared(10, 1-n/2)
		s.wantStats(0, 0, 0)
	}
}

// If it fails, sessions that were deleted long before their expiry count in the figures.
func shortLived(t *testing.T, s *suite) {
	s.create(0, time.Hour, `1`)
	for n := range 200 {
		s.create(1+n%5, 2*time.Hour, `22`)
		s.want(nil, s.backend.Delete(t.Context(), key(1+n%5)))
	}
	s.wantStats(1, 0, 1)
	s.clock.Move(time.Hour)
	s.wantStats(0, 1, 1)
	s.clock.Move(2 * time.Hour)
	s.wantStats(0, 1, 1)
	s.wantCleared(10, 1)
	s.wantStats(0, 0, 0)
}

// If it fails, DeleteExpired removes more than its limit, or less than it could.
func clearsInSteps(t *testing.T, s *suite) {
	for n := range 7 {
		s.create(n, time.Duration(1+n%2)*time.Second, `1`)
	}
	s.create(7, time.Hour, `1`)
	s.clock.Move(time.Minute)
	s.wantStats(1, 7, 8)
	s.wantCleared(3, 3)
	s.wantCleared(3, 3)
	s.wantCleared(3, 1)
	s.wantStats(1, 0, 1)
}
