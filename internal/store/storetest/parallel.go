package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it fails, a full store evicts a live session, takes one too many, refuses a logout or a
// new ID, or stays full when there is room.
func full(t *testing.T, s *suite) {
	ctx := t.Context()
	for n := range 8 {
		s.create(n, time.Duration(10+n)*time.Second, `1`)
	}
	s.want(session.ErrFull, s.backend.Create(ctx, key(8), s.record(time.Hour, `1`)))
	s.wantStats(8, 0, 8)
	for n := range 8 {
		s.wantLoad(n, nil) // never evicted
	}
	mark := s.record(time.Hour, `{}`)
	mark.Marker = true
	s.want(nil, s.backend.Create(ctx, key(100), mark)) // a logout is not refused
	next := s.record(time.Hour, `1`)
	next.Version = 1
	s.want(nil, s.backend.Create(ctx, key(101), next)) // nor is a new ID
	if r := s.wantLoad(101, nil); r.Version != 2 {
		t.Fatalf("version %d under the new ID, want 2", r.Version)
	}
	s.want(nil, s.backend.Delete(ctx, key(101)))
	s.want(session.ErrFull, s.backend.Create(ctx, key(8), s.record(time.Hour, `1`)))
	s.want(nil, s.backend.Delete(ctx, key(0)))
	s.create(8, time.Hour, `1`)
	s.want(session.ErrFull, s.backend.Create(ctx, key(9), s.record(time.Hour, `1`)))
	s.clock.Move(12 * time.Second) // keys 1 and 2 are dead: there is room again
	s.create(9, time.Hour, `1`)
}

// Many creates come at the same time. If it fails, they pass the limit of 8 or stay below
// it, or a refused one leaves something.
func neverMore(t *testing.T, s *suite) {
	for range 5 {
		var won atomic.Int64
		var wg sync.WaitGroup
		for n := range 40 {
			wg.Go(func() {
				err := s.backend.Create(t.Context(), key(n), s.record(time.Second, `1`))
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, session.ErrFull):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 8 {
			t.Errorf("%d of 40 creates were taken, the limit is 8", won.Load())
		}
		s.wantStats(8, 0, 8)
		s.clock.Move(2 * time.Second)
		s.wantCleared(100, 8)
	}
}

// If it fails, two of many creates of one key at the same time succeed, or none does.
func oneCreateWins(t *testing.T, s *suite) {
	s.backend = s.another()
	defer s.noise()()
	for n := range 20 {
		var won atomic.Int64
		var wg sync.WaitGroup
		for who := range int64(8) {
			wg.Go(func() {
				err := s.backend.Create(t.Context(), key(n%4), s.record(time.Hour, fmt.Sprint(who+1)))
				switch {
				case err == nil:
					won.Add(1 + 100*(who+1))
				case !errors.Is(err, session.ErrExists):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if r := s.wantLoad(n%4, nil); won.Load()%100 != 1 || r.Data != fmt.Sprint(won.Load()/100) || r.Version != 1 {
			t.Fatalf("%d creates won, the record is %+v", won.Load()%100, r)
		}
		s.want(nil, s.backend.Delete(t.Context(), key(n%4)))
	}
}

// Each writer increments one counter 20 times. If it fails, an update is lost.
func parallelWriters(t *testing.T, s *suite) {
	const writers, times = 8, 20
	s.create(1, time.Hour, `0`)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range times {
				for {
					r, err := s.backend.Load(t.Context(), key(1))
					if err != nil {
						t.Error(err)
						return
					}
					var n int
					fmt.Sscan(r.Data, &n)
					r.Data = fmt.Sprint(n + 1)
					if _, err = s.backend.Save(t.Context(), key(1), r); err == nil {
						break
					} else if !errors.Is(err, session.ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if r := s.wantLoad(1, nil); r.Data != fmt.Sprint(writers*times) || r.Version != 1+writers*times {
		t.Fatalf("counter %s at version %d, want %d at %d", r.Data, r.Version, writers*times, 1+writers*times)
	}
}

// If it fails, requests for different sessions disturb one another.
func parallelSessions(t *testing.T, s *suite) {
	ctx := t.Context()
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for range 50 {
				r := s.record(time.Hour, fmt.Sprint(n))
				if err := s.backend.Create(ctx, key(n), r); err != nil {
					t.Error("create:", err)
				}
				if r, err := s.backend.Load(ctx, key(n)); err != nil || r.Data != fmt.Sprint(n) {
					t.Errorf("load: %s, %v", r.Data, err)
				}
				s.backend.Stats(ctx)
				if err := s.backend.Delete(ctx, key(n)); err != nil {
					t.Error("delete:", err)
				}
			}
		})
	}
	wg.Wait()
	s.wantStats(0, 0, 0)
}

// A session's expiry moves at the moment of a sweep. If it fails, the sweep takes a live
// session or leaves a dead one.
func clearingMeetsWriters(t *testing.T, s *suite) {
	ctx := t.Context()
	s.backend = s.another()
	defer s.noise()()
	for range 20 {
		for n := range 4 {
			s.create(n, time.Second, `"kept"`)
			s.create(4+n, time.Second, `"dies"`)
		}
		s.clock.Move(time.Second - time.Millisecond)
		var wg sync.WaitGroup
		for n := range 4 {
			wg.Go(func() {
				r, err := s.backend.Load(ctx, key(n))
				if err != nil {
					t.Error(err)
					return
				}
				r.Expires = s.clock.Now().Add(time.Hour)
				if n%2 == 0 {
					_, err = s.backend.Save(ctx, key(n), r)
				} else {
					err = s.backend.Touch(ctx, key(n), r.Version, r.Expires)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		clear := func() {
			if _, err := s.backend.DeleteExpired(ctx, s.clock.Now(), 3); err != nil {
				t.Error(err)
			}
		}
		wg.Go(clear) // no session is dead yet
		wg.Wait()
		s.clock.Move(time.Millisecond)
		for range 4 {
			wg.Go(clear)
		}
		wg.Wait()
		for n := range 4 {
			if r := s.wantLoad(n, nil); r.Data != `"kept"` {
				t.Fatalf("key %d holds %s", n, r.Data)
			}
			s.wantLoad(4+n, session.ErrNotFound)
			s.want(nil, s.backend.Delete(ctx, key(n)))
		}
	}
}

// noise writes, reads and deletes keys from 1000 up until stop is called, so that a test
// does not run alone.
func (s *suite) noise() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var wg sync.WaitGroup
	for n := range 2 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				k := key(1000 + n)
				r := s.record(time.Hour, `"noise"`)
				if err := s.backend.Create(s.t.Context(), k, r); err != nil {
					s.t.Error("create:", err)
				}
				if r, err := s.backend.Load(s.t.Context(), k); err != nil {
					s.t.Error("load:", err)
				} else if _, err := s.backend.Save(s.t.Context(), k, r); err != nil {
					s.t.Error("save:", err)
				}
				if err := s.backend.Delete(s.t.Context(), k); err != nil {
					s.t.Error("delete:", err)
				}
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}
