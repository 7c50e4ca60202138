// Package stores lists the program's stores for tests that run over each of them.
package stores

import (
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// Store is one of the stores.
type Store struct {
	Name string
	// Open returns an empty store for at most max sessions, 0 for no limit, on
	// the given clock. It closes with the test, or skips it with the reason.
	Open func(t testing.TB, max int, now func() time.Time) session.Backend
}

// All are all stores. A new one is one more line.
var All = []Store{
	{"memory", func(_ testing.TB, max int, now func() time.Time) session.Backend { return memory.New(memory.Config{MaxSessions: max, Now: now}) }},
}
