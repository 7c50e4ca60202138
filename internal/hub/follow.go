package hub

import (
	"slices"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// watches tells whether v saw the session of k.
func (v *Visit) watches(k session.Key) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Contains(v.watched, k)
}

// latestSeen returns the session that v saw last among the sessions of those names.
func (v *Visit) latestSeen(names []session.Name) (k session.Key, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, k := range slices.Backward(v.watched) {
		if slices.Contains(names, k.Name()) {
			return k, true
		}
	}
	return k, false
}

// watch remembers that v saw the session of k; with present, that this browser has that session.
// With the zero key and present, this browser has no session.
func (v *Visit) watch(k session.Key, present bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if present {
		v.present = k
	}
	if k == (session.Key{}) {
		return
	}
	forgot := session.Key{}
	v.watched = append(slices.DeleteFunc(v.watched, func(old session.Key) bool { return old == k }), k)
	if len(v.watched) > maxWatched {
		forgot = v.watched[0]
		v.watched = slices.Delete(v.watched, 0, 1)
	}
	if v.streams != nil { // it has not ended
		v.hub.index.saw(v, k, forgot)
	}
}

// Has tells whether this browser has the session of k, and whether all of the session that it
// has is in the cookie.
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

// Session returns the session that this browser has, or had last; zero for none.
func (v *Visit) Session() session.Key {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n := len(v.watched); v.present == (session.Key{}) && n > 0 {
		return v.watched[n-1]
	}
	return v.present
}

// carried is the last session of a browser, if all of it was in the browser's cookie. No store tells
// what became of a session like that when the cookie is lost.
type carried struct {
	key     session.Key // zero if the last session had a record
	expires time.Time
}

// noteCarried notes the session that the browser has after a request.
func (v *Visit) noteCarried(after After) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case after.Has == (session.Key{}): // the last session stays the one before
	case after.InCookie:
		v.carried = carried{after.Has, after.Expires}
	default:
		v.carried = carried{}
	}
}

// Carried tells whether all of the session of k was in this browser's cookie when v saw it last, and
// has not expired since.
func (v *Visit) Carried(k session.Key) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return k != (session.Key{}) && v.carried.key == k && v.hub.now().Before(v.carried.expires)
}

// Follow makes v watch the session that its browser has after a request.
func (h *Hub) Follow(v *Visit, after After) {
	v.watch(after.Saw, false)
	v.watch(after.Has, true)
	v.noteCarried(after)
	h.watchExpiry(v, after.Has, after.Expires, after.InCookie)
}
