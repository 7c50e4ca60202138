package redis

import (
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Load implements session.Backend.
func (st *Store) Load(ctx context.Context, k session.Key) (r session.Record, err error) {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	var values []any
	err = again(func() (err error) {
		values, err = st.client.HMGet(ctx, st.key(k), fieldNames...).Result()
		return err
	})
	if err != nil {
		return r, err
	}
	r, err = parseRecord(values)
	switch dead := !st.cfg.Now().Before(r.Expires); {
	case errors.Is(err, errBroken):
		st.cfg.Log.Warn("a session in Redis is corrupt and is treated as missing", "session", k.Name())
		return session.Record{}, session.ErrNotFound
	case err != nil, dead && r.Marker:
		return session.Record{}, session.ErrNotFound
	case dead:
		return session.Record{}, session.ErrExpired
	}
	return r, nil
}

// Forgotten implements session.Backend. It always returns the zero time: Redis removes
// a marker markerTTL after its expiry, by its own clock, and does not say so. When the
// clock of this instance goes back further than that, an ended cookie opens again.
func (st *Store) Forgotten(context.Context) (time.Time, error) { return time.Time{}, nil }

// Peek implements session.Backend. Its fields are those of the hash, and PTTL: for how
// many milliseconds Redis keeps it. For a hash that is no record, Record is zero.
func (st *Store) Peek(ctx context.Context, k session.Key) (stored session.Stored, err error) {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	var values []any
	var kept time.Duration
	err = again(func() error {
		pipe := st.client.Pipeline()
		fields, ttl := pipe.HMGet(ctx, st.key(k), fieldNames...), pipe.PTTL(ctx, st.key(k))
		_, err := pipe.Exec(ctx)
		values, kept = fields.Val(), ttl.Val()
		return err
	})
	if err != nil {
		return stored, err
	}
	stored.Record, err = parseRecord(values)
	if err != nil && !errors.Is(err, errBroken) {
		return stored, err
	}
	stored.Where = "hash " + st.key(k)
	for i, name := range fieldNames {
		if text, ok := values[i].(string); ok {
			stored.Fields = append(stored.Fields, session.Field{Name: name, Value: text})
		}
	}
	ms := kept.Milliseconds()
	if kept < 0 {
		ms = int64(kept) // -1: for ever
	}
	stored.Fields = append(stored.Fields, session.Field{Name: "PTTL", Value: strconv.FormatInt(ms, 10)})
	return stored, nil
}

// All implements session.Backend. It walks the index.
func (st *Store) All(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		seen := make(map[session.Key]bool) // ZSCAN may yield a member twice
		for cursor, first := uint64(0), true; first || cursor != 0; first = false {
			var entries []session.Entry
			var err error
			if entries, cursor, err = st.page(ctx, cursor); err != nil {
				yield(session.Entry{}, err)
				return
			}
			for _, e := range entries {
				if seen[e.Key] {
					continue
				}
				seen[e.Key] = true
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// page returns the sessions of one step of the scan, and the cursor of the next step.
func (st *Store) page(ctx context.Context, cursor uint64) (entries []session.Entry, next uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	var members []string // each with its score after it
	err = again(func() (err error) {
		members, next, err = st.client.ZScan(ctx, st.index[0], cursor, "", batch).Result()
		return err
	})
	if err != nil || len(members) == 0 {
		return nil, next, err
	}
	pipe := st.client.Pipeline()
	var asked []*goredis.SliceCmd
	for i := 0; i < len(members); i += 2 {
		asked = append(asked, pipe.HMGet(ctx, st.hash+members[i], fieldNames...))
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	for i, cmd := range asked {
		values, err := cmd.Result()
		if err != nil && !goredis.HasErrorPrefix(err, "WRONGTYPE") {
			return nil, 0, err
		}
		var e session.Entry
		if n, _ := hex.Decode(e.Key[:], []byte(members[2*i])); n != len(e.Key) {
			continue
		}
		if e.Record, err = parseRecord(values); err == nil && !e.Marker {
			entries = append(entries, e)
		}
	}
	return entries, next, nil
}

// Stats implements session.Backend.
func (st *Store) Stats(ctx context.Context) (s session.Stats, err error) {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	answer, err := st.evalIndex(ctx, statsScript, st.cfg.Now().UnixMilli())
	if l := list(answer); len(l) == 3 {
		all, _ := l[0].(int64)
		expired, _ := l[1].(int64)
		s.Live, s.Expired = int(all-expired), int(expired)
		s.Bytes, _ = l[2].(int64)
	}
	return s, err
}

// Ping implements session.Backend. It deletes a key that is never there: Redis refuses that as
// it refuses any write, and changes nothing. In a cluster it asks the node that has the index.
func (st *Store) Ping(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	if err := readOnly(again(func() error { return st.client.Del(call, st.probe).Err() })); err != nil || st.cfg.MaxSessions == 0 {
		return err
	}
	s, err := st.Stats(ctx)
	if err == nil && s.Expired == 0 && s.Live >= st.cfg.MaxSessions {
		err = session.ErrFull
	}
	return err
}
