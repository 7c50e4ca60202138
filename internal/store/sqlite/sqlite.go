// Package sqlite keeps session records in one SQLite file, which outlives the
// program and can be read with the sqlite3 shell while it runs.
//
// What is promised: a write that was answered survives a kill of the program, and
// with Full a power cut too. A damaged file is refused and left as it is. SQLite
// keeps no checksums: a letter that changed inside a value and left valid JSON
// cannot be told.
package sqlite

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/sessionscope/sessionscope/internal/session"
)

const (
	// roomStep is how many expired sessions a full store clears to take a new one.
	roomStep = 32
	// clearStep is how many expired sessions are cleared in one transaction, so that
	// no other write waits long.
	clearStep = 128
	// pageStep is how many sessions All reads at a time.
	pageStep = 64
	// lookEvery is how often a Load asks whether another program wrote to the file,
	// and verifyEvery how often it asks whether the file still has its name.
	lookEvery   = 100 * time.Millisecond
	verifyEvery = time.Millisecond
	// busyTimeout is how long a write waits for another program that is writing.
	busyTimeout = 1500 * time.Millisecond
)

// Durability says when a write counts as done.
type Durability int

const (
	// Full: a write is on disk before it is answered.
	Full Durability = iota
	// Batched: a write is in the file before it is answered, and on disk about a
	// second later. A killed program loses nothing, a power cut the last second.
	Batched
)

// Config says what Open opens.
type Config struct {
	File        string // made, with its folders, if it is not there
	Durability  Durability
	MaxSessions int              // expired ones included until they are cleared; 0 means no limit
	Now         func() time.Time // the clock: nil for time.Now
	Log         *slog.Logger     // nil for none
}

// Store is a session.Backend. It starts no goroutine.
//
// One connection writes. Whoever holds lead may use it; see commit.go. Another
// one reads, so that a read never waits for a disk. The lock makes this process
// the only Sessionscope that writes, so that records and figures are kept in
// memory too; what the sqlite3 shell changes is seen within lookEvery.
type Store struct {
	file  string // its true name, without links
	given string // the name that Open was given
	max   int64
	now   func() time.Time
	log   *slog.Logger
	lock  *fileLock // nil after Close

	lead        chan struct{} // of one: who has put something in may use write
	write       *sqlite.Conn  // nil after Close
	dataVersion int64         // of the file, as write last saw it; guarded by lead
	queueMu     sync.Mutex
	queue       []*op
	crowd       crowd
	unsynced    atomic.Bool // Batched: sync is due
	batched     bool

	readMu sync.Mutex
	read   *sqlite.Conn // nil after Close

	start      time.Time
	nextLook   atomic.Int64 // nanoseconds after start
	nextVerify atomic.Int64 // likewise

	verifyMu sync.Mutex
	opened   []openFile                // what SQLite has open, and under which names; guarded by verifyMu
	folder   fs.FileInfo               // the folder as it was before all files were compared; nil if it had just changed
	fault    atomic.Pointer[misplaced] // as verify saw it last, nil when all is well
	rescued  *misplaced                // what rescue has run for; guarded by lead

	mu       sync.RWMutex
	cache    cache
	forgot   uint64 // counts the times at which cached records may have changed
	sessions int64  // live and expired, without markers; written by who holds lead
	bytes    int64  // of their Data
	ended    int64  // markers

	forgotten atomic.Int64 // the latest expiry of a marker that was removed, Unix milliseconds
}

var errClosed = errors.New("the store is closed")

// Create implements session.Backend. A full store first clears what has expired.
// When the disk is full, a new session gets ErrFull.
func (st *Store) Create(ctx context.Context, k session.Key, r session.Record) error {
	fresh := r.Version == 0 && !r.Marker
	r = stored(r)
	err := st.do(ctx, func(tx *tx) error {
		now := st.now()
		if fresh && st.max > 0 && st.sessions+tx.sessions >= st.max {
			if cleared, _, err := tx.clear(now, roomStep); err != nil {
				return err
			} else if cleared == 0 {
				return session.ErrFull
			}
		}
		s, err := st.write.Prepare(`INSERT INTO sessions (key, created, expires, version, data, marker) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
			ON CONFLICT (key) DO UPDATE SET created = ?2, expires = ?3, version = ?4, data = ?5, marker = ?6
			WHERE marker = 1 AND expires <= ?7`)
		if err != nil {
			return err
		}
		bind(s, k, r)
		s.BindInt64(7, now.UnixMilli())
		if _, err := s.Step(); err != nil {
			return err
		}
		if st.write.Changes() == 0 {
			return session.ErrExists
		}
		tx.count(r)
		tx.put(k, r)
		return nil
	})
	if fresh && sqlite.ErrCode(err).ToPrimary() == sqlite.ResultFull {
		return session.ErrFull
	}
	return err
}

// Load implements session.Backend.
func (st *Store) Load(ctx context.Context, k session.Key) (session.Record, error) {
	if err := ctx.Err(); err != nil {
		return session.Record{}, err
	}
	if err := st.look(); err != nil {
		return session.Record{}, err
	}
	st.mu.RLock()
	r, ok := st.cache.records[k]
	forgot := st.forgot
	st.mu.RUnlock()
	if !ok {
		var err error
		if r, err = st.find(k); err != nil {
			return session.Record{}, err
		}
		st.keep(k, r, forgot)
	}
	if err := alive(r, st.now()); err != nil {
		return session.Record{}, err
	}
	return r, nil
}

// keep caches a record that was read after the count was forgot, if nobody wrote
// since: it might be older than what they put there.
func (st *Store) keep(k session.Key, r session.Record, forgot uint64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if forgot == st.forgot {
		st.cache.put(k, r)
	}
}

// find reads the record of k from the file.
func (st *Store) find(k session.Key) (r session.Record, err error) {
	err = st.reading(`SELECT created, expires, version, data, marker FROM sessions WHERE key = ?`, func(s *sqlite.Stmt) error {
		s.BindText(1, hex.EncodeToString(k[:]))
		if ok, err := s.Step(); err != nil {
			return err
		} else if !ok {
			return session.ErrNotFound
		}
		r = record(s)
		return nil
	})
	return r, err
}

// Save implements session.Backend.
func (st *Store) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	version := r.Version
	r = stored(r)
	err := st.do(ctx, func(tx *tx) error {
		old, err := tx.live(k, version)
		if err != nil {
			return err
		}
		// live compared all of it already: WHERE says so where a reader looks for it.
		s, err := st.write.Prepare(`UPDATE sessions SET created = ?2, expires = ?3, version = ?4, data = ?5, marker = ?6 WHERE key = ?1 AND version = ?4 - 1`)
		if err != nil {
			return err
		}
		bind(s, k, r)
		if _, err := s.Step(); err != nil {
			return err
		}
		tx.sessions--
		tx.bytes -= old
		tx.count(r)
		tx.put(k, r)
		if r.Marker { // it is for 30 s: two that are dead go, so that they do not pile up until the sweep
			_, err = tx.clearDead(true, st.now(), 2)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return r.Version, nil
}

// Touch implements session.Backend.
func (st *Store) Touch(ctx context.Context, k session.Key, version uint64, expires time.Time) error {
	expires = milli(expires)
	return st.do(ctx, func(tx *tx) error {
		if _, err := tx.live(k, version); err != nil {
			return err
		}
		s, err := st.write.Prepare(`UPDATE sessions SET expires = ? WHERE key = ? AND version = ?`)
		if err != nil {
			return err
		}
		s.BindInt64(1, expires.UnixMilli())
		s.BindText(2, hex.EncodeToString(k[:]))
		s.BindInt64(3, int64(version))
		if _, err := s.Step(); err != nil {
			return err
		}
		st.mu.RLock()
		r, ok := st.cache.records[k]
		st.mu.RUnlock()
		if ok && !tx.changed(k) {
			r.Expires = expires
			tx.put(k, r)
		} else {
			tx.drop(k)
		}
		return nil
	})
}

// Delete implements session.Backend.
func (st *Store) Delete(ctx context.Context, k session.Key) error {
	return st.do(ctx, func(tx *tx) error {
		s, err := st.write.Prepare(`DELETE FROM sessions WHERE key = ? AND marker = 0 RETURNING key, marker, octet_length(data), expires`)
		if err != nil {
			return err
		}
		s.BindText(1, hex.EncodeToString(k[:]))
		_, err = tx.removed(s)
		return err
	})
}

// DeleteExpired implements session.Backend.
func (st *Store) DeleteExpired(ctx context.Context, now time.Time, limit int) (removed int, err error) {
	for {
		var sessions, markers int
		step := min(limit-removed, clearStep)
		err = st.do(ctx, func(tx *tx) (err error) {
			sessions, markers, err = tx.clear(now, step)
			return err
		})
		if err != nil {
			return removed, err
		}
		removed += sessions
		if removed >= limit || sessions < step && markers < step {
			return removed, nil
		}
	}
}

// Forgotten implements session.Backend. The file keeps it, as a marker of no ID.
func (st *Store) Forgotten(ctx context.Context) (time.Time, error) {
	if err := cmp.Or(ctx.Err(), st.look()); err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(st.forgotten.Load()).UTC(), nil
}

// Peek implements session.Backend. It reads the very row, past the cache.
func (st *Store) Peek(ctx context.Context, k session.Key) (stored session.Stored, err error) {
	if err := ctx.Err(); err != nil {
		return stored, err
	}
	err = st.reading(`SELECT * FROM sessions WHERE key = ?`, func(s *sqlite.Stmt) error {
		s.BindText(1, hex.EncodeToString(k[:]))
		if ok, err := s.Step(); err != nil {
			return err
		} else if !ok {
			return session.ErrNotFound
		}
		for i := range s.ColumnCount() {
			stored.Fields = append(stored.Fields, session.Field{Name: s.ColumnName(i), Value: s.ColumnText(i)})
		}
		stored.Where = "row of the table sessions"
		stored.Record = session.Record{
			Created: time.UnixMilli(s.GetInt64("created")).UTC(), Expires: time.UnixMilli(s.GetInt64("expires")).UTC(),
			Version: uint64(s.GetInt64("version")), Data: s.GetText("data"), Marker: s.GetBool("marker"),
		}
		return nil
	})
	return stored, err
}

// All implements session.Backend. It reads a few at a time, so that a slow
// caller keeps no old state of the file alive.
func (st *Store) All(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		last := ""
		entries := make([]session.Entry, 0, pageStep)
		for full := true; full; full = len(entries) == pageStep {
			err := ctx.Err()
			if err == nil {
				entries = entries[:0]
				err = st.reading(`SELECT created, expires, version, data, marker, key FROM sessions WHERE key > ? ORDER BY key LIMIT ?`, func(s *sqlite.Stmt) error {
					s.BindText(1, last)
					s.BindInt64(2, pageStep)
					for {
						if ok, err := s.Step(); err != nil || !ok {
							return err
						}
						last = s.ColumnText(5)
						entries = append(entries, session.Entry{Key: parseKey(last), Record: record(s)})
					}
				})
			}
			if err != nil {
				yield(session.Entry{}, err)
				return
			}
			for _, e := range entries {
				if !e.Marker && !yield(e, nil) {
					return
				}
			}
		}
	}
}

// Stats implements session.Backend. It costs what has expired and is not cleared.
func (st *Store) Stats(ctx context.Context) (s session.Stats, err error) {
	if err := ctx.Err(); err != nil {
		return s, err
	}
	err = st.reading(`SELECT count(*) FROM sessions WHERE marker = 0 AND expires <= ?`, func(q *sqlite.Stmt) error {
		q.BindInt64(1, st.now().UnixMilli())
		_, err := q.Step()
		s.Expired = q.ColumnInt(0)
		return err
	})
	st.mu.RLock()
	defer st.mu.RUnlock()
	s.Live, s.Bytes = max(0, int(st.sessions)-s.Expired), st.bytes // others may have cleared some since
	s.Ended = int(st.ended)
	return s, err
}

// Ping implements session.Backend.
func (st *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := st.verify(); err != nil {
		st.leading(st.rescue)
		return err
	}
	return st.reading(`SELECT 1 FROM sessions LIMIT 1`, func(s *sqlite.Stmt) error {
		_, err := s.Step()
		return err
	})
}

// reading runs one query on the connection that reads.
func (st *Store) reading(query string, run func(*sqlite.Stmt) error) error {
	if err := st.look(); err != nil {
		return err
	}
	st.readMu.Lock()
	defer st.readMu.Unlock()
	if st.read == nil {
		return errClosed
	}
	s, err := st.read.Prepare(query)
	if err != nil {
		return err
	}
	err = run(s)
	if e := s.Reset(); err == nil { // until then the connection keeps the file's present state alive
		err = e
	}
	return err
}

// stored is the record as the file keeps it.
func stored(r session.Record) session.Record {
	r.Version++
	r.Created, r.Expires = milli(r.Created), milli(r.Expires)
	return r
}

func milli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// bind sets the parameters 1 to 6.
func bind(s *sqlite.Stmt, k session.Key, r session.Record) {
	s.BindText(1, hex.EncodeToString(k[:]))
	s.BindInt64(2, r.Created.UnixMilli())
	s.BindInt64(3, r.Expires.UnixMilli())
	s.BindInt64(4, int64(r.Version))
	s.BindText(5, r.Data)
	s.BindBool(6, r.Marker)
}

// record reads the columns created, expires, version, data and marker, the first five.
func record(s *sqlite.Stmt) session.Record {
	return session.Record{
		Created: time.UnixMilli(s.ColumnInt64(0)).UTC(), Expires: time.UnixMilli(s.ColumnInt64(1)).UTC(),
		Version: uint64(s.ColumnInt64(2)), Data: s.ColumnText(3), Marker: s.ColumnBool(4),
	}
}

// parseKey returns a zero key for what is none: nothing was ever kept under it.
func parseKey(text string) (k session.Key) {
	if len(text) == hex.EncodedLen(len(k)) {
		hex.Decode(k[:], []byte(text))
	}
	return k
}

// alive is the error of a record that is dead at now.
func alive(r session.Record, now time.Time) error {
	switch {
	case now.Before(r.Expires):
		return nil
	case r.Marker:
		return session.ErrNotFound
	}
	return session.ErrExpired
}
