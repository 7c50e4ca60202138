package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it failed, a value would move from the server back into a cookie, where one lost answer
// loses it, or a cookie would grow too large.
func TestHybridMovesLargeValuesToTheServerForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := e.browser(t)
		lives := func(key string) string {
			for _, item := range b.do(nil).Info().Values {
				if item.Key == key {
					return item.Lives
				}
			}
			return "nowhere"
		}
		want := func(key, place string) {
			t.Helper()
			if got := lives(key); got != place {
				t.Errorf("%s lives in %q, want %q", key, got, place)
			}
		}
		b.set("edge", strings.Repeat("x", 254)) // 256 encoded bytes
		b.set("over", strings.Repeat("x", 255))
		want("edge", "cookie")
		want("over", "server")
		b.set("over", "small")
		want("over", "server") // moving back could lose it with one lost response
		b.do(func(s *session.Session) { s.Delete("over") })
		b.set("over", "small")
		want("over", "cookie")
		b.do(func(s *session.Session) { s.Delete("edge") })
		for n := range 12 { // 12 × 200 bytes do not fit into one cookie: the largest move
			b.set(fmt.Sprint("k", n), strings.Repeat("x", 180+n))
		}
		want("over", "cookie")
		want("k0", "cookie")
		moved := 0
		for n := range 12 {
			if lives(fmt.Sprint("k", n)) == "server" {
				moved++
			}
		}
		if moved == 0 || len(b.cookie)+12 > 4096 {
			t.Errorf("%d values moved, the cookie has %d bytes", moved, len(b.cookie)+12)
		}
		if got := len(b.do(nil).Keys()); got != 13 {
			t.Errorf("%d keys, want 13", got)
		}
	})
}

// If it failed, a change of placement would lose values or extend the lifetime, or an older
// cookie would open the session after its end.
func TestPlacementMovesAtOnce(t *testing.T) {
	for _, from := range placements {
		for _, to := range placements {
			t.Run(from.String()+" to "+to.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEngine(t, nil)
					b := e.browser(t)
					before := b.born(from).Info()
					kept := b.twin()
					time.Sleep(time.Hour)
					s := b.do(func(s *session.Session) { s.SetPlacement(to) })
					after := s.Info()
					if after.Placement != to || !after.Absolute.Equal(before.Absolute) {
						t.Fatalf("now %v until %v, want %v until %v", after.Placement, after.Absolute, to, before.Absolute)
					}
					b.wantKeys("big", "name")
					for _, item := range b.do(nil).Info().Values {
						want := "cookie"
						if to == session.OnServer || to == session.Hybrid && (item.Key == "big" || from == session.OnServer) {
							want = "server"
						}
						if item.Lives != want {
							t.Errorf("%s lives in %q, want %q", item.Key, item.Lives, want)
						}
					}
					records := 1
					if to == session.InCookie {
						records = 0
					}
					e.wantStats(t, records, 0)

					// After a flush no cookie from before or after the move opens anything.
					b.do(func(s *session.Session) { must(t, s.Flush(t.Context())) })
					time.Sleep(time.Minute)
					kept.wantKeys()
				})
			})
		}
	}
}

// If it failed, a value that was deleted after a move to the server would come back with a
// cookie from before the move.
func TestOldCookieBringsNoDeletedValueBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.set("name", "Rahim")
		kept := b.twin()
		b.do(func(s *session.Session) { s.SetPlacement(session.OnServer) })
		b.do(func(s *session.Session) { s.Delete("name") })
		b.set("other", "x")
		kept.wantKeys("other")
		b.do(func(s *session.Session) { s.SetPlacement(session.Hybrid) })
		kept.wantKeys("other") // it lives on the server, also for hybrid
		if s := kept.load(); s.Info().Verdict != session.VerdictStale {
			t.Errorf("the old cookie is %q", s.Info().Verdict)
		}
		b.wantKeys("other")
	})
}

// If it failed, a move that does not fit into a cookie would not say which key to delete.
func TestPlacementLimitNamesTheLargest(t *testing.T) {
	b := newEngine(t, nil).browser(t)
	b.do(func(s *session.Session) {
		must(t, s.Set("small", val(t, strings.Repeat("x", 2000))))
		must(t, s.Set("large", val(t, strings.Repeat("x", 5000))))
	})
	s := b.load()
	s.SetPlacement(session.InCookie)
	limit := (*session.LimitError)(nil)
	if err := b.commit(s); !errors.As(err, &limit) || limit.Key != "large" {
		t.Errorf("%v, %+v; want the key large", err, limit)
	}
}

// If it failed, a set that was loaded before a move of its session and commits after it would
// delete values, or put them where no cookie carries them.
func TestSetThatMeetsAMoveTakesNothingAway(t *testing.T) {
	for _, from := range placements {
		for _, to := range placements {
			t.Run(fmt.Sprintf("%v to %v", from, to), func(t *testing.T) {
				e := newEngine(t, nil)
				b := e.browser(t)
				b.do(func(s *session.Session) { s.SetPlacement(from); must(t, s.Set("a1", "1")) })
				b.set("a2", "2")
				b.set("a3", "3")
				late := b.load()
				must(t, late.Set("b", "4"))
				b.do(func(s *session.Session) { s.SetPlacement(to) })
				switch err := b.commit(late); {
				case errors.Is(err, session.ErrGone):
					b.wantKeys("a1", "a2", "a3")
				case err != nil:
					t.Fatal(err)
				default:
					b.wantKeys("a1", "a2", "a3", "b")
				}
			})
		}
	}
}

// If it failed, a server session would be lost with the answer to its move to hybrid.
func TestMoveToHybridWhoseAnswerIsLost(t *testing.T) {
	e := newEngine(t, nil)
	b := e.browser(t)
	b.born(session.OnServer)
	kept := b.cookie
	b.do(func(s *session.Session) { s.SetPlacement(session.Hybrid) })
	b.cookie = kept
	b.wantKeys("big", "name")
	b.set("name", "Karim")
	b.wantKeys("big", "name")
}

// If it failed, a request whose cookie is older than a clear or a move would delete values
// in later cookies, which it does not know, or its own clear would leave them.
func TestWriteWithACookieFromBeforeAClearOrMove(t *testing.T) {
	for name, act := range map[string]func(s *session.Session){
		"a clear": func(s *session.Session) { s.Clear() },
		"moves":   func(s *session.Session) { s.SetPlacement(session.OnServer) },
	} {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.do(func(s *session.Session) { must(t, s.Set("old", "1")) })
		before := b.twin()
		b.do(act)
		b.do(func(s *session.Session) { s.SetPlacement(session.Hybrid) })
		b.set("small", "x") // it lives in the cookie
		if s := before.set("late", "y"); s.SetCookie() != nil || s.Lives("late") != "server" {
			t.Errorf("after %s: the write sent %v, and its value lives in the %s", name, s.SetCookie(), s.Lives("late"))
		} else if s.Verdict() != session.VerdictStale {
			t.Errorf("after %s: its cookie is called %q", name, s.Verdict())
		}
		want := []string{"late", "old", "small"}
		if name == "a clear" {
			want = []string{"late", "small"}
		}
		if diff := cmp.Diff(want, b.load().Keys()); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", name, diff)
		}
		for what, move := range map[string]func(s *session.Session){
			"a cycle": func(s *session.Session) { s.CycleID() },
			"a move":  func(s *session.Session) { s.SetPlacement(session.OnServer) },
		} {
			s := before.load()
			move(s)
			if err := before.commit(s); !errors.Is(err, session.ErrStale) {
				t.Errorf("%s after %s: %v, want ErrStale", what, name, err)
			}
		}
		before.do(func(s *session.Session) { s.Clear() })
		if keys := b.load().Keys(); len(keys) > 0 {
			t.Errorf("after %s and a clear: %q", name, keys)
		}
	}
}
