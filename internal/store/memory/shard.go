package memory

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// shards is how many parts the map has. Each has its own lock: even when a million
// sessions expire in one second, a request waits less than a millisecond for the one
// that it needs. A power of two, at most 256.
const shards = 256

// shard is one part of the map, with the expiry queue of its items; see queue.go.
type shard struct {
	mu      sync.RWMutex
	items   map[id]*item
	seconds map[uint32]*item // the queue: the first item of each second's list
	due     uint32           // every list is of this second or a later one
	expired *item            // the first item of the list of dead ones that are not cleared yet
	dead    int              // sessions in expired, without markers
}

// shard returns the part of the map that k belongs to.
func (st *Store) shard(k session.Key) *shard { return &st.shards[k[16]&(shards-1)] }

// id is what the map is keyed by: 64 bits that are made of both ends of a session.Key. A key
// is a SHA-256, or the beginning of one and a tag that says whose it is: keys that differ in
// one end only have different ids. Clients do not choose session IDs, so two keys with one id
// are a matter of chance, too rare to count on. Should it happen, the second key is taken:
// Create refuses it.
type id uint64

func idOf(k session.Key) id {
	return id(binary.LittleEndian.Uint64(k[:]) ^ binary.LittleEndian.Uint64(k[len(k)-8:]))
}

// item is a record or a marker. A store has up to a million of them, so every word
// of it counts.
type item struct {
	key              session.Key
	data             string
	version          uint64
	created, expires int64 // Unix milliseconds
	prev, next       *item // neighbours in its list of the queue
	second           uint32
	expired          bool // it is in the list shard.expired
	marker           bool // it is the headstone of a dead ID, not a session
	late             bool // a marker that Save put in the place of a session, for late requests
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

// sessionAt returns the live session of k if it is at that version, and never a
// marker. The caller holds the lock.
func (sh *shard) sessionAt(k session.Key, version uint64, now int64) (*item, error) {
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

// remove takes it out of the map and out of the queue. The caller holds the lock.
func (sh *shard) remove(it *item) {
	sh.unqueue(it)
	delete(sh.items, idOf(it.key))
}
