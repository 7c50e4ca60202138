package session

import (
	"context"
	"sync"
	"time"
)

// queueFor is how long a conflicting write waits for its turn.
const queueFor = 5 * time.Second

// queues let requests that met a conflict try again one after the other: if all tried at
// once, one request would win and the others would load and write for nothing. A session has a
// queue while a request is in the queue. A request enters the queue only in Commit, so that no
// request waits for the handler of another request.
type queues struct {
	mu    sync.Mutex
	byKey map[Key]*queue
}

type queue struct {
	requests int           // how many requests wait or write
	turn     chan struct{} // has room for one element, and is full while a request writes
}

// enter waits for the caller's turn to write to k; leave ends that turn. It returns the cause
// of ctx if ctx ends first, and ErrConflict if the turn does not come within queueFor.
func (l *queues) enter(ctx context.Context, k Key) (leave func(), err error) {
	l.mu.Lock()
	q := l.byKey[k]
	if q == nil {
		q = &queue{turn: make(chan struct{}, 1)}
		l.byKey[k] = q
	}
	q.requests++
	l.mu.Unlock()
	out := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if q.requests--; q.requests == 0 {
			delete(l.byKey, k)
		}
	}
	timer := time.NewTimer(queueFor)
	defer timer.Stop()
	select {
	case q.turn <- struct{}{}:
		return func() { <-q.turn; out() }, nil
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
