package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
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

// TestMain fails if a goroutine is left when all stores are closed. It waits up to 3 s:
// a goroutine that dials a dead server ends about a second after Close.
func TestMain(m *testing.M) {
	code := m.Run()
	err := goleak.Find()
	for until := time.Now().Add(3 * time.Second); err != nil && time.Now().Before(until); {
		err = goleak.Find() // Find itself waits a little
	}
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// The Redis store keeps the contract of session.Backend.
func TestStore(t *testing.T) { suite(t, open(t, Config{URL: redistest.Start(t).URL()}).client) }

// The store keeps the contract on a Valkey server too. Few machines have one.
func TestValkey(t *testing.T) {
	t.Parallel()
	suite(t, open(t, Config{URL: redistest.StartValkey(t).URL()}).client)
}

// suite runs storetest on client. Each store of the suite has its own prefix.
func suite(t *testing.T, client goredis.UniversalClient) {
	var stores atomic.Int64
	storetest.Run(t, func(_ *testing.T, max int, now func() time.Time) session.Backend {
		return newStore(client, Config{MaxSessions: max, Prefix: fmt.Sprintf("%d:", stores.Add(1)), Now: now, timeout: patient})
	})
}

// patient is the call timeout of tests that do not test timeouts: the machine may be busy.
const patient = 20 * time.Second

// open opens a store that is closed after the test. Its timeout is patient unless cfg
// has one.
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

// record returns a record that lives for d.
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

// wantOutage wants an error that the engine answers with 503.
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

// redis sends a command that bypasses the store, and returns the answer.
func redis(t testing.TB, st *Store, args ...any) any {
	t.Helper()
	answer, err := st.client.Do(t.Context(), args...).Result()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return answer
}

// calls are the methods of st that ask Redis, by name. Those of one session use session n.
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

// The README shows these keys and fields in redis-cli. If this fails, its commands, and
// the programs that read the keys, find something else.
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
	// Redis removes the hash by itself, an hour after the expiry.
	ttl, err := st.client.PTTL(t.Context(), keys[0]).Result()
	if err != nil || ttl < 2*time.Hour-time.Minute || ttl > 2*time.Hour {
		t.Errorf("Redis keeps it for %v (%v), want 2h", ttl, err)
	}
}

// A hash that is no record counts as no session. If this fails, a corrupt hash is an
// error for its browser, is never cleared, or the log has the whole key instead of the
// short name.
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

// ZSCAN may yield a member twice, and the index may have members without a session. If
// this fails, All yields a session twice, or one that is not there.
func TestAllYieldsEachOnce(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	const n = 500
	for i := range n {
		create(t, st, i, time.Hour, fmt.Sprint(i))
	}
	add, remove := []any{"ZADD", st.index[0]}, []any{"ZREM", st.index[0]}
	for i := range 6000 { // members of the index without a hash are no sessions
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
			if len(seen) == 40*(stop+1) { // ZSCAN goes over some members again when its table shrinks
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
