package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

var errNth = errors.New("this operation was made to fail")

// fault is what becomes of one operation: an error, before it has done anything
// or after it has done all, at once or only after 3 s, when the request's 2 s
// are over. To the caller they look the same.
type fault struct{ after, slow bool }

// nth lets the n-th operation of a backend fail.
type nth struct {
	fault
	n, calls int
	wait     func(ctx context.Context) error // for what comes too late
}

func (b *nth) hook(ctx context.Context, _ string) (before, after error) {
	if b.calls++; b.calls != b.n {
		return nil, nil
	}
	err := errNth
	if b.slow {
		err = b.wait(ctx)
	}
	if b.after {
		return nil, err
	}
	return err, nil
}

// TestNthOperationFails lets each store operation of a session's life fail in turn. If it
// failed, an outage would lose something that was acknowledged, change something that was
// not asked for, send a cookie, or be anything but a StoreError.
func TestNthOperationFails(t *testing.T) {
	eachStore(t, func(t *testing.T, store stores.Store) {
		for _, first := range placements {
			for _, fault := range []fault{{}, {after: true}, {after: true, slow: true}} {
				t.Run(fmt.Sprintf("%v, %+v", first, fault), func(t *testing.T) {
					t.Parallel()
					everyNth(t, store, first, fault, func(ctx context.Context) error {
						end(ctx) // as if the time were over
						return ctx.Err()
					})
				})
			}
		}
	})
}

// TestSlowOperation is TestNthOperationFails with operations that take 3 s of the bubble's
// time, over the memory store. If it failed, a slow store would hold requests up for longer
// than their 2 s.
func TestSlowOperation(t *testing.T) {
	for _, first := range placements {
		for _, fault := range []fault{{slow: true}, {after: true, slow: true}} {
			t.Run(fmt.Sprintf("%v, %+v", first, fault), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					everyNth(t, stores.All[0], first, fault, func(ctx context.Context) error {
						late := time.NewTimer(3 * time.Second)
						defer late.Stop()
						select {
						case <-ctx.Done():
							return ctx.Err()
						case <-late.C:
							return errNth
						}
					})
				})
			})
		}
	}
}

func everyNth(t *testing.T, store stores.Store, first session.Placement, f fault, wait func(context.Context) error) {
	sound, clock := newEngineOn(t, store, nil)
	for n := 1; ; n++ {
		if calls := lifeWithFault(t, sound, clock, first, &nth{fault: f, n: n, wait: wait}); calls < n {
			if n < 20 {
				t.Fatalf("only %d operations", calls)
			}
			return // none failed
		}
	}
}

type endKey struct{}

// end ends the request with this context.
func end(ctx context.Context) { ctx.Value(endKey{}).(context.CancelFunc)() }

// life is the life of a session over a store one of whose operations fails.
type life struct {
	t      *testing.T
	sound  *engine // over the same store, and nothing fails
	clock  *storetest.Clock
	faulty *nth
	first  session.Placement
	b      *browser
	may    map[string][]string // what each key may hold; "" for nothing
}

// lifeWithFault lives a session's life and returns how many operations of the store it took.
func lifeWithFault(t *testing.T, sound *engine, clock *storetest.Clock, first session.Placement, faulty *nth) int {
	e := newEngine(t, func(c *session.Config) {
		c.Backend = &storetest.Hooked{Backend: sound.backend, Hook: faulty.hook}
		c.Now, c.Rolling = clock.Now, true
	})
	l := &life{t: t, sound: sound, clock: clock, faulty: faulty, first: first, b: e.browser(t), may: map[string][]string{}}
	large := strings.Repeat("x", 300)
	l.set("small", "one")
	l.set("large", large)
	l.set("small", "two")
	l.step("read", func(*session.Session) {}, nil)
	l.step("delete", func(s *session.Session) { s.Delete("large") }, map[string]string{"large": ""})
	l.set("large", large+"y")
	l.step("cycle", func(s *session.Session) { s.CycleID() }, nil)
	for _, p := range []session.Placement{session.OnServer, session.InCookie, session.Hybrid, session.InCookie, session.OnServer, session.Hybrid} {
		l.step("move to "+p.String(), func(s *session.Session) { s.SetPlacement(p) }, nil)
		l.set("small", "in "+p.String())
	}
	l.step("expiry", func(s *session.Session) { s.SetExpiry(session.Expiry{After: time.Hour}) }, nil)
	l.step("clear", func(s *session.Session) { s.Clear() }, map[string]string{"small": "", "large": ""})
	l.set("small", "last")
	l.flush()
	return faulty.calls
}

// set is a request that sets a key, and makes the session before that if it is not there.
func (l *life) set(key, text string) {
	l.t.Helper()
	l.step("set "+key, func(s *session.Session) {
		if !s.Exists() {
			s.SetPlacement(l.first)
		}
		must(l.t, s.Set(key, val(l.t, text)))
	}, map[string]string{key: text})
}

// step is one request, which changes values as changes says, and checks what the session
// holds after it.
func (l *life) step(name string, do func(s *session.Session), changes map[string]string) {
	t, n := l.t, l.faulty.n
	t.Helper()
	l.clock.Move(time.Second)
	kept := l.b.cookie
	begin := time.Now()
	err := l.b.try(func(_ context.Context, s *session.Session) { do(s) })
	if took := time.Since(begin); l.faulty.slow && took >= 3*time.Second {
		t.Fatalf("n=%d, %s took %v of its 2 s", n, name, took)
	}
	store := (*session.StoreError)(nil)
	if err != nil && !errors.As(err, &store) {
		t.Fatalf("n=%d, %s: %v, want a StoreError", n, name, err)
	}
	if err != nil && l.b.cookie != kept {
		t.Fatalf("n=%d, %s failed and sent a cookie", n, name)
	}
	for key, value := range changes {
		if err == nil {
			l.may[key] = nil
		} else if l.may[key] == nil {
			l.may[key] = []string{""}
		}
		l.may[key] = append(l.may[key], value)
	}
	if l.faulty.calls < n {
		return // the life of a smaller n has shown this
	}
	seen := l.sound.browser(t)
	seen.cookie = l.b.cookie
	s := seen.load()
	for key, values := range l.may {
		v, _ := s.Get(key)
		if text := strings.Trim(string(v), `"`); !slices.Contains(values, text) {
			t.Fatalf("n=%d, after %s (%v): %s holds %.20q, may hold %.20q", n, name, err, key, text, values)
		}
	}
}

// flush is the last request.
func (l *life) flush() {
	kept := l.b.cookie
	err := l.b.try(func(ctx context.Context, s *session.Session) {
		if err := s.Flush(ctx); err != nil {
			panic(err)
		}
	})
	old := l.sound.browser(l.t)
	old.cookie = kept
	if err == nil && old.load().Exists() {
		l.t.Fatalf("n=%d: flushed, and the old cookie opens", l.faulty.n)
	}
	if err != nil && l.b.cookie != kept {
		l.t.Fatalf("n=%d: flush failed and sent a cookie", l.faulty.n)
	}
}

// try is one request of at most 2 s. An error in act arrives as a panic.
func (b *browser) try(act func(ctx context.Context, s *session.Session)) (err error) {
	defer func() {
		if p, ok := recover().(error); ok {
			err = p
		}
	}()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Second)
	defer cancel()
	ctx = context.WithValue(ctx, endKey{}, cancel)
	s, err := b.e.Load(b.request().WithContext(ctx))
	if err != nil {
		return err
	}
	act(ctx, s)
	err = s.Commit(ctx)
	if c := s.SetCookie(); c != nil {
		b.cookie = c.Value
	}
	return err
}
