package hub

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// withCookieOf is another client that carries the cookie of b.
func (b *browser) withCookieOf() *browser {
	other := b.browser(b.seat)
	other.cookie = b.cookie
	return other
}

// A page that saw a session is told what other pages and clients do to it, reads too. It is told
// nothing of strangers' sessions but the store's figures, and not at every write.
func TestWhoSawASessionIsTold(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		tab := b.withCookieOf()
		w := tab.open("")
		wantSaid(t, w, "set")
		news, _ := stream(t, w)

		b.set(v, "a", "2")
		wantSaid(t, w, "set", "another page: set")
		if !news() {
			t.Error("its stream is not told")
		}
		thief := b.withCookieOf()
		thief.set(nil, "a", "3")
		wantSaid(t, v, "set", "set", "another client: set")
		wantSaid(t, w, "set", "another page: set", "another client: set")
		news()
		thief.get(nil)
		wantSaid(t, w, "set", "another page: set", "another client: set", "another client: get")
		tab.get(w)
		wantSaid(t, v, "set", "set", "another client: set", "another client: get", "another page: get")
		time.Sleep(figuresEvery)
		news()

		stranger := l.root()
		stranger.set(nil, "a", "4")
		wantSaid(t, v, "set", "set", "another client: set", "another client: get", "another page: get")
		if news() {
			t.Error("a stranger's write wakes a stream by itself")
		}
		time.Sleep(figuresEvery)
		if !news() {
			t.Error("a stranger's write moves the figures, and the stream is not told to look at them")
		}
		stranger.get(nil)
		time.Sleep(figuresEvery)
		if news() {
			t.Error("a stranger's read is news")
		}
	})
}

// What a page is told of another client has nothing of that client's request, which may hold its
// secrets. It has what the store keeps of the session.
func TestWhatIsTold(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		thief := b.withCookieOf()
		thief.page = "THEIRS"
		thief.set(nil, "secret", strings.Repeat("x", 1000))
		wantSaid(t, v, "set", "another client: set")
		e, _ := v.Entry(2)
		x := e.exchange()
		if !x.Nothing || x.Request.Method != "" || x.Answer.Status != "" || x.Cookie.Kept != b.x.Cookie.Kept || x.By != AnotherClient {
			t.Errorf("of the other's exchange it holds %+v, %+v, %+v", x.Request, x.Answer, x.Cookie)
		}
		if x.Store.State != session.StateLive || len(x.Store.Record.Values) != 1 || !x.Store.Figures.Known || x.Store.ID != b.x.Session.ID {
			t.Errorf("of the store it says %+v", x.Store)
		}
		if g := e.Gist; !g.Nothing || !g.Elsewhere || g.Page != "" || g.Aside || !g.Wrote || g.Session != b.x.Session.ID || g.Key != "" {
			t.Errorf("its gist is %+v", g)
		}
		b.press(v, "login", func(s *session.Session) { s.CycleID() })
		thief.get(nil) // with the old cookie
		wantSaid(t, v, "set", "another client: set", "login", "another client: get")
		if e, _ := v.Entry(4); !e.Gist.Aside {
			t.Error("what happened to a session of before is told as the state of now")
		}
		l.store.down.Store(true)
		x = trace.Exchange{Did: trace.Did{Op: "set"}, Events: []session.Event{{Kind: session.Set, Session: b.key().Name()}}}
		l.Add(nil, b.seat, &x, nil, 0, After{})
		wantSaid(t, v, "set", "another client: set", "login", "another client: get", "another client: set")
		if e, _ := v.Entry(5); !e.Gist.Aside {
			t.Error("what nobody knows, while the store is down, is told as the state of now")
		}
	})
}

// A request that a page makes by itself is told to nobody, unless it changed something. Otherwise two
// pages would have each other ask for ever.
func TestALookIsNoNews(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		w := b.open("")
		b.byItself = true
		b.press(v, "session", nil)
		wantSaid(t, v, "set", "session")
		wantSaid(t, w, "set")
		b.set(v, "a", "2")
		wantSaid(t, w, "set", "another page: set")
		b.byItself = false
		b.press(v, "session", nil)
		wantSaid(t, w, "set", "another page: set", "another page: session")
	})
}

// A page is not told what happened before it was loaded, even when that is told late: the page shows
// it already.
func TestNothingOfBeforeIsTold(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		synctest.Wait()
		held := make(chan struct{})
		l.store.held.Store(&held)
		thief := b.withCookieOf()
		thief.set(nil, "a", "2") // is being told
		synctest.Wait()
		thief.set(nil, "a", "3") // waits
		w := b.open("")
		wantSaid(t, w, "set")
		thief.set(nil, "a", "4")
		close(held)
		wantSaid(t, v, "set", "another client: set", "another client: set", "another client: set")
		wantSaid(t, w, "set", "another client: set")
	})
}

// Every visit is told what the sweeper removed: nobody can say whose the records were.
func TestTheSweepIsToldToAll(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, other := l.root(), l.root()
		v, w := b.open(""), other.open("")
		b.set(v, "a", "1")
		if _, err := l.seats.Root.Engine.ClearExpired(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantSaid(t, v, "set") // nothing was removed
		time.Sleep(10 * time.Minute)
		v.Use()
		b.press(v, "expiry", func(s *session.Session) { s.SetExpiry(session.Expiry{After: time.Second}) })
		time.Sleep(2 * time.Second)
		if n, err := l.seats.Root.Engine.ClearExpired(t.Context()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		wantSaid(t, v, "set", "expiry", "the clock: expired", "the sweeper: swept")
		wantSaid(t, w, "the sweeper: swept")
	})
}

// The visits of a family get the same moment, under the name of the browser that pressed. Another
// family gets nothing.
func TestTheFamilyIsTold(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		first, stranger := l.root(), l.root()
		v, alone := first.open(""), stranger.open("")
		second, third := l.second(v.Family), l.second(v.Family)
		w, u := second.open(v.Family), third.open(v.Family)
		second2 := second.withCookieOf()
		w2 := second2.open(v.Family)
		first.set(v, "a", "1")
		second.set(w, "b", "2")
		third.get(u)
		wantSaid(t, v, "set", "second browser: set", "third browser: get")
		wantSaid(t, w, "first browser: set", "set", "third browser: get")
		wantSaid(t, u, "first browser: set", "second browser: set", "get")
		wantSaid(t, w2, "first browser: set", "another page: set", "third browser: get")
		wantSaid(t, alone)
		mine, _ := w.Entry(2)
		theirs, _ := v.Entry(2)
		if mine.Moment != theirs.Moment {
			t.Error("the family has a copy, and not the same moment")
		}
		// A page of the second browser that was not opened from the family is none of it.
		byAddress := second.open("")
		second.set(byAddress, "b", "3")
		wantSaid(t, v, "set", "second browser: set", "third browser: get")
		wantSaid(t, byAddress, "set", "set")
	})
}

// A visit that is not proved may be the reload of a page that has a visit. If its presses were told, the
// page would hear of its own reload as somebody else's.
func TestAnUnprovedVisitIsToldToNobody(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		kin := l.second(v.Family)
		w := kin.open(v.Family)
		load := l.Begin(b.seat, v.Family, b.key())
		wantSaid(t, load, "set")
		news, _ := stream(t, v)
		theirs, _ := stream(t, w)
		own, _ := stream(t, load)

		b.set(load, "a", "2")
		wantSaid(t, load, "set", "set")
		wantSaid(t, v, "set")
		wantSaid(t, w)
		if news() || theirs() {
			t.Error("somebody was told of an unproved visit")
		}
		if !own() {
			t.Error("its own stream was not told")
		}
		load.Confirm()
		b.set(load, "a", "3")
		wantSaid(t, v, "set", "another page: set")
		wantSaid(t, w, "first browser: set")
		if !news() || !theirs() {
			t.Error("the control: nobody is told of a proved one")
		}
	})
}

// A press never waits until others are told. Deeds that find the queue full are dropped, and the
// next deed is delivered again.
func TestTellingIsNotWaitedFor(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		if cap(l.deeds) < 100 {
			t.Fatalf("there is room for %d news", cap(l.deeds))
		}
		l.deeds = make(chan deed, 10) // enough for a test
		b, v := l.begun()
		synctest.Wait()
		held := make(chan struct{})
		l.store.held.Store(&held)
		thief := b.withCookieOf()
		began := time.Now()
		for i := range 2 * cap(l.deeds) {
			thief.set(nil, "a", fmt.Sprint(i))
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the writers waited %v", took)
		}
		close(held)
		synctest.Wait()
		if n := v.Last(); n < cap(l.deeds) || n > cap(l.deeds)+3 {
			t.Errorf("%d moments of %d writes", n, 2*cap(l.deeds))
		}
		before := v.Last()
		thief.set(nil, "b", "1")
		synctest.Wait()
		if v.Last() != before+1 {
			t.Error("after too many, the next is not told")
		}
	})
}

// A store that does not answer holds up the delivery of deeds for no longer than watchTime. Otherwise one
// outage would silence all streams.
func TestAHangingStoreEndsTheLook(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		held := make(chan struct{})
		defer close(held)
		l.store.held.Store(&held)
		b.withCookieOf().get(nil)
		wantSaid(t, v, "set")
		time.Sleep(watchTime)
		wantSaid(t, v, "set", "another client: get")
	})
}
