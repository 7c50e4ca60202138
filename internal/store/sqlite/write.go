package sqlite

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

const (
	// roomStep is how many expired sessions a full store clears to take a new one.
	roomStep = 32
	// clearStep is how many expired sessions are cleared in one transaction, so that
	// no other write waits long.
	clearStep = 128
)

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
	if no := (*session.ReadOnlyError)(nil); fresh && errors.As(err, &no) && no.Full {
		return &session.ReadOnlyError{Why: no.Why, Full: true, Err: fmt.Errorf("%w (%w)", session.ErrFull, no.Err)}
	}
	return err
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
		// live has compared the version. WHERE repeats it, where a reader looks for it.
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
		if r.Marker { // it is of use for 30 s: each takes two dead ones along, so that they do not pile up until the sweep
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

// Forget removes all sessions and all markers at once, and no documents. It is for a class that
// shows what a server without memory does: a copy of a cookie whose values live in it, of a session
// that has ended, opens that session again.
func (st *Store) Forget(ctx context.Context) error {
	return st.do(ctx, func(tx *tx) error {
		s, err := st.write.Prepare(`DELETE FROM sessions WHERE key <> '` + noKey + `' RETURNING key, marker, octet_length(data), expires`)
		if err != nil {
			return err
		}
		forgotten := tx.forgotten // these markers have not expired: nobody may take live sessions for ended ones
		_, err = tx.removed(s)
		tx.forgotten = forgotten
		return err
	})
}
