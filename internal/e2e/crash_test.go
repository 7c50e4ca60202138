package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// TestKill kills the program while eight writers write, starts it again on the
// same store, and reads everything back. In some rounds a fault
// befalls the store before that. SESSIONSCOPE_TORTURE_ROUNDS says how many rounds there are.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 8
	if s := os.Getenv("SESSIONSCOPE_TORTURE_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("SESSIONSCOPE_TORTURE_ROUNDS=%q, want a number", s)
		}
		rounds = n
	}
	for _, store := range []struct {
		name string
		open func(t *testing.T) torture
	}{
		{"sqlite, full", func(t *testing.T) torture { return sqliteStore(t, "full") }},
		{"sqlite, batched", func(t *testing.T) torture { return sqliteStore(t, "batched") }},
		{"redis, appendfsync always", func(t *testing.T) torture {
			server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
			proxy := startResetting(t, server.Addr)
			flags := redisFlags(t, server)
			flags[1] = "redis://" + proxy.addr + "/0"
			return torture{
				flags: flags, check: server.Restart, // which kills it first
				faults: []fault{{"connections reset", func() { proxy.resets.Store(true) }, func() { proxy.resets.Store(false) }, false}},
			}
		}},
	} {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			kill(t, rounds, store.open(t))
		})
	}
}

// torture is a store, and what is done to it.
type torture struct {
	flags []string // the program's
	check func()   // after each kill, before the program starts again
	// faults come in turn, one round each; a round of none comes first.
	faults []fault
}

// fault is something that befalls the store while the writers write, and goes by.
type fault struct {
	name       string
	begin, end func()
	// outage: no write is acknowledged meanwhile, but for those that were being answered.
	outage bool
}

// resetting stands between the program and its Redis. While it resets, one answer in
// twenty is lost with its connection: what was asked has been done.
type resetting struct {
	addr, to string
	resets   atomic.Bool
}

func startResetting(t *testing.T, to string) *resetting {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &resetting{addr: l.Addr().String(), to: to}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client.(*net.TCPConn))
		}
	}()
	return p
}

func (p *resetting) serve(client *net.TCPConn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer server.Close()
		io.Copy(server, client)
	}()
	for buf := make([]byte, 64<<10); ; {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if p.resets.Load() && rand.IntN(20) == 0 {
			client.SetLinger(0)
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

func sqliteStore(t *testing.T, durability string) torture {
	dir := t.TempDir()
	file, away := filepath.Join(dir, "s.db"), filepath.Join(dir, "away.db")
	rename := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Error(err)
		}
	}
	back := func() { rename(away, file) }
	return torture{
		flags: []string{"--store", "sqlite:" + file, "--durability", durability},
		check: func() {
			conn, err := sqlite.OpenConn(file, sqlite.OpenReadOnly)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			err = sqlitex.ExecuteTransient(conn, `PRAGMA integrity_check`, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
				if s.ColumnText(0) != "ok" {
					t.Errorf("integrity_check: %s", s.ColumnText(0))
				}
				return nil
			}})
			if err != nil {
				t.Error(err)
			}
		},
		faults: []fault{
			{"renamed", func() { rename(file, away) }, back, true},
			{"replaced", func() {
				rename(file, away)
				if err := os.WriteFile(file, []byte("another file"), 0o600); err != nil {
					t.Error(err)
				}
			}, back, true},
		},
	}
}

// tally counts what the writers of a round were answered, and wakes who waits for it.
type tally struct {
	mu                    sync.Mutex
	changed               sync.Cond // with mu
	acknowledged, refused int
	over                  bool // all writers have ended
}

func (c *tally) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.changed.Broadcast()
}

// await waits until enough says so of what came since it was called, or until no
// more will come. It returns what came.
func (c *tally) await(enough func(acknowledged, refused int) bool) (acknowledged int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, r := c.acknowledged, c.refused
	for !c.over && !enough(c.acknowledged-a, c.refused-r) {
		c.changed.Wait()
	}
	return c.acknowledged - a
}

func kill(t *testing.T, rounds int, store torture) {
	const seed = 20
	random := rand.New(rand.NewPCG(seed, 0))
	p := start(t, store.flags...)
	flags := append(store.flags, "--addr", strings.TrimPrefix(p.url, "http://")) // the cookie's name has the port
	writers := make([]*writer, 8)
	for i := range writers {
		jar, _ := cookiejar.New(nil)
		writers[i] = &writer{
			base: p.url, http: &http.Client{Jar: jar, Transport: &http.Transport{}, Timeout: 10 * time.Second},
			values: map[string]string{}, maybe: map[string][]string{},
		}
	}
	acknowledged, lost, slowest := 0, 0, time.Duration(0)
	befell := map[string]int{}
	for round := range rounds {
		if store.faults != nil {
			p.log.expectOutage()
		}
		var count tally
		count.changed.L = &count.mu
		var killed atomic.Bool
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			some := func() { n := 1 + random.IntN(500); count.await(func(a, _ int) bool { return a >= n }) }
			some()
			end := func() {}
			if i := round % (len(store.faults) + 1); i > 0 {
				f := store.faults[i-1]
				befell[f.name]++
				f.begin()
				if !f.outage {
					some()
				} else if n := count.await(func(a, r int) bool { return r >= 5*len(writers) || a > len(writers) }); n > len(writers) {
					t.Errorf("%s: writes are acknowledged meanwhile", f.name)
				}
				end = f.end
			}
			if random.IntN(2) == 0 { // else the kill comes during the fault
				end()
				end = func() {}
				some()
			}
			killed.Store(true)
			p.cmd.Process.Kill()
			end()
		}()
		// The kill comes after one of the answers: each writer is then somewhere in its request.
		var wg sync.WaitGroup
		for i, w := range writers {
			wg.Go(func() {
				for n := 0; ; n++ {
					switch err := w.write(n == 0 && i%4 == round%4); {
					case err == nil:
						count.change(func() { count.acknowledged++ })
					case errors.Is(err, errOutage) && !w.flushing:
						count.change(func() { count.refused++ })
					default:
						if !killed.Load() && !errors.Is(err, errOutage) {
							t.Error(err)
						}
						return // nothing is known of this write
					}
				}
			})
		}
		wg.Wait()
		count.change(func() { count.over = true })
		<-ended
		<-p.waited
		p.waited = nil
		acknowledged += count.acknowledged
		if t.Failed() {
			return
		}
		store.check()
		began := time.Now()
		p = start(t, flags...)
		slowest = max(slowest, time.Since(began))
		for _, w := range writers {
			w.http.CloseIdleConnections()
			lost += w.verify(t)
		}
	}
	t.Logf("%d kills, faults before them: %v, %d acknowledged writes, lost: %d; the slowest start took %v", rounds, befell, acknowledged, lost, slowest.Round(time.Millisecond))
	if lost > 0 || acknowledged < rounds {
		t.Errorf("%d of %d acknowledged writes were lost", lost, acknowledged)
	}
}

// errOutage is a 503: the disk of a busy machine may be too slow for the store's time limit.
var errOutage = errors.New("the store does not answer")

// writer is a browser that knows what was acknowledged to it.
type writer struct {
	base       string
	http       *http.Client
	n          int
	values     map[string]string
	maybe      map[string][]string // values that were refused with a 503: nobody knows
	flushed    []*http.Cookie      // of the session that it flushed last
	key, value string              // of the request whose answer did not come; key "" for none
	flushing   bool
}

// write sets one more value, or flushes. It returns nil once that is acknowledged.
func (w *writer) write(flush bool) error {
	path, form := "/flush", url.Values{}
	w.key, w.flushing = "", flush
	cookies := w.http.Jar.Cookies(must(url.Parse(w.base)))
	if !flush {
		w.n++
		w.key, w.value = fmt.Sprint("k", w.n%50), fmt.Sprint(w.n)
		path, form = "/set", url.Values{"key": {w.key}, "value": {w.value}, "placement": {"server"}}
	}
	r, err := http.NewRequest("POST", w.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil {
		return err
	} else if resp.StatusCode == 503 {
		if !flush {
			w.maybe[w.key] = append(w.maybe[w.key], w.value)
		}
		return errOutage
	} else if resp.StatusCode != 200 {
		return fmt.Errorf("%s: %d %s", path, resp.StatusCode, body)
	}
	if flush {
		clear(w.values)
		clear(w.maybe)
		w.flushed = cookies
	} else {
		w.values[w.key] = w.value
		delete(w.maybe, w.key)
	}
	w.key, w.flushing = "", false
	return nil
}

// verify compares what the program has with what it acknowledged, and goes on
// from there. It returns how much was lost.
func (w *writer) verify(t *testing.T) (lost int) {
	t.Helper()
	got := w.read(t, nil)
	if w.flushing && len(got) == 0 {
		clear(w.values) // the flush was done, and its answer lost
	}
	unknown := func(k, v string) bool { return k == w.key && v == w.value || slices.Contains(w.maybe[k], v) }
	for k, v := range w.values {
		if got[k] != v && !unknown(k, got[k]) {
			t.Errorf("%s is %q, acknowledged was %q", k, got[k], v)
			lost++
		}
	}
	for k, v := range got {
		if w.values[k] != v && !unknown(k, v) {
			t.Errorf("%s is %q, which nobody wrote", k, v)
		}
	}
	clear(w.maybe)
	w.values = got
	if w.flushed != nil {
		if old := w.read(t, w.flushed); len(old) > 0 {
			t.Errorf("the flushed session is back: %v", old)
			lost++
		}
	}
	return lost
}

// read returns the values of the session: the browser's, or that of these cookies.
func (w *writer) read(t *testing.T, cookies []*http.Cookie) map[string]string {
	t.Helper()
	r, _ := http.NewRequest("GET", w.base+"/session", nil)
	r.Header.Set("Accept", "application/json")
	client := w.http
	if cookies != nil {
		client = &http.Client{Transport: w.http.Transport, Timeout: w.http.Timeout}
		for _, c := range cookies {
			r.AddCookie(c)
		}
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var info struct {
		Values []struct{ Key, Value string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&info); err != nil || resp.StatusCode != 200 {
		t.Fatalf("/session: %d, %v", resp.StatusCode, err)
	}
	return maps.Collect(func(yield func(string, string) bool) {
		for _, v := range info.Values {
			if !yield(v.Key, v.Value) {
				return
			}
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
