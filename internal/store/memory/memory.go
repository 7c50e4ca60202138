// Package memory keeps session records in this process: the server-side map.
// What it holds ends with the program.
package memory

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"iter"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// shards is how many locks share the work: so many that even when a million
// sessions expire in one second, nobody waits a millisecond for one of them.
// A power of two, at most 256.
const shards = 256

// roomStep is how many expired sessions a full store clears to take more.
const roomStep = 32

// Config limits a Store. The zero value does not.
type Config struct {
	MaxSessions int              // expired ones included until they are cleared; 0 for no limit
	MaxBytes    int64            // of data; 0 for no limit
	Now         func() time.Time // the clock; default time.Now
}

// Store is a session.Backend. It starts no goroutine.
type Store struct {
	cfg    Config
	count  atomic.Int64 // sessions, live and expired, without markers
	bytes  atomic.Int64 // of their data
	ended  atomic.Int64 // markers
	late   atomic.Int64 // of them those that were saved over a record, for late requests
	shards [shards]shard

	forgotten atomic.Int64 // the latest expiry of a marker that was removed, Unix milliseconds
}

// shard is one part of the map with its expiry queue: a list for each second. An
// item lies in one list at a time. Moving its expiry back, as each write does,
// leaves it where it is; when its second comes it is queued again. So clearing
// costs what has expired, and a write costs nothing in the queue.
type shard struct {
	mu      sync.RWMutex
	items   map[id]*item
	seconds map[uint32]*item // heads of the lists
	due     uint32           // no list is of a second before this one
	expired *item            // head of the list of those found dead and not cleared
	dead    int              // sessions in expired, without markers
}

// id is as much of a key as tells a million of them apart: 64 bits of SHA-256,
// of IDs that no client chooses. A key whose id is taken by another is taken.
type id uint64

func idOf(k session.Key) id { return id(binary.LittleEndian.Uint64(k[:])) }

// item is one record. A million of them make every word count.
type item struct {
	key              session.Key
	data             string
	version          uint64
	created, expires int64 // Unix milliseconds
	prev, next       *item // of its list
	second           uint32
	expired, marker  bool
	late             bool // a marker that was saved over a record
}

// New returns an empty store.
func New(cfg Config) *Store {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	st := &Store{cfg: cfg}
	for i := range st.shards {
		st.shards[i].items = make(map[id]*item)
		st.shards[i].seconds = make(map[uint32]*item)
		st.shards[i].due = secondOf(st.now())
	}
	return st
}

func (st *Store) now() int64 { return st.cfg.Now().UnixMilli() }

func (st *Store) shard(k session.Key) *shard { return &st.shards[k[16]&(shards-1)] }

// Create implements session.Backend. A full store first clears what has expired.
func (st *Store) Create(ctx context.Context, k session.Key, r session.Record) error {
	it := &item{
		key: k, data: r.Data, version: r.Version + 1, marker: r.Marker,
		created: r.Created.UnixMilli(), expires: r.Expires.UnixMilli(),
	}
	if n, bytes := st.account(it, +1); r.Version == 0 && !r.Marker && !st.makeRoom(ctx, n, bytes) {
		st.account(it, -1)
		return session.ErrFull
	}
	sh := st.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if old := sh.items[idOf(k)]; old != nil {
		if old.key != k || !old.marker || !old.dead(st.now()) {
			st.account(it, -1)
			return session.ErrExists
		}
		st.account(old, -1)
		sh.remove(old)
	}
	sh.items[idOf(k)] = it
	sh.queue(it)
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
	return it.record(), nil
}

// Save implements session.Backend.
func (st *Store) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	if r.Marker && st.tooManyLate() {
		if _, err := st.DeleteExpired(ctx, st.cfg.Now(), roomStep); err != nil {
			return 0, err
		}
	}
	for {
		version, err := st.save(k, r)
		if err != session.ErrFull {
			return version, err
		}
		if n, err := st.DeleteExpired(ctx, st.cfg.Now(), roomStep); err != nil || n == 0 {
			return st.save(k, r) // others may have cleared some
		}
	}
}

func (st *Store) save(k session.Key, r session.Record) (uint64, error) {
	sh := st.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	it, err := sh.session(k, r.Version, st.now())
	if err != nil {
		return 0, err
	}
	if grows := int64(len(r.Data) - len(it.data)); grows > 0 && !r.Marker && st.over(0, st.bytes.Load()+grows) {
		return 0, session.ErrFull
	}
	if r.Marker && st.tooManyLate() {
		st.account(it, -1)
		sh.remove(it)
		return r.Version + 1, nil
	}
	sh.move(it, r.Expires.UnixMilli())
	st.account(it, -1)
	it.data, it.version, it.marker, it.late, it.created = r.Data, r.Version+1, r.Marker, r.Marker, r.Created.UnixMilli()
	st.account(it, +1)
	return it.version, nil
}

// tooManyLate tells that there are as many markers for late requests as there may be
// sessions: who changes the ID of a session so often can fill no memory with them.
func (st *Store) tooManyLate() bool {
	return st.cfg.MaxSessions > 0 && st.late.Load() >= int64(st.cfg.MaxSessions)
}

// Touch implements session.Backend.
func (st *Store) Touch(_ context.Context, k session.Key, version uint64, expires time.Time) error {
	sh := st.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	it, err := sh.session(k, version, st.now())
	if err == nil {
		sh.move(it, expires.UnixMilli())
	}
	return err
}

// Delete implements session.Backend.
func (st *Store) Delete(_ context.Context, k session.Key) error {
	sh := st.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if it := sh.items[idOf(k)]; it != nil && it.key == k && !it.marker {
		st.account(it, -1)
		sh.remove(it)
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
			n, more = st.clear(&st.shards[i], now.UnixMilli(), limit-removed)
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
func (st *Store) clear(sh *shard, now int64, limit int) (removed int, more bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.advance(now)
	markers := 0
	for sh.expired != nil && removed < limit && markers < limit {
		it := sh.expired
		switch {
		case !it.dead(now): // the clock stepped back a little
			sh.unqueue(it)
			sh.queue(it)
			continue
		case it.marker:
			markers++
			for f := st.forgotten.Load(); f < it.expires && !st.forgotten.CompareAndSwap(f, it.expires); f = st.forgotten.Load() {
			}
		default:
			removed++
		}
		st.account(it, -1)
		sh.remove(it)
	}
	return removed, markers >= limit
}

// Forgotten implements session.Backend.
func (st *Store) Forgotten(context.Context) (time.Time, error) {
	return time.UnixMilli(st.forgotten.Load()).UTC(), nil
}

// Peek implements session.Backend.
func (st *Store) Peek(_ context.Context, k session.Key) (session.Stored, error) {
	sh := st.shard(k)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	it := sh.items[idOf(k)]
	if it == nil || it.key != k {
		return session.Stored{}, session.ErrNotFound
	}
	return session.Stored{Record: it.record(), Where: "entry of the map", Fields: []session.Field{
		{Name: "key", Value: hex.EncodeToString(k[:])},
		{Name: "created", Value: strconv.FormatInt(it.created, 10)},
		{Name: "expires", Value: strconv.FormatInt(it.expires, 10)},
		{Name: "version", Value: strconv.FormatUint(it.version, 10)},
		{Name: "marker", Value: strconv.FormatBool(it.marker)},
		{Name: "data", Value: it.data},
	}}, nil
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
			for _, it := range sh.items {
				if !it.marker {
					entries = append(entries, session.Entry{Key: it.key, Record: it.record()})
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
	s := session.Stats{Bytes: st.bytes.Load(), Ended: int(st.ended.Load())}
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

// account adds it to the figures, or with -1 takes it out, and returns those of
// sessions.
func (st *Store) account(it *item, n int64) (sessions, bytes int64) {
	if it.marker {
		st.ended.Add(n)
		if it.late {
			st.late.Add(n)
		}
		return 0, 0
	}
	return st.count.Add(n), st.bytes.Add(n * int64(len(it.data)))
}

// over tells whether so much is over a limit.
func (st *Store) over(sessions, bytes int64) bool {
	return st.cfg.MaxSessions > 0 && sessions > int64(st.cfg.MaxSessions) || st.cfg.MaxBytes > 0 && bytes > st.cfg.MaxBytes
}

// makeRoom clears expired sessions until the figures, at first those given, are
// within the limits. It tells whether they are.
func (st *Store) makeRoom(ctx context.Context, sessions, bytes int64) bool {
	for st.over(sessions, bytes) {
		n, err := st.DeleteExpired(ctx, st.cfg.Now(), roomStep)
		sessions, bytes = st.count.Load(), st.bytes.Load() // others may have cleared some
		if err != nil || n == 0 {
			return !st.over(sessions, bytes)
		}
	}
	return true
}

func (it *item) dead(now int64) bool { return now >= it.expires }

func (it *item) record() session.Record {
	return session.Record{
		Version: it.version, Data: it.data, Marker: it.marker,
		Created: time.UnixMilli(it.created).UTC(), Expires: time.UnixMilli(it.expires).UTC(),
	}
}

// live returns the live record or marker of k. The caller holds the lock.
func (sh *shard) live(k session.Key, now int64) (*item, error) {
	it := sh.items[idOf(k)]
	switch {
	case it == nil, it.key != k, it.marker && it.dead(now):
		return nil, session.ErrNotFound
	case it.dead(now):
		return nil, session.ErrExpired
	}
	return it, nil
}

// session returns the live session of k if that is its version.
func (sh *shard) session(k session.Key, version uint64, now int64) (*item, error) {
	it, err := sh.live(k, now)
	switch {
	case err != nil:
		return nil, err
	case it.marker:
		return nil, session.ErrNotFound
	case it.version != version:
		return nil, session.ErrConflict
	}
	return it, nil
}

// secondOf is the list for a moment in Unix milliseconds. The last one is of the
// year 2106 and takes all that is later.
func secondOf(ms int64) uint32 { return uint32(min(max(ms/1000, 0), math.MaxUint32)) }

// push puts it in front of a list and returns the new head.
func push(it *item, head *item) *item {
	it.prev, it.next = nil, head
	if head != nil {
		head.prev = it
	}
	return it
}

// queue puts it into the list of its expiry.
func (sh *shard) queue(it *item) {
	it.second = max(secondOf(it.expires), sh.due)
	sh.seconds[it.second] = push(it, sh.seconds[it.second])
}

// unqueue takes it out of its list.
func (sh *shard) unqueue(it *item) {
	if it.next != nil {
		it.next.prev = it.prev
	}
	switch {
	case it.prev != nil:
		it.prev.next = it.next
	case it.expired:
		sh.expired = it.next
	case it.next != nil:
		sh.seconds[it.second] = it.next
	default:
		delete(sh.seconds, it.second)
	}
	if it.expired {
		it.expired = false
		if !it.marker {
			sh.dead--
		}
	}
}

// move gives it another expiry. A later one is left for advance to find.
func (sh *shard) move(it *item, expires int64) {
	it.expires = expires
	if it.expired || secondOf(expires) < it.second {
		sh.unqueue(it)
		sh.queue(it)
	}
}

// remove takes it out of the map and its list.
func (sh *shard) remove(it *item) {
	sh.unqueue(it)
	delete(sh.items, idOf(it.key))
}

// advance empties the lists up to now: what is dead goes to expired, what was
// written meanwhile is queued again. The list of the present second is split.
func (sh *shard) advance(now int64) {
	settle := func(second uint32) {
		it := sh.seconds[second]
		delete(sh.seconds, second)
		for it != nil {
			next := it.next
			if it.dead(now) {
				it.expired = true
				sh.expired = push(it, sh.expired)
				if !it.marker {
					sh.dead++
				}
			} else {
				sh.queue(it)
			}
			it = next
		}
	}
	first, until := sh.due, secondOf(now)
	sh.due = until
	if until < first { // the clock went backwards: look at everything again
		it := sh.expired
		sh.expired, sh.dead = nil, 0
		for it != nil {
			next := it.next
			it.expired = false
			sh.queue(it)
			it = next
		}
		first = until
	}
	if int(until-first) > len(sh.seconds) { // after a long pause, or a jump of the clock
		for second := range sh.seconds {
			if second <= until {
				settle(second)
			}
		}
		return
	}
	for second := int64(first); second <= int64(until); second++ {
		settle(uint32(second))
	}
}
