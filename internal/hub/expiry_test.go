package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// expiry gives the session of b an expiry of its own.
func (b *browser) expiry(v *Visit, after time.Duration) {
	b.t.Helper()
	b.press(v, "expiry", func(s *session.Session) { s.SetExpiry(session.Expiry{After: after}) })
}

// expiring is a visit with a session that expires in half a minute.
func (l *lab) expiring() (*browser, *Visit) {
	b, v := l.begun()
	b.expiry(v, 30*time.Second)
	return b, v
}

// That a session's clock ran out is told when it does, once: nothing travels then that
// would tell it.
func TestAnExpiryIsToldOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		_, v := l.expiring()
		news, _ := stream(t, v)
		time.Sleep(30*time.Second - time.Millisecond)
		wantSaid(t, v, "set", "expiry")
		time.Sleep(time.Millisecond)
		wantSaid(t, v, "set", "expiry", "the clock: expired")
		if !news() {
			t.Error("the stream is not told")
		}
		e, _ := v.Entry(3)
		x := e.exchange()
		if !x.Nothing || x.Store.State != session.StateExpired || e.Gist.Aside || e.Gist.Wrote || e.Gist.Session == "" || e.Gist.Acts[0].Reason != "the record is still in the store" {
			t.Errorf("what is told: %+v of %+v", e.Gist, x.Store)
		}
		for range 5 {
			time.Sleep(VisitLife / 2)
			v.Use()
		}
		wantSaid(t, v, "set", "expiry", "the clock: expired")
	})
}

// A clock that was moved runs out when it does then, whoever moved it: this page, another
// client, or another program over the same store.
func TestAMovedExpiry(t *testing.T) {
	for name, move := range map[string]func(*browser, *Visit){
		"by this page":      func(b *browser, v *Visit) { b.expiry(v, time.Minute) },
		"by another client": func(b *browser, _ *Visit) { b.withCookieOf().expiry(nil, time.Minute) },
		"by another program": func(b *browser, _ *Visit) {
			other := b.withCookieOf()
			other.away = true
			other.expiry(nil, time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(t *testing.T, l *lab) {
				b, v := l.expiring()
				time.Sleep(20 * time.Second)
				move(b, v)
				synctest.Wait()
				before := said(v)
				time.Sleep(time.Minute - time.Millisecond)
				wantSaid(t, v, before...)
				time.Sleep(time.Millisecond)
				wantSaid(t, v, append(before, "the clock: expired")...)
			})
		})
	}
}

// A clock that is moved to be earlier runs out earlier.
func TestAnEarlierExpiry(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.expiring()
		b.withCookieOf().expiry(nil, time.Second)
		time.Sleep(time.Second)
		wantSaid(t, v, "set", "expiry", "another client: expiry", "the clock: expired")
	})
}

// While the store does not answer, nobody knows whether a clock ran out: it is asked again
// until it does.
func TestAnExpiryInAnOutage(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		_, v := l.expiring()
		l.store.down.Store(true)
		time.Sleep(10 * time.Minute)
		wantSaid(t, v, "set", "expiry")
		l.store.down.Store(false)
		time.Sleep(plotEvery)
		wantSaid(t, v, "set", "expiry", "the clock: expired")
	})
}

// A session that ended otherwise has no clock any more: flushed by this page, by another
// client, under another ID, or by another program over the same store.
func TestNoExpiryOfAnEndedSession(t *testing.T) {
	cycle := func(s *session.Session) { s.CycleID(); s.SetExpiry(session.Expiry{}) }
	for name, end := range map[string]func(*browser, *Visit){
		"flushed by this page":       func(b *browser, v *Visit) { b.flush(v) },
		"flushed by another client":  func(b *browser, _ *Visit) { b.withCookieOf().flush(nil) },
		"a new ID by this page":      func(b *browser, v *Visit) { b.press(v, "cycle", cycle) },
		"a new ID by another client": func(b *browser, _ *Visit) { b.withCookieOf().press(nil, "cycle", cycle) },
		"flushed by another program": func(b *browser, _ *Visit) { b.away = true; b.flush(nil) },
		"the cookie is another": func(b *browser, v *Visit) {
			b.cookie = ""
			b.set(v, "b", "2")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(t *testing.T, l *lab) {
				b, v := l.expiring()
				end(b, v)
				synctest.Wait()
				before := said(v)
				time.Sleep(time.Minute)
				wantSaid(t, v, before...)
			})
		})
	}
}

// Of a session that is all in its cookie the store knows no clock: the deadline in the
// cookie is what passes.
func TestTheExpiryInTheCookie(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.setInCookie(v)
		b.expiry(v, 30*time.Second)
		time.Sleep(time.Minute)
		wantSaid(t, v, "set", "expiry", "the clock: expired")
		if e, _ := v.Entry(3); e.Gist.Acts[0].Reason != "the deadline in the cookie has passed" {
			t.Errorf("the reason is %q", e.Gist.Acts[0].Reason)
		}
	})
}

// One that was flushed by another program over the same store has no deadline any more.
func TestNoExpiryInADeadCookie(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.setInCookie(v)
		b.expiry(v, 30*time.Second)
		b.away = true
		b.flush(nil)
		time.Sleep(time.Minute)
		wantSaid(t, v, "set", "expiry")
	})
}

// Nothing is told, and nothing waits, after a visit or the program has ended.
func TestNoExpiryAfterTheEnd(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		_, v := l.expiring()
		l.Close()
		time.Sleep(time.Minute)
		wantSaid(t, v, "set", "expiry")
		if v.expiry.Stop() || v.idle.Stop() {
			t.Error("a timer waits after the end")
		}
		b, v := l.expiring() // a request that was under way
		time.Sleep(time.Minute)
		b.set(v, "b", "2")
		if v.expiry != nil || v.idle != nil {
			t.Error("a visit that began after the end has a timer")
		}
	})
}

// The page whose browser has no session, or lost sight of the store, keeps its watch as it is.
func TestAnOutageKeepsTheWatch(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.expiring()
		l.Add(v, b.seat, b.x, nil, 0, After{Unknown: true})
		if has, _ := v.Has(b.key()); !has {
			t.Error("an outage takes the session away")
		}
		time.Sleep(time.Minute)
		wantSaid(t, v, "set", "expiry", "expiry", "the clock: expired")
	})
}
