// Package storetest is the suite that every session.Backend passes. Begin with Run; with
// Hooked for a backend that fails on demand; with Clock for a clock that a test moves.
package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Run tests the backends that open returns. Each call of open returns an empty backend
// for at most max sessions, 0 for no limit, with now as its clock.
func Run(t *testing.T, open func(t *testing.T, max int, now func() time.Time) session.Backend) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"create, load, save, delete", lifeCycle},
		{"save compares versions", compareAndSwap},
		{"nothing is revived", noRevival},
		{"expiry", expiry},
		{"expiry moves both ways", expiryMoves},
		{"the clock goes backwards", backwards},
		{"short-lived sessions", shortLived},
		{"markers between", markersBetween},
		{"delete expired works in steps", clearsInSteps},
		{"markers", markers},
		{"what is forgotten of markers", forgotten},
		{"full", full},
		{"all", all},
		{"peek", peek},
		{"canceled", canceled},
		{"parallel writers of one key", parallelWriters},
		{"parallel sessions", parallelSessions},
		{"every byte comes back", everyByte},
		{"times come back", times},
		{"one of many creates wins", oneCreateWins},
		{"never more than the limit", neverMore},
		{"clearing meets writers", clearingMeetsWriters},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := NewClock()
			test.run(t, &suite{t, clock, open(t, 8, clock.Now), func() session.Backend { return open(t, 0, clock.Now) }})
		})
	}
	t.Run("histories are linearizable", func(t *testing.T) {
		t.Parallel()
		histories(t, open)
	})
	t.Run("random operations against a map", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			clock := NewClock()
			newModel(t.Context(), clock, open(t, 0, clock.Now)).compare(rt)
		})
	})
}

// suite is one test of Run.
type suite struct {
	t       *testing.T
	clock   *Clock
	backend session.Backend        // empty, for at most 8 sessions
	another func() session.Backend // opens an empty backend without a limit
}

// key returns the key of record n.
func key(n int) session.Key { return session.KeyOf(fmt.Sprint("id ", n)) }

// record returns a record that lives for d.
func (s *suite) record(d time.Duration, data string) session.Record {
	now := s.clock.Now()
	return session.Record{Created: now, Expires: now.Add(d), Data: data}
}

// create creates record n, which lives for d.
func (s *suite) create(n int, d time.Duration, data string) {
	s.t.Helper()
	s.want(nil, s.backend.Create(s.t.Context(), key(n), s.record(d, data)))
}

func (s *suite) want(want, got error) {
	s.t.Helper()
	if !errors.Is(got, want) {
		s.t.Fatalf("error %v, want %v", got, want)
	}
}

// wantLoad loads record n and wants this error, nil for none.
func (s *suite) wantLoad(n int, want error) session.Record {
	s.t.Helper()
	r, err := s.backend.Load(s.t.Context(), key(n))
	s.want(want, err)
	return r
}

// wantStats wants these figures, whatever Ended is.
func (s *suite) wantStats(live, expired int, bytes int64) {
	s.t.Helper()
	got, err := s.backend.Stats(s.t.Context())
	s.want(nil, err)
	got.Ended = 0 // a store need not count markers
	if diff := cmp.Diff(session.Stats{Live: live, Expired: expired, Bytes: bytes}, got); diff != "" {
		s.t.Fatalf("stats (-want +got):\n%s", diff)
	}
}

// wantCleared wants DeleteExpired to remove want sessions, of at most limit.
func (s *suite) wantCleared(limit, want int) {
	s.t.Helper()
	n, err := s.backend.DeleteExpired(s.t.Context(), s.clock.Now(), limit)
	s.want(nil, err)
	if n != want {
		s.t.Fatalf("%d removed, want %d", n, want)
	}
}
