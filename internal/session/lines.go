package session

import (
	"context"
	"sync"
	"time"
)

// lines are where requests that met another's write wait to try again, one after
// the other: if all tried at once, one would win and the others would load and
// write for nothing. Each session has a line of its own as long as somebody is in
// it, and no line is held while a handler works.
type lines struct {
	mu sync.Mutex
	of map[Key]*line
}

type line struct {
	in   int           // requests
	turn chan struct{} // of one: full while it is somebody's turn
}

// enter waits for its turn among those who write to k. It returns the cause when
// ctx ends before, and ErrConflict when its turn does not come for long.
func (l *lines) enter(ctx context.Context, k Key) (leave func(), err error) {
	l.mu.Lock()
	mine := l.of[k]
	if mine == nil {
		mine = &line{turn: make(chan struct{}, 1)}
		l.of[k] = mine
	}
	mine.in++
	l.mu.Unlock()
	out := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if mine.in--; mine.in == 0 {
			delete(l.of, k)
		}
	}
	timer := time.NewTimer(lineFor)
	defer timer.Stop()
	select {
	case mine.turn <- struct{}{}:
		return func() { <-mine.turn; out() }, nil
	case <-timer.C:
		err = ErrConflict
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	out()
	return nil, err
}

// pause waits for d, or returns the cause when ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
