// Package redis keeps session records in Redis, Valkey or a Redis cluster, so
// that any number of instances share them. It needs Redis 6 or later.
//
// A session is a hash that redis-cli shows: ssc:s: and the SHA-256 of its ID in
// hex, with the fields created and expires (milliseconds since 1970), version,
// data (JSON) and marker (1 for the headstone of a dead ID). A session is live
// while the clock of the instance is before expires. An hour after that Redis
// itself removes the hash, in case no instance does.
//
// The hash is the truth. Beside it {ssc}:expiry and {ssc}:bytes are an index of
// all sessions, for the figures, for clearing and for the limit. The index falls
// behind when something fails between two steps. The next write of a session puts
// its entry right, and clearing asks the hash before it believes the index. Until
// then a figure is off, and a lost session counts towards the limit.
//
// Begin with Open here and with Create and Save in write.go: first the index, then the
// hash. scripts.go has the Lua scripts that make each step atomic, read.go the calls
// that change nothing, clear.go the sweep, index.go what keeps the index near the
// truth, record.go the layout of a hash, and client.go how go-redis is set up.
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/session"
)

const (
	// callTimeout is how long a method takes at most, dialing and waiting for a
	// connection included. DeleteExpired and All may take it for each of their steps.
	// A request makes at most three calls that fail, and must be answered within 2 s.
	callTimeout = 600 * time.Millisecond
	// graceTTL is how long Redis keeps a session after its expiry. The instance's clock
	// decides whether a session is dead, and Redis' own clock may be fast.
	graceTTL = time.Hour
	// markerTTL is how long Redis keeps a marker of placement cookie after its expiry.
	// Without the marker the ended cookie opens again, should the clock of an instance
	// go back by more than this.
	markerTTL = 24 * time.Hour
	// lateTTL is how long Redis keeps a marker that replaced a record after its expiry.
	// That marker only explains a 409 for 30 s: without it the late request fails too.
	lateTTL  = time.Minute
	roomStep = 32  // how many expired sessions a full store clears to take a new one
	batch    = 100 // sessions in one round trip, for sweeps and scans
)

// Config says which Redis a Store uses, and how much it keeps there.
type Config struct {
	// URL is redis://[USER:PASSWORD@]HOST:PORT/DB, rediss:// for TLS, or
	// unix:///PATH?db=N. For a cluster it names any node. rediss:// checks the
	// certificate against the system's authorities, unless the URL ends in
	// ?skip_verify=true. Timeouts and retries given in the URL are ignored.
	URL string
	// MaxSessions is how many sessions all instances together keep at most,
	// expired ones included until they are cleared. 0 means no limit.
	MaxSessions int
	// Prefix begins every key, so that several stores can share a database. The
	// program's own store has none.
	Prefix string
	Now    func() time.Time // the clock; default time.Now
	Log    *slog.Logger     // default: nothing is logged

	timeout time.Duration // of a call; default callTimeout
}

func (cfg Config) withDefaults() Config {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.timeout == 0 {
		cfg.timeout = callTimeout
	}
	return cfg
}

// Store is a session.Backend. It starts no goroutine of its own.
type Store struct {
	client goredis.UniversalClient
	hash   string   // the prefix of the sessions' keys
	index  []string // the keys of the index: the sorted set by expiry, the hash of sizes
	probe  string   // a key that is never there: see Ping
	cfg    Config
}

// Open connects to Redis and makes sure that it answers and that this user may run the
// scripts. Its error is one line, without the URL's password.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	opt, err := parse(cfg)
	if err != nil {
		return nil, err
	}
	goredis.SetLogger(discardLogger{})
	st := newStore(goredis.NewClient(opt), cfg)
	if err := st.open(ctx, opt); err != nil {
		st.Close()
		if op := (*net.OpError)(nil); errors.As(err, &op) {
			err = op.Err // without the address, which the message has already
		}
		return nil, fmt.Errorf("cannot use Redis at %s: %w", opt.Addr, err)
	}
	return st, nil
}

func newStore(client goredis.UniversalClient, cfg Config) *Store {
	prefix := cfg.Prefix
	return &Store{
		client: client, cfg: cfg.withDefaults(),
		hash: prefix + "ssc:s:", index: []string{"{" + prefix + "ssc}:expiry", "{" + prefix + "ssc}:bytes"}, probe: "{" + prefix + "ssc}:probe",
	}
}

// open asks the server what it is, and takes a cluster's client for a cluster.
func (st *Store) open(ctx context.Context, opt *goredis.Options) error {
	call, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	info, err := st.client.Info(call).Result()
	if err != nil {
		return err
	}
	if strings.Contains(info, "cluster_enabled:1") {
		st.client.Close()
		cluster := goredis.NewClusterClient(clusterOptions(opt))
		cluster.AddHook(reloader{cluster})
		st.client = cluster
	}
	if strings.Contains(info, "maxmemory_policy:") && !strings.Contains(info, "maxmemory_policy:noeviction") {
		st.cfg.Log.Warn("Redis may evict live sessions when its memory is full: set its maxmemory-policy to noeviction")
	}
	_, err = st.Stats(ctx) // it fails when this user may not run scripts or read the index
	return err
}

// Close closes the connections.
func (st *Store) Close() error { return st.client.Close() }

// Drop removes the sessions and markers under keys, and the index. It is for a store
// with a Prefix that was needed for a while only. The first error ends it, so that a Redis
// that does not answer is waited for once.
func (st *Store) Drop(ctx context.Context, keys []session.Key) error {
	if st.cfg.Prefix == "" {
		return errors.New("redis: only a store with a prefix is dropped")
	}
	err := st.client.Del(ctx, st.index...).Err() // both keys are in one slot
	for i := 0; i < len(keys) && err == nil; i++ {
		err = st.client.Del(ctx, st.key(keys[i])).Err()
	}
	return err
}

// Lease makes Redis remove the index an hour from now, as it removes the sessions, in
// case nobody calls Drop.
func (st *Store) Lease(ctx context.Context) error {
	var err error
	for _, key := range st.index {
		err = errors.Join(err, readOnly(st.client.PExpire(ctx, key, graceTTL).Err()))
	}
	return err
}
