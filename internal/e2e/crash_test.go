package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
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
// same store, and reads everything back. SESSIONSCOPE_TORTURE_ROUNDS says how often.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 20
	if s := os.Getenv("SESSIONSCOPE_TORTURE_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("SESSIONSCOPE_TORTURE_ROUNDS=%q, want a number", s)
		}
		rounds = n
	}
	for _, store := range []struct {
		name string
		// open returns the program's flags, and what to do after each kill, before the program starts again.
		open func(t *testing.T) (flags []string, check func())
	}{
		{"sqlite, full", func(t *testing.T) ([]string, func()) { return sqliteStore(t, "full") }},
		{"sqlite, batched", func(t *testing.T) ([]string, func()) { return sqliteStore(t, "batched") }},
		{"redis, appendfsync always", func(t *testing.T) ([]string, func()) {
			server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
			return redisFlags(t, server), server.Restart // which kills it first
		}},
	} {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			flags, check := store.open(t)
			kill(t, rounds, flags, check)
		})
	}
}

func sqliteStore(t *testing.T, durability string) ([]string, func()) {
	file := filepath.Join(t.TempDir(), "s.db")
	return []string{"--store", "sqlite:" + file, "--durability", durability}, func() {
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
	}
}

func kill(t *testing.T, rounds int, flags []string, check func()) {
	const seed = 20
	random := rand.New(rand.NewPCG(seed, 0))
	p := start(t, flags...)
	flags = append(flags, "--addr", strings.TrimPrefix(p.url, "http://")) // the cookie's name has the port
	writers := make([]*writer, 8)
	for i := range writers {
		jar, _ := cookiejar.New(nil)
		writers[i] = &writer{base: p.url, http: &http.Client{Jar: jar, Transport: &http.Transport{}, Timeout: 10 * time.Second}, values: map[string]string{}}
	}
	var acknowledged atomic.Int64
	lost, slowest := 0, time.Duration(0)
	for round := range rounds {
		// The kill comes at one of the answers: each writer is then somewhere in its request.
		last := acknowledged.Load() + 1 + random.Int64N(1000)
		var killed atomic.Bool
		var wg sync.WaitGroup
		for i, w := range writers {
			wg.Go(func() {
				for n := 0; ; n++ {
					if err := w.write(n == 0 && i%4 == round%4); err != nil {
						if !killed.Load() && !errors.Is(err, errOutage) {
							t.Error(err)
						}
						return // nothing is known of this write
					}
					if acknowledged.Add(1) == last {
						killed.Store(true)
						p.cmd.Process.Kill()
					}
				}
			})
		}
		wg.Wait()
		p.cmd.Process.Kill()
		<-p.waited
		p.waited = nil
		if t.Failed() {
			return
		}
		check()
		began := time.Now()
		p = start(t, flags...)
		slowest = max(slowest, time.Since(began))
		for _, w := range writers {
			w.http.CloseIdleConnections()
			lost += w.verify(t)
		}
	}
	t.Logf("%d kills, %d acknowledged writes, lost: %d; the slowest start took %v", rounds, acknowledged.Load(), lost, slowest.Round(time.Millisecond))
	if lost > 0 || acknowledged.Load() < int64(rounds) {
		t.Errorf("%d of %d acknowledged writes were lost", lost, acknowledged.Load())
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
	flushed    []*http.Cookie // of the session that it flushed last
	key, value string         // of the request whose answer did not come; key "" for none
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
		return errOutage
	} else if resp.StatusCode != 200 {
		return fmt.Errorf("%s: %d %s", path, resp.StatusCode, body)
	}
	if flush {
		clear(w.values)
		w.flushed = cookies
	} else {
		w.values[w.key] = w.value
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
	for k, v := range w.values {
		if got[k] != v && !(k == w.key && got[k] == w.value) {
			t.Errorf("%s is %q, acknowledged was %q", k, got[k], v)
			lost++
		}
	}
	for k, v := range got {
		if w.values[k] != v && !(k == w.key && v == w.value) {
			t.Errorf("%s is %q, which nobody wrote", k, v)
		}
	}
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
