package hub

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// size is how many places of the index are taken.
func (x *index) size() (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, visits := range x.bySession {
		n += len(visits)
	}
	for _, visits := range x.byFamily {
		n += len(visits)
	}
	return n + len(x.heirs) + len(x.bySession) + len(x.byFamily)
}

// The index holds nothing of a visit that has ended, however it ended: otherwise every visit
// that ever was would stay in memory, and be told news.
func TestTheIndexForgets(t *testing.T) {
	for name, end := range map[string]func(l *lab){
		"idle":   func(*lab) { time.Sleep(2 * VisitLife) },
		"closed": func(l *lab) { l.Close() },
		"gave way": func(l *lab) {
			for range labVisits {
				l.Begin(l.seats.Root, "", session.Key{})
			}
			l.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(t *testing.T, l *lab) {
				first := l.root()
				v := first.open("")
				second := l.second(v.Family)
				w := second.open(v.Family)
				for range 2 * maxWatched {
					first.set(v, "a", "1")
					second.set(w, "a", "1")
					first.flush(v)
					first.withCookieOf().open("")
				}
				u := l.Heir("0"+l.start+"LOST", l.seats.Root)
				first.set(u, "b", "2")
				if n := l.index.size(); n < 20 {
					t.Fatalf("the control: %d places are taken", n)
				}
				if end(l); l.index.size() != 0 {
					t.Errorf("%d places are taken still: %+v", l.index.size(), &l.index)
				}
				l.Follow(v, After{Saw: first.key(), Has: first.key(), Expires: l.now()}) // a request that was under way
				if l.index.size() != 0 {
					t.Error("a visit that has ended is in it again")
				}
			})
		})
	}
}

// The index finds the visits that saw a session, and no others. A visit that it does not find is
// told nothing.
func TestTheIndexFinds(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v, w := l.root().open(""), l.root().open("")
		keys := make([]session.Key, maxWatched+1)
		for i := range keys {
			keys[i] = session.KeyOf(fmt.Sprint(i))
			v.watch(keys[i], false)
		}
		w.watch(keys[0], false)
		w.watch(keys[1], true)
		for i, want := range map[int][]*Visit{0: {w}, 1: {v, w}, 2: {v}, maxWatched: {v}} {
			if got := l.index.of(keys[i].Name(), session.Name{}, keys[i].Name()); !slices.Equal(got, want) {
				t.Errorf("session %d: %d visits, want %d", i, len(got), len(want))
			}
		}
		if got := l.index.family(v.Family); !slices.Equal(got, []*Visit{v}) {
			t.Errorf("its family has %d visits", len(got))
		}
	})
}
