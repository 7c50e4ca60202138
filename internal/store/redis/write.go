package redis

import (
	"context"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Create implements session.Backend. It writes the index first, because the index
// counts the sessions. A full store first clears what has expired.
func (st *Store) Create(ctx context.Context, k session.Key, r session.Record) error {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	r.Version++
	var found bool
	var old any
	if !r.Marker {
		var err error
		if found, old, err = st.reserve(ctx, k, r); err != nil {
			return err
		}
	}
	grace := graceTTL
	if r.Marker {
		grace = markerTTL
	}
	neverRefused := r.Marker || r.Version > 1
	answer, err := st.eval(ctx, createScript, []string{st.key(k)}, append(st.fields(r, grace), flag(neverRefused))...)
	if answer == "OK" {
		if found { // the entry belonged to a session that Redis has lost
			st.tellIndex(ctx, k, swapScript, member(k), old, r.Expires.UnixMilli(), r.Version, len(r.Data))
		}
		return nil
	}
	if !r.Marker && !found && (err == nil || isReply(err)) { // after any other error the session may be there
		st.tellIndex(ctx, k, swapScript, member(k), entry(r), "", "", "")
	}
	switch {
	case isFull(err):
		return session.ErrFull
	case err != nil:
		return err
	}
	return session.ErrExists
}

// reserve puts r into the index, unless an entry of its key is there already: then it
// returns that entry and leaves it as it is. The error is ErrFull when there is no room.
func (st *Store) reserve(ctx context.Context, k session.Key, r session.Record) (found bool, old any, err error) {
	max := 0
	if r.Version == 1 {
		max = st.cfg.MaxSessions
	}
	for cleared := false; ; cleared = true {
		answer, err := st.evalIndex(ctx, reserveScript, member(k), r.Expires.UnixMilli(), r.Version, len(r.Data), max)
		if err != nil {
			return false, nil, err
		}
		switch l := list(answer); {
		case len(l) == 2:
			return true, l[1], nil
		case len(l) == 1 && l[0] == "ADDED":
			return false, nil, nil
		case cleared:
			return false, nil, session.ErrFull
		}
		if n, err := st.DeleteExpired(ctx, st.cfg.Now(), roomStep); err != nil {
			return false, nil, err
		} else if n == 0 {
			return false, nil, session.ErrFull
		}
	}
}

// Save implements session.Backend.
func (st *Store) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	old := r.Version
	r.Version++
	grace := graceTTL
	if r.Marker {
		grace = lateTTL
	}
	answer, err := st.eval(ctx, saveScript, []string{st.key(k)}, append(st.fields(r, grace), old)...)
	switch {
	case isFull(err):
		return 0, session.ErrFull
	case err != nil:
		return 0, err
	case answer == "CONFLICT":
		return 0, session.ErrConflict
	case answer != "OK":
		return 0, session.ErrNotFound
	case r.Marker:
		st.tellIndex(ctx, k, dropScript, member(k))
	default:
		st.tellWritten(ctx, k, r.Expires, r.Version, int64(len(r.Data)))
	}
	return r.Version, nil
}

// Touch implements session.Backend.
func (st *Store) Touch(ctx context.Context, k session.Key, version uint64, expires time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	now := st.cfg.Now()
	answer, err := st.eval(ctx, touchScript, []string{st.key(k)}, now.UnixMilli(), ttl(now, expires, graceTTL), version, expires.UnixMilli())
	switch bytes, ok := answer.(int64); {
	case err != nil:
		return err
	case answer == "CONFLICT":
		return session.ErrConflict
	case !ok:
		return session.ErrNotFound
	default:
		st.tellWritten(ctx, k, expires, version, bytes)
	}
	return nil
}

// Delete implements session.Backend.
func (st *Store) Delete(ctx context.Context, k session.Key) error {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	if _, err := st.eval(ctx, deleteScript, []string{st.key(k)}); err != nil {
		return err
	}
	st.tellIndex(ctx, k, dropScript, member(k))
	return nil
}
