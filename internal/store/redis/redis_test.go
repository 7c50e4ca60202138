package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// After the tests, each of which closes its stores, no goroutine is left. One
// that dials a server that is gone notices a second after Close.
func TestMain(m *testing.M) {
	code := m.Run()
	err := goleak.Find()
	for until := time.Now().Add(3 * time.Second); err != nil && time.Now().Before(until); {
		err = goleak.Find() // it waits a little itself
	}
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestStore(t *testing.T) { suite(t, open(t, Config{URL: redistest.Start(t).URL()}).client) }

func TestValkey(t *testing.T) {
	t.Parallel()
	suite(t, open(t, Config{URL: redistest.StartValkey(t).URL()}).client)
}

// suite runs the suite; each of its stores has keys of its own.
func suite(t *testing.T, client goredis.UniversalClient) {
	var stores atomic.Int64
	storetest.Run(t, func(_ *testing.T, max int, now func() time.Time) session.Backend {
		return newStore(client, Config{MaxSessions: max, Prefix: fmt.Sprintf("%d:", stores.Add(1)), Now: now, timeout: patient})
	})
}

// patient is a timeout for tests that are not about time: a machine may be busy.
const patient = 20 * time.Second

// open opens a store that is closed after the test, patient unless cfg says otherwise.
func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.timeout == 0 {
		cfg.timeout = patient
	}
	st, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func key(n int) session.Key { return session.KeyOf(fmt.Sprint("id ", n)) }

// record returns one that lives for d.
func record(d time.Duration, data string) session.Record {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return session.Record{Created: now, Expires: now.Add(d), Data: data}
}

func create(t testing.TB, st *Store, n int, d time.Duration, data string) {
	t.Helper()
	want(t, nil, st.Create(t.Context(), key(n), record(d, data)))
}

func load(t testing.TB, st *Store, n int) session.Record {
	t.Helper()
	r, err := st.Load(t.Context(), key(n))
	want(t, nil, err)
	return r
}

func want(t testing.TB, want, got error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("error %v, want %v", got, want)
	}
}

// wantOutage wants an error that the engine makes a 503 of.
func wantOutage(t testing.TB, what string, err error) {
	t.Helper()
	if session.Answered(err) {
		t.Errorf("%s: %v", what, err)
	}
}

func wantStats(t testing.TB, st *Store, live, expired int, bytes int64) {
	t.Helper()
	got, err := st.Stats(t.Context())
	want(t, nil, err)
	if diff := cmp.Diff(session.Stats{Live: live, Expired: expired, Bytes: bytes}, got); diff != "" {
		t.Fatalf("stats (-want +got):\n%s", diff)
	}
}

// eventually wants f to return nil within that time.
func eventually(t testing.TB, within time.Duration, f func() error) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for until := time.Now().Add(within); ; <-poll.C {
		if err := f(); err == nil {
			return
		} else if time.Now().After(until) {
			t.Fatalf("after %v: %v", within, err)
		}
	}
}

// redis sends a command past the store.
func redis(t testing.TB, st *Store, args ...any) any {
	t.Helper()
	answer, err := st.client.Do(t.Context(), args...).Result()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return answer
}

// calls are the methods that ask Redis, on the session n.
func calls(st *Store, n int) map[string]func(context.Context) error {
	r := record(time.Hour, `{}`)
	r.Version = 1
	return map[string]func(context.Context) error{
		"create": func(ctx context.Context) error { return st.Create(ctx, key(n), r) },
		"load":   func(ctx context.Context) error { _, err := st.Load(ctx, key(n)); return err },
		"save":   func(ctx context.Context) error { _, err := st.Save(ctx, key(n), r); return err },
		"touch":  func(ctx context.Context) error { return st.Touch(ctx, key(n), 1, r.Expires) },
		"delete": func(ctx context.Context) error { return st.Delete(ctx, key(n)) },
		"delete expired": func(ctx context.Context) error {
			_, err := st.DeleteExpired(ctx, time.Now().Add(24*time.Hour), 10)
			return err
		},
		"all": func(ctx context.Context) (err error) {
			for _, err = range st.All(ctx) {
			}
			return err
		},
		"stats": func(ctx context.Context) error { _, err := st.Stats(ctx); return err },
		"ping":  st.Ping,
	}
}

// What is promised of the layout: redis-cli shows a session in words.
func TestLayout(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	create(t, st, 1, time.Hour, `{"name":"Rahim"}`)
	r := load(t, st, 1)
	got, err := st.client.HGetAll(t.Context(), "ssc:s:"+member(key(1))).Result()
	want(t, nil, err)
	wanted := map[string]string{
		"created": fmt.Sprint(r.Created.UnixMilli()), "expires": fmt.Sprint(r.Expires.UnixMilli()),
		"version": "1", "data": `{"name":"Rahim"}`, "marker": "0",
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("hash (-want +got):\n%s", diff)
	}
	keys, err := st.client.Keys(t.Context(), "*").Result()
	want(t, nil, err)
	slices.Sort(keys)
	if diff := cmp.Diff([]string{"ssc:s:" + member(key(1)), "{ssc}:bytes", "{ssc}:expiry"}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	// The safety net is there, and an hour behind.
	ttl, err := st.client.PTTL(t.Context(), keys[0]).Result()
	if err != nil || ttl < 2*time.Hour-time.Minute || ttl > 2*time.Hour {
		t.Errorf("Redis keeps it for %v (%v), want 2h", ttl, err)
	}
}

func TestTwoInstances(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	const max = 20
	stores := []*Store{open(t, Config{URL: server.URL(), MaxSessions: max}), open(t, Config{URL: server.URL(), MaxSessions: max})}
	both := func(f func(st *Store)) {
		var wg sync.WaitGroup
		for _, st := range stores {
			for range 4 {
				wg.Go(func() { f(st) })
			}
		}
		wg.Wait()
	}

	// No update is lost.
	create(t, stores[0], 0, time.Hour, `0`)
	const times = 50
	both(func(st *Store) {
		for n := 0; n < times; {
			r, err := st.Load(t.Context(), key(0))
			if err != nil {
				t.Error(err)
				return
			}
			var value int
			fmt.Sscan(r.Data, &value)
			r.Data = fmt.Sprint(value + 1)
			switch _, err = st.Save(t.Context(), key(0), r); {
			case err == nil:
				n++
			case !errors.Is(err, session.ErrConflict):
				t.Error(err)
				return
			}
		}
	})
	if r := load(t, stores[1], 0); r.Data != fmt.Sprint(8*times) {
		t.Errorf("the counter is at %s, want %d", r.Data, 8*times)
	}

	// Both together keep as many sessions as one may.
	var number, created, full atomic.Int64
	both(func(st *Store) {
		for range 10 {
			switch err := st.Create(t.Context(), key(int(number.Add(1))), record(time.Hour, `1`)); {
			case err == nil:
				created.Add(1)
			case errors.Is(err, session.ErrFull):
				full.Add(1)
			default:
				t.Error(err)
			}
		}
	})
	if created.Load() != max-1 || full.Load() != 80-(max-1) {
		t.Errorf("%d were created and %d refused beside one session, with room for %d", created.Load(), full.Load(), max)
	}
	// What one deletes makes room for the other.
	want(t, nil, stores[0].Delete(t.Context(), key(0)))
	create(t, stores[1], 0, time.Hour, `1`)
	wantStats(t, stores[0], max, 0, max)
}

// The index is a figure: whatever becomes of it, it is right again after the
// writes and the sweep that meet its sessions.
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
			for n := range 3 { // what the hashes say does not depend on it
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

// Of two writes the index may hear in the wrong order.
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

// A session's hash that vanished leaves the figures when its time is over.
func TestIndexForgetsTheVanished(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL(), MaxSessions: 2})
	create(t, st, 1, time.Second, `22`)
	create(t, st, 2, time.Hour, `22`)
	redis(t, st, "DEL", st.key(key(1)))
	wantStats(t, st, 2, 0, 4) // until then it counts
	later := time.Now().Add(time.Minute)
	n, err := st.DeleteExpired(t.Context(), later, 10)
	if n != 0 || err != nil {
		t.Errorf("%d removed, %v: there was nothing to remove", n, err)
	}
	wantStats(t, st, 1, 0, 2)

	// A new session of a key that only the index knows, at a higher version.
	redis(t, st, "ZADD", st.index[0], "99999999999999", member(key(3)))
	redis(t, st, "HSET", st.index[1], member(key(3)), "9:1000")
	redis(t, st, "HINCRBY", st.index[1], "total", "1000")
	create(t, st, 3, time.Hour, `22`)
	wantStats(t, st, 2, 0, 4)

	// What was refused took nothing.
	want(t, session.ErrExists, st.Create(t.Context(), key(2), record(2*time.Hour, `333`)))
	redis(t, st, "ZREM", st.index[0], member(key(2)))
	redis(t, st, "HDEL", st.index[1], member(key(2)))
	redis(t, st, "HINCRBY", st.index[1], "total", "-2")
	want(t, session.ErrExists, st.Create(t.Context(), key(2), record(2*time.Hour, `333`)))
	wantStats(t, st, 1, 0, 2)
}

// The sweep does not believe a stale index: it asks the hash.
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

func TestAllYieldsEachOnce(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	const n = 500
	for i := range n {
		create(t, st, i, time.Hour, fmt.Sprint(i))
	}
	add, remove := []any{"ZADD", st.index[0]}, []any{"ZREM", st.index[0]}
	for i := range 6000 { // entries of the index alone are no sessions
		add, remove = append(add, 1, fmt.Sprintf("stranger %d", i)), append(remove, fmt.Sprintf("stranger %d", i))
	}
	for stop := range 10 {
		redis(t, st, add...)
		seen := map[session.Key]string{}
		for e, err := range st.All(t.Context()) {
			want(t, nil, err)
			if data, again := seen[e.Key]; again {
				t.Fatalf("%s twice", data)
			}
			seen[e.Key] = e.Data
			if len(seen) == 40*(stop+1) { // a table that shrinks under a scan makes it go over some again
				redis(t, st, remove...)
			}
		}
		for i := range n {
			if seen[key(i)] != fmt.Sprint(i) {
				t.Errorf("session %d: %q", i, seen[key(i)])
			}
		}
	}
}

// A record that cannot be read is absent, with one warning that names it by its
// short name, and is cleared like others.
func TestCorrupt(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	st := open(t, Config{URL: redistest.Start(t).URL(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	for n, harm := range [][]any{
		{"HSET", "expires", "soon"}, {"HSET", "created", ""}, {"HSET", "version", "-1"}, {"HSET", "version", "99999999999999999999"},
		{"HSET", "marker", "maybe"}, {"HDEL", "data"}, {"HDEL", "expires"}, {"HSET", "expires", "nan"}, {"HSET", "expires", " 1"},
	} {
		create(t, st, n, time.Second, `{}`)
		want(t, nil, func() error { _, err := st.Load(t.Context(), key(n)); return err }()) // the control
		log.Reset()
		redis(t, st, slices.Insert(slices.Clone(harm), 1, any(st.key(key(n))))...)
		if r, err := st.Load(t.Context(), key(n)); !errors.Is(err, session.ErrNotFound) || r != (session.Record{}) {
			t.Errorf("%v: %+v, %v", harm, r, err)
		}
		if lines := log.String(); strings.Count(lines, "\n") != 1 || !strings.Contains(lines, key(n).Name().String()) || strings.Contains(lines, member(key(n))) {
			t.Errorf("%v: the log says %q", harm, lines)
		}
		for _, err := range st.All(t.Context()) {
			t.Errorf("%v: All yields it, %v", harm, err)
		}
		if _, err := st.DeleteExpired(t.Context(), time.Now().Add(time.Hour), 10); err != nil {
			t.Errorf("%v: %v", harm, err)
		}
		wantStats(t, st, 0, 0, 0)
		if left := redis(t, st, "EXISTS", st.key(key(n))); left != int64(0) {
			t.Errorf("%v: it was not cleared", harm)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	st := open(b, Config{URL: redistest.Start(b).URL()})
	parallel(b, st, func(n int, _ session.Record) error {
		_, err := st.Load(b.Context(), key(n))
		return err
	})
}

func BenchmarkSave(b *testing.B) {
	st := open(b, Config{URL: redistest.Start(b).URL()})
	versions := [16]uint64{}
	parallel(b, st, func(n int, r session.Record) (err error) {
		r.Version = max(versions[n], 1)
		versions[n], err = st.Save(b.Context(), key(n), r)
		return err
	})
}

// parallel runs f in 16 clients, each with a session of its own.
func parallel(b *testing.B, st *Store, f func(n int, r session.Record) error) {
	const clients = 16
	r := record(time.Hour, strings.Repeat("x", 300))
	for n := range clients {
		create(b, st, n, time.Hour, r.Data)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(n, r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// A write that tells the index late does not bring a session back that was
// deleted, or ended with a marker, meanwhile.
func TestIndexIsToldLate(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	late := func(n int) { st.put(ctx, key(n), time.Now().Add(time.Hour), 2, 1) }
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
