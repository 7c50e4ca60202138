package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// The load of a page becomes the last moment of the visit that the tab had before, once, and its
// family is told. Otherwise a reload would be missing from the timeline, or stand in it twice.
func TestAdopt(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		kin := l.second(v.Family)
		theirs := kin.open(v.Family)
		load := l.Begin(b.seat, "", b.key())
		wantSaid(t, load, "set")
		b.press(load, "lab", nil)
		wantSaid(t, v, "set")
		wantSaid(t, theirs)
		told, _ := stream(t, v)
		theirNews, _ := stream(t, theirs)
		lost, _, _ := load.Subscribe()

		l.Adopt(v, load, func(x *trace.Exchange) { x.Cookie.Known, x.Did.User = true, x.Did.Op })
		wantSaid(t, v, "set", "lab")
		wantSaid(t, theirs, "first browser: lab")
		if e, _ := v.Entry(2); !e.Kept() || e.exchange().Did.User != "lab" || !e.exchange().Cookie.Known {
			t.Errorf("its exchange is %+v", e)
		}
		if !told() || !theirNews() {
			t.Error("the streams are not told")
		}
		if _, open := <-lost; open {
			t.Error("the loaded visit goes on")
		}
		if got, why := l.Prove(load.Secret, b.seat); got != nil || why != Idle || l.Count() != 2 {
			t.Errorf("the loaded visit is there: %v, %q, %d visits", got, why, l.Count())
		}
		if e, _ := load.Entry(2); e.exchange().Cookie.Known {
			t.Error("the loaded visit's own moment was changed")
		}
		l.Adopt(v, v, func(*trace.Exchange) { t.Error("a visit adopts itself") })
		wantSaid(t, v, "set", "lab")
	})
}

// A visit adopts the load only, and none of the moments that the load's visit took over: it has
// them already, and would show them twice.
func TestAdoptTakesNothingOfThePast(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v, w := b.open(""), b.open("")
		b.set(v, "a", "1")
		b.set(w, "a", "2")
		for _, of := range []*Visit{v, w} { // two tabs, with more moments together than one visit keeps
			e := of.list()[0]
			for range MaxMoments - 50 {
				of.append(l.again(e), "")
			}
		}
		synctest.Wait()
		before := v.Last()
		load := l.Begin(b.seat, "", b.key())
		if load.Timeline(0).Dropped == 0 {
			t.Fatal("the control: the load began with all")
		}
		b.press(load, "lab", nil)
		l.Adopt(v, load, func(*trace.Exchange) {})
		if got := said(v); v.Last() != before+1 || got[len(got)-1] != "lab" || got[len(got)-2] == "lab" {
			t.Errorf("%d moments more, the last are %q", v.Last()-before, got[len(got)-3:])
		}
	})
}

// The load of a page is shown once to a page that begins with it, although a visit adopted it
// meanwhile.
func TestAnAdoptedMomentIsShownOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		load := l.Begin(b.seat, "", b.key())
		b.press(load, "lab", nil)
		tab := l.Begin(b.seat, "", b.key()) // meanwhile
		l.Adopt(v, load, func(*trace.Exchange) {})
		wantSaid(t, tab, "set", "lab")
		wantSaid(t, l.Begin(b.seat, "", b.key()), "set", "lab")
	})
}

// A page that asks twice at the same time to be adopted is one moment, and not two.
func TestAdoptOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		load := l.Begin(b.seat, "", b.key())
		b.press(load, "lab", nil)
		for range 2 { // both found the load before it ended
			l.Adopt(v, load, func(*trace.Exchange) {})
		}
		wantSaid(t, v, "set", "lab")
	})
}

// The visit that adopts a load watches the session of the load's browser. Otherwise nobody would
// tell the page when that session expires. While the store is down it keeps its watch.
func TestAdoptFollowsTheLoad(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.get(v)
		b.set(nil, "a", "1") // another tab, of which v has not heard
		b.expiry(nil, 30*time.Second)
		synctest.Wait()
		if has, _ := v.Has(b.key()); has {
			t.Fatal("the control: the visit has heard of it")
		}
		adopt := func() {
			load := l.Begin(b.seat, "", session.Key{})
			b.press(load, "lab", nil)
			before := v.Session()
			l.Adopt(v, load, func(*trace.Exchange) {
				if v.Session() != before {
					t.Error("what was there before is not known any more when the exchange is completed")
				}
			})
		}
		adopt()
		if has, _ := v.Has(b.key()); !has {
			t.Error("the session that the load found is not this browser's")
		}
		b.withCookieOf().set(nil, "a", "2")
		wantSaid(t, v, "get", "lab", "another client: set")
		time.Sleep(30 * time.Second)
		wantSaid(t, v, "get", "lab", "another client: set", "the clock: expired")
		b.set(nil, "a", "3")
		synctest.Wait()
		adopt()
		now := b.key()
		down := l.Begin(b.seat, "", session.Key{})
		l.Add(down, b.seat, &trace.Exchange{Did: trace.Did{Op: "lab"}, Store: trace.Store{Down: true}}, nil, 0, After{Unknown: true})
		l.Adopt(v, down, func(*trace.Exchange) {})
		if has, _ := v.Has(now); !has {
			t.Error("while the store was down the browser lost its session")
		}
		b.cookie = ""
		adopt()
		if has, _ := v.Has(session.Key{}); !has {
			t.Error("the browser has a session that it threw away")
		}
	})
}
