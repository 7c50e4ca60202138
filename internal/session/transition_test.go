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
	inCookie bool          // it changes the values in a hybrid session's cookie
	expires  time.Duration // the expiry that it sets, from now on
}

func (st step) fresh(p session.Placement) bool { return st.renews != nil && st.renews(p) }

func always(session.Placement) bool { return true }

// steps returns one request of each kind.
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

// arrivals are the orders in which answers reach the browser, or do not.
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
//   - A value that one of them wrote and that lives on the server is there too. If it
//     lives in the cookie, the answer that arrived last decides.
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

// run is one transition: what two requests have done to a session, and what the
// browser and the server have of it then.
type run struct {
	t           *testing.T
	what        string // for a failure
	e           *engine
	b           *browser
	from        session.Placement
	first, late step
	wasIn       session.Placement   // where the late request finds the session
	sessions    [2]*session.Session // of the first request, and of the late one
	lateErr     error
	wrote       bool         // the late request did its act; otherwise it read, or changed nothing
	had         map[int]bool // the requests whose cookie the browser got
	cookies     []string     // the browser's first cookie, and the cookies that were sent
	values      map[string]string
}

func (r *run) fail(format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("%s: "+format, append([]any{r.what}, args...)...)
}

// opens returns the session that a cookie opens now.
func (r *run) opens(cookie string) *session.Session {
	seen := r.e.browser(r.t)
	seen.cookie = cookie
	return seen.load()
}

// ended, lateRenewed and renewed tell whether a request that wrote has ended the session,
// whether the late one has given it a new ID, and whether any has.
func (r *run) ended() bool       { return r.first.ends || r.wrote && r.late.ends }
func (r *run) lateRenewed() bool { return r.wrote && r.late.fresh(r.wasIn) }
func (r *run) renewed() bool     { return r.first.fresh(r.from) || r.lateRenewed() }

// transition lets two requests do their acts and returns what became of the session. The
// answers reach the browser in order; 0 is the first request's and 1 the late one's.
func transition(t *testing.T, what string, from session.Placement, first, late step, order []int) (outcome string) {
	r := &run{t: t, what: what, e: newEngine(t, nil), from: from, wasIn: from, first: first, late: late}
	r.b = r.e.browser(t)
	r.b.born(from)
	r.b.set("more", "z")
	r.values = map[string]string{"name": "Rahim", "more": "z", "big": strings.Repeat("x", 300)}
	r.cookies = []string{r.b.cookie}
	r.act()
	r.answer(order)
	r.checkDeadCookies()
	s := r.opens(r.b.cookie)
	lost := false // the browser's cookie is of an ID that was replaced
	switch {
	case r.ended():
		return "ended"
	case r.renewed() && !s.Exists():
		lost = true
		if r.first.fresh(from) && r.had[0] && !r.lateRenewed() || r.lateRenewed() && r.had[1] {
			r.fail("the cookie with the new ID opens nothing")
		}
	case !s.Exists():
		r.fail("the session is lost: %q", s.Verdict())
	}
	if !lost {
		r.checkValues(s)
	}
	r.checkExpiry()
	switch {
	case lost:
		return "lost on the way"
	case r.lateErr != nil:
		return "409"
	}
	return "kept"
}

// act lets both requests load, and then both act.
func (r *run) act() {
	one, two := r.b.load(), r.b.load()
	r.sessions = [2]*session.Session{one, two}
	r.first.act(r.t, one)
	if err := one.Commit(r.t.Context()); err != nil {
		r.fail("the first: %v", err)
	}
	if r.first.moves != 0 {
		r.wasIn = r.first.moves
	}
	r.late.act(r.t, two)
	err := two.Commit(r.t.Context())
	replaced := r.first.fresh(r.from) || r.first.ends
	switch refused := errors.Is(err, session.ErrGone) || errors.Is(err, session.ErrMoved); {
	case errors.Is(err, session.ErrConflict) && r.wasIn == session.Hybrid && r.first.inCookie && (r.late.fresh(session.Hybrid) || r.late.moves == session.OnServer):
	case err != nil && !refused:
		r.fail("the late one: %v", err)
	case refused && !replaced:
		r.fail("the late one was refused, although the session was not ended: %v", err)
	}
	r.lateErr, r.wrote = err, err == nil && !replaced
}

// answer lets the answers reach the browser in that order.
func (r *run) answer(order []int) {
	r.had = map[int]bool{}
	for _, n := range order {
		if c := r.sessions[n].SetCookie(); c != nil {
			r.b.cookie = c.Value
			r.had = map[int]bool{n: true}
		}
	}
	for _, s := range r.sessions {
		if c := s.SetCookie(); c != nil && c.Value != "" {
			r.cookies = append(r.cookies, c.Value)
		}
	}
}

// checkDeadCookies checks that what is dead stays dead.
func (r *run) checkDeadCookies() {
	for n, cookie := range r.cookies {
		if s := r.opens(cookie); s.Exists() && (r.ended() || r.renewed() && n == 0) {
			r.fail("cookie %d of a session that was ended or has a new ID opens it", n)
		}
	}
}

// wanted returns the values that the browser's session must hold, by key: "" for a
// missing value, and "?" for a value that the last cookie decides.
func (r *run) wanted() map[string]string {
	want := maps.Clone(r.values)
	certain := func(key string) bool { return r.wasIn == session.OnServer || key == "big" || key == "large" } // on the server
	apply := func(st step, n int) {
		if st.clears {
			clear(want)
		}
		for key, text := range st.sets {
			inCookie := r.from == session.InCookie && r.wasIn == session.InCookie || !certain(key)
			if want[key] = text; inCookie && !r.had[n] {
				want[key] = "?"
			}
		}
	}
	apply(r.first, 0)
	if r.wrote {
		apply(r.late, 1)
	}
	return want
}

// checkValues checks that what was kept is there, and nothing beside it.
func (r *run) checkValues(s *session.Session) {
	want := r.wanted()
	cleared := r.first.clears || r.wrote && r.late.clears
	for key, text := range want {
		v, ok := s.Get(key)
		switch got := strings.Trim(string(v), `"`); {
		case text == "?" || text == "" && !ok:
		case cleared && r.from == session.InCookie: // the last cookie counts
		case got != text:
			r.fail("%s holds %.10q, want %.10q", key, got, text)
		}
	}
	for _, key := range s.Keys() {
		if want[key] == "" && !(cleared && (r.from == session.InCookie || r.had[1] && r.first.clears)) {
			r.fail("%s is there, %.10q wanted", key, want[key])
		}
	}
}

// checkExpiry checks that no copy outlives an expiry that was set.
func (r *run) checkExpiry() {
	expires := r.first.expires
	if r.wrote && r.late.expires != 0 {
		expires = r.late.expires
	}
	if expires <= 0 || expires >= time.Hour {
		return
	}
	time.Sleep(expires)
	for n, cookie := range r.cookies {
		if r.opens(cookie).Exists() {
			r.fail("cookie %d opens the session after its own expiry", n)
		}
	}
}
