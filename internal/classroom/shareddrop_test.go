package classroom_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// A seat is removed. If this fails, sessions of it stay, its last requests leave one, or
// another seat loses something.
func TestDrop(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func(*testing.T, func() time.Time) session.Backend) {
		ctx, clock := t.Context(), storetest.NewClock()
		store := open(t, clock.Now)
		s := share(t, store, clock.Now)
		a, b := s.Part(one, classroom.PartLimits{}), s.Part(two, classroom.PartLimits{})
		fill(t, a, clock.Now())
		fill(t, b, clock.Now())
		other := content(ctx, t, b)
		must(t, s.Drop(ctx, one))
		must(t, s.Drop(ctx, one))
		must(t, s.Drop(ctx, [8]byte{'n', 'o', 'n', 'e'}))
		if got := truth(ctx, store, one, clock.Now()); got != (session.Stats{}) {
			t.Errorf("the store has %+v of it", got)
		}
		if diff := cmp.Diff(other, content(ctx, t, b)); diff != "" {
			t.Errorf("another part (-before +after):\n%s", diff)
		}
		if r, err := a.Load(ctx, key(2)); err != nil || !r.Marker {
			t.Errorf("the marker: %+v, %v", r, err)
		}
		for n, version := range []uint64{0, 3} {
			if err := a.Create(ctx, key(5+n), of(clock.Now(), version, 1, time.Hour)); !errors.Is(err, session.ErrDown) {
				t.Errorf("create in a dropped part: %v, want an ErrDown", err)
			}
		}
		if _, err := a.Save(ctx, key(0), of(clock.Now(), 1, 1, time.Hour)); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("save: %v", err)
		}
		again := s.Part(one, classroom.PartLimits{})
		must(t, again.Create(ctx, key(5), of(clock.Now(), 0, 1, time.Hour)))
		wantStats(t, again, session.Stats{Live: 1, Bytes: 1})
	})
}

// A seat is removed while two requests of it create sessions: one is in the store, the other
// waits for it. If this fails, one of the sessions stays.
func TestDropMeetsACreate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, clock := t.Context(), storetest.NewClock()
		store := memory.New(memory.Config{Now: clock.Now})
		goOn := make(chan struct{})
		s := share(t, &storetest.Hooked{Backend: store, Hook: func(_ context.Context, op string) (before, after error) {
			if op == "create" {
				<-goOn
			}
			return nil, nil
		}}, clock.Now)
		p := s.Part(one, classroom.PartLimits{})
		var created [2]error
		for n := range created {
			go func() { created[n] = p.Create(ctx, key(1), of(clock.Now(), 0, 1, time.Hour)) }()
			synctest.Wait()
		}
		dropped := errors.New("Drop has not ended")
		go func() { dropped = s.Drop(ctx, one) }()
		synctest.Wait()
		if dropped == nil {
			t.Error("Drop did not wait for the first create")
		}
		close(goOn)
		synctest.Wait()
		must(t, dropped)
		if created[0] != nil || created[1] == nil {
			t.Errorf("the creates: %v; want one error", created)
		}
		if got := truth(ctx, store, one, clock.Now()); got != (session.Stats{}) {
			t.Errorf("the store has %+v of it", got)
		}
	})
}

// The store fails while a seat is removed, and a session was written whose answer was lost. If
// this fails, Drop says that all is gone when it is not.
func TestDropInAnOutage(t *testing.T) {
	t.Parallel()
	ctx, clock := t.Context(), storetest.NewClock()
	store := memory.New(memory.Config{Now: clock.Now})
	down, lost := errors.New("the store was made to fail"), ""
	s := share(t, &storetest.Hooked{Backend: store, Hook: func(_ context.Context, op string) (before, after error) {
		if op == lost {
			return nil, down
		}
		return nil, nil
	}}, clock.Now)
	p := s.Part(one, classroom.PartLimits{})
	must(t, p.Create(ctx, key(0), of(clock.Now(), 0, 1, time.Hour)))
	lost = "create"
	if err := p.Create(ctx, key(1), of(clock.Now(), 0, 1, time.Hour)); !errors.Is(err, down) {
		t.Fatal(err)
	}
	for _, lost = range []string{"delete", "all"} {
		if err := s.Drop(ctx, one); !errors.Is(err, down) {
			t.Errorf("Drop without an answer to %q: %v", lost, err)
		}
		if err := s.Part(one, classroom.PartLimits{}).Create(ctx, key(2), of(clock.Now(), 0, 1, time.Hour)); !errors.Is(err, session.ErrDown) {
			t.Errorf("create in a part that is being dropped: %v", err)
		}
	}
	lost = ""
	must(t, s.Drop(ctx, one))
	if got := truth(ctx, store, one, clock.Now()); got != (session.Stats{}) {
		t.Errorf("the store has %+v of it", got)
	}
	must(t, s.Part(one, classroom.PartLimits{}).Create(ctx, key(2), of(clock.Now(), 0, 1, time.Hour)))
}

// If this fails, the sweep leaves expired sessions or markers of a part, takes live ones, or
// the figures do not follow it.
func TestSweep(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func(*testing.T, func() time.Time) session.Backend) {
		ctx, clock := t.Context(), storetest.NewClock()
		s := share(t, open(t, clock.Now), clock.Now)
		a, b := s.Part(one, classroom.PartLimits{}), s.Part(two, classroom.PartLimits{})
		fill(t, a, clock.Now())
		fill(t, b, clock.Now())
		marker := of(clock.Now(), 0, 2, time.Second)
		marker.Marker = true
		must(t, b.Create(ctx, key(8), marker))
		clock.Move(time.Minute)
		wantStats(t, a, session.Stats{Live: 1, Expired: 1, Bytes: 15})
		if n, err := s.Sweep(ctx); n != 2 || err != nil {
			t.Errorf("%d swept, %v; want 2", n, err)
		}
		for _, p := range []session.Backend{a, b} {
			wantStats(t, p, session.Stats{Live: 1, Bytes: 6})
			if n, err := p.DeleteExpired(ctx, clock.Now(), 10); n != 0 || err != nil {
				t.Errorf("%d cleared after the sweep, %v", n, err)
			}
		}
		if all, err := s.Stats(ctx); err != nil || all != (session.Stats{Live: 2, Bytes: 12, Ended: 2}) {
			t.Errorf("the whole store: %+v, %v", all, err)
		}
	})
}
