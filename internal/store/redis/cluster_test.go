package redis

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

func TestCluster(t *testing.T) {
	t.Parallel()
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			t.Parallel()
			servers := redistest.StartCluster(t, nodes)
			st := open(t, Config{URL: servers[nodes-1].URL()}) // any node will do
			if _, ok := st.client.(*goredis.ClusterClient); !ok {
				t.Fatalf("the client is a %T", st.client)
			}
			wantRefused(t, "redis://"+servers[0].Addr+"/1", "cannot use Redis at "+servers[0].Addr+": ERR SELECT is not allowed in cluster mode")
			suite(t, st.client)
			t.Run("a sweep over all nodes", func(t *testing.T) {
				for i := range 100 {
					create(t, st, i, time.Second, `1`)
				}
				wantStats(t, st, 100, 0, 100)
				count := 0
				for _, err := range st.All(t.Context()) {
					want(t, nil, err)
					count++
				}
				removed, err := st.DeleteExpired(t.Context(), time.Now().Add(time.Minute), 1000)
				if count != 100 || removed != 100 || err != nil {
					t.Errorf("%d sessions, %d removed, %v", count, removed, err)
				}
				wantStats(t, st, 0, 0, 0)
			})
		})
	}
}

// A slot moves to another node: the scripts follow (MOVED), although a script is
// never sent again otherwise. A node that hangs is an outage of its sessions.
func TestClusterMoves(t *testing.T) {
	t.Parallel()
	servers := redistest.StartCluster(t, 3)
	st := open(t, Config{URL: servers[0].URL()})
	create(t, st, 1, time.Hour, `1`)
	ctx := t.Context()
	nodes := make([]*goredis.Client, 3)
	ids := make([]string, 3)
	for i, s := range servers {
		nodes[i] = goredis.NewClient(&goredis.Options{Addr: s.Addr})
		defer nodes[i].Close()
		var err error
		ids[i], err = nodes[i].ClusterMyID(ctx).Result()
		want(t, nil, err)
	}
	do := func(node int, args ...any) any {
		t.Helper()
		answer, err := nodes[node].Do(ctx, args...).Result()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return answer
	}
	slot := do(0, "CLUSTER", "KEYSLOT", st.key(key(1)))
	owner := 0
	for i := range nodes {
		if n := do(i, "CLUSTER", "COUNTKEYSINSLOT", slot); n.(int64) > 0 {
			owner = i
		}
	}
	to := (owner + 1) % 3
	do(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[owner])
	do(owner, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
	_, port, _ := net.SplitHostPort(servers[to].Addr)
	do(owner, "MIGRATE", "127.0.0.1", port, st.key(key(1)), "0", "5000")
	save := func(version uint64) { // the node of before says ASK, later MOVED
		t.Helper()
		r := load(t, st, 1)
		got, err := st.Save(ctx, key(1), r)
		if err != nil || got != version {
			t.Fatalf("version %d, %v, want %d", got, err, version)
		}
	}
	save(2)
	for _, i := range []int{to, owner, 3 - to - owner} {
		do(i, "CLUSTER", "SETSLOT", slot, "NODE", ids[to])
	}
	save(3)

	hurried := open(t, Config{URL: servers[0].URL(), timeout: callTimeout})
	ofOne := calls(hurried, 1)
	for _, name := range []string{"delete expired", "all", "stats", "ping", "create"} {
		delete(ofOne, name) // they ask the index, which may be well
	}
	servers[to].Pause()
	wantOutages(t, 2*time.Second, ofOne)
	servers[to].Continue()
	wantBack(t, st)
	eventually(t, 10*time.Second, func() error { // until the others believe in it again
		r, err := st.Load(ctx, key(1))
		if r.Version > 4 {
			t.Errorf("version %d", r.Version)
		}
		if errors.Is(err, session.ErrNotFound) { // the delete was unknown: it happened
			return nil
		}
		return err
	})
}

// A node of a cluster is gone for good, and another has its slots: the client
// asks who, and does not wait until it would have asked anyway, once a minute.
func TestClusterNodeLost(t *testing.T) {
	t.Parallel()
	servers := redistest.StartCluster(t, 3, "--cluster-require-full-coverage", "no")
	st := open(t, Config{URL: servers[0].URL()})
	want(t, nil, st.Ping(t.Context()))
	n := 0 // of a session whose slot is on the last node
	for ; ; n++ {
		node, err := st.client.(*goredis.ClusterClient).MasterForKey(t.Context(), st.key(key(n)))
		want(t, nil, err)
		if node.Options().Addr == servers[2].Addr {
			break
		}
	}
	servers[2].Stop()
	_, err := st.Load(t.Context(), key(n))
	wantOutage(t, "load", err)

	other := goredis.NewClient(&goredis.Options{Addr: servers[1].Addr})
	defer other.Close()
	id, err := other.ClusterMyID(t.Context()).Result()
	want(t, nil, err)
	slot, err := other.ClusterKeySlot(t.Context(), st.key(key(n))).Result()
	want(t, nil, err)
	for _, s := range servers[:2] {
		node := goredis.NewClient(&goredis.Options{Addr: s.Addr})
		defer node.Close()
		want(t, nil, node.Do(t.Context(), "CLUSTER", "SETSLOT", slot, "NODE", id).Err())
	}
	eventually(t, 5*time.Second, func() error {
		if _, err := st.Load(t.Context(), key(n)); !errors.Is(err, session.ErrNotFound) {
			return fmt.Errorf("load: %w", err)
		}
		return nil // its data went with the node
	})
}
