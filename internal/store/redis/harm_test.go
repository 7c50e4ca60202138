package redis

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// Redis is out of memory. If this fails, a logout, a new ID or a record that does not
// grow is refused, or a new session is not.
func TestFull(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "noeviction")
	st := open(t, Config{URL: server.URL()})
	create(t, st, 1, time.Hour, `{"a":1}`)
	create(t, st, 2, time.Hour, `{"b":1}`)
	create(t, st, 3, time.Second, `{}`)
	redis(t, st, "CONFIG", "SET", "maxmemory", "1")

	want(t, session.ErrFull, st.Create(t.Context(), key(4), record(time.Hour, `{}`)))
	wantStats(t, st, 3, 0, 16)
	r := load(t, st, 1)
	r.Data = `{"a":11}`
	_, err := st.Save(t.Context(), key(1), r)
	want(t, session.ErrFull, err)
	r.Data = `{"a":2}` // as large as before
	version, err := st.Save(t.Context(), key(1), r)
	want(t, nil, err)
	want(t, nil, st.Touch(t.Context(), key(1), version, r.Expires.Add(time.Minute)))
	if got := load(t, st, 1); got.Data != r.Data || got.Version != version || !got.Expires.Equal(r.Expires.Add(time.Minute)) {
		t.Errorf("saved: %+v", got)
	}

	mark := record(time.Hour, `{"flushed":"2030-01-01T00:00:00Z"}`)
	mark.Marker = true
	want(t, nil, st.Create(t.Context(), key(5), mark))
	next := record(time.Hour, `{"a":2}`) // a new ID
	next.Version = version
	want(t, nil, st.Create(t.Context(), key(6), next))
	mark.Version = version
	_, err = st.Save(t.Context(), key(1), mark)
	want(t, nil, err)
	for _, n := range []int{1, 5} {
		if got := load(t, st, n); !got.Marker || got.Data != mark.Data {
			t.Errorf("marker %d: %+v", n, got)
		}
	}
	want(t, nil, st.Delete(t.Context(), key(2)))
	removed, err := st.DeleteExpired(t.Context(), time.Now().Add(time.Minute), 10)
	if removed != 1 || err != nil {
		t.Errorf("%d removed, %v", removed, err)
	}
	wantStats(t, st, 1, 0, 7)

	redis(t, st, "CONFIG", "SET", "maxmemory", "0")
	create(t, st, 4, time.Hour, `{}`)
}

// If this fails, the operator is not warned of a Redis that evicts live sessions, or is
// warned of one that does not.
func TestEvictionIsPointedOut(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]bool{"noeviction": false, "allkeys-lru": true, "volatile-ttl": true} {
		var log strings.Builder
		open(t, Config{URL: redistest.Start(t, "--maxmemory-policy", policy).URL(), Log: slog.New(slog.NewTextHandler(&log, nil))})
		if strings.Contains(log.String(), "noeviction") != want {
			t.Errorf("%s: the log says %q", policy, log.String())
		}
	}
}

// An operator empties Redis. If this fails, a late save revives a session, or the
// figures keep counting it.
func TestFlushAll(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	create(t, st, 1, time.Hour, `1`)
	r := load(t, st, 1)
	redis(t, st, "FLUSHALL")
	redis(t, st, "SCRIPT", "FLUSH")
	_, err := st.Load(t.Context(), key(1))
	want(t, session.ErrNotFound, err)
	_, err = st.Save(t.Context(), key(1), r)
	want(t, session.ErrNotFound, err)
	want(t, session.ErrNotFound, st.Touch(t.Context(), key(1), 1, r.Expires))
	want(t, nil, st.Delete(t.Context(), key(1)))
	wantStats(t, st, 0, 0, 0)
	create(t, st, 1, time.Hour, `1`)
	wantStats(t, st, 1, 0, 1)
}

// Another program has put a string under our keys. If this fails, it is overwritten, it
// is taken for a missing session, or other sessions suffer.
func TestWrongType(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	create(t, st, 2, time.Hour, `22`)
	redis(t, st, "SET", st.key(key(1)), "text")
	ofOne := calls(st, 1)
	for _, name := range []string{"create", "load", "save", "touch", "delete"} {
		wantOutage(t, name, ofOne[name](t.Context()))
	}
	wantStats(t, st, 1, 0, 2) // the refused create is not counted
	redis(t, st, "ZADD", st.index[0], "1", member(key(1)))
	count := 0
	for _, err := range st.All(t.Context()) { // All yields the other session
		want(t, nil, err)
		count++
	}
	if count != 1 {
		t.Errorf("All yields %d", count)
	}

	// The index is a string: a create fails, and sessions that are there are served.
	redis(t, st, "SET", st.index[0], "text")
	wantOutage(t, "create", st.Create(t.Context(), key(3), record(time.Hour, `1`)))
	_, err := st.Load(t.Context(), key(3))
	want(t, session.ErrNotFound, err)
	_, err = st.Save(t.Context(), key(2), load(t, st, 2))
	want(t, nil, err)
	want(t, nil, st.Delete(t.Context(), key(2)))
	_, err = st.Stats(t.Context())
	wantOutage(t, "stats", err)
}

// Redis has become a replica, which is read-only. If this fails, a write that it refused
// is answered as done, or writes do not work when it is a master again.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	st := open(t, Config{URL: redistest.Start(t).URL()})
	create(t, open(t, Config{URL: master.URL()}), 1, time.Hour, `1`)
	_, port, _ := net.SplitHostPort(master.Addr)
	redis(t, st, "REPLICAOF", "127.0.0.1", port)
	eventually(t, patient, func() error { _, err := st.Load(t.Context(), key(1)); return err })
	ofOne := calls(st, 1)
	for _, name := range []string{"save", "touch", "delete"} {
		wantOutage(t, name, ofOne[name](t.Context()))
	}
	wantOutage(t, "create", calls(st, 2)["create"](t.Context()))
	wantReadOnly(t, st, "it is a replica, which only reads")
	redis(t, st, "REPLICAOF", "NO", "ONE")
	want(t, nil, st.Ping(t.Context()))
	for _, name := range []string{"save", "delete"} {
		want(t, nil, ofOne[name](t.Context()))
	}
}

// wantReadOnly wants each write, and Ping, to say that the store can be read and not be written,
// and reads to go on.
func wantReadOnly(t *testing.T, st *Store, why string) {
	t.Helper()
	ofOne := calls(st, 1)
	ofOne["create"] = calls(st, 2)["create"]
	for _, name := range []string{"create", "save", "touch", "delete", "ping"} {
		no := (*session.ReadOnlyError)(nil)
		if err := ofOne[name](t.Context()); !errors.As(err, &no) || no.Why != why {
			t.Errorf("%s: %v, want: %s", name, err, why)
		}
	}
	for _, name := range []string{"load", "stats"} {
		want(t, nil, ofOne[name](t.Context()))
	}
}

// Redis cannot save to its disk, or has too few replicas, and refuses all writes. If this fails,
// it is said not to answer, while it goes on answering reads.
func TestRefusesWrites(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--dir", "/", "--save", "")
	st := open(t, Config{URL: server.URL()})
	create(t, st, 1, time.Hour, `1`)
	redis(t, st, "CONFIG", "SET", "min-replicas-to-write", "1")
	wantReadOnly(t, st, "too few of its replicas answer")
	redis(t, st, "CONFIG", "SET", "min-replicas-to-write", "0")
	want(t, nil, st.Ping(t.Context()))

	broken := redistest.Start(t, "--dir", "/proc", "--save", "3600 1")
	st = open(t, Config{URL: broken.URL()})
	create(t, st, 1, time.Hour, `1`)
	redis(t, st, "BGSAVE")
	eventually(t, patient, func() error {
		if info := fmt.Sprint(redis(t, st, "INFO", "persistence")); !strings.Contains(info, "rdb_last_bgsave_status:err") {
			return errors.New("the save has not failed yet")
		}
		return nil
	})
	wantReadOnly(t, st, "it cannot save to its disk, and so takes no writes")
	redis(t, st, "CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
	want(t, nil, st.Ping(t.Context()))
}

// A store that is full takes no new session, and Ping says so; what has expired is room.
func TestPingOfAFullStore(t *testing.T) {
	t.Parallel()
	now := time.Now()
	st := open(t, Config{URL: redistest.Start(t).URL(), MaxSessions: 1, Now: func() time.Time { return now }})
	want(t, nil, st.Ping(t.Context()))
	create(t, st, 1, time.Hour, `1`)
	want(t, session.ErrFull, st.Ping(t.Context()))
	now = now.Add(2 * time.Hour)
	want(t, nil, st.Ping(t.Context()))
}
