package session_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// step is one request on a session that holds "name" and "more", which are small,
// and "big", which lies on the server unless the placement is cookie.
type step struct {
	name     string
	act      func(t *testing.T, s *session.Session)
	sets     map[string]string // the values that it leaves, "" for none
	clears   bool
	ends     bool
	renews   func(p session.Placement) bool // whether it gives a new ID to a session in p
	moves    session.Placement
	inCookie bool          // it changes what a hybrid session has in its cookie
	expires  time.Duration // from now on, if it sets an expiry
}

func (st step) fresh(p session.Placement) bool { return st.renews != nil && st.renews(p) }

func always(session.Placement) bool { return true }

// steps are all kinds of requests.
func steps() []step {
	set := func(key, text string) step {
		return step{name: "set " + key, act: func(t *testing.T, s *session.Session) { must(t, s.Set(key, val(t, text))) }, sets: map[string]string{key: text}}
	}
	move := func(p session.Placement) step {
		return step{
			name: "move to " + p.String(), act: func(_ *testing.T, s *session.Session) { s.SetPlacement(p) }, moves: p,
			renews: func(from session.Placement) bool {
				return from != p && (from == session.InCookie || p == session.InCookie)
			},
		}
	}
	expiry := func(name string, d time.Duration) step {
		return step{
			name: name, act: func(_ *testing.T, s *session.Session) { s.SetExpiry(session.Expiry{After: d}) }, expires: d, ends: d < 0,
			renews: func(p session.Placement) bool { return p == session.InCookie && d > 0 && d < 8*time.Hour },
		}
	}
	remove := func(key string) step {
		return step{name: "delete " + key, act: func(_ *testing.T, s *session.Session) { s.Delete(key) }, sets: map[string]string{key: ""}}
	}
	inCookie := func(st step) step {
		st.inCookie = true
		return st
	}
	return []step{
		{name: "read", act: func(*testing.T, *session.Session) {}},
		inCookie(set("name", "Karim")), inCookie(set("small", "x")), set("large", strings.Repeat("y", 300)), inCookie(remove("name")), remove("big"),
		inCookie(step{name: "clear", act: func(_ *testing.T, s *session.Session) { s.Clear() }, clears: true}),
		{name: "flush", act: func(t *testing.T, s *session.Session) {
			if err := s.Flush(t.Context()); err != nil && !errors.Is(err, session.ErrMoved) {
				t.Error(err)
			}
		}, ends: true},
		{name: "cycle", act: func(_ *testing.T, s *session.Session) { s.CycleID() }, renews: always},
		{name: "login", act: func(t *testing.T, s *session.Session) {
			must(t, s.Set("user", val(t, "Rahim")))
			s.CycleID()
		}, sets: map[string]string{"user": "Rahim"}, renews: always},
		move(session.InCookie), move(session.Hybrid), move(session.OnServer),
		expiry("shorter expiry", 5*time.Second), expiry("longer expiry", 3*time.Hour), expiry("longest expiry", 20*time.Hour), expiry("past expiry", -time.Second),
	}
}

// Which answers reach the browser, in which order.
var arrivals = []struct {
	name  string
	order []int // 0 for the first request's answer, 1 for the late one's
}{
	{"first, late", []int{0, 1}}, {"late, first", []int{1, 0}}, {"first is lost", []int{1}}, {"late is lost", []int{0}}, {"both are lost", nil},
}

// TestTransitions lets two requests load the same session. Each does one of all
// kinds of acts; the first commits before the late one, and answers arrive in any
// order or not at all. What must hold then:
//
//   - A value that the browser had before is there, unless one of the two took it away.
//   - So is a value that one of them wrote and that lives on the server. Of values in
//     the cookie, those of the answer that arrived last count.
//   - An ID that was ended or replaced opens nothing, nor does any cookie after an
//     expiry that was set.
//   - The late request may be told that the session is gone (409), if the first one
//     ended it or gave it a new ID, and that there is a conflict (409), if it would
//     move values of a hybrid session's cookie that the first one has changed.
//   - The browser can be left with a dead cookie only if the answer with a new ID was
//     lost, or overtaken by an older one.
func TestTransitions(t *testing.T) {
	for _, from := range placements {
		t.Run(from.String(), func(t *testing.T) {
			t.Parallel()
			table := map[string]map[string]int{}
			for _, first := range steps() {
				for _, late := range steps() {
					for _, arrival := range arrivals {
						synctest.Test(t, func(t *testing.T) {
							what := fmt.Sprintf("%s, then late %s, %s", first.name, late.name, arrival.name)
							outcome := transition(t, what, from, first, late, arrival.order)
							if table[first.name] == nil {
								table[first.name] = map[string]int{}
							}
							table[first.name][outcome]++
						})
					}
				}
			}
			for _, first := range steps() {
				line := ""
				for _, outcome := range slices.Sorted(maps.Keys(table[first.name])) {
					line += fmt.Sprintf("  %s %d", outcome, table[first.name][outcome])
				}
				t.Logf("%-15s%s", first.name, line)
			}
		})
	}
}

func transition(t *testing.T, what string, from session.Placement, first, late step, order []int) (outcome string) {
	e := newEngine(t, nil)
	b := e.browser(t)
	b.born(from)
	b.set("more", "z")
	before := b.cookie
	values := map[string]string{"name": "Rahim", "more": "z", "big": strings.Repeat("x", 300)}
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: "+format, append([]any{what}, args...)...)
	}

	// Both load, then both act.
	one, two := b.load(), b.load()
	first.act(t, one)
	if err := one.Commit(t.Context()); err != nil {
		fail("the first: %v", err)
	}
	wasIn := from // where the late one finds the session
	if first.moves != 0 {
		wasIn = first.moves
	}
	late.act(t, two)
	err := two.Commit(t.Context())
	replaced := first.fresh(from) || first.ends
	switch refused := errors.Is(err, session.ErrGone) || errors.Is(err, session.ErrMoved); {
	case errors.Is(err, session.ErrConflict) && wasIn == session.Hybrid && first.inCookie && (late.fresh(session.Hybrid) || late.moves == session.OnServer):
	case err != nil && !refused:
		fail("the late one: %v", err)
	case refused && !replaced:
		fail("the late one was refused, although the session was not ended: %v", err)
	}
	wrote := err == nil && !replaced // otherwise it read, or changed nothing
	answers := [2]*session.Session{one, two}
	had := map[int]bool{} // whose cookie the browser has
	for _, n := range order {
		if c := answers[n].SetCookie(); c != nil {
			b.cookie = c.Value
			had = map[int]bool{n: true}
		}
	}

	// What is dead stays dead.
	opens := func(cookie string) *session.Session {
		seen := e.browser(t)
		seen.cookie = cookie
		return seen.load()
	}
	all := []string{before}
	for _, s := range answers {
		if c := s.SetCookie(); c != nil && c.Value != "" {
			all = append(all, c.Value)
		}
	}
	ended := first.ends || wrote && late.ends
	renewed := first.fresh(from) || wrote && late.fresh(wasIn)
	for n, cookie := range all {
		if s := opens(cookie); s.Exists() && (ended || renewed && n == 0) {
			fail("cookie %d of a session that was ended or has a new ID opens it", n)
		}
	}
	s := opens(b.cookie)
	lost := false // the browser's cookie is of an ID that was replaced
	switch {
	case ended:
		return "ended"
	case renewed && !s.Exists():
		lost = true
		if (first.fresh(from) && had[0]) && !(wrote && late.fresh(wasIn)) || wrote && late.fresh(wasIn) && had[1] {
			fail("the cookie with the new ID opens nothing")
		}
	case !s.Exists():
		fail("the session is lost: %q", s.Verdict())
	}

	// What was kept is there.
	if !lost {
		want := maps.Clone(values)
		certain := func(key string) bool { return wasIn == session.OnServer || key == "big" || key == "large" } // on the server
		apply := func(st step, n int) {
			if st.clears {
				clear(want)
			}
			for key, text := range st.sets {
				if want[key] = text; from == session.InCookie && wasIn == session.InCookie || !certain(key) {
					if !had[n] {
						want[key] = "?" // the last cookie counts
					}
				}
			}
		}
		apply(first, 0)
		if wrote {
			apply(late, 1)
		}
		cleared := first.clears || wrote && late.clears
		for key, text := range want {
			v, ok := s.Get(key)
			switch got := strings.Trim(string(v), `"`); {
			case text == "?" || text == "" && !ok:
			case cleared && from == session.InCookie: // the last cookie counts
			case got != text:
				fail("%s holds %.10q, want %.10q", key, got, text)
			}
		}
		for _, key := range s.Keys() {
			if want[key] == "" && !(cleared && (from == session.InCookie || had[1] && first.clears)) {
				fail("%s is there, %.10q wanted", key, want[key])
			}
		}
	}

	// No copy outlives an expiry that was set.
	expires := first.expires
	if wrote && late.expires != 0 {
		expires = late.expires
	}
	if expires > 0 && expires < time.Hour {
		time.Sleep(expires)
		for n, cookie := range all {
			if opens(cookie).Exists() {
				fail("cookie %d opens the session after its own expiry", n)
			}
		}
	}
	switch {
	case lost:
		return "lost on the way"
	case err != nil:
		return "409"
	}
	return "kept"
}
