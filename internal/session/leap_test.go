package session_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// leap is what a clock does once, at an hour after which a session lives on or not.
type leap struct {
	name  string
	to    time.Time
	lives bool
}

// If it failed, a clock that leaps, back or forth, would end a session that has not expired,
// or label a cookie with a time that has passed. Only over the memory store: a server
// beside this program has a clock of its own.
func TestClockLeapEndsOnlyWhatHasExpired(t *testing.T) {
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, p := range placements {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			for _, leap := range []leap{
				{"a millisecond back", start.Add(-time.Millisecond), true},
				{"an hour back, as when summer ends", start.Add(-time.Hour), true},
				{"to 1970", time.Unix(0, 0), true},
				{"an hour forth, as when summer begins", start.Add(time.Hour), true},
				{"to the idle end", start.Add(2 * time.Hour), false},
				{"to the end of 32 bits", time.Date(2038, 1, 19, 3, 14, 7, 0, time.UTC), false},
				{"one second further", time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC), false},
				{"to 2262", time.Date(2262, 4, 11, 23, 47, 16, 0, time.UTC), false},
			} {
				checkLeap(t, p, start, leap)
			}
		})
	}
}

// checkLeap lets the clock of a session in p leap.
func checkLeap(t *testing.T, p session.Placement, start time.Time, leap leap) {
	now := start
	clock := func() time.Time { return now }
	e := newEngine(t, func(c *session.Config) { c.Backend, c.Now = memory.New(memory.Config{Now: clock}), clock })
	b := e.browser(t)
	b.born(p)
	now = leap.to
	if got := b.do(nil).Exists(); got != leap.lives {
		t.Errorf("%s: the session lives: %v", leap.name, got)
	}
	if !leap.lives {
		now = start // the leap was a mistake: what was not cleared is there again
		b.wantKeys("big", "name")
		now = leap.to
	}
	s := b.set("name", leap.name)
	if c := s.SetCookie(); c != nil && c.MaxAge <= 0 {
		t.Errorf("%s: Max-Age %d", leap.name, c.MaxAge)
	}
	if n, err := e.ClearExpired(t.Context()); err != nil || n > 1 {
		t.Errorf("%s: %d cleared, %v", leap.name, n, err)
	}
	if !b.do(nil).Exists() {
		t.Errorf("%s: what was just written is gone", leap.name)
	}
}

// If it failed, a clock that leaps at random would label a cookie with a time that has
// passed, or make an act fail.
func TestRandomClockLeaps(t *testing.T) {
	for _, p := range placements {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(85, uint64(p)))
			now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
			clock := func() time.Time { return now }
			e := newEngine(t, func(c *session.Config) {
				c.Backend, c.Now, c.Rolling = memory.New(memory.Config{Now: clock}), clock, true
			})
			b := e.browser(t)
			for n := range 3000 {
				span := []time.Duration{time.Second, time.Minute, 3 * time.Hour, 300 * 24 * time.Hour}[random.IntN(4)]
				now = now.Add(time.Duration(random.Int64N(int64(2*span))) - span)
				s := b.load()
				switch random.IntN(5) {
				case 0:
					if !s.Exists() {
						s.SetPlacement(p)
					}
					must(t, s.Set(fmt.Sprint(n%7), val(t, fmt.Sprint(n))))
				case 1:
					s.SetExpiry(session.Expiry{After: time.Duration(1+random.IntN(90)) * time.Second})
				case 2:
					s.CycleID()
				case 3:
					if _, err := e.ClearExpired(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if err := b.commit(s); err != nil && !errors.Is(err, session.ErrMoved) {
					t.Fatalf("step %d: %v", n, err)
				}
				if c := s.SetCookie(); c != nil && c.Value != "" && c.MaxAge <= 0 {
					t.Fatalf("step %d: Max-Age %d", n, c.MaxAge)
				}
			}
		})
	}
}
