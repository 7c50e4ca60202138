// Package storetest is the suite that every session.Backend passes.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Clock is a clock that moves when told.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at the present whole second: a store that
// has a safety net of its own, on a real clock, must not find every record dead.
func NewClock() *Clock { return &Clock{now: time.Now().UTC().Truncate(time.Second)} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move moves the clock by d.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Run tests the backends that open returns. Each call of open returns an empty
// one for at most max sessions, on the given clock.
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
		{"delete expired works in steps", steps},
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
			against(rt, t.Context(), clock, open(t, 0, clock.Now))
		})
	})
}

// against runs random operations on backend and on a plain map, and wants them
// to say the same.
func against(rt *rapid.T, ctx context.Context, clock *Clock, backend session.Backend) {
	model := make(map[session.Key]session.Record)
	pick := func(rt *rapid.T) session.Key { return key(rapid.IntRange(0, 4).Draw(rt, "key")) }
	dead := func(r session.Record) bool { return !clock.Now().Before(r.Expires) }
	draw := func(rt *rapid.T) session.Record {
		now := clock.Now()
		return session.Record{
			Version: rapid.Uint64Range(0, 3).Draw(rt, "version"), Created: now, Marker: rapid.IntRange(0, 3).Draw(rt, "marker") == 0,
			Expires: now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(rt, "lives ms")) * time.Millisecond),
			Data:    strings.Repeat("x", rapid.IntRange(0, 9).Draw(rt, "bytes")),
		}
	}
	// live is what the map says of k: the record, or the error.
	live := func(k session.Key) (session.Record, error) {
		if r, ok := model[k]; ok && !dead(r) {
			return r, nil
		}
		return session.Record{}, session.ErrNotFound
	}
	want := func(rt *rapid.T, want, got error) {
		if !errors.Is(got, want) {
			rt.Fatalf("error %v, want %v", got, want)
		}
	}
	rt.Repeat(map[string]func(*rapid.T){
		"create": func(rt *rapid.T) {
			k, r := pick(rt), draw(rt)
			err := backend.Create(ctx, k, r)
			if old, ok := model[k]; ok && !(old.Marker && dead(old)) {
				want(rt, session.ErrExists, err)
				return
			}
			want(rt, nil, err)
			r.Version++
			model[k] = r
		},
		"load": func(rt *rapid.T) {
			k := pick(rt)
			got, err := backend.Load(ctx, k)
			r, wantErr := live(k)
			want(rt, wantErr, err)
			if diff := cmp.Diff(r, got); diff != "" {
				rt.Fatalf("loaded (-want +got):\n%s", diff)
			}
		},
		"save": func(rt *rapid.T) {
			k, r := pick(rt), draw(rt)
			if old, ok := model[k]; ok && rapid.Bool().Draw(rt, "the right version") {
				r.Version = old.Version
			}
			version, err := backend.Save(ctx, k, r)
			switch old, wantErr := live(k); {
			case wantErr != nil || old.Marker:
				want(rt, session.ErrNotFound, err)
			case old.Version != r.Version:
				want(rt, session.ErrConflict, err)
			default:
				want(rt, nil, err)
				if r.Version++; version != r.Version {
					rt.Fatalf("version %d, want %d", version, r.Version)
				}
				model[k] = r
			}
		},
		"touch": func(rt *rapid.T) {
			k, r := pick(rt), draw(rt)
			old, wantErr := live(k)
			err := backend.Touch(ctx, k, r.Version, r.Expires)
			switch {
			case wantErr != nil || old.Marker:
				want(rt, session.ErrNotFound, err)
			case old.Version != r.Version:
				want(rt, session.ErrConflict, err)
			default:
				want(rt, nil, err)
				old.Expires = r.Expires
				model[k] = old
			}
		},
		"delete": func(rt *rapid.T) {
			k := pick(rt)
			want(rt, nil, backend.Delete(ctx, k))
			if !model[k].Marker {
				delete(model, k)
			}
		},
		"clear": func(rt *rapid.T) {
			removed, err := backend.DeleteExpired(ctx, clock.Now(), 100)
			want(rt, nil, err)
			for k, r := range model {
				if dead(r) {
					delete(model, k)
					if !r.Marker {
						removed--
					}
				}
			}
			if removed != 0 {
				rt.Fatalf("%d more were removed than had expired", removed)
			}
		},
		"time": func(rt *rapid.T) {
			clock.Move(time.Duration(rapid.IntRange(1, 3000).Draw(rt, "passes ms")) * time.Millisecond)
		},
		"": func(rt *rapid.T) {
			var s session.Stats
			for _, r := range model {
				switch {
				case r.Marker:
					continue
				case dead(r):
					s.Expired++
				default:
					s.Live++
				}
				s.Bytes += int64(len(r.Data))
			}
			got, err := backend.Stats(ctx)
			want(rt, nil, err)
			got.Ended = 0 // a store need not count markers
			if diff := cmp.Diff(s, got); diff != "" {
				rt.Fatalf("stats (-want +got):\n%s", diff)
			}
		},
	})
}

type suite struct {
	t       *testing.T
	clock   *Clock
	backend session.Backend
	another func() session.Backend // one without a limit
}

func key(n int) session.Key { return session.KeyOf(fmt.Sprint("id ", n)) }

// record returns one that lives for d.
func (s *suite) record(d time.Duration, data string) session.Record {
	now := s.clock.Now()
	return session.Record{Created: now, Expires: now.Add(d), Data: data}
}

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

func (s *suite) wantLoad(n int, want error) session.Record {
	s.t.Helper()
	r, err := s.backend.Load(s.t.Context(), key(n))
	s.want(want, err)
	return r
}

func (s *suite) wantStats(live, expired int, bytes int64) {
	s.t.Helper()
	got, err := s.backend.Stats(s.t.Context())
	s.want(nil, err)
	got.Ended = 0 // a store need not count markers
	if diff := cmp.Diff(session.Stats{Live: live, Expired: expired, Bytes: bytes}, got); diff != "" {
		s.t.Fatalf("stats (-want +got):\n%s", diff)
	}
}

func (s *suite) wantCleared(limit, want int) {
	s.t.Helper()
	n, err := s.backend.DeleteExpired(s.t.Context(), s.clock.Now(), limit)
	s.want(nil, err)
	if n != want {
		s.t.Fatalf("%d removed, want %d", n, want)
	}
}

func lifeCycle(t *testing.T, s *suite) {
	ctx := t.Context()
	s.wantLoad(1, session.ErrNotFound)
	want := s.record(time.Minute, `{"a":1}`)
	s.want(nil, s.backend.Create(ctx, key(1), want))
	want.Version = 1
	if diff := cmp.Diff(want, s.wantLoad(1, nil)); diff != "" {
		t.Fatalf("created (-want +got):\n%s", diff)
	}
	s.want(session.ErrExists, s.backend.Create(ctx, key(1), want))
	s.wantStats(1, 0, 7)

	want.Data, want.Expires = `{}`, want.Expires.Add(time.Hour)
	version, err := s.backend.Save(ctx, key(1), want)
	s.want(nil, err)
	if want.Version++; version != want.Version {
		t.Fatalf("version %d, want %d", version, want.Version)
	}
	if diff := cmp.Diff(want, s.wantLoad(1, nil)); diff != "" {
		t.Fatalf("saved (-want +got):\n%s", diff)
	}
	s.wantStats(1, 0, 2)

	s.want(nil, s.backend.Delete(ctx, key(1)))
	s.want(nil, s.backend.Delete(ctx, key(1)))
	s.wantLoad(1, session.ErrNotFound)
	s.wantStats(0, 0, 0)
	s.want(nil, s.backend.Ping(ctx))
}

func compareAndSwap(t *testing.T, s *suite) {
	s.create(1, time.Minute, `1`)
	old := s.wantLoad(1, nil)
	_, err := s.backend.Save(t.Context(), key(1), old)
	s.want(nil, err)
	for _, version := range []uint64{0, old.Version, old.Version + 2} {
		old.Version = version
		_, err = s.backend.Save(t.Context(), key(1), old)
		s.want(session.ErrConflict, err)
	}
	if got := s.wantLoad(1, nil).Version; got != 2 {
		t.Fatalf("version %d after refused saves, want 2", got)
	}
}

func noRevival(t *testing.T, s *suite) {
	ctx := t.Context()
	s.create(1, time.Minute, `1`)
	r := s.wantLoad(1, nil)
	s.want(nil, s.backend.Delete(ctx, key(1)))
	_, err := s.backend.Save(ctx, key(1), r)
	s.want(session.ErrNotFound, err)
	s.want(session.ErrNotFound, s.backend.Touch(ctx, key(1), r.Version, r.Expires.Add(time.Hour)))
	s.wantLoad(1, session.ErrNotFound)

	s.create(2, time.Minute, `2`)
	r = s.wantLoad(2, nil)
	s.clock.Move(time.Minute)
	_, err = s.backend.Save(ctx, key(2), r)
	s.want(session.ErrNotFound, err)
	s.want(session.ErrNotFound, s.backend.Touch(ctx, key(2), r.Version, r.Expires.Add(time.Hour)))
	s.wantStats(0, 1, 1)
}

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
	s.want(nil, s.backend.Delete(t.Context(), key(4))) // an expired one can be deleted
	s.wantStats(0, 1, 3)
	s.wantCleared(10, 1)
}

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
	s.clock.Move(-200 * time.Millisecond) // found dead, and not any more, within one second
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

// markersBetween: many dead markers do not hide what has expired.
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

// shortLived: what was deleted long before its expiry is out of all figures.
func shortLived(t *testing.T, s *suite) {
	s.create(0, time.Hour, `1`)
	for n := range 5000 {
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

func steps(t *testing.T, s *suite) {
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

// forgotten: when the clock goes back behind the expiry of a marker that a sweep met,
// the marker is there, or the store says that it may have been.
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
	s.create(1, time.Hour, `1`) // its time is over: the key is free
	s.wantStats(1, 0, 1)
	for e, err := range s.backend.All(ctx) {
		s.want(nil, err)
		if e.Key != key(1) {
			t.Fatalf("All yields %v", e)
		}
	}
}

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

func all(t *testing.T, s *suite) {
	want := map[session.Key]string{}
	for n := range 5 {
		data := fmt.Sprint(n)
		s.create(n, time.Duration(n+1)*time.Minute, data)
		want[key(n)] = data
	}
	s.clock.Move(2 * time.Minute)
	got := map[session.Key]string{}
	for e, err := range s.backend.All(t.Context()) {
		s.want(nil, err)
		got[e.Key] = e.Data
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("all, expired included (-want +got):\n%s", diff)
	}
	for range s.backend.All(t.Context()) {
		break
	}
}

// peek sees what is dead too, and changes nothing.
func peek(t *testing.T, s *suite) {
	wantPeek := func(n int, data string, marker bool) {
		t.Helper()
		got, err := s.backend.Peek(t.Context(), key(n))
		if err != nil || got.Data != data || got.Marker != marker || got.Version == 0 || got.Where == "" {
			t.Fatalf("peek: %+v, %v; want data %q, marker %t", got, err, data, marker)
		}
		stored := map[string]string{}
		for _, f := range got.Fields {
			stored[f.Name] = f.Value
		}
		if stored["data"] != data || stored["version"] != strconv.FormatUint(got.Version, 10) || stored["expires"] != strconv.FormatInt(got.Expires.UnixMilli(), 10) {
			t.Fatalf("peek: the fields are %v, the record is %+v", stored, got.Record)
		}
	}
	_, err := s.backend.Peek(t.Context(), key(1))
	s.want(session.ErrNotFound, err)
	s.create(1, 5*time.Second, `"one"`)
	wantPeek(1, `"one"`, false)
	s.clock.Move(time.Minute)
	s.wantLoad(1, session.ErrNotFound)
	wantPeek(1, `"one"`, false)
	s.wantStats(0, 1, 5)
	s.wantCleared(10, 1)
	_, err = s.backend.Peek(t.Context(), key(1))
	s.want(session.ErrNotFound, err)
	stone := s.record(time.Hour, `{"flushed":"now"}`)
	stone.Marker = true
	s.want(nil, s.backend.Create(t.Context(), key(2), stone))
	wantPeek(2, `{"flushed":"now"}`, true)
}

func canceled(t *testing.T, s *suite) {
	s.create(1, time.Second, `1`)
	s.clock.Move(time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.backend.DeleteExpired(ctx, s.clock.Now(), 10); !errors.Is(err, context.Canceled) {
		t.Fatalf("DeleteExpired after cancel: %v", err)
	}
	var got error
	for _, err := range s.backend.All(ctx) {
		got = err
	}
	s.want(context.Canceled, got)
	s.wantStats(0, 1, 1)
}

// parallelWriters: each increments a counter 20 times; a lost update would show.
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

// everyByte: data comes back as it was given, the largest and the oddest too.
func everyByte(t *testing.T, s *suite) {
	odd := `{"quote\"":"back\\slash","null\u0000":"\u2028\u2029","` + "\u2028 \u00e9 \U0001F642 \u200f \ufeff" + `":"' -- ; %00 \n"}`
	head := `{"placement":"server","values":{"a":"`
	largest := head + strings.Repeat("\U0001F642", (session.MaxSessionBytes-len(head)-3)/4) + `"}}`
	for n, data := range []string{`{}`, odd, `"` + strings.Repeat(`\"`, 5000) + `"`, largest} {
		s.create(n, time.Hour, data)
		if r := s.wantLoad(n, nil); r.Data != data {
			t.Errorf("data %d of %d bytes came back as %d others: %.100q", n, len(data), len(r.Data), r.Data)
		}
		r := s.wantLoad(n, nil)
		r.Data = odd + data
		_, err := s.backend.Save(t.Context(), key(n), r)
		s.want(nil, err)
		if got := s.wantLoad(n, nil).Data; got != r.Data {
			t.Errorf("saved data %d came back as %d bytes: %.100q", n, len(got), got)
		}
	}
	s.wantStats(4, 0, int64(4*len(odd)+2+len(odd)+10002+len(largest)))
	for e, err := range s.backend.All(t.Context()) {
		s.want(nil, err)
		if !strings.HasPrefix(e.Data, odd) {
			t.Errorf("All yields %.100q", e.Data)
		}
	}
}

// times: to the millisecond and in UTC, whatever zone they were given in.
func times(t *testing.T, s *suite) {
	now := s.clock.Now()
	zone := time.FixedZone("far east", 14*3600)
	for n, expires := range []time.Time{
		now.Add(time.Millisecond), now.Add(999 * time.Millisecond), now.AddDate(10, 0, 0), now.Add(time.Hour).In(zone),
		time.Date(2038, 1, 19, 3, 14, 8, 1e6, time.UTC), // one second past 32 bits
	} {
		r := session.Record{Created: now.Add(-time.Hour + 7*time.Millisecond), Expires: expires, Data: `1`}
		s.want(nil, s.backend.Create(t.Context(), key(n), r))
		check := func(how string) {
			t.Helper()
			got := s.wantLoad(n, nil)
			if !got.Expires.Equal(r.Expires) || !got.Created.Equal(r.Created) {
				t.Errorf("%s: until %v since %v came back as until %v since %v", how, r.Expires, r.Created, got.Expires, got.Created)
			}
			if r.Expires.Location() == time.UTC && got.Expires.Location() != time.UTC || got.Created.Location() != time.UTC {
				t.Errorf("%s: times in UTC came back in %v and %v", how, got.Expires.Location(), got.Created.Location())
			}
		}
		check("create")
		r.Expires = r.Expires.Add(time.Millisecond)
		s.want(nil, s.backend.Touch(t.Context(), key(n), 1, r.Expires))
		check("touch")
		r.Version, r.Expires = 1, r.Expires.Add(time.Millisecond)
		_, err := s.backend.Save(t.Context(), key(n), r)
		s.want(nil, err)
		check("save")
	}
	s.wantLoad(0, nil)
	s.clock.Move(3 * time.Millisecond)
	s.wantLoad(0, session.ErrNotFound)
	s.wantLoad(1, nil)
}

// noise writes, reads and deletes keys from 1000 up until stop is called, so
// that what a test looks at happens among other things.
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

// oneCreateWins: of many creates of one key at the same time exactly one.
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

// neverMore: creates at the same time do not pass the limit of 8, nor stay
// below it, and a refused one leaves nothing.
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

// clearingMeetsWriters: DeleteExpired takes what is dead, never what lives,
// though its expiry moves at the same moment.
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
		wg.Go(clear) // nothing is dead yet
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
