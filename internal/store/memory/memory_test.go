package memory_test

import (
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// The memory store keeps the contract of session.Backend.
func TestStore(t *testing.T) {
	storetest.Run(t, func(_ *testing.T, max int, now func() time.Time) session.Backend {
		return memory.New(memory.Config{MaxSessions: max, Now: now})
	})
}
