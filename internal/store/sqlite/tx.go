package sqlite

import (
	"encoding/hex"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/sessionscope/sessionscope/internal/session"
)

// tx gathers what a transaction changes: the figures and the cache follow once it is
// committed.
type tx struct {
	st              *Store
	sessions, bytes int64
	ended           int64 // markers
	forgotten       int64 // the latest expiry of the markers that it removed, Unix milliseconds
	changes         []change
	documents       bool // it writes documents
}

// wrote tells whether the transaction writes anything.
func (tx *tx) wrote() bool { return len(tx.changes) > 0 || tx.documents }

// change is one change to the cache: a record to put in, or with drop a key to take out.
type change struct {
	key  session.Key
	rec  session.Record
	drop bool
}

// put lets the cache have r once the transaction is committed.
func (tx *tx) put(k session.Key, r session.Record) {
	tx.changes = append(tx.changes, change{key: k, rec: r})
}

// drop takes k out of the cache once the transaction is committed.
func (tx *tx) drop(k session.Key) { tx.changes = append(tx.changes, change{key: k, drop: true}) }

// changed tells whether an earlier write of the transaction changed k.
func (tx *tx) changed(k session.Key) bool {
	return slices.ContainsFunc(tx.changes, func(c change) bool { return c.key == k })
}

// live returns the size of the data of session k if it is live and at that version.
// Otherwise its error is ErrNotFound, ErrExpired or ErrConflict.
func (tx *tx) live(k session.Key, version uint64) (size int64, err error) {
	// This transaction holds the file, and recount has looked for changes by other
	// programs: the cache has what the file has.
	tx.st.mu.RLock()
	cached, ok := tx.st.cache.records[k]
	tx.st.mu.RUnlock()
	if ok && cached.Version == version && !cached.Marker && !tx.changed(k) && alive(cached, tx.st.now()) == nil {
		return int64(len(cached.Data)), nil
	}
	s, err := tx.st.write.Prepare(`SELECT created, expires, version, '', marker, octet_length(data) FROM sessions WHERE key = ?`)
	if err != nil {
		return 0, err
	}
	s.BindText(1, hex.EncodeToString(k[:]))
	found, err := s.Step()
	if err != nil {
		return 0, err
	}
	defer s.Reset()
	if !found {
		return 0, session.ErrNotFound
	}
	r := record(s)
	if err := alive(r, tx.st.now()); err != nil {
		return 0, err
	} else if r.Marker {
		return 0, session.ErrNotFound
	} else if r.Version != version {
		return 0, session.ErrConflict
	}
	return s.ColumnInt64(5), nil
}

// noKey is the key of a row that is no session's: its expiry is the latest expiry of the
// markers that were removed. Forgotten returns it.
const noKey = "0000000000000000000000000000000000000000000000000000000000000000"

// clear removes at most limit dead sessions and at most limit dead markers.
func (tx *tx) clear(now time.Time, limit int) (sessions, markers int, err error) {
	if sessions, err = tx.clearDead(false, now, limit); err == nil {
		markers, err = tx.clearDead(true, now, limit)
	}
	return sessions, markers, err
}

// clearDead removes at most limit dead sessions or, with marker, dead markers.
func (tx *tx) clearDead(marker bool, now time.Time, limit int) (int, error) {
	s, err := tx.st.write.Prepare(`DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE marker = ? AND expires <= ? AND key <> '` + noKey + `' LIMIT ?)
		RETURNING key, marker, octet_length(data), expires`)
	if err != nil {
		return 0, err
	}
	s.BindBool(1, marker)
	s.BindInt64(2, now.UnixMilli())
	s.BindInt64(3, int64(limit))
	n, err := tx.removed(s)
	if err == nil && tx.forgotten > tx.st.forgotten.Load() {
		err = tx.writeForgotten()
	}
	return n, err
}

// writeForgotten writes tx.forgotten into the row of noKey.
func (tx *tx) writeForgotten() error {
	s, err := tx.st.write.Prepare(`INSERT INTO sessions (key, created, expires, version, data, marker) VALUES ('` + noKey + `', ?1, ?1, 1, '{"forgotten":true}', 1)
		ON CONFLICT (key) DO UPDATE SET created = ?1, expires = ?1, version = version + 1`)
	if err != nil {
		return err
	}
	s.BindInt64(1, tx.forgotten)
	_, err = s.Step()
	return err
}

// removed steps through a DELETE that returns key, marker, size and expiry of each row.
// It takes the rows out of the cache and the figures, and returns how many there were.
func (tx *tx) removed(s *sqlite.Stmt) (n int, err error) {
	for ; ; n++ {
		if ok, err := s.Step(); err != nil || !ok {
			return n, err
		}
		tx.drop(parseKey(s.ColumnText(0)))
		if s.ColumnBool(1) {
			tx.ended--
			tx.forgotten = max(tx.forgotten, s.ColumnInt64(3))
		} else {
			tx.sessions--
			tx.bytes -= s.ColumnInt64(2)
		}
	}
}

// count adds r, which was written, to the figures.
func (tx *tx) count(r session.Record) {
	if r.Marker {
		tx.ended++
	} else {
		tx.sessions++
		tx.bytes += int64(len(r.Data))
	}
}
