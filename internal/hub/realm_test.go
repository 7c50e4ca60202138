package hub

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// learner seats a learner with a store of its own.
func (l *lab) learner(place string) *seat.Seat {
	l.t.Helper()
	engine, err := session.New(session.Config{
		Backend: memory.New(memory.Config{}), Secrets: [][]byte{session.NewSecret()}, CookieName: "sessionscope~" + place, CookiePath: "/s/" + place + "/",
		OnEvent: func(ctx context.Context, ev session.Event) { trace.From(ctx).Add(ev) },
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return l.seats.Join(place, place, engine)
}

// The figures of a learner are those of the learner's own store, and only the learner's pages are
// told when they change. If it failed, 300 pages would be woken by each press of one.
func TestARealmHasItsOwnFigures(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		fox, owl := l.browser(l.learner("fox")), l.browser(l.learner("owl"))
		foxPage, owlPage := fox.open(""), owl.open("")
		foxNews, leaveFox, _ := foxPage.Subscribe()
		owlNews, leaveOwl, _ := owlPage.Subscribe()
		defer leaveFox()
		defer leaveOwl()
		told := func(news <-chan struct{}) bool {
			select {
			case <-news:
				return true
			default:
				return false
			}
		}
		synctest.Wait()
		told(foxNews)
		told(owlNews)
		fox.set(nil, "a", "1")   // another tab of the learner, without a visit
		time.Sleep(figuresEvery) // of the bubble's clock
		synctest.Wait()
		if !told(foxNews) || told(owlNews) {
			t.Error("want the learner's own page told, and no other")
		}
		foxFigures, _ := l.SharedFigures(fox.seat)
		owlFigures, n := l.SharedFigures(owl.seat)
		if foxFigures.Live != 1 || owlFigures.Live != 0 || n != 0 {
			t.Errorf("the figures are %+v and %+v (%d)", foxFigures, owlFigures, n)
		}
	})
}

// When a learner has left, the learner's visits are over, and nobody else's.
func TestLeaveEndsTheVisitsOfASeat(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		fox, owl := l.browser(l.learner("fox")), l.browser(l.learner("owl"))
		gone, stays := fox.open(""), owl.open("")
		news, leave, _ := gone.Subscribe()
		defer leave()
		l.Leave(fox.seat)
		if _, open := <-news; open || l.there(gone) {
			t.Error("the learner's visit goes on")
		}
		if !l.there(stays) {
			t.Error("another learner's visit has ended")
		}
		if len(l.realms.byFirst) > 1 {
			t.Errorf("%d realms are kept", len(l.realms.byFirst))
		}
	})
}

// A learner who opens page after page pushes out the learner's own pages, the one that was used
// longest ago first. If it failed, one learner could take the places of a whole class.
func TestVisitsOfARealmGiveWayToEachOther(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.limits.Each = 3
		fox, owl := l.browser(l.learner("fox")), l.browser(l.learner("owl"))
		stays := owl.used()
		var pages []*Visit
		for range 5 {
			time.Sleep(time.Second)
			pages = append(pages, fox.used())
		}
		for i, v := range pages {
			if want := i >= 2; l.there(v) != want {
				t.Errorf("page %d: %v, want %v", i, l.there(v), want)
			}
		}
		for range 50 {
			fox.open("")
		}
		if !l.there(stays) || l.Count() != 4 {
			t.Errorf("%d visits are left, want 4 with the other learner's", l.Count())
		}
	})
}
