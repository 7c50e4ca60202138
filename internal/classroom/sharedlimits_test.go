package classroom_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// wantFull wants err to be a PartFullError of that limit; with limit "" it wants no error.
func wantFull(t *testing.T, what, limit string, max int64, err error) {
	t.Helper()
	full := (*classroom.PartFullError)(nil)
	switch {
	case limit == "" && err != nil:
		t.Fatalf("%s: %v", what, err)
	case limit == "":
	case !errors.As(err, &full) || full.Limit != limit || full.Max != max || !errors.Is(err, session.ErrFull) || !session.Answered(err):
		t.Fatalf("%s: error %v, want a PartFullError: %d %s", what, err, max, limit)
	}
}

// of returns a record with so many bytes of data, which lives from now for d.
func of(now time.Time, version uint64, bytes int, d time.Duration) session.Record {
	return session.Record{Version: version, Created: now, Expires: now.Add(d), Data: strings.Repeat("x", bytes)}
}

// If this fails, a seat passes its limits, is refused although it has room, or a full seat
// refuses a logout, a new ID or a record that shrinks.
func TestPartLimits(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func(*testing.T, func() time.Time) session.Backend) {
		ctx, clock := t.Context(), storetest.NewClock()
		now := clock.Now()
		p := share(t, open(t, clock.Now), clock.Now).Part(one, classroom.PartLimits{Sessions: 3, Bytes: 100})
		create := func(n int, r session.Record) error { return p.Create(ctx, key(n), r) }
		save := func(n int, r session.Record) error { _, err := p.Save(ctx, key(n), r); return err }
		marker := of(now, 0, 90, time.Hour)
		marker.Marker = true

		must(t, create(1, of(now, 0, 60, time.Hour)))
		wantFull(t, "another 41 bytes", classroom.LimitBytes, 100, create(2, of(now, 0, 41, time.Hour)))
		must(t, create(2, of(now, 0, 30, time.Second)))
		must(t, create(3, of(now, 0, 10, time.Hour)))
		wantFull(t, "a fourth session", classroom.LimitSessions, 3, create(4, of(now, 0, 1, time.Hour)))
		wantFull(t, "ping", classroom.LimitSessions, 3, p.Ping(ctx))
		wantFull(t, "one more byte", classroom.LimitBytes, 100, save(1, of(now, 1, 61, time.Hour)))
		for _, test := range []struct {
			n       int
			version uint64
			want    error
		}{{1, 7, session.ErrConflict}, {9, 1, session.ErrNotFound}} {
			if err := save(test.n, of(now, test.version, 99, time.Hour)); !errors.Is(err, test.want) {
				t.Errorf("save over version %d of %d in a full part: %v, want %v", test.version, test.n, err, test.want)
			}
		}
		must(t, create(5, marker))
		must(t, create(6, of(now, 7, 80, time.Hour))) // goes on under a new ID
		must(t, save(6, of(now, 8, 50, time.Hour)))   // shrinks, in a part over its limit
		marker.Version = 9
		must(t, save(6, marker))
		must(t, save(1, of(now, 1, 60, time.Hour)))
		wantStats(t, p, session.Stats{Live: 3, Bytes: 100})

		clock.Move(time.Second)
		if err := p.Ping(ctx); err != nil {
			t.Errorf("ping, with an expired session: %v", err)
		}
		must(t, create(4, of(now, 0, 1, time.Hour))) // in the room of session 2
		wantStats(t, p, session.Stats{Live: 3, Bytes: 71})
		must(t, p.Delete(ctx, key(4)))
		must(t, create(7, of(now, 0, 1, time.Minute)))
		clock.Move(time.Minute)
		must(t, save(1, of(now, 2, 90, time.Hour))) // in the room of session 7
		wantFull(t, "one byte too many", classroom.LimitBytes, 100, save(3, of(now, 1, 11, time.Hour)))
		wantStats(t, p, session.Stats{Live: 2, Bytes: 100})
	})
}

func wantStats(t *testing.T, b session.Backend, want session.Stats) {
	t.Helper()
	if got, err := b.Stats(t.Context()); err != nil || got != want {
		t.Fatalf("stats %+v, %v; want %+v", got, err, want)
	}
}

// If this fails, a full part fills others, or the store's own limit is taken for the part's.
func TestAFullPartIsNotAFullStore(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	now := clock.Now()
	s := share(t, memory.New(memory.Config{MaxSessions: 3, Now: clock.Now}), clock.Now)
	a, b := s.Part(one, classroom.PartLimits{Sessions: 2}), s.Part(two, classroom.PartLimits{Sessions: 2})
	for n := range 2 {
		must(t, a.Create(t.Context(), key(n), of(now, 0, 1, time.Hour)))
	}
	wantFull(t, "the third of a", classroom.LimitSessions, 2, a.Create(t.Context(), key(2), of(now, 0, 1, time.Hour)))
	must(t, b.Create(t.Context(), key(0), of(now, 0, 1, time.Hour)))
	for what, err := range map[string]error{"create": b.Create(t.Context(), key(1), of(now, 0, 1, time.Hour)), "ping": b.Ping(t.Context())} {
		if !errors.Is(err, session.ErrFull) || errors.As(err, new(*classroom.PartFullError)) {
			t.Errorf("%s in a full store: %v, want the store's ErrFull", what, err)
		}
	}
	wantStats(t, b, session.Stats{Live: 1, Bytes: 1})
	if all, err := s.Stats(t.Context()); err != nil || all != (session.Stats{Live: 3, Bytes: 3}) {
		t.Errorf("the whole store: %+v, %v", all, err)
	}
}

// The engine of a seat is asked for a second session. If this fails, the app cannot say that
// the seat is full, or it takes the limit for an outage.
func TestPartFullReachesTheApp(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	s := share(t, memory.New(memory.Config{Now: clock.Now}), clock.Now)
	e, err := session.New(session.Config{
		Backend: s.Part(one, classroom.PartLimits{Sessions: 1}), Secrets: [][]byte{session.NewSecret()}, CookieName: "s", Now: clock.Now,
	})
	must(t, err)
	born := func() error {
		s, err := e.Load(httptest.NewRequest("GET", "/", nil))
		must(t, err)
		must(t, s.Set("a", "1"))
		return s.Commit(t.Context())
	}
	must(t, born())
	err = born()
	wantFull(t, "a second session", classroom.LimitSessions, 1, err)
	if errors.As(err, new(*session.StoreError)) || errors.Is(err, session.ErrNoID) {
		t.Errorf("error %v is that of another fault, too", err)
	}
}
