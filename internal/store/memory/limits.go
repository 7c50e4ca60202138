package memory

import "context"

// roomStep is how many expired sessions a full store clears at a time to make room.
const roomStep = 32

// account adds it to the store's figures when n is 1, and takes it out when n is -1.
// It returns the figures for sessions after that; for a marker, zeros.
func (st *Store) account(it *item, n int64) (sessions, bytes int64) {
	if it.marker {
		st.markers.Add(n)
		if it.late {
			st.lateMarkers.Add(n)
		}
		return 0, 0
	}
	return st.sessions.Add(n), st.bytes.Add(n * int64(len(it.data)))
}

// over tells whether so many sessions, or so many bytes, are more than the limit.
func (st *Store) over(sessions, bytes int64) bool {
	return st.cfg.MaxSessions > 0 && sessions > int64(st.cfg.MaxSessions) || st.cfg.MaxBytes > 0 && bytes > st.cfg.MaxBytes
}

// tooManyLateMarkers tells whether there are as many late markers as there may be
// sessions. Without this bound, a client that changes the ID of its session again and
// again would fill the memory with them.
func (st *Store) tooManyLateMarkers() bool {
	return st.cfg.MaxSessions > 0 && st.lateMarkers.Load() >= int64(st.cfg.MaxSessions)
}

// makeRoom clears expired sessions until the store is within its limits, and tells
// whether it is. sessions and bytes are the figures to begin with.
func (st *Store) makeRoom(ctx context.Context, sessions, bytes int64) bool {
	for st.over(sessions, bytes) {
		n, err := st.DeleteExpired(ctx, st.cfg.Now(), roomStep)
		sessions, bytes = st.sessions.Load(), st.bytes.Load() // another request may have cleared some meanwhile
		if err != nil || n == 0 {
			return !st.over(sessions, bytes)
		}
	}
	return true
}

// clear removes at most limit dead sessions, and at most limit dead markers, of one
// shard. more is true when it stopped at the limit for markers: dead sessions may
// come after them.
func (st *Store) clear(sh *shard, now int64, limit int) (removed int, more bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.advance(now)
	markers := 0
	for sh.expired != nil && removed < limit && markers < limit {
		it := sh.expired
		switch {
		case !it.dead(now): // the clock went back by less than a second since the item was found dead
			sh.unqueue(it)
			sh.queue(it)
			continue
		case it.marker:
			markers++
			st.rememberForgotten(it.expires)
		default:
			removed++
		}
		st.account(it, -1)
		sh.remove(it)
	}
	return removed, markers >= limit
}

// rememberForgotten notes that a marker with this expiry was removed.
func (st *Store) rememberForgotten(expires int64) {
	for {
		latest := st.forgotten.Load()
		if latest >= expires || st.forgotten.CompareAndSwap(latest, expires) {
			return
		}
	}
}
