package classroom_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// truth counts the sessions that a store has under a tag.
func truth(ctx context.Context, b session.Backend, tag [8]byte, now time.Time) (s session.Stats) {
	for e, err := range b.All(ctx) {
		if err != nil {
			panic(err)
		}
		switch {
		case [8]byte(e.Key[24:]) != tag:
			continue
		case now.Before(e.Expires):
			s.Live++
		default:
			s.Expired++
		}
		s.Bytes += int64(len(e.Data))
	}
	return s
}

// Every fourth operation of the store fails, half of them after they are done. If this fails,
// the figures of a part are not those of the store, once it answers.
func TestPartsAfterLostAnswers(t *testing.T) {
	t.Parallel()
	var lost atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		ctx, clock := t.Context(), storetest.NewClock()
		store := memory.New(memory.Config{Now: clock.Now})
		unreliable := storetest.Unreliable(rapid.Uint64().Draw(rt, "seed"), 4)
		shared := share(t, &storetest.Hooked{Backend: store, Hook: func(ctx context.Context, op string) (before, after error) {
			if op == "all" {
				return nil, nil
			}
			before, after = unreliable(ctx, op)
			if after != nil {
				lost.Add(1)
			}
			return before, after
		}}, clock.Now)
		tags := [][8]byte{one, two}
		parts := []session.Backend{shared.Part(one, classroom.PartLimits{Sessions: 4, Bytes: 30}), shared.Part(two, classroom.PartLimits{})}
		random := func() (p session.Backend, k session.Key, r session.Record) {
			n := func(most int, what string) int { return rapid.IntRange(0, most).Draw(rt, what) }
			r = of(clock.Now(), uint64(n(2, "version")), n(12, "bytes"), time.Duration(n(3, "lives"))*time.Second)
			r.Marker = n(5, "marker") == 0
			return parts[n(1, "part")], key(n(5, "key")), r
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(*rapid.T) { p, k, r := random(); _ = p.Create(ctx, k, r) },
			"load":   func(*rapid.T) { p, k, _ := random(); _, _ = p.Load(ctx, k) },
			"save":   func(*rapid.T) { p, k, r := random(); _, _ = p.Save(ctx, k, r) },
			"touch":  func(*rapid.T) { p, k, r := random(); _ = p.Touch(ctx, k, r.Version, r.Expires) },
			"delete": func(*rapid.T) { p, k, _ := random(); _ = p.Delete(ctx, k) },
			"clear":  func(*rapid.T) { p, _, r := random(); _, _ = p.DeleteExpired(ctx, clock.Now(), int(r.Version)) },
			"sweep":  func(*rapid.T) { _, _ = shared.Sweep(ctx) },
			"time":   func(*rapid.T) { clock.Move(time.Second) },
			"": func(rt *rapid.T) {
				for i, p := range parts {
					got, err := p.Stats(ctx)
					for err != nil {
						got, err = p.Stats(ctx)
					}
					if want := truth(ctx, store, tags[i], clock.Now()); got != want {
						rt.Fatalf("part %d: %+v, the store has %+v", i, got, want)
					}
				}
			},
		})
	})
	if lost.Load() < 50 {
		t.Errorf("the control: only %d answers were lost", lost.Load())
	}
}

// late is a store that gives up on a create, and does it afterwards, when finish is called.
type late struct {
	session.Backend
	finish func() error
}

func (b *late) Create(ctx context.Context, k session.Key, r session.Record) error {
	b.finish = func() error { return b.Backend.Create(ctx, k, r) }
	return context.DeadlineExceeded
}

// A write happens after its request has given up, and after somebody has asked what became of
// it. If this fails, the part does not count the session, or it asks the store for ever.
func TestPartsFollowALateWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, asked := t.Context(), 0
		store := &late{Backend: memory.New(memory.Config{})}
		p := share(t, &storetest.Hooked{Backend: store, Hook: func(_ context.Context, op string) (before, after error) {
			if op == "peek" {
				asked++
			}
			return nil, nil
		}}, time.Now).Part(one, classroom.PartLimits{Sessions: 1})
		if err := p.Create(ctx, key(1), of(time.Now(), 0, 5, time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // of the bubble's time
		wantStats(t, p, session.Stats{})
		time.Sleep(2 * time.Second)
		must(t, store.finish())
		wantStats(t, p, session.Stats{Live: 1, Bytes: 5})
		wantFull(t, "a second session", classroom.LimitSessions, 1, p.Create(ctx, key(2), of(time.Now(), 0, 5, time.Hour)))
		time.Sleep(10 * time.Second)
		wantStats(t, p, session.Stats{Live: 1, Bytes: 5})
		before := asked
		wantStats(t, p, session.Stats{Live: 1, Bytes: 5})
		if asked != before || before == 0 {
			t.Errorf("the store was asked %d times, and %d times after the write was settled", before, asked-before)
		}
		if n, err := p.DeleteExpired(ctx, time.Now().Add(2*time.Hour), 10); n != 1 || err != nil {
			t.Errorf("%d cleared, %v", n, err)
		}
	})
}

// A program is killed and starts again. If this fails, a part has lost its sessions, its
// figures or its limits, or has another part's.
func TestPartsAfterACrash(t *testing.T) {
	t.Parallel()
	ctx, clock := t.Context(), storetest.NewClock()
	now, file := clock.Now(), filepath.Join(t.TempDir(), "s.db.class")
	s := share(t, openSQLite(t, file, clock.Now), clock.Now)
	a, b := s.Part(one, classroom.PartLimits{}), s.Part(two, classroom.PartLimits{})
	fill(t, a, now)
	must(t, b.Create(ctx, key(0), of(now, 0, 7, time.Hour)))

	dir := t.TempDir() // what a kill leaves, copied by another program: SQLite's locks would be lost if this one closed the file
	if out, err := exec.Command("cp", file, file+"-wal", dir).CombinedOutput(); err != nil {
		t.Skip(err, string(out))
	}
	again := share(t, openSQLite(t, filepath.Join(dir, filepath.Base(file)), clock.Now), clock.Now)
	a2, b2 := again.Part(one, classroom.PartLimits{Sessions: 2}), again.Part(two, classroom.PartLimits{Bytes: 8})
	for _, pair := range [][2]session.Backend{{a, a2}, {b, b2}} {
		want, err := pair[0].Stats(ctx)
		must(t, err)
		wantStats(t, pair[1], want)
		for e, err := range pair[1].All(ctx) {
			must(t, err)
			if r, err := pair[0].Peek(ctx, e.Key); err != nil || r.Record != e.Record {
				t.Errorf("All yields %+v, there was %+v, %v", e, r, err)
			}
		}
	}
	if _, err := a2.Load(ctx, key(0)); err != nil {
		t.Error(err)
	}
	wantFull(t, "one byte more than b's limit", classroom.LimitBytes, 8, b2.Create(ctx, key(3), of(now, 0, 2, time.Hour)))
	if n, err := b2.DeleteExpired(ctx, now, 10); n != 0 || err != nil {
		t.Errorf("b cleared %d, %v", n, err)
	}
	if n, err := a2.DeleteExpired(ctx, now, 10); n != 1 || err != nil {
		t.Errorf("a cleared %d, %v", n, err)
	}
	if got := content(ctx, t, a2); got[fmt.Sprintf("all %x", key(0))] == nil {
		t.Errorf("a session that was loaded since does not come under its own key: %v", got)
	}
}

// Somebody moves a row to another part with the sqlite3 shell. If this fails, the parts
// have wrong figures for ever once a request has met it.
func TestPartsFollowTheStore(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, meet := range map[string]func(p session.Backend, now time.Time) error{
		"load": func(p session.Backend, _ time.Time) error { _, err := p.Load(ctx, key(1)); return err },
		"save": func(p session.Backend, now time.Time) error {
			_, err := p.Save(ctx, key(1), of(now, 1, 5, time.Hour))
			return err
		},
		"touch": func(p session.Backend, now time.Time) error { return p.Touch(ctx, key(1), 1, now) },
		"clear": func(p session.Backend, now time.Time) error {
			if n, err := p.DeleteExpired(ctx, now.Add(2*time.Hour), 10); n != 0 || err != nil {
				return fmt.Errorf("%d cleared, %w", n, err)
			}
			return session.ErrNotFound
		},
	} {
		clock := storetest.NewClock()
		store := memory.New(memory.Config{Now: clock.Now})
		shared := share(t, store, clock.Now)
		p, other := shared.Part(one, classroom.PartLimits{}), shared.Part(two, classroom.PartLimits{})
		must(t, p.Create(ctx, key(1), of(clock.Now(), 0, 5, time.Hour)))
		for e := range store.All(ctx) {
			must(t, store.Delete(ctx, e.Key))
			copy(e.Key[24:], two[:])
			e.Version = 0
			must(t, store.Create(ctx, e.Key, e.Record))
		}
		if err := meet(p, clock.Now()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		wantStats(t, p, session.Stats{})
		if _, err := other.Load(ctx, key(1)); err != nil {
			t.Errorf("the added row: %v", err)
		}
		wantStats(t, other, session.Stats{Live: 1, Bytes: 5})
	}
}

// Two seats use the same keys at the same time. If this fails, one reaches or counts the
// other's sessions, or passes its limit.
func TestPartsInParallel(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func(*testing.T, func() time.Time) session.Backend) {
		ctx, clock := t.Context(), storetest.NewClock()
		store := open(t, clock.Now)
		shared := share(t, store, clock.Now)
		const limit = 4
		var wg sync.WaitGroup
		for _, tag := range [][8]byte{one, two} {
			p, data := shared.Part(tag, classroom.PartLimits{Sessions: limit}), fmt.Sprintf("%q", tag)
			for who := range 4 {
				wg.Go(func() {
					for n := range 40 {
						k := key((who + n) % 6)
						r := of(clock.Now(), 0, 0, time.Duration(n%3)*time.Hour)
						r.Data = data
						if err := p.Create(ctx, k, r); err != nil && !session.Answered(err) {
							t.Error(err)
						}
						if got, err := p.Load(ctx, k); err == nil && got.Data != data {
							t.Errorf("%s has loaded %s", data, got.Data)
						} else if err == nil && n%2 == 0 {
							_, _ = p.Save(ctx, k, got)
						}
						if s, err := p.Stats(ctx); err != nil || s.Live+s.Expired > limit {
							t.Errorf("%+v, %v; the limit is %d", s, err, limit)
						}
						if n%5 == 0 {
							_, _ = p.DeleteExpired(ctx, clock.Now(), 10)
						} else if n%3 == 0 {
							_ = p.Delete(ctx, k)
						}
					}
				})
			}
		}
		wg.Wait()
		for _, tag := range [][8]byte{one, two} {
			wantStats(t, shared.Part(tag, classroom.PartLimits{}), truth(ctx, store, tag, clock.Now()))
		}
	})
}
