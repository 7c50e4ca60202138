package sqlite

import (
	"cmp"
	"context"
	"encoding/hex"
	"iter"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/sessionscope/sessionscope/internal/session"
)

// pageStep is how many sessions All reads at a time.
const pageStep = 64

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

// keep caches a record that was read from the file when st.forgot was forgot. If it is
// another number now, somebody wrote since, and the record may be old: it is not cached.
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

// alive returns nil for a record that is live at now, and otherwise the error that Load
// returns for it.
func alive(r session.Record, now time.Time) error {
	switch {
	case now.Before(r.Expires):
		return nil
	case r.Marker:
		return session.ErrNotFound
	}
	return session.ErrExpired
}

// Forgotten implements session.Backend. The file keeps the time in the row of noKey.
func (st *Store) Forgotten(ctx context.Context) (time.Time, error) {
	if err := cmp.Or(ctx.Err(), st.look()); err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(st.forgotten.Load()).UTC(), nil
}

// Peek implements session.Backend. It reads the row itself, not the cache.
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

// All implements session.Backend. It reads pageStep sessions at a time:
// during one long read SQLite could not shorten its log.
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

// Stats implements session.Backend. Its cost grows with the number of sessions that have
// expired and are not cleared.
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
	s.Live, s.Bytes = max(0, int(st.sessions)-s.Expired), st.bytes // another request may have cleared some since they were counted
	s.Ended = int(st.ended)
	return s, err
}

// Ping implements session.Backend. When the file did not take the last write, Ping tries one
// that changes nothing: so it finds out by itself that writes go through again.
func (st *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := st.verify(); err != nil {
		st.leading(st.rescue)
		return err
	}
	err := st.reading(`SELECT 1 FROM sessions LIMIT 1`, func(s *sqlite.Stmt) error {
		_, err := s.Step()
		return err
	})
	if err != nil {
		return err
	}
	if st.refused.Load() != nil {
		st.leading(st.probe)
	}
	if no := st.refused.Load(); no != nil {
		return no
	}
	return st.room(ctx)
}

// room returns ErrFull if there is no room for another session. What has expired is room.
func (st *Store) room(ctx context.Context) error {
	st.mu.RLock()
	full := st.max > 0 && st.sessions >= st.max
	st.mu.RUnlock()
	if !full {
		return nil
	}
	s, err := st.Stats(ctx)
	if err == nil && s.Expired == 0 {
		err = session.ErrFull
	}
	return err
}

// reading prepares a query on the reading connection and lets run step through it.
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
	if e := s.Reset(); err == nil { // until then the connection holds a read transaction open
		err = e
	}
	return err
}
