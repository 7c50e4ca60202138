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

// A page is told once that its session expired. No request travels then, so that no
// answer would tell the page.
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

// An expiry that was moved is told at its new time, whoever moved it: this page, another client,
// or another program over the same store.
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

// An expiry that was moved to be earlier is told earlier, and not at its old time.
func TestAnEarlierExpiry(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.expiring()
		b.withCookieOf().expiry(nil, time.Second)
		time.Sleep(time.Second)
		wantSaid(t, v, "set", "expiry", "another client: expiry", "the clock: expired")
	})
}

// While the store does not answer, nobody knows whether a session has expired: the hub asks again
// until it does. Otherwise an outage would be told as an expiry, or the expiry would never be told.
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

// A session that was ended before it expired is not told as expired: whether this page, another
// client or another program over the same store flushed it, or gave it another ID.
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

// Of a session that is all in its cookie the store does not know when it expires: the hub tells it
// by the deadline in the cookie.
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

// A session that is all in its cookie, and that another program over the same store flushed, is not
// told as expired.
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

// After a visit or the program has ended no expiry is told, and no timer keeps the visit in memory.
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

// A request during an outage does not end the watch on the session's expiry: the page would never
// hear of it.
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
