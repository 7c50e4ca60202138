package hub

import (
	"context"
	"slices"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// followOther corrects v's watch when another client ended the session of k, or moved its
// expiry.
func (h *Hub) followOther(v *Visit, k session.Key, d deed) {
	present, inCookie := v.Has(k)
	switch {
	case !present:
	case slices.Contains(d.ended, k.Name()):
		v.watch(session.Key{}, true)
		h.watchExpiry(v, session.Key{}, time.Time{}, false)
	case d.after.Has == k:
		h.watchExpiry(v, k, d.after.Expires, inCookie)
	}
}

// watchExpiry has v told when the session of k expires, in place of the session that v
// watched before. With the zero key v is told of no expiry. inCookie tells that all of the session is in the
// cookie, so that the store does not know when it expires.
func (h *Hub) watchExpiry(v *Visit, k session.Key, expires time.Time, inCookie bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.expiry != nil {
		v.expiry.Stop()
		v.expiry = nil
	}
	v.inCookie = inCookie
	if k != (session.Key{}) && v.streams != nil {
		v.expiry = time.AfterFunc(expires.Sub(h.now()), func() { h.checkExpiry(v, k) })
	}
}

// checkExpiry asks the store for a session that should have expired by now, and tells v if it
// has. Nothing travels when a session expires, so that no request tells a page of the expiry.
func (h *Hub) checkExpiry(v *Visit, k session.Key) {
	ctx, cancel := context.WithTimeout(context.Background(), watchTime)
	defer cancel()
	present, inCookie := v.Has(k)
	if !present {
		return
	}
	peeked, err := v.Seat.Engine.Peek(ctx, k)
	why := "the record is still in the store"
	switch {
	case err != nil:
		h.watchExpiry(v, k, h.now().Add(plotEvery), inCookie) // ask again
		return
	case peeked.State == session.StateLive:
		h.watchExpiry(v, k, peeked.Info.Expires, inCookie) // another client moved its expiry
		return
	case peeked.State == session.StateNone && inCookie:
		why = "the deadline in the cookie has passed"
	case peeked.State != session.StateExpired:
		return // it was ended before it expired
	}
	h.observe(ctx, v, k, trace.Gist{By: TheClock, Acts: []trace.Act{{Kind: session.Expired, Reason: why}}})
}
