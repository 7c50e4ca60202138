package hub

import (
	"context"
	"slices"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// watches tells whether v saw the session of k.
func (v *Visit) watches(k session.Key) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Contains(v.watched, k)
}

// knows returns the session of those names that v saw last.
func (v *Visit) knows(names []session.Name) (k session.Key, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, k := range slices.Backward(v.watched) {
		if slices.Contains(names, k.Name()) {
			return k, true
		}
	}
	return k, false
}

// watch remembers that v saw the session of k, and with present that it is the one that
// this browser has.
func (v *Visit) watch(k session.Key, present bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if present {
		v.present = k
	}
	if k == (session.Key{}) {
		return
	}
	v.watched = append(slices.DeleteFunc(v.watched, func(old session.Key) bool { return old == k }), k)
	if len(v.watched) > maxWatched {
		v.watched = slices.Delete(v.watched, 0, 1)
	}
}

// Has tells whether k's is the session that this browser has, and whether all of it is in
// the cookie.
func (v *Visit) Has(k session.Key) (has, inCookie bool) {
	present, inCookie := v.Present()
	return present == k, inCookie
}

// Present returns the session that this browser has, zero for none, and whether all of it
// is in the cookie.
func (v *Visit) Present() (k session.Key, inCookie bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.present, v.inCookie
}

// Session returns the one that this browser has, or had last; zero for none.
func (v *Visit) Session() session.Key {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n := len(v.watched); v.present == (session.Key{}) && n > 0 {
		return v.watched[n-1]
	}
	return v.present
}

// Follow keeps v's watch on the session that its browser has after a request.
func (h *Hub) Follow(v *Visit, after After) {
	v.watch(after.Saw, false)
	v.watch(after.Has, true)
	h.watchClock(v, after.Has, after.Expires, after.InCookie)
}

// followOther keeps v's watch on its session's clock when somebody else ended the session,
// or moved the clock.
func (h *Hub) followOther(v *Visit, k session.Key, n news) {
	present, inCookie := v.Has(k)
	switch {
	case !present:
	case slices.Contains(n.ended, k.Name()):
		v.watch(session.Key{}, true)
		h.watchClock(v, session.Key{}, time.Time{}, false)
	case n.after.Has == k:
		h.watchClock(v, k, n.after.Expires, inCookie)
	}
}

// watchClock sees to it that v is told when the clock of k's session has run out; with the
// zero key it is told no more.
func (h *Hub) watchClock(v *Visit, k session.Key, expires time.Time, inCookie bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.clock != nil {
		v.clock.Stop()
		v.clock = nil
	}
	v.inCookie = inCookie
	if k != (session.Key{}) && v.streams != nil {
		v.clock = time.AfterFunc(expires.Sub(h.now()), func() { h.clockRanOut(v, k) })
	}
}

// clockRanOut looks what the store says of a session whose clock should have run out:
// nothing travels then, so that nothing else would tell.
func (h *Hub) clockRanOut(v *Visit, k session.Key) {
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
		h.watchClock(v, k, h.now().Add(plotEvery), inCookie) // ask again
		return
	case peeked.State == session.StateLive:
		h.watchClock(v, k, peeked.Info.Expires, inCookie) // somebody moved it
		return
	case peeked.State == session.StateNone && inCookie:
		why = "the deadline in the cookie has passed"
	case peeked.State != session.StateExpired:
		return // it ended otherwise
	}
	h.observe(ctx, v, k, trace.Gist{By: TheClock, Acts: []trace.Act{{Kind: session.Expired, Reason: why}}})
}
