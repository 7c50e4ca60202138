package hub

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// The hub is used by all goroutines at once while visits give way and end. A data race, a deadlock,
// or bytes that stay counted would fail it.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	var all, background sync.WaitGroup
	var rounds atomic.Int32
	background.Go(func() { l.Run(ctx) })
	shared := l.root()
	shared.set(nil, "a", "1")
	cookie := shared.cookie
	common := shared.open("")
	for range labVisits - 3 { // so that others give way
		l.Begin(l.seats.Root, "", session.Key{})
	}
	family := l.second(common.Family).seat
	for i := range 4 {
		all.Go(func() {
			b := l.root()
			b.cookie = cookie
			if i == 3 {
				b = l.browser(family)
			}
			for n := range 4 {
				b.page = fmt.Sprint("PAGE", i)
				v := b.open(map[bool]string{true: common.Family}[i == 3])
				b.set(v, fmt.Sprint("k", i), fmt.Sprint(n))
				b.get(common)
				for range 20 { // what takes no time, more often
					opened := l.Begin(b.seat, "", session.Key{})
					if got, _ := l.Prove(opened.Secret, b.seat); got != nil {
						got.Use()
					}
					l.Redeem(opened.Proof(), b.seat)
					opened.Proof()
					l.Heir(fmt.Sprint(l.start, "LOST", i), b.seat)
					l.realmOf(l.seats.Root).plot.add(l.now(), session.Stats{Live: i})
					l.realmOf(l.seats.Root).plot.all()
				}
				load := l.Begin(b.seat, "", b.key())
				b.press(load, "lab", nil)
				l.Adopt(v, load, func(x *trace.Exchange) { x.Cookie.Known = true })
				news, leave, ok := common.Subscribe()
				for _, e := range common.list() {
					if e.Kept() && e.N%5 == 0 {
						common.ExchangeOf(ctx, e)
					}
				}
				for range 20 {
					common.Timeline(0)
					common.Use()
				}
				common.Since(n, b.page)
				common.Pressed(b.page, b.x.Session.ID)
				common.Session()
				common.Streams()
				common.Pin(Pin{Owner: b.page})
				common.Pins(b.page)
				common.SetProjector(!common.Projector())
				l.Follow(common, After{Saw: b.key(), Has: b.key(), Expires: l.now()})
				l.Figures(ctx, b.seat, common)
				l.Held()
				common.Pins(b.page)
				if ok {
					select {
					case <-news:
					default:
					}
					leave()
				}
				if rounds.Add(1) == 14 { // of 16
					l.Close()
				}
			}
		})
	}
	all.Wait()
	cancel()
	background.Wait()
	if l.Held() != 0 || l.Any() || len(l.byProof) != 0 {
		t.Errorf("after the end: %d bytes, %d visits, %d proofs", l.Held(), l.Count(), len(l.byProof))
	}
}

// A page begins with the moments of its session while its family gets more of them. If it failed,
// a moment that the page did not take over would count as taken over.
func TestBeginWhileItsFamilyGetsMoments(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	b := l.root()
	v := b.open("")
	b.set(v, "a", "1")
	e, _ := v.Entry(1)
	began := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-began:
				return
			default:
				l.share(v, l.again(e))
			}
		}
	})
	for range 100 {
		load := l.Begin(b.seat, v.Family, b.key())
		for _, e := range load.list() {
			if e.N <= load.takenUntil && e.Kin != "" {
				t.Error("a moment of its family counts as taken over")
			}
		}
		l.mu.Lock()
		l.end(load)
		l.mu.Unlock()
	}
	close(began)
	all.Wait()
}
