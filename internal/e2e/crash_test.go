package e2e

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
	flags := append(store.flags, "--addr", p.addr()) // the cookie's name has the port
	writers := make([]*writer, 8)
	for i := range writers {
		jar, _ := cookiejar.New(nil)
		writers[i] = &writer{
			base: p.url, http: &http.Client{Jar: jar, Transport: &http.Transport{}, Timeout: patience},
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
