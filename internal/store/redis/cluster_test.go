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

// The store keeps the contract on a cluster of one node and of three, whichever node the
// URL names, and sweeps all nodes.
func TestCluster(t *testing.T) {
	t.Parallel()
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			t.Parallel()
			servers := redistest.StartCluster(t, nodes)
			st := open(t, Config{URL: servers[nodes-1].URL()}) // any node may be named
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

// admins are clients of the nodes of a cluster.
type admins struct {
	nodes []*goredis.Client
	ids   []string // by which the nodes know each other
}

func newAdmins(t *testing.T, servers []*redistest.Server) (a admins) {
	t.Helper()
	for _, s := range servers {
		node := goredis.NewClient(&goredis.Options{Addr: s.Addr})
		t.Cleanup(func() { node.Close() })
		id, err := node.ClusterMyID(t.Context()).Result()
		want(t, nil, err)
		a.nodes, a.ids = append(a.nodes, node), append(a.ids, id)
	}
	return a
}

// do sends a command to a node.
func (a admins) do(t *testing.T, node int, args ...any) any {
	t.Helper()
	answer, err := a.nodes[node].Do(t.Context(), args...).Result()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return answer
}

// owner returns the node that has the keys of a slot.
func (a admins) owner(t *testing.T, slot any) (owner int) {
	t.Helper()
	for i := range a.nodes {
		if n := a.do(t, i, "CLUSTER", "COUNTKEYSINSLOT", slot); n.(int64) > 0 {
			owner = i
		}
	}
	return owner
}

// A slot moves to another node. If this fails, its sessions are an outage although Redis
// says where they are (ASK, then MOVED), or a write is made twice on the way. Then that
// node hangs, which must be an outage for its sessions and not a lost session.
func TestClusterMoves(t *testing.T) {
	t.Parallel()
	servers := redistest.StartCluster(t, 3)
	st := open(t, Config{URL: servers[0].URL()})
	create(t, st, 1, time.Hour, `1`)
	save := func(version uint64) {
		t.Helper()
		got, err := st.Save(t.Context(), key(1), load(t, st, 1))
		if err != nil || got != version {
			t.Fatalf("version %d, %v, want %d", got, err, version)
		}
	}
	admin := newAdmins(t, servers)
	slot := admin.do(t, 0, "CLUSTER", "KEYSLOT", st.key(key(1)))
	from := admin.owner(t, slot)
	to := (from + 1) % 3
	admin.do(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", admin.ids[from])
	admin.do(t, from, "CLUSTER", "SETSLOT", slot, "MIGRATING", admin.ids[to])
	_, port, _ := net.SplitHostPort(servers[to].Addr)
	admin.do(t, from, "MIGRATE", "127.0.0.1", port, st.key(key(1)), "0", "5000")
	save(2) // the old node answers ASK
	for _, i := range []int{to, from, 3 - to - from} {
		admin.do(t, i, "CLUSTER", "SETSLOT", slot, "NODE", admin.ids[to])
	}
	save(3) // the old node answers MOVED

	hurried := open(t, Config{URL: servers[0].URL(), timeout: callTimeout})
	ofOne := calls(hurried, 1)
	for _, name := range []string{"delete expired", "all", "stats", "ping", "create"} {
		delete(ofOne, name) // these ask the index, which may be on another node
	}
	servers[to].Pause()
	wantOutages(t, 2*time.Second, ofOne)
	servers[to].Continue()
	wantBack(t, st)
	eventually(t, 10*time.Second, func() error { // until the other nodes count it as alive again
		r, err := st.Load(t.Context(), key(1))
		if r.Version > 4 {
			t.Errorf("version %d", r.Version)
		}
		if errors.Is(err, session.ErrNotFound) { // the delete whose outcome was unknown has happened
			return nil
		}
		return err
	})
}

// A node is lost and another one takes over its slots. If this fails, requests for these
// sessions fail for up to a minute, until go-redis asks by itself who has the slots.
func TestClusterNodeLost(t *testing.T) {
	t.Parallel()
	servers := redistest.StartCluster(t, 3, "--cluster-require-full-coverage", "no")
	st := open(t, Config{URL: servers[0].URL()})
	want(t, nil, st.Ping(t.Context()))
	n := 0 // becomes the number of a session whose slot is on the last node
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
		return nil // the node took its data along
	})
}
