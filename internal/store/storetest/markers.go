package storetest

import (
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it fails, a marker can be overwritten, deleted or read as a session, it counts as one,
// or it blocks its key after its expiry.
func markers(t *testing.T, s *suite) {
	ctx := t.Context()
	mark := s.record(30*time.Second, `{"flushed":"now"}`)
	mark.Marker = true
	s.want(nil, s.backend.Create(ctx, key(1), mark))
	s.want(session.ErrExists, s.backend.Create(ctx, key(1), mark))
	s.want(session.ErrExists, s.backend.Create(ctx, key(1), s.record(time.Hour, `1`)))
	if r := s.wantLoad(1, nil); !r.Marker || r.Data != mark.Data {
		t.Fatalf("loaded %+v, want the marker", r)
	}
	live := s.record(time.Hour, `1`)
	live.Version = 1
	_, err := s.backend.Save(ctx, key(1), live)
	s.want(session.ErrNotFound, err)
	s.want(session.ErrNotFound, s.backend.Touch(ctx, key(1), 1, mark.Expires.Add(time.Hour)))
	s.want(nil, s.backend.Delete(ctx, key(1)))
	s.wantLoad(1, nil) // a marker stays
	s.wantStats(0, 0, 0)

	s.create(2, time.Hour, `22`)
	mark.Version = 1
	_, err = s.backend.Save(ctx, key(2), mark)
	s.want(nil, err)
	s.wantStats(0, 0, 0)

	s.clock.Move(30 * time.Second)
	s.wantLoad(1, session.ErrNotFound)
	s.wantStats(0, 0, 0)
	s.wantCleared(10, 0)
	s.create(1, time.Hour, `1`) // the marker has expired: its key is free
	s.wantStats(1, 0, 1)
	for e, err := range s.backend.All(ctx) {
		s.want(nil, err)
		if e.Key != key(1) {
			t.Fatalf("All yields %v", e)
		}
	}
}

// If it fails, many dead markers hide the expired sessions from a full store or from the
// sweep.
func markersBetween(t *testing.T, s *suite) {
	mark := s.record(time.Second, `{}`)
	mark.Marker = true
	for n := range 3000 {
		s.want(nil, s.backend.Create(t.Context(), key(1000+n), mark))
	}
	for n := range 8 {
		s.create(n, time.Second, `1`)
	}
	s.clock.Move(time.Minute)
	s.create(100, time.Minute, `1`) // a full store finds room at once
	n, err := s.backend.DeleteExpired(t.Context(), s.clock.Now(), 5)
	s.want(nil, err)
	st, err := s.backend.Stats(t.Context())
	s.want(nil, err)
	if n < 5 && st.Expired > 0 {
		t.Fatalf("%d of 5 were removed, and %d are left", n, st.Expired)
	}
}

// The clock goes back behind the expiry of a marker that a sweep has removed. If it fails,
// Forgotten does not say so, and the ended ID of that marker can be used again.
func forgotten(t *testing.T, s *suite) {
	ctx := t.Context()
	begin := s.clock.Now()
	for n := range 3 {
		mark := s.record(time.Duration(1+n)*time.Hour, `{}`)
		mark.Marker = true
		s.want(nil, s.backend.Create(ctx, key(n), mark))
	}
	wantEnded := func(want int) {
		t.Helper()
		if st, err := s.backend.Stats(ctx); err != nil || st.Ended != want && st.Ended != 0 {
			t.Errorf("%d ended, %v; want %d, or 0 for a store that does not count them", st.Ended, err, want)
		}
	}
	wantEnded(3)
	s.clock.Move(150 * time.Minute)
	s.wantCleared(10, 0)
	wantEnded(1)
	s.clock.Move(-150 * time.Minute)
	until, err := s.backend.Forgotten(ctx)
	s.want(nil, err)
	if until.After(begin.Add(2 * time.Hour)) {
		t.Errorf("markers are said to be forgotten until %v: the third is there", until)
	}
	for n := range 3 {
		_, err := s.backend.Load(ctx, key(n))
		if expires := begin.Add(time.Duration(1+n) * time.Hour); err != nil && (n == 2 || until.Before(expires)) {
			t.Errorf("marker %d, which expires at %v, is gone (%v), and markers are said to be forgotten until %v", n, expires, err, until)
		}
	}
}
