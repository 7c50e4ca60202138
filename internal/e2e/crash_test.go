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

// No acknowledged write is lost when the program is killed while eight writers write. In each
// round it is killed, starts again on the same store, and everything is read back; in some
// rounds a fault befalls the store before the kill. The environment variable
// SESSIONSCOPE_TORTURE_ROUNDS sets the number of rounds.
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

// torture is a store for TestKill, and the faults that befall it.
type torture struct {
	flags []string // the program's
	check func()   // after each kill, before the program starts again
	// faults come in turn, one each round, after a first round without a fault.
	faults []fault
}

// tally counts the answers that the writers of a round get. It wakes those who await them.
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

// await waits until enough returns true for the answers since the call, or until all writers
// have ended. It returns how many of these answers were acknowledgements.
func (c *tally) await(enough func(acknowledged, refused int) bool) (acknowledged int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, r := c.acknowledged, c.refused
	for !c.over && !enough(c.acknowledged-a, c.refused-r) {
		c.changed.Wait()
	}
	return c.acknowledged - a
}

// killing is the program between kills, and what has come of its writers so far.
type killing struct {
	*testing.T
	store   torture
	random  *rand.Rand
	p       *program
	writers []*writer

	acknowledged, lost int
	slowest            time.Duration  // start after a kill
	befell             map[string]int // rounds of each fault, by its name
}

// kill plays the rounds, and wants that no acknowledged write is lost.
func kill(t *testing.T, rounds int, store torture) {
	const seed = 20
	k := &killing{T: t, store: store, random: rand.New(rand.NewPCG(seed, 0)), p: start(t, store.flags...), writers: make([]*writer, 8), befell: map[string]int{}}
	k.store.flags = append(k.store.flags, "--addr", k.p.addr()) // the cookie's name has the port
	for i := range k.writers {
		jar, _ := cookiejar.New(nil)
		k.writers[i] = &writer{
			base: k.p.url, http: &http.Client{Jar: jar, Transport: &http.Transport{}, Timeout: patience},
			values: map[string]string{}, maybe: map[string][]string{},
		}
	}
	for round := range rounds {
		k.write(round)
		if t.Failed() {
			return
		}
		store.check()
		began := time.Now()
		k.p = start(t, k.store.flags...)
		k.slowest = max(k.slowest, time.Since(began))
		for _, w := range k.writers {
			w.http.CloseIdleConnections()
			k.lost += w.verify(t)
		}
	}
	t.Logf("%d kills, faults before them: %v, %d acknowledged writes, lost: %d; the slowest start took %v", rounds, k.befell, k.acknowledged, k.lost, k.slowest.Round(time.Millisecond))
	if k.lost > 0 || k.acknowledged < rounds {
		t.Errorf("%d of %d acknowledged writes were lost", k.lost, k.acknowledged)
	}
}

// write has all writers write until the program is killed. The kill comes after one of the
// answers: each writer is then somewhere in its request.
func (k *killing) write(round int) {
	if k.store.faults != nil {
		k.p.log.expectOutage()
	}
	var count tally
	count.changed.L = &count.mu
	var killed atomic.Bool
	ended := make(chan struct{})
	go func() { defer close(ended); k.end(round, &count, &killed) }()
	var wg sync.WaitGroup
	for i, w := range k.writers {
		wg.Go(func() {
			for n := 0; ; n++ {
				switch err := w.write(n == 0 && i%4 == round%4); {
				case err == nil:
					count.change(func() { count.acknowledged++ })
				case errors.Is(err, errOutage) && !w.flushing:
					count.change(func() { count.refused++ })
				default:
					if !killed.Load() && !errors.Is(err, errOutage) {
						k.Error(err)
					}
					return // whether this write was done is unknown
				}
			}
		})
	}
	wg.Wait()
	count.change(func() { count.over = true })
	<-ended
	<-k.p.waited
	k.p.waited = nil
	k.acknowledged += count.acknowledged
}

// end kills the program after some acknowledged writes. In most rounds a fault befalls the
// store before that, and the kill comes during the fault or after it.
func (k *killing) end(round int, count *tally, killed *atomic.Bool) {
	some := func() { n := 1 + k.random.IntN(500); count.await(func(a, _ int) bool { return a >= n }) }
	some()
	end := func() {}
	if i := round % (len(k.store.faults) + 1); i > 0 {
		f := k.store.faults[i-1]
		k.befell[f.name]++
		f.begin()
		if !f.outage {
			some()
		} else if n := count.await(func(a, r int) bool { return r >= 5*len(k.writers) || a > len(k.writers) }); n > len(k.writers) {
			k.Errorf("%s: writes are acknowledged meanwhile", f.name)
		}
		end = f.end
	}
	if k.random.IntN(2) == 0 {
		end()
		end = func() {}
		some()
	}
	killed.Store(true)
	k.p.cmd.Process.Kill()
	end()
}
