// Package redis keeps session records in Redis, Valkey or a Redis cluster, so
// that any number of instances share them. It needs Redis 6 or later.
//
// A session is a hash that redis-cli shows: ssc:s: and the SHA-256 of its ID in
// hex, with the fields created and expires (milliseconds since 1970), version,
// data (JSON) and marker (1 for the headstone of a dead ID). A session is live
// while the clock of the instance is before expires; an hour after that Redis
// itself removes the hash, in case nobody does.
//
// The hash is the truth. Beside it {ssc}:expiry and {ssc}:bytes are an index of
// all sessions, for the figures, for clearing and for the limit. It can fall
// behind when something fails in between two steps; each write of a session puts
// its entry right, and clearing asks the hash before it believes the index. Until
// then a figure is off, and a lost session counts towards the limit.
package redis

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/session"
)

const (
	// callTimeout is how long a method takes at most, dialing and waiting for a
	// connection included. DeleteExpired and All take it for each step. A request
	// meets at most three that fail, and must be answered within 2 s.
	callTimeout = 600 * time.Millisecond
	// graceTTL is how long Redis keeps what is dead. Markers too: whether one
	// still holds is for the instance's clock to say, and Redis' may be fast.
	graceTTL = time.Hour
	// markerTTL is the same for a marker of placement cookie: without it the ended
	// cookie opens, should the clock of an instance go back by more than that.
	markerTTL = 24 * time.Hour
	// lateTTL is the same for a marker that replaced a record. It only explains a 409
	// for 30 s: without it the late request fails too.
	lateTTL  = time.Minute
	poolSize = 32  // connections at most, in a cluster to each node
	roomStep = 32  // expired sessions that a full store clears to take a new one
	batch    = 100 // sessions a round trip, where there are many
)

// Config is what a Store is made of.
type Config struct {
	// URL is redis://[USER:PASSWORD@]HOST:PORT/DB, rediss:// for TLS, or
	// unix:///PATH?db=N. Of a cluster it names any node. rediss:// checks the
	// certificate against the system's authorities, unless it ends in
	// ?skip_verify=true. Timeouts and retries given there do not count.
	URL string
	// MaxSessions is how many sessions all instances together keep at most,
	// expired ones included until they are cleared. 0 means no limit.
	MaxSessions int
	// Prefix begins every key, so that a store is apart from others in the same
	// database. The program's own store has none.
	Prefix string
	Now    func() time.Time // the clock; default time.Now
	Log    *slog.Logger     // default: nothing is logged

	timeout time.Duration // of a call; default callTimeout
}

// Store is a session.Backend. It starts no goroutine of its own.
type Store struct {
	client goredis.UniversalClient
	hash   string   // the prefix of the sessions' keys
	index  []string // the index's keys
	cfg    Config
}

// Open connects to Redis and makes sure that it answers and may be used. Its
// error is one line, without the URL's password.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	opt, err := parse(cfg)
	if err != nil {
		return nil, err
	}
	// go-redis writes to stderr, past the log, what each call's error says too.
	goredis.SetLogger(silent{})
	st := newStore(goredis.NewClient(opt), cfg)
	if err := st.open(ctx, opt); err != nil {
		st.Close()
		if op := (*net.OpError)(nil); errors.As(err, &op) {
			err = op.Err // without the address, which stands before it
		}
		return nil, fmt.Errorf("cannot use Redis at %s: %w", opt.Addr, err)
	}
	return st, nil
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

func newStore(client goredis.UniversalClient, cfg Config) *Store {
	prefix := cfg.Prefix
	return &Store{
		client: client, cfg: cfg.withDefaults(),
		hash: prefix + "ssc:s:", index: []string{"{" + prefix + "ssc}:expiry", "{" + prefix + "ssc}:bytes"},
	}
}

// Drop removes the sessions of keys, markers too, and the index. It is for a store
// with a Prefix that was one for a while only.
func (st *Store) Drop(ctx context.Context, keys []session.Key) error {
	if st.cfg.Prefix == "" {
		return errors.New("redis: only a store with a prefix is dropped")
	}
	err := st.client.Del(ctx, st.index...).Err() // one slot
	for _, k := range keys {
		err = errors.Join(err, st.client.Del(ctx, st.key(k)).Err())
	}
	return err
}

// Lease lets the index go by itself an hour from now, as sessions do, should nobody
// drop it.
func (st *Store) Lease(ctx context.Context) error {
	var err error
	for _, key := range st.index {
		err = errors.Join(err, st.client.PExpire(ctx, key, graceTTL).Err())
	}
	return err
}

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
		st.cfg.Log.Warn("Redis may evict live sessions: its maxmemory-policy should be noeviction")
	}
	_, err = st.Stats(ctx) // scripts and the index may be used
	return err
}

// ErrURL marks an error of a URL that no Redis has.
var ErrURL = errors.New("not the URL of a Redis")

// maxDB is the last database that a Redis can be set up to have. How many it has is
// for itself to say.
const maxDB = 1<<31 - 2

// parse reads the URL. An error shows no part of one that may hold a password.
func parse(cfg Config) (*goredis.Options, error) {
	url := cfg.URL
	opt, err := goredis.ParseURL(url)
	if err == nil && opt.Network != "unix" { // :PASSWORD:6379, without an @, would be a host
		if host, _, e := net.SplitHostPort(opt.Addr); e != nil || strings.Contains(host, ":") && net.ParseIP(host) == nil {
			err = errors.New("not a host")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: it is redis://[USER:PASSWORD@]HOST:PORT/DB, rediss:// for TLS or unix:///PATH?db=N; in a password, write / ? # and @ as %%2F %%3F %%23 and %%40", ErrURL)
	}
	if opt.DB < 0 || opt.DB > maxDB {
		return nil, fmt.Errorf("%w: its database is %d, and a database is a number from 0, to 15 unless that Redis was set up otherwise", ErrURL, opt.DB)
	}
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout, opt.PoolTimeout = cfg.timeout, cfg.timeout, cfg.timeout, cfg.timeout
	opt.ContextTimeoutEnabled = true
	opt.MaxRetries, opt.DialerRetries = -1, 1 // see once
	opt.PoolSize, opt.PipelinePoolSize = poolSize, -1
	opt.Protocol, opt.DisableIdentity = 2, true // no pushed messages, no CLIENT SETINFO
	return opt, nil
}

func clusterOptions(opt *goredis.Options) *goredis.ClusterOptions {
	return &goredis.ClusterOptions{
		Addrs: []string{opt.Addr}, Username: opt.Username, Password: opt.Password, TLSConfig: opt.TLSConfig,
		DialTimeout: opt.DialTimeout, ReadTimeout: opt.ReadTimeout, WriteTimeout: opt.WriteTimeout, PoolTimeout: opt.PoolTimeout,
		ContextTimeoutEnabled: true, MaxRetries: opt.MaxRetries, DialerRetries: opt.DialerRetries,
		PoolSize: opt.PoolSize, PipelinePoolSize: opt.PipelinePoolSize, Protocol: opt.Protocol, DisableIdentity: true,
		DisableRoutingPolicies: true, // it would ask each node for its commands, and ours name their keys
	}
}

// reloader is a hook that lets a cluster's client ask again who has which slots
// when a node did not answer: another may have them by now. The client would do so
// by itself once a minute.
type reloader struct{ *goredis.ClusterClient }

func (r reloader) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (r reloader) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error { return r.check(ctx, next(ctx, cmd)) }
}

func (r reloader) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error { return r.check(ctx, next(ctx, cmds)) }
}

func (r reloader) check(ctx context.Context, err error) error {
	if err != nil && !answered(err) {
		r.ReloadState(ctx)
	}
	return err
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// Close closes the connections.
func (st *Store) Close() error { return st.client.Close() }

// Create implements session.Backend. The index comes first: it counts. A full
// store first clears what has expired.
func (st *Store) Create(ctx context.Context, k session.Key, r session.Record) error {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	r.Version++
	var was []any
	if !r.Marker {
		var err error
		if was, err = st.reserve(ctx, k, r); err != nil {
			return err
		}
	}
	room := r.Marker || r.Version > 1
	grace := graceTTL
	if r.Marker {
		grace = markerTTL
	}
	answer, err := st.eval(ctx, createScript, []string{st.key(k)}, append(st.fields(r, grace), flag(room))...)
	if answer == "OK" {
		if len(was) == 2 { // the index had an entry of this key without a session
			st.mend(ctx, k, swapScript, member(k), was[1], r.Expires.UnixMilli(), r.Version, len(r.Data))
		}
		return nil
	}
	if len(was) == 1 && (err == nil || answered(err)) { // otherwise it may be there
		st.mend(ctx, k, swapScript, member(k), entry(r), "", "", "")
	}
	switch {
	case isFull(err):
		return session.ErrFull
	case err != nil:
		return err
	}
	return session.ErrExists
}

// reserve puts r into the index. It returns one element if r was added, and two
// if an entry was there, which is the second.
func (st *Store) reserve(ctx context.Context, k session.Key, r session.Record) ([]any, error) {
	max := 0
	if r.Version == 1 {
		max = st.cfg.MaxSessions
	}
	for cleared := false; ; cleared = true {
		answer, err := st.evalIndex(ctx, reserveScript, member(k), r.Expires.UnixMilli(), r.Version, len(r.Data), max)
		if err != nil {
			return nil, err
		}
		if was := list(answer); len(was) > 0 && was[0] != "FULL" {
			return was, nil
		}
		if cleared {
			return nil, session.ErrFull
		}
		if n, err := st.DeleteExpired(ctx, st.cfg.Now(), roomStep); err != nil {
			return nil, err
		} else if n == 0 {
			return nil, session.ErrFull
		}
	}
}

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
		st.cfg.Log.Warn("a session in Redis is corrupt and reads as absent", "session", k.Name())
		return session.Record{}, session.ErrNotFound
	case err != nil, dead && r.Marker:
		return session.Record{}, session.ErrNotFound
	case dead:
		return session.Record{}, session.ErrExpired
	}
	return r, nil
}

// Forgotten implements session.Backend. Redis removes a marker markerTTL after its
// expiry, by its own clock, and does not say so: a clock here that goes back further
// than that can revive an ended cookie.
func (st *Store) Forgotten(context.Context) (time.Time, error) { return time.Time{}, nil }

// Peek implements session.Backend: the hash as it lies there, and how long Redis
// keeps it. A hash that is no record of ours has its fields, and a zero Record.
func (st *Store) Peek(ctx context.Context, k session.Key) (stored session.Stored, err error) {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	var values []any
	var left time.Duration
	err = again(func() error {
		pipe := st.client.Pipeline()
		fields, ttl := pipe.HMGet(ctx, st.key(k), fieldNames...), pipe.PTTL(ctx, st.key(k))
		_, err := pipe.Exec(ctx)
		values, left = fields.Val(), ttl.Val()
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
	ms := left.Milliseconds()
	if left < 0 {
		ms = int64(left) // -1: Redis keeps it for ever
	}
	stored.Fields = append(stored.Fields, session.Field{Name: "PTTL", Value: strconv.FormatInt(ms, 10)})
	return stored, nil
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
		st.mend(ctx, k, dropScript, member(k))
	default:
		st.put(ctx, k, r.Expires, r.Version, int64(len(r.Data)))
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
		st.put(ctx, k, expires, version, bytes)
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
	st.mend(ctx, k, dropScript, member(k))
	return nil
}

// DeleteExpired implements session.Backend. Dead markers are left to Redis. It
// does not count what Redis removed itself.
func (st *Store) DeleteExpired(ctx context.Context, now time.Time, limit int) (removed int, err error) {
	for more := true; more && removed < limit; {
		var n int
		n, more, err = st.sweep(ctx, now, min(limit-removed, batch))
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// sweep takes at most limit sessions of the index that should be dead at now. It
// deletes those that are, and puts the index right. It tells whether there may be more.
func (st *Store) sweep(ctx context.Context, now time.Time, limit int) (removed int, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	answer, err := st.evalIndex(ctx, dueScript, now.UnixMilli(), limit)
	due := list(answer)
	if err != nil || len(due) == 0 {
		return 0, false, err
	}
	pipe := st.client.Pipeline()
	var asked []*goredis.Cmd
	for i := 0; i < len(due); i += 2 {
		// By its text: in a pipeline nobody could answer NOSCRIPT.
		asked = append(asked, pipe.Eval(ctx, expireScript.src, []string{st.hash + due[i].(string)}, now.UnixMilli()))
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	var swaps []any
	for i, cmd := range asked {
		answer, err := cmd.Result()
		if err != nil && !goredis.HasErrorPrefix(err, "WRONGTYPE") {
			return removed, true, err
		}
		if answer == "DELETED" {
			removed++
		}
		swaps = append(swaps, due[2*i], due[2*i+1])
		if is := list(answer); len(is) == 3 { // alive
			swaps = append(swaps, is...)
		} else {
			swaps = append(swaps, "", "", "")
		}
	}
	_, err = st.evalIndex(ctx, swapScript, swaps...)
	return removed, len(asked) == limit, err
}

// All implements session.Backend. It walks the index.
func (st *Store) All(ctx context.Context) iter.Seq2[session.Entry, error] {
	return func(yield func(session.Entry, error) bool) {
		seen := make(map[session.Key]bool) // a scan may meet a member twice
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

// page returns the sessions of one step of a scan.
func (st *Store) page(ctx context.Context, cursor uint64) (entries []session.Entry, next uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	var members []string // with a score after each
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
	_, _ = pipe.Exec(ctx)
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
	if is := list(answer); len(is) == 3 {
		all, _ := is[0].(int64)
		expired, _ := is[1].(int64)
		s.Live, s.Expired = int(all-expired), int(expired)
		s.Bytes, _ = is[2].(int64)
	}
	return s, err
}

// Ping implements session.Backend. It asks the node that has the index.
func (st *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, st.cfg.timeout)
	defer cancel()
	return again(func() error { return st.client.Exists(ctx, st.index[0]).Err() })
}

// put tells the index of a session that was written. Without an entry there it
// was lost, or the session has been deleted since: then it must not come back.
func (st *Store) put(ctx context.Context, k session.Key, expires time.Time, version uint64, bytes int64) {
	if st.mend(ctx, k, putScript, member(k), expires.UnixMilli(), version, bytes) != "ADDED" {
		return
	}
	if marker, err := st.client.HGet(ctx, st.key(k), "marker").Result(); marker == "1" || errors.Is(err, goredis.Nil) {
		st.mend(ctx, k, dropScript, member(k))
	}
}

// mend tells the index of a change that was made. If that fails, a figure is off
// until the session's next write or the sweep after its expiry; the change stands.
// It has what is left of ctx's time, and is not ended by a client that left.
func (st *Store) mend(ctx context.Context, k session.Key, s script, args ...any) any {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	answer, err := st.evalIndex(ctx, s, args...)
	if err != nil {
		st.cfg.Log.Warn("the index of sessions in Redis missed a change; the session itself is well", "session", k.Name(), "error", err)
	}
	return answer
}

// evalIndex runs a script of the index, which does no harm when it runs twice.
func (st *Store) evalIndex(ctx context.Context, s script, args ...any) (answer any, err error) {
	err = again(func() (err error) {
		answer, err = st.eval(ctx, s, st.index, args...)
		return err
	})
	return answer, err
}

// again runs f until it no longer meets a connection that Redis has closed: after
// a restart the pool may hold as many. Over TLS the pool does not notice that
// itself. The first call of a request is one of these, so that the others find a
// good connection. f must be harmless when it runs twice.
func again(f func() error) error {
	err := f()
	for n := 0; n < poolSize && (errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)); n++ {
		err = f()
	}
	return err
}

// answered tells that err is what Redis said: nothing was done.
func answered(err error) bool {
	var said goredis.Error
	return errors.As(err, &said)
}

// isFull tells that Redis has reached its maxmemory. Before version 7 the words
// stand behind others.
func isFull(err error) bool {
	return err != nil && strings.Contains(err.Error(), "OOM command not allowed")
}

func (st *Store) key(k session.Key) string { return st.hash + member(k) }

func member(k session.Key) string { return hex.EncodeToString(k[:]) }

// entry is what the index's hash says of r.
func entry(r session.Record) string { return fmt.Sprintf("%d:%d", r.Version, len(r.Data)) }

var fieldNames = []string{"created", "expires", "version", "data", "marker"}

// fields are the arguments of create and save: now, time to live, and the record. Redis keeps it for
// grace after its end.
func (st *Store) fields(r session.Record, grace time.Duration) []any {
	now := st.cfg.Now()
	return []any{now.UnixMilli(), ttl(now, r.Expires, grace), r.Created.UnixMilli(), r.Expires.UnixMilli(), r.Version, r.Data, flag(r.Marker)}
}

// ttl is how long Redis is to keep a record, in ms. It is told the time that is
// left and not the moment: its clock is another.
func ttl(now, expires time.Time, grace time.Duration) int64 {
	return (max(expires.Sub(now), 0) + grace).Milliseconds()
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

var errBroken = errors.New("not a record")

// parseRecord reads fieldNames' values. It returns ErrNotFound if there are none.
func parseRecord(values []any) (r session.Record, err error) {
	var text [5]string
	found := 0
	for i := range min(len(values), len(text)) {
		if s, ok := values[i].(string); ok {
			text[i] = s
			found++
		}
	}
	if found == 0 {
		return r, session.ErrNotFound
	}
	created, err1 := strconv.ParseInt(text[0], 10, 64)
	expires, err2 := strconv.ParseInt(text[1], 10, 64)
	version, err3 := strconv.ParseUint(text[2], 10, 64)
	if found < len(text) || err1 != nil || err2 != nil || err3 != nil || text[4] != "0" && text[4] != "1" {
		return r, errBroken
	}
	return session.Record{
		Version: version, Created: time.UnixMilli(created).UTC(), Expires: time.UnixMilli(expires).UTC(),
		Data: text[3], Marker: text[4] == "1",
	}, nil
}

// list returns the elements of a script's answer, or nil if it is none.
func list(answer any) []any {
	l, _ := answer.([]any)
	return l
}
