package hub

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
)

// A request that carries a session's cookie sees the moments of that session only. If it saw the
// moments of the session before a login, a planted cookie would show what its victim did.
func TestBeginShowsThatSession(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		b.page = "PAGE"
		v := b.open("")
		b.get(v) // before there is a session
		b.set(v, "a", "1")
		before := b.key()
		time.Sleep(time.Second)
		b.press(v, "login", func(s *session.Session) { s.CycleID() })
		now := b.key()
		time.Sleep(time.Second)
		w := b.open("") // another tab, with moments of its own
		b.press(w, "delete", func(s *session.Session) { s.Delete("a") })
		time.Sleep(time.Second)
		b.press(v, "keys", nil)
		stranger := l.root()
		stranger.set(stranger.open(""), "a", "1")
		synctest.Wait()

		for name, c := range map[string]struct {
			seat *seat.Seat
			k    session.Key
			want []string
		}{
			"the session of now":        {l.seats.Root, now, []string{"login", "delete", "keys"}},
			"the session of before":     {l.seats.Root, before, []string{"set"}},
			"a stranger's":              {l.seats.Root, stranger.key(), []string{"set"}},
			"no session":                {l.seats.Root, session.Key{}, nil},
			"one that nobody saw":       {l.seats.Root, session.KeyOf("nobody's"), nil},
			"on another browser's side": {l.second("f").seat, now, nil},
		} {
			u := l.Begin(c.seat, "", c.k)
			if got := said(u); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
			for i, e := range u.list() {
				if e.N != i+1 || e.Gist.Session != c.k.Name().String() || !e.Kept() {
					t.Errorf("%s: moment %d is %d of the session %q", name, i+1, e.N, e.Gist.Session)
				}
			}
			if u.Proved() || u.Family != u.Name {
				t.Errorf("%s: the visit is proved, or of a family", name)
			}
		}
	})
}

// All presses of a page whose visit has ended go on with one new visit; other pages go on with other
// visits.
// Otherwise every press would begin a timeline.
func TestALostPageHasOneHeir(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		root, second := l.seats.Root, l.second("f").seat
		lost := l.Begin(root, "", session.Key{})
		time.Sleep(VisitLife + time.Second)
		v := l.Heir(lost.Secret, root)
		if !v.Proved() || v.Secret == lost.Secret || v.Name == lost.Name || v.Family != v.Name || len(v.list()) != 0 {
			t.Errorf("the heir is %+v", v)
		}
		for range 5 {
			time.Sleep(VisitLife / 2)
			if l.Heir(lost.Secret, root) != v {
				t.Fatal("another press of the page has another heir")
			}
		}
		if l.Heir(lost.Secret+"A", root) == v {
			t.Error("another page has the same heir")
		}
		theirs := l.Heir(lost.Secret, second)
		if theirs == v || theirs.Seat != second || theirs.Family != theirs.Name {
			t.Errorf("on another browser's side the heir is of the family %s", theirs.Family)
		}
		if l.Count() != 3 {
			t.Errorf("%d visits", l.Count())
		}
		if got, _ := l.Prove(lost.Secret, root); got != nil {
			t.Error("the old secret opens the heir")
		}
		time.Sleep(VisitLife + time.Second)
		if l.Heir(lost.Secret, root) == v {
			t.Error("an heir that has ended goes on")
		}
	})
}

// A moment that several visits share is shown once to a page that begins with it, with its exchange
// if any visit has it still.
func TestASharedMomentIsShownOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		w := b.open("")
		wantSaid(t, w, "set")
		v.append(packed(maxPacked), "") // v loses the exchange, w has it still
		if mine, _ := v.Entry(1); mine.Kept() {
			t.Fatal("the control: the exchange is kept")
		}
		for range 10 { // in whatever order the visits are asked
			u := l.Begin(b.seat, "", b.key())
			wantSaid(t, u, "set")
			if e, _ := u.Entry(1); !e.Kept() {
				t.Fatal("the exchange is lost")
			}
		}
	})
}
