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
)

var errNth = errors.New("this operation was made to fail")

// nth is a backend whose n-th operation fails, before it has done anything or
// after it has done all: to the caller both look the same.
type nth struct {
	session.Backend
	n     int
	after bool
	calls int
}

func (b *nth) fails() bool { b.calls++; return b.calls == b.n }

func op[T any](b *nth, do func() (T, error)) (result T, err error) {
	if !b.fails() {
		return do()
	}
	if b.after {
		do()
	}
	return result, errNth
}

func act(b *nth, do func() error) error {
	_, err := op(b, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

func (b *nth) Create(ctx context.Context, k session.Key, r session.Record) error {
	return act(b, func() error { return b.Backend.Create(ctx, k, r) })
}

func (b *nth) Load(ctx context.Context, k session.Key) (session.Record, error) {
	return op(b, func() (session.Record, error) { return b.Backend.Load(ctx, k) })
}

func (b *nth) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	return op(b, func() (uint64, error) { return b.Backend.Save(ctx, k, r) })
}

func (b *nth) Touch(ctx context.Context, k session.Key, version uint64, expires time.Time) error {
	return act(b, func() error { return b.Backend.Touch(ctx, k, version, expires) })
}

func (b *nth) Delete(ctx context.Context, k session.Key) error {
	return act(b, func() error { return b.Backend.Delete(ctx, k) })
}

// TestNthOperationFails lets each store operation of a session's life fail in
// turn. What was acknowledged stays readable, what was refused may have happened
// or not but nothing else, and a failure is a StoreError that sends no cookie.
func TestNthOperationFails(t *testing.T) {
	for _, first := range placements {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, after=%v", first, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					for n := 1; ; n++ {
						if calls := lifeWithFault(t, first, n, after); calls < n {
							if n < 20 {
								t.Fatalf("only %d operations", calls)
							}
							return // none failed
						}
					}
				})
			})
		}
	}
}

func lifeWithFault(t *testing.T, first session.Placement, n int, after bool) int {
	sound := newEngine(t, nil)
	faulty := &nth{Backend: sound.backend, n: n, after: after}
	e := newEngine(t, func(c *session.Config) { c.Backend, c.Rolling = faulty, true })
	b := e.browser(t)

	large := strings.Repeat("x", 300)
	may := map[string][]string{} // what each key may hold; "" for nothing
	step := func(name string, do func(s *session.Session), changes map[string]string) {
		t.Helper()
		time.Sleep(time.Second)
		kept := b.cookie
		err := b.try(do)
		store := (*session.StoreError)(nil)
		if err != nil && !errors.As(err, &store) {
			t.Fatalf("n=%d, %s: %v, want a StoreError", n, name, err)
		}
		if err != nil && b.cookie != kept {
			t.Fatalf("n=%d, %s failed and sent a cookie", n, name)
		}
		for key, value := range changes {
			if err == nil {
				may[key] = nil
			} else if may[key] == nil {
				may[key] = []string{""}
			}
			may[key] = append(may[key], value)
		}
		seen := sound.browser(t)
		seen.cookie = b.cookie
		s := seen.load()
		for key, values := range may {
			v, _ := s.Get(key)
			if text := strings.Trim(string(v), `"`); !slices.Contains(values, text) {
				t.Fatalf("n=%d, after %s (%v): %s holds %.20q, may hold %.20q", n, name, err, key, text, values)
			}
		}
	}
	set := func(key, text string) {
		t.Helper()
		step("set "+key, func(s *session.Session) {
			if !s.Exists() {
				s.SetPlacement(first)
			}
			must(t, s.Set(key, val(t, text)))
		}, map[string]string{key: text})
	}
	set("small", "one")
	set("large", large)
	set("small", "two")
	step("read", nil, nil)
	step("delete", func(s *session.Session) { s.Delete("large") }, map[string]string{"large": ""})
	set("large", large+"y")
	step("cycle", func(s *session.Session) { s.CycleID() }, nil)
	for _, p := range []session.Placement{session.OnServer, session.InCookie, session.Hybrid, session.InCookie, session.OnServer, session.Hybrid} {
		step("move to "+p.String(), func(s *session.Session) { s.SetPlacement(p) }, nil)
		set("small", "in "+p.String())
	}
	step("expiry", func(s *session.Session) { s.SetExpiry(session.Expiry{After: time.Hour}) }, nil)
	step("clear", func(s *session.Session) { s.Clear() }, map[string]string{"small": "", "large": ""})
	set("small", "last")

	kept := b.cookie
	err := b.try(func(s *session.Session) {
		if err := s.Flush(t.Context()); err != nil {
			panic(err)
		}
	})
	old := sound.browser(t)
	old.cookie = kept
	if err == nil && old.load().Exists() {
		t.Fatalf("n=%d: flushed, and the old cookie opens", n)
	}
	if err != nil && b.cookie != kept {
		t.Fatalf("n=%d: flush failed and sent a cookie", n)
	}
	return faulty.calls
}

// try is one request. An error in act arrives as a panic.
func (b *browser) try(act func(s *session.Session)) (err error) {
	defer func() {
		if p, ok := recover().(error); ok {
			err = p
		}
	}()
	s, err := b.e.Load(b.request())
	if err != nil {
		return err
	}
	if act != nil {
		act(s)
	}
	return b.commit(s)
}
