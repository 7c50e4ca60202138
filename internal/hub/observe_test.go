package hub

import (
	"testing"
	"testing/synctest"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// changesAt returns what changed at the moment of number n, as the page's row of changes says it.
func changesAt(t *testing.T, v *Visit, n int) []trace.Change {
	t.Helper()
	e, ok := v.Entry(n)
	if !ok {
		t.Fatalf("no moment %d", n)
	}
	_, beside := v.ExchangeOf(t.Context(), e)
	return beside.Changes
}

// No record misses a session that is all in the cookie. Otherwise another client's read would look
// like the end of the session and, at the next press, like its birth.
func TestASessionInTheCookieGoesOn(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.setInCookie(v)
		other := b.withCookieOf()
		other.get(nil)
		synctest.Wait()
		b.get(v)
		wantSaid(t, v, "set", "another client: get", "get")
		for n := 2; n <= 3; n++ {
			if got := changesAt(t, v, n); len(got) > 0 {
				t.Errorf("at moment %d changed %+v, want nothing", n, got)
			}
		}
		if e, _ := v.Entry(2); len(e.exchange().Session.Values) != 1 {
			t.Error("the moment does not show the value in the cookie")
		}
		other.flush(nil)
		wantSaid(t, v, "set", "another client: get", "get", "another client: flush")
		if e, _ := v.Entry(4); e.exchange().Session.Exists {
			t.Error("the control: a session that was flushed goes on")
		}
	})
}

// While the store is asked what another client did, a press of the page can end. The moment is then
// made anew: otherwise it would show the cookie as it was before the press, and the press after it
// would seem to throw that cookie away.
func TestAPressMeanwhileIsNotForgotten(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		synctest.Wait()
		held := make(chan struct{})
		l.store.held.Store(&held)
		other := b.withCookieOf()
		other.get(nil)
		synctest.Wait() // the store is being asked
		b.flush(v)
		b.cookie = ""
		l.store.held.Store(nil)
		close(held)
		wantSaid(t, v, "set", "flush", "another client: get")
		b.get(v)
		synctest.Wait()
		for _, c := range changesAt(t, v, v.Last()) {
			if c.What == trace.OfCookie {
				t.Errorf("a press that changed nothing says of the cookie %+v", c)
			}
		}
		if e, _ := v.Entry(3); e.exchange().Cookie.Kept != "" {
			t.Error("the moment shows a cookie that the browser does not keep any more")
		}
	})
}

// A press has a new ID, and its moment is there before the visit follows the new session. What
// another client does to the old session in between is not what this browser has: otherwise the next
// press would seem to begin the session.
func TestASessionIsNotFollowedYet(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.setInCookie(v)
		old := b.key()
		b.press(v, "cycle-id", func(s *session.Session) { s.CycleID() })
		v.watch(old, true)
		l.observe(t.Context(), v, old, trace.Gist{By: AnotherClient, Op: "get"})
		v.watch(b.key(), true)
		if got := changesAt(t, v, b.get(v)); len(got) > 0 {
			t.Errorf("a press that changed nothing changed %+v", got)
		}
	})
}
