package redis

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// atMost is how long a method may take when Redis does not answer: what a request
// may. It takes callTimeout, and as long again where the race detector and other
// tests have the machine.
const atMost = 2 * time.Second

// wantOutages wants all of calls to fail within that time.
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

// wantBack wants every method to work again within 5 s, and from then on always.
func wantBack(t *testing.T, st *Store) {
	t.Helper()
	eventually(t, 5*time.Second, func() error { return st.Ping(t.Context()) })
	for range 2 * poolSize { // none finds a dead connection
		want(t, nil, st.Ping(t.Context()))
		if _, err := st.Load(t.Context(), key(-1)); !errors.Is(err, session.ErrNotFound) {
			t.Fatal(err)
		}
	}
}

// fillPool makes the pool hold as many idle connections as it may.
func fillPool(t *testing.T, st *Store) {
	t.Helper()
	var all sync.WaitGroup
	for range poolSize {
		all.Go(func() {
			// BLPOP holds its connection until all have one.
			st.client.BLPop(t.Context(), 100*time.Millisecond, "nothing")
		})
	}
	all.Wait()
	if n := st.client.PoolStats().IdleConns; n < poolSize/2 {
		t.Fatalf("%d idle connections", n)
	}
}

func TestHangs(t *testing.T) { // not parallel: it measures time and counts goroutines
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
			func(*testing.T, *redistest.Server, *Store) {}, // it ends by itself
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := redistest.Start(t)
			st := open(t, Config{URL: server.URL(), timeout: callTimeout})
			create(t, st, 1, time.Hour, `1`)
			before := runtime.NumGoroutine()
			test.hang(t, server, st)
			wantOutages(t, atMost, calls(st, 1))

			// Many at once wait no longer, and leave nothing behind.
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
			// What was sent while it hung was unknown, and may have been done since;
			// it is not torn.
			if r, err := st.Load(t.Context(), key(1)); !errors.Is(err, session.ErrNotFound) && (err != nil || r.Version > 2) {
				t.Errorf("after the pause: %+v, %v", r, err)
			}
		})
	}
}

// With appendfsync always, what was acknowledged is there after a crash.
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
			// One more than was acknowledged may have been written.
			if r.Version < acknowledged[n] || r.Version > acknowledged[n]+1 || r.Data != fmt.Sprint(r.Version-1) {
				t.Errorf("session %d is %s at version %d, acknowledged was %d", n, r.Data, r.Version, acknowledged[n])
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

// A pool full of connections that died unnoticed does not fail a request.
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
			create(t, st, 1, time.Hour, `1`) // the very first
			wantBack(t, st)
		})
	}
}

// A full Redis takes nothing new, and refuses no logout and nothing that shrinks.
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

// Nothing that a FLUSHALL took comes back.
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

// What another program left under our names is an outage for that session.
func TestWrongType(t *testing.T) {
	t.Parallel()
	st := open(t, Config{URL: redistest.Start(t).URL()})
	create(t, st, 2, time.Hour, `22`)
	redis(t, st, "SET", st.key(key(1)), "text")
	ofOne := calls(st, 1)
	for _, name := range []string{"create", "load", "save", "touch", "delete"} {
		wantOutage(t, name, ofOne[name](t.Context()))
	}
	wantStats(t, st, 1, 0, 2) // the refused one is not counted
	redis(t, st, "ZADD", st.index[0], "1", member(key(1)))
	count := 0
	for _, err := range st.All(t.Context()) { // the others are seen
		want(t, nil, err)
		count++
	}
	if count != 1 {
		t.Errorf("All yields %d", count)
	}

	// An index that is none: no new session, and no harm to those there are.
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

// A replica is read, and refuses writes, until it is a master again.
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
	redis(t, st, "REPLICAOF", "NO", "ONE")
	for _, name := range []string{"save", "delete"} {
		want(t, nil, ofOne[name](t.Context()))
	}
}

const password = "p4ss-w0rd"

func TestPassword(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", password)
	st := open(t, Config{URL: "redis://:" + password + "@" + server.Addr})
	create(t, st, 1, time.Hour, `1`)
	for _, url := range []string{"redis://" + server.Addr, "redis://:wrong-" + password + "@" + server.Addr, "redis://nobody:" + password + "@" + server.Addr} {
		wantRefused(t, url, "cannot use Redis at "+server.Addr+": ")
	}

	// The password changes while the program runs.
	redis(t, st, "CONFIG", "SET", "requirepass", "another")
	redis(t, st, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
	for name, call := range calls(st, 1) {
		wantOutage(t, name, call(t.Context()))
	}
}

// The least rights that are enough.
func TestRights(t *testing.T) {
	t.Parallel()
	for _, server := range []*redistest.Server{redistest.Start(t), redistest.StartCluster(t, 1)[0]} {
		admin := goredis.NewClient(&goredis.Options{Addr: server.Addr})
		defer admin.Close()
		want(t, nil, admin.Do(t.Context(), "ACL", "SETUSER", "sessionscope", "on", ">"+password,
			"resetkeys", "~ssc:s:*", "~{ssc}:*", "resetchannels", "-@all", "+@connection", "+@hash", "+@sortedset", "+@scripting", "-@dangerous",
			"+del", "+exists", "+pexpire", "+info", "+cluster|slots").Err())
		st := open(t, Config{URL: "redis://sessionscope:" + password + "@" + server.Addr, MaxSessions: 2})
		create(t, st, 1, time.Hour, `1`)
		for name, call := range calls(st, 1) {
			if err := call(t.Context()); err != nil && !errors.Is(err, session.ErrExists) && !errors.Is(err, session.ErrNotFound) && !errors.Is(err, session.ErrConflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, beyond := range [][]any{{"SET", "other", "1"}, {"HSET", "other", "a", "1"}, {"FLUSHALL"}, {"KEYS", "*"}} { // the control
			if err := st.client.Do(t.Context(), beyond...).Err(); !goredis.HasErrorPrefix(err, "NOPERM") {
				t.Errorf("%v: %v", beyond, err)
			}
		}
	}
}

// wantRefused wants Open to fail with one line that begins so and shows no password.
func wantRefused(t *testing.T, url, begins string) {
	t.Helper()
	began := time.Now()
	st, err := Open(t.Context(), Config{URL: url})
	if err == nil {
		st.Close()
		t.Errorf("%s opens", url)
		return
	}
	if text := err.Error(); !strings.HasPrefix(text, begins) || strings.ContainsAny(text, "\r\n") || strings.Contains(text, password) || strings.Contains(text, "ss-w0") {
		t.Errorf("%s: %s", url, text)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("%s took %v", url, took)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const no = "not the URL of a Redis: it is redis://"
	for _, url := range []string{
		"redis://:" + password + "@127.0.0.1:x/0", "redis://:p4/ss-w0rd@127.0.0.1/0", "redis://u:p4?ss-w0rd@127.0.0.1/0", "redis://u:1/ss-w0rd@127.0.0.1/0",
		"http://:" + password + "@127.0.0.1", "redis://:%zz" + password + "@127.0.0.1", "redis://:" + password + "@127.0.0.1/zero", "unix://:" + password + "@?db=x",
	} {
		wantRefused(t, url, no)
	}
	for _, url := range []string{
		"", "127.0.0.1:6379", "redis://127.0.0.1/x", "redis://127.0.0.1/0/1", "redis://127.0.0.1?colour=red", "unix://",
		"redis://127.0.0.1?password=" + password, "redis://:" + password + ":6379/0",
	} {
		wantRefused(t, url, no)
	}
	// A database below nought is refused, and not read as 0.
	for url, db := range map[string]string{
		"redis://:" + password + "@127.0.0.1:1/-1": "-1", "redis://127.0.0.1:1?db=-2": "-2", "unix:///nowhere/redis.sock?db=-1": "-1", "redis://127.0.0.1:1/99999999999": "99999999999",
	} {
		wantRefused(t, url, "not the URL of a Redis: its database is "+db+", and a database is a number from 0")
	}
	wantRefused(t, "redis://:"+password+"@127.0.0.1:1/0", "cannot use Redis at 127.0.0.1:1: connect: connection refused")
	wantRefused(t, "unix:///nowhere/redis.sock", "cannot use Redis at /nowhere/redis.sock: connect: ")
	server := redistest.Start(t)
	wantRefused(t, "redis://"+server.Addr+"/99", "cannot use Redis at "+server.Addr+": ")
	wantRefused(t, "rediss://"+server.Addr, "cannot use Redis at "+server.Addr+": ")
	server.Pause()
	wantRefused(t, server.URL(), "cannot use Redis at "+server.Addr+": ")
	server.Continue()
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	st := open(t, Config{URL: "unix://" + server.Socket + "?db=3"})
	create(t, st, 1, time.Hour, `1`)
	load(t, open(t, Config{URL: "redis://" + server.Addr + "/3"}), 1)
	server.Restart()
	wantBack(t, st)
}

// startTLS starts a server that speaks TLS only, and returns its URL.
func startTLS(t *testing.T) (*redistest.Server, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := redistest.StartTLS(t, certFile, keyFile)
	return server, "rediss://" + server.Addr + "/0?skip_verify=true"
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server, url := startTLS(t)
	st := open(t, Config{URL: url})
	create(t, st, 1, time.Hour, `1`)
	load(t, st, 1)
	// An unknown authority is refused unless one says otherwise; so is plain text.
	wantRefused(t, "rediss://"+server.Addr, "cannot use Redis at "+server.Addr+": tls: ")
	wantRefused(t, "redis://"+server.Addr, "cannot use Redis at "+server.Addr+": ")
}

// A proxy loses the answer to an update that was made. It must not be made twice,
// nor be called a conflict, on which the engine would make it again.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for _, cluster := range []bool{false, true} {
		t.Run(fmt.Sprintf("cluster %t", cluster), func(t *testing.T) {
			t.Parallel()
			proxy := startProxy(t)
			var server *redistest.Server
			if cluster {
				_, port, _ := net.SplitHostPort(proxy.addr)
				server = redistest.StartCluster(t, 1, "--cluster-announce-port", port)[0]
			} else {
				server = redistest.Start(t)
			}
			proxy.to.Store(server.Addr)
			st := open(t, Config{URL: "redis://" + proxy.addr})
			create(t, st, 1, time.Hour, `0`)
			_, err := st.Save(t.Context(), key(1), load(t, st, 1)) // Redis knows the script now
			want(t, nil, err)
			for version := uint64(2); version <= 7; version++ {
				r := load(t, st, 1)
				if r.Version != version {
					t.Fatalf("version %d after %d updates", r.Version, version-1)
				}
				if version == 7 {
					break
				}
				proxy.lose.Store(&saveScript.sha)
				_, err := st.Save(t.Context(), key(1), r)
				wantOutage(t, "save", err)
			}
			// A figure may be asked for again: the caller notices nothing.
			wantStats(t, st, 1, 0, 1)
			proxy.lose.Store(&statsScript.sha)
			wantStats(t, st, 1, 0, 1)
			if proxy.lose.Load() != nil {
				t.Error("no answer was lost")
			}
		})
	}
}

// Connections are reset for a moment after updates were made: ten increments at once
// are counted, each of them, or are errors that say that nothing is known.
func TestResetConnections(t *testing.T) {
	t.Parallel()
	proxy := startProxy(t)
	proxy.to.Store(redistest.Start(t).Addr)
	proxy.reset = 20 * time.Millisecond
	e, err := session.New(session.Config{
		Backend: open(t, Config{URL: "redis://" + proxy.addr}), CookieName: "s", Placement: session.OnServer,
		Secrets: [][]byte{[]byte("a secret of at least 32 bytes, for tests only")},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	s, err := e.Load(r)
	want(t, nil, err)
	want(t, nil, s.Set("n", "0"))
	want(t, nil, s.Commit(t.Context()))
	cookie := s.SetCookie()
	load := func() *session.Session {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(cookie)
		s, err := e.Load(r)
		want(t, nil, err)
		return s
	}
	acknowledged, unknown := 0, 0
	for round := range 5 {
		var all sync.WaitGroup
		var mu sync.Mutex
		var requests []*session.Session
		for range 10 {
			s := load()
			want(t, nil, s.Update("n", func(old session.Value, _ bool) session.Value {
				n, _ := strconv.Atoi(string(old))
				return session.Value(strconv.Itoa(n + 1))
			}))
			requests = append(requests, s)
		}
		for _, s := range requests {
			all.Go(func() {
				err := s.Commit(context.WithoutCancel(t.Context()))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					acknowledged++
				} else if unknown++; !errors.As(err, new(*session.StoreError)) {
					t.Error(err)
				}
			})
			if round > 0 {
				proxy.lose.Store(&saveScript.sha) // the first round lets Redis know the script
			}
		}
		all.Wait()
		proxy.lose.Store(nil)
		for time.Now().UnixNano() < proxy.until.Load() {
			runtime.Gosched()
		}
		v, _ := load().Get("n")
		if n, _ := strconv.Atoi(string(v)); n < acknowledged || n > acknowledged+unknown {
			t.Fatalf("round %d: %d counted, %d were acknowledged, of %d nothing is known", round, n, acknowledged, unknown)
		}
	}
	if proxy.until.Load() == 0 {
		t.Error("the control: no connection was reset")
	}
}

// A proxy that hands an answer over in pieces, late, or half.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	proxy := startProxy(t)
	proxy.to.Store(redistest.Start(t).Addr)
	st := open(t, Config{URL: "redis://" + proxy.addr})
	hurried := open(t, Config{URL: "redis://" + proxy.addr, timeout: callTimeout})
	data := strings.Repeat("x", 100_000)
	create(t, st, 1, time.Hour, data)
	proxy.pieces.Store(true)
	if r := load(t, st, 1); r.Data != data {
		t.Errorf("%d bytes", len(r.Data))
	}
	proxy.pieces.Store(false)
	proxy.half.Store(true)
	_, err := hurried.Load(t.Context(), key(1))
	wantOutage(t, "load", err)
	proxy.half.Store(false)
	st = hurried
	wantBack(t, st)
	if r := load(t, st, 1); r.Data != data { // the other half is nobody's answer
		t.Errorf("%d bytes", len(r.Data))
	}
}

type proxy struct {
	addr         string
	to           atomic.Value // string
	half, pieces atomic.Bool
	// lose is what to look for in a command, whose answer will be lost. Once.
	lose atomic.Pointer[string]
	// reset is for how long all connections are then reset, answers to what was done too.
	reset time.Duration
	until atomic.Int64 // that ends, in Unix nanoseconds
}

// startProxy listens at once; to is set before the first connection.
func startProxy(t *testing.T) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String()}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		l.Close()
		cancel()
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(ctx, client) })
		}
	})
	return p
}

func (p *proxy) serve(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to.Load().(string))
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { client.Close(); server.Close() })()
	var lost atomic.Bool
	go func() {
		defer server.Close()
		for buf := make([]byte, 64<<10); ; {
			n, err := client.Read(buf)
			if err != nil {
				return
			}
			if what := p.lose.Load(); what != nil && strings.Contains(string(buf[:n]), *what) && p.lose.CompareAndSwap(what, nil) {
				lost.Store(true)
				p.until.Store(time.Now().Add(p.reset).UnixNano())
			}
			server.Write(buf[:n])
		}
	}()
	for buf := make([]byte, 64<<10); ; {
		n, err := server.Read(buf)
		switch {
		case err != nil || lost.Load() || time.Now().UnixNano() < p.until.Load():
			return
		case p.half.Load() && n > 1000:
			client.Write(buf[:n/2])
			<-ctx.Done()
			return
		case p.pieces.Load():
			for i := range min(n, 100) {
				client.Write(buf[i : i+1])
			}
			client.Write(buf[min(n, 100):n])
		default:
			client.Write(buf[:n])
		}
	}
}

// The client leaves: its request ends, and the index still learns what was done.
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

// after is a hook that calls f after each command of that name.
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

// A Redis that evicts is pointed out; one that does not is not.
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
