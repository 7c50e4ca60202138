package experiment

import (
	"context"
	"time"
)

// Meeting is where two requests wait for each other, so that both have loaded a session before either
// writes. In a nil one nobody is met.
type Meeting chan struct{}

// Wait returns when another request waits here too, or after d. When ctx ends before that, it returns
// its error.
func (m Meeting) Wait(ctx context.Context, d time.Duration) error {
	alone := time.NewTimer(d) // another request may never come
	defer alone.Stop()
	select {
	case m <- struct{}{}:
		return nil
	case <-m:
		return nil
	case <-alone.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
