package redis

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// The index is damaged in seven ways. If this fails, figures and limit stay wrong after
// every session was written and the store was swept.
func TestIndexHeals(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for db, test := range []struct {
		name string
		harm func(t *testing.T, st *Store)
	}{
		{"it is deleted", func(t *testing.T, st *Store) { redis(t, st, "DEL", st.index[0], st.index[1]) }},
		{"the sorted set is deleted", func(t *testing.T, st *Store) { redis(t, st, "DEL", st.index[0]) }},
		{"the sizes are deleted", func(t *testing.T, st *Store) { redis(t, st, "DEL", st.index[1]) }},
		{"a member is lost", func(t *testing.T, st *Store) { redis(t, st, "ZREM", st.index[0], member(key(2))) }},
		{"it is of an older version", func(t *testing.T, st *Store) {
			redis(t, st, "ZADD", st.index[0], "1", member(key(2)))
			redis(t, st, "HSET", st.index[1], member(key(2)), "0:2")
		}},
		{"it has strangers", func(t *testing.T, st *Store) { redis(t, st, "ZADD", st.index[0], "1", "stranger") }},
		{"a stranger is no hash", func(t *testing.T, st *Store) {
			redis(t, st, "SET", st.key(key(9)), "text")
			redis(t, st, "ZADD", st.index[0], "1", member(key(9)))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			st := open(t, Config{URL: fmt.Sprintf("redis://%s/%d", server.Addr, 1+db)})
			for n := range 3 {
				create(t, st, n, time.Hour, `22`)
			}
			test.harm(t, st)
			for n := range 3 { // the hashes do not depend on the index
				r := load(t, st, n)
				_, err := st.Save(t.Context(), key(n), r)
				want(t, nil, err)
			}
			_, err := st.DeleteExpired(t.Context(), time.Now(), 100)
			want(t, nil, err)
			wantStats(t, st, 3, 0, 6)
		})
	}
}

// The index may hear of two writes in the wrong order. If this fails, the older one
// overwrites the figures of the newer.
func TestIndexKeepsTheNewer(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	create(t, st, 1, time.Hour, `1`)
	r := load(t, st, 1)
	r.Data = `22`
	_, err := st.Save(t.Context(), key(1), r)
	want(t, nil, err)
	for _, late := range []struct{ version, expired int }{{1, 0}, {3, 1}} { // the second is the control
		_, err := st.evalIndex(t.Context(), putScript, member(key(1)), 1, late.version, 1000)
		want(t, nil, err)
		wantStats(t, st, 1-late.expired, late.expired, 2+int64(late.expired)*998)
	}
}

// Redis may lose a session's hash, or the index may lose or invent an entry. If this
// fails, a session that is gone counts for ever, or a create counts twice.
func TestIndexForgetsTheVanished(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL(), MaxSessions: 2})
	create(t, st, 1, time.Second, `22`)
	create(t, st, 2, time.Hour, `22`)
	redis(t, st, "DEL", st.key(key(1)))
	wantStats(t, st, 2, 0, 4) // it counts until its expiry
	later := time.Now().Add(time.Minute)
	n, err := st.DeleteExpired(t.Context(), later, 10)
	if n != 0 || err != nil {
		t.Errorf("%d removed, %v: there was nothing to remove", n, err)
	}
	wantStats(t, st, 1, 0, 2)

	// A create under a key that only the index has, at a higher version.
	redis(t, st, "ZADD", st.index[0], "99999999999999", member(key(3)))
	redis(t, st, "HSET", st.index[1], member(key(3)), "9:1000")
	redis(t, st, "HINCRBY", st.index[1], "total", "1000")
	create(t, st, 3, time.Hour, `22`)
	wantStats(t, st, 2, 0, 4)

	// A refused create changes no figure.
	want(t, session.ErrExists, st.Create(t.Context(), key(2), record(2*time.Hour, `333`)))
	redis(t, st, "ZREM", st.index[0], member(key(2)))
	redis(t, st, "HDEL", st.index[1], member(key(2)))
	redis(t, st, "HINCRBY", st.index[1], "total", "-2")
	want(t, session.ErrExists, st.Create(t.Context(), key(2), record(2*time.Hour, `333`)))
	wantStats(t, st, 1, 0, 2)
}

// A session is deleted, or ended with a marker, before the index hears of its last
// write. If this fails, the index counts it until it would have expired.
func TestLateNewsReviveNoEntry(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	late := func(n int) { st.tellWritten(ctx, key(n), time.Now().Add(time.Hour), 2, 1) }
	create(t, st, 1, time.Hour, "1")
	want(t, nil, st.Delete(ctx, key(1)))
	late(1)
	wantStats(t, st, 0, 0, 0)
	create(t, st, 2, time.Hour, "1")
	stone := record(time.Hour, "")
	stone.Version, stone.Marker = 1, true
	_, err := st.Save(ctx, key(2), stone)
	want(t, nil, err)
	late(2)
	wantStats(t, st, 0, 0, 0)
	create(t, st, 3, time.Hour, "1")
	redis(t, st, "ZREM", st.index[0], member(key(3)))
	late(3) // the control
	wantStats(t, st, 1, 0, 1)
}

// The index says that all sessions have expired, and the hashes say that they live. If
// this fails, the sweep deletes live sessions: everybody is logged out.
func TestSweepSparesTheLiving(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	const n = 3*batch + 7
	for i := range n {
		create(t, st, i, time.Hour, `1`)
		redis(t, st, "ZADD", st.index[0], "1", member(key(i)))
	}
	wantStats(t, st, 0, n, n)
	removed, err := st.DeleteExpired(t.Context(), time.Now(), n)
	if removed != 0 || err != nil {
		t.Fatalf("%d live sessions were removed, %v", removed, err)
	}
	wantStats(t, st, n, 0, n)
	removed, err = st.DeleteExpired(t.Context(), time.Now().Add(2*time.Hour), n) // the control
	if removed != n || err != nil {
		t.Fatalf("%d of %d dead sessions were removed, %v", removed, n, err)
	}
	wantStats(t, st, 0, 0, 0)
	if left := redis(t, st, "KEYS", "ssc:s:*"); len(left.([]any)) != 0 {
		t.Errorf("left: %v", left)
	}
}
