package redis

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

func TestStore(t *testing.T) { suite(t, open(t, Config{URL: redistest.Start(t).URL()}).client) }

// suite runs the suite; each of its stores has keys of its own.
func suite(t *testing.T, client goredis.UniversalClient) {
	var stores atomic.Int64
	storetest.Run(t, func(_ *testing.T, max int, now func() time.Time) session.Backend {
		return newStore(client, Config{MaxSessions: max, Now: now}, fmt.Sprintf("%d:", stores.Add(1)))
	})
}

// open opens a store that is closed after the test.
func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	st, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}
