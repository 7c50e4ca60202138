// Package memory keeps session records in the memory of this process: the
// server-side map of the lesson. All records are lost when the program ends.
//
// Begin with New and with Create, Load and Save in this file. shard.go has the map,
// which is cut into parts with a lock each; queue.go finds what has expired without a
// walk over the map; limits.go counts, and makes room in a full store.
package memory

import (
	"context"
	"encoding/hex"
	"iter"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Config limits a Store. The zero value sets no limit.
type Config struct {
	MaxSessions int              // expired ones included until they are cleared; 0 for no limit
	MaxBytes    int64            // of session.Record.Data, over all sessions; 0 for no limit
	Now         func() time.Time // the clock; default time.Now
}

// Store is a session.Backend. It starts no goroutine. Make one with New.
type Store struct {
	cfg    Config
	shards [shards]shard

	sessions    atomic.Int64 // live and expired sessions, without markers
	bytes       atomic.Int64 // size of their data
	markers     atomic.Int64
	lateMarkers atomic.Int64 // the markers that Save put in the place of a session
	// forgotten is the latest expiry of a marker that was removed, in Unix milliseconds.
	forgotten atomic.Int64
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

// now returns the clock's time in Unix milliseconds.
func (st *Store) now() int64 { return st.cfg.Now().UnixMilli() }

// Create implements session.Backend. A full store first clears what has expired.
func (st *Store) Create(ctx context.Context, k session.Key, r session.Record) error {
	it := &item{
		key: k, data: r.Data, version: r.Version + 1, marker: r.Marker,
		created: r.Created.UnixMilli(), expires: r.Expires.UnixMilli(),
	}
	sessions, bytes := st.account(it, +1)
	if r.Version == 0 && !r.Marker && !st.makeRoom(ctx, sessions, bytes) {
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

// Save implements session.Backend. A full store first clears what has expired. When
// there are too many late markers, it removes the record and stores no marker.
func (st *Store) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	if r.Marker && st.tooManyLateMarkers() {
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
			return st.save(k, r) // another request may have cleared some meanwhile
		}
	}
}

// save is Save with the room that there is now.
func (st *Store) save(k session.Key, r session.Record) (uint64, error) {
	sh := st.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	it, err := sh.sessionAt(k, r.Version, st.now())
	if err != nil {
		return 0, err
	}
	if growth := int64(len(r.Data) - len(it.data)); growth > 0 && !r.Marker && st.over(0, st.bytes.Load()+growth) {
		return 0, session.ErrFull
	}
	if r.Marker && st.tooManyLateMarkers() {
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

// Touch implements session.Backend.
func (st *Store) Touch(_ context.Context, k session.Key, version uint64, expires time.Time) error {
	sh := st.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	it, err := sh.sessionAt(k, version, st.now())
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

// DeleteExpired implements session.Backend. It locks one shard at a time.
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

// Stats implements session.Backend. Its cost grows with the number of sessions that
// have expired since the last call, not with the size of the store.
func (st *Store) Stats(context.Context) (session.Stats, error) {
	s := session.Stats{Bytes: st.bytes.Load(), Ended: int(st.markers.Load())}
	now := st.now()
	for i := range st.shards {
		sh := &st.shards[i]
		sh.mu.Lock()
		sh.advance(now)
		s.Expired += sh.dead
		sh.mu.Unlock()
	}
	s.Live = max(0, int(st.sessions.Load())-s.Expired) // another request may have cleared some since they were counted
	return s, nil
}

// Ping implements session.Backend. Like Create it counts what has expired as room.
func (st *Store) Ping(ctx context.Context) error {
	if !st.over(st.sessions.Load()+1, st.bytes.Load()+1) {
		return nil
	}
	s, err := st.Stats(ctx)
	if err == nil && s.Expired == 0 {
		err = session.ErrFull
	}
	return err
}
