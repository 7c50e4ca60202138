package session_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

func TestMain(m *testing.M) {
	_ = flag.Set("rapid.steps", "60") // a life of several sessions; the command line may say otherwise
	goleak.VerifyTestMain(m)
}

// eachStore runs test for every store.
func eachStore(t *testing.T, test func(t *testing.T, store stores.Store)) {
	for _, store := range stores.All {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			test(t, store)
		})
	}
}

// newEngineOn returns an engine over an empty store, and the clock of both.
func newEngineOn(t *testing.T, store stores.Store, change func(*session.Config)) (*engine, *storetest.Clock) {
	t.Helper()
	clock := storetest.NewClock()
	backend := store.Open(t, 0, clock.Now)
	e := newEngine(t, func(c *session.Config) {
		c.Backend, c.Now = backend, clock.Now
		if change != nil {
			change(c)
		}
	})
	e.backend = backend
	return e, clock
}
