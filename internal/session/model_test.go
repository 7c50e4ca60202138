package session_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// world is the engine and the model of it.
type world struct {
	e        *engine
	clock    *storetest.Clock
	latest   time.Time // of the clock
	swept    bool
	fault    modelFault
	jars     []*modelJar
	sessions []*modelSession
	cookies  []*modelCookie
	flights  []*flight
	found    map[string]int // how often each kind of event happened
}

// perCheck is a test whose clean-up is done after each of rapid's checks.
type perCheck struct {
	testing.TB
	cleanups []func()
}

func (t *perCheck) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *perCheck) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}

// TestModel makes random requests of three browsers, and compares each with what the rules
// of the three placements say. Requests overlap, answers are lost on their way to the
// browser or from the store, copies of cookies come late, and the clock goes back. If it
// failed, one of the engine's promises would not hold in some order of events.
func TestModel(t *testing.T) {
	eachStore(t, func(t *testing.T, store stores.Store) {
		found := map[string]int{}
		rapid.Check(t, func(rt *rapid.T) {
			check := &perCheck{TB: t}
			defer check.end()
			w := &world{clock: storetest.NewClock(), found: found, jars: []*modelJar{{}, {}, {}}}
			w.latest = w.clock.Now()
			backend := store.Open(check, 0, w.clock.Now)
			w.e = newEngine(t, func(c *session.Config) {
				c.Now, c.Backend = w.clock.Now, &storetest.Hooked{Backend: backend, Hook: w.fault.hook}
			})
			rt.Repeat(w.actions())
		})
		for _, what := range []string{"stale", "lost", "conflict", "new ID"} {
			if found[what] == 0 {
				t.Errorf("no %s in all of it", what)
			}
		}
		t.Log(fmt.Sprint(found))
	})
}
