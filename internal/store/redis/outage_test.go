package redis

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// atMost is how long a method may take when Redis does not answer, since a request must
// be answered within that time. It is more than three times callTimeout: the race
// detector and other tests slow the machine down.
const atMost = 2 * time.Second

// wantOutages makes all calls at once, and wants each to fail as an outage in time.
func wantOutages(t *testing.T, within time.Duration, calls map[string]func(context.Context) error) {
	t.Helper()
	var all sync.WaitGroup
	for name, call := range calls {
		all.Go(func() {
			began := time.Now()
			wantOutage(t, name, call(t.Context()))
			if took := time.Since(began); took > within {
				t.Errorf("%s took %v", name, took)
			}
		})
	}
	all.Wait()
}

// wantBack wants the store to answer again within 5 s, and not to fail after that.
func wantBack(t *testing.T, st *Store) {
	t.Helper()
	eventually(t, 5*time.Second, func() error { return st.Ping(t.Context()) })
	for range 2 * poolSize { // more calls than the pool has connections: none of them is a dead one
		want(t, nil, st.Ping(t.Context()))
		if _, err := st.Load(t.Context(), key(-1)); !errors.Is(err, session.ErrNotFound) {
			t.Fatal(err)
		}
	}
}

// fillPool makes the pool hold as many idle connections as it can.
func fillPool(t *testing.T, st *Store) {
	t.Helper()
	var all sync.WaitGroup
	for range poolSize {
		all.Go(func() {
			// BLPOP keeps its connection busy until all goroutines have one.
			st.client.BLPop(t.Context(), 100*time.Millisecond, "nothing")
		})
	}
	all.Wait()
	if n := st.client.PoolStats().IdleConns; n < poolSize/2 {
		t.Fatalf("%d idle connections", n)
	}
}

// Redis hangs with its connections open. If this fails, a request waits longer than
// 2 s, goroutines pile up, or the store stays down when Redis answers again.
//
// Not parallel: it measures time and counts goroutines.
func TestHangs(t *testing.T) {
	for _, test := range []struct {
		name       string
		hang, back func(t *testing.T, s *redistest.Server, st *Store)
	}{
		{
			"stopped",
			func(_ *testing.T, s *redistest.Server, _ *Store) { s.Pause() },
			func(_ *testing.T, s *redistest.Server, _ *Store) { s.Continue() },
		},
		{
			"CLIENT PAUSE",
			func(t *testing.T, _ *redistest.Server, st *Store) { redis(t, st, "CLIENT", "PAUSE", "3000") },
			func(*testing.T, *redistest.Server, *Store) {}, // CLIENT PAUSE ends by itself
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := redistest.Start(t)
			st := open(t, Config{URL: server.URL(), timeout: callTimeout})
			create(t, st, 1, time.Hour, `1`)
			before := runtime.NumGoroutine()
			test.hang(t, server, st)
			wantOutages(t, atMost, calls(st, 1))

			// 300 requests at once wait no longer than one, and leave no goroutines.
			var slowest atomic.Int64
			var all sync.WaitGroup
			for range 300 {
				all.Go(func() {
					began := time.Now()
					_, err := st.Load(t.Context(), key(1))
					wantOutage(t, "load", err)
					for took := int64(time.Since(began)); ; {
						if old := slowest.Load(); took <= old || slowest.CompareAndSwap(old, took) {
							break
						}
					}
				})
			}
			all.Wait()
			if took := time.Duration(slowest.Load()); took > atMost {
				t.Errorf("the slowest of many took %v", took)
			}
			eventually(t, 2*time.Second, func() error {
				if n := runtime.NumGoroutine(); n > before+50 {
					return fmt.Errorf("%d goroutines, %d before", n, before)
				}
				return nil
			})
			test.back(t, server, st)
			wantBack(t, st)
			// Redis may have carried out since what was sent while it hung: the session
			// is deleted, or at one version, and never half written.
			if r, err := st.Load(t.Context(), key(1)); !errors.Is(err, session.ErrNotFound) && (err != nil || r.Version > 2) {
				t.Errorf("after the pause: %+v, %v", r, err)
			}
		})
	}
}

// What a store has is dropped while Redis hangs. If this fails, whoever waits for that waits once for each
// session.
//
// Not parallel: it measures time.
func TestDropWhileRedisHangs(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, Config{URL: server.URL(), Prefix: "class:", timeout: 100 * time.Millisecond})
	var keys []session.Key
	for n := range 20 {
		create(t, st, n, time.Hour, `1`)
		keys = append(keys, key(n))
	}
	server.Pause()
	began := time.Now()
	err := st.Drop(t.Context(), keys)
	if took := time.Since(began); err == nil || took > time.Second {
		t.Errorf("it took %v: %v", took, err)
	}
	server.Continue()
	eventually(t, atMost, func() error { return st.Drop(t.Context(), keys) })
	if _, err := st.Load(t.Context(), key(1)); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("it is left: %v", err)
	}
}

// Redis runs with appendfsync always. If this fails, a write that was answered is lost
// in a crash, or the figures are wrong after it.
func TestCrash(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	st := open(t, Config{URL: server.URL()})
	const writers, crashes = 8, 3
	for n := range writers {
		create(t, st, n, time.Hour, `0`)
	}
	var acknowledged [writers]uint64 // versions
	for range crashes {
		var all sync.WaitGroup
		var saves atomic.Int64
		enough := make(chan struct{})
		for n := range writers {
			all.Go(func() {
				for {
					r, err := st.Load(t.Context(), key(n))
					if err != nil {
						return
					}
					r.Data = fmt.Sprint(r.Version)
					version, err := st.Save(t.Context(), key(n), r)
					if err != nil {
						return
					}
					acknowledged[n] = version
					if saves.Add(1) == 100 {
						close(enough)
					}
				}
			})
		}
		<-enough
		server.Stop()
		all.Wait()
		wantOutages(t, 2*time.Second, calls(st, 0))
		server.Restart()
		wantBack(t, st)
		for n := range writers {
			r := load(t, st, n)
			// The last write may have been done though its answer was lost.
			if r.Version < acknowledged[n] || r.Version > acknowledged[n]+1 || r.Data != fmt.Sprint(r.Version-1) {
				t.Errorf("session %d is %s at version %d, version %d was acknowledged", n, r.Data, r.Version, acknowledged[n])
			}
			_, err := st.Save(t.Context(), key(n), r)
			want(t, nil, err)
		}
	}
	st.DeleteExpired(t.Context(), time.Now(), 100)
	if s, err := st.Stats(t.Context()); err != nil || s.Live != writers || s.Expired != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// A restart of Redis leaves a pool full of dead connections. If this fails, the first
// requests after it get a 503.
func TestRestartWithIdleConnections(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"redis", "rediss"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			server, url := startTLS(t)
			if scheme == "redis" {
				server = redistest.Start(t)
				url = server.URL()
			}
			st := open(t, Config{URL: url})
			fillPool(t, st)
			server.Restart()
			create(t, st, 1, time.Hour, `1`) // the first call after the restart
			wantBack(t, st)
		})
	}
}

// The client leaves right after its session was saved. If this fails, the index is not
// told, and a figure is off.
func TestCanceled(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	create(t, st, 1, time.Hour, `1`)
	_, err := st.Save(t.Context(), key(1), load(t, st, 1)) // Redis knows the script now
	want(t, nil, err)
	ctx, cancel := context.WithCancel(t.Context())
	st.client.AddHook(after{"evalsha", cancel})
	if _, err := st.Save(ctx, key(1), session.Record{Version: 2, Expires: time.Now().Add(time.Hour), Data: `22`}); err != nil || ctx.Err() == nil {
		t.Fatal(err, ctx.Err())
	}
	wantStats(t, st, 1, 0, 2)
}

// after is a hook that calls f after each command with that name.
type after struct {
	name string
	f    func()
}

func (a after) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (a after) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

func (a after) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := next(ctx, cmd)
		if cmd.Name() == a.name {
			a.f()
		}
		return err
	}
}
