// Package memory keeps session records in this process: the server-side map.
// What it holds ends with the program.
package memory

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// shards is how many locks share the work. A power of two.
const shards = 32

// roomStep is how many expired sessions a full store clears to take a new one.
const roomStep = 32

// Store is a session.Backend. It starts no goroutine.
type Store struct {
	max    int64
	now    func() time.Time
	count  atomic.Int64 // sessions, live and expired, without markers
	bytes  atomic.Int64 // of their Data
	shards [shards]shard
}

// shard is one part of the map with its expiry queue: buckets of one second.
// A record lies in one bucket at a time. Moving its expiry back, as each write
// does, leaves it where it is; when the bucket comes due it is queued again. So
// clearing costs what has expired, and a write costs nothing in the queue.
type shard struct {
	mu      sync.RWMutex
	items   map[session.Key]*item
	buckets map[int64][]*item // by second of expiry
	due     int64             // no bucket is of a second before this one
	expired []*item           // sessions and markers found dead and not cleared
	dead    int               // sessions among expired that are still in items
	voids   int               // entries of the queue that lead nowhere, at most: some were met meanwhile
}

type item struct {
	key     session.Key
	rec     session.Record
	bucket  int64 // the second under which it is queued
	expired bool  // it lies in shard.expired
	gone    bool  // deleted: whoever finds it in a queue drops it
}

// New returns an empty store for at most max sessions, expired ones included
// until they are cleared; 0 means no limit. now is the clock: nil for time.Now.
func New(max int, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	st := &Store{max: int64(max), now: now}
	for i := range st.shards {
		st.shards[i].items = make(map[session.Key]*item)
		st.shards[i].buckets = make(map[int64][]*item)
		st.shards[i].due = now().Unix()
	}
	return st
}

func (st *Store) shard(k session.Key) *shard { return &st.shards[k[0]&(shards-1)] }

// Create implements session.Backend. A full store first clears what has expired.
func (st *Store) Create(ctx context.Context, k session.Key, r session.Record) error {
	if !r.Marker {
		n := st.count.Add(1)
		if r.Version == 0 && st.max > 0 && n > st.max {
			if cleared, err := st.DeleteExpired(ctx, st.now(), roomStep); err != nil || cleared == 0 {
				st.count.Add(-1)
				return session.ErrFull
			}
		}
	}
	sh := st.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if it, ok := sh.items[k]; ok && !(it.rec.Marker && dead(it, st.now())) {
		if !r.Marker {
			st.count.Add(-1)
		}
		return session.ErrExists
	} else if ok {
		sh.remove(it)
		sh.void(it)
	}
	r.Version++
	it := &item{key: k, rec: r}
	sh.items[k] = it
	sh.queue(it)
	if !r.Marker {
		st.bytes.Add(int64(len(r.Data)))
	}
	return nil
}

// Load implements session.Backend.
func (st *Store) Load(_ context.Context, k session.Key) (session.Record, error) {
	sh := st.shard(k)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	it, err := sh.live(k, st.now())
	if err != nil {
		return session.Record{}, err
	}
	return it.rec, nil
}

// Save implements session.Backend.
func (st *Store) Save(_ context.Context, k session.Key, r session.Record) (uint64, error) {
	sh := st.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	it, err := sh.live(k, st.now())
	switch {
	case err != nil:
		return 0, err
	case it.rec.Marker:
		return 0, session.ErrNotFound
	case it.rec.Version != r.Version:
		return 0, session.ErrConflict
	}
	r.Version++
	it = sh.revive(it)
	st.bytes.Add(-int64(len(it.rec.Data)))
	if r.Marker {
		st.count.Add(-1)
	} else {
		st.bytes.Add(int64(len(r.Data)))
	}
	it.rec = r
	sh.requeue(it)
	return r.Version, nil
}

// Touch implements session.Backend.
func (st *Store) Touch(_ context.Context, k session.Key, version uint64, expires time.Time) error {
	sh := st.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	it, err := sh.live(k, st.now())
	switch {
	case err != nil || it.rec.Marker:
		return session.ErrNotFound
	case it.rec.Version != version:
		return session.ErrConflict
	}
	it = sh.revive(it)
	it.rec.Expires = expires
	sh.requeue(it)
	return nil
}

// Delete implements session.Backend.
func (st *Store) Delete(_ context.Context, k session.Key) error {
	sh := st.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if it, ok := sh.items[k]; ok && !it.rec.Marker {
		st.forget(it)
		sh.remove(it)
		sh.void(it)
	}
	return nil
}

// DeleteExpired implements session.Backend.
func (st *Store) DeleteExpired(ctx context.Context, now time.Time, limit int) (removed int, err error) {
	for i := range st.shards {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		for more := true; more && removed < limit; {
			var n int
			n, more = st.clear(&st.shards[i], now, limit-removed)
			removed += n
		}
		if removed >= limit {
			break
		}
	}
	return removed, nil
}

// clear removes at most limit dead sessions, and as many dead markers, of one
// shard. It tells whether the markers were what ended its turn.
func (st *Store) clear(sh *shard, now time.Time, limit int) (removed int, more bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.advance(now)
	markers := 0
	for n := len(sh.expired); n > 0 && removed < limit && markers < limit; n-- {
		it := sh.expired[n-1]
		sh.expired[n-1] = nil
		sh.expired = sh.expired[:n-1]
		if it.gone {
			continue
		}
		if !dead(it, now) { // the clock stepped back a little
			it.expired = false
			if !it.rec.Marker {
				sh.dead--
			}
			sh.queue(it)
			continue
		}
		if it.rec.Marker {
			markers++
		} else {
			st.forget(it)
			removed++
		}
		sh.remove(it)
	}
	return removed, markers >= limit
}

// All implements session.Backend. It copies one shard at a time.
func (st *Store) All(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		for i := range st.shards {
			if err := ctx.Err(); err != nil {
				yield(session.Entry{}, err)
				return
			}
			sh := &st.shards[i]
			sh.mu.RLock()
			entries := make([]session.Entry, 0, len(sh.items))
			for k, it := range sh.items {
				if !it.rec.Marker {
					entries = append(entries, session.Entry{Key: k, Record: it.rec})
				}
			}
			sh.mu.RUnlock()
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// Stats implements session.Backend. It costs what has expired since the last time.
func (st *Store) Stats(context.Context) (session.Stats, error) {
	s := session.Stats{Bytes: st.bytes.Load()}
	now := st.now()
	for i := range st.shards {
		sh := &st.shards[i]
		sh.mu.Lock()
		sh.advance(now)
		s.Expired += sh.dead
		sh.mu.Unlock()
	}
	s.Live = max(0, int(st.count.Load())-s.Expired) // others may have cleared some since
	return s, nil
}

// Ping implements session.Backend.
func (st *Store) Ping(context.Context) error { return nil }

// forget takes a removed session out of the figures.
func (st *Store) forget(it *item) {
	st.count.Add(-1)
	st.bytes.Add(-int64(len(it.rec.Data)))
}

func dead(it *item, now time.Time) bool { return !now.Before(it.rec.Expires) }

// live returns the live record or marker of k. The caller holds the lock.
func (sh *shard) live(k session.Key, now time.Time) (*item, error) {
	it, ok := sh.items[k]
	switch {
	case !ok, it.rec.Marker && dead(it, now):
		return nil, session.ErrNotFound
	case dead(it, now):
		return nil, session.ErrExpired
	}
	return it, nil
}

// queue puts it into the bucket of its expiry.
func (sh *shard) queue(it *item) {
	it.bucket = max(it.rec.Expires.Unix(), sh.due)
	sh.buckets[it.bucket] = append(sh.buckets[it.bucket], it)
}

// requeue is called after the expiry of it moved. A later one is left for
// advance; an earlier one is queued at once, as a new item, so that the old
// entry in the queue is known to be void.
func (sh *shard) requeue(it *item) {
	if it.rec.Expires.Unix() >= it.bucket {
		return
	}
	fresh := &item{key: it.key, rec: it.rec}
	sh.items[it.key] = fresh
	sh.queue(fresh)
	sh.void(it)
}

// revive returns the item to write to: a fresh one if the clock stepped back
// behind the moment at which it was found dead.
func (sh *shard) revive(it *item) *item {
	if !it.expired {
		return it
	}
	fresh := &item{key: it.key, rec: it.rec}
	sh.remove(it)
	sh.void(it)
	sh.items[fresh.key] = fresh
	sh.queue(fresh)
	return fresh
}

// remove takes it out of the map.
func (sh *shard) remove(it *item) {
	delete(sh.items, it.key)
	if it.expired && !it.rec.Marker {
		sh.dead--
	}
}

// void marks an entry of the queue that leads nowhere any more. So that those of
// short-lived sessions do not pile up until their second comes, the queue is
// built anew once most of it is void.
func (sh *shard) void(it *item) {
	it.gone, it.rec.Data = true, ""
	if sh.voids++; sh.voids < 1024 || sh.voids < 2*len(sh.items) {
		return
	}
	sh.voids, sh.expired = 0, slices.DeleteFunc(sh.expired, isGone)
	for second, items := range sh.buckets {
		if sh.buckets[second] = slices.DeleteFunc(items, isGone); len(sh.buckets[second]) == 0 {
			delete(sh.buckets, second)
		}
	}
}

func isGone(it *item) bool { return it.gone }

// advance empties the buckets up to now: what is dead goes to expired, what was
// written meanwhile is queued again. The bucket of the present second is split.
func (sh *shard) advance(now time.Time) {
	until := now.Unix()
	settle := func(second int64) {
		items := sh.buckets[second]
		delete(sh.buckets, second)
		for _, it := range items {
			switch {
			case it.gone:
			case !dead(it, now):
				sh.queue(it)
			default:
				it.expired = true
				sh.expired = append(sh.expired, it)
				if !it.rec.Marker {
					sh.dead++
				}
			}
		}
	}
	first := sh.due
	sh.due = until
	if until < first { // the clock went backwards: look at everything again
		items := sh.expired
		sh.expired, sh.dead = nil, 0
		for _, it := range items {
			if !it.gone {
				it.expired = false
				sh.queue(it)
			}
		}
		first = until
	}
	if until-first > int64(len(sh.buckets)) { // after a long pause, or a jump of the clock
		for second := range sh.buckets {
			if second <= until {
				settle(second)
			}
		}
		return
	}
	for second := first; second <= until; second++ {
		settle(second)
	}
}
