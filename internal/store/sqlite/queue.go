package sqlite

import (
	"context"
	"errors"
	"slices"
	"time"
)

// A commit costs a wait for the disk, so writers share one. Each puts its write into
// Store.queue and waits. The first of them who gets Store.lead, the leader, takes the
// whole queue and commits it.

// op is a write in the queue. run may be called again after a rollback, so it sets its
// results and does not add to them.
type op struct {
	run  func(*tx) error
	ran  error         // what run returned; err takes it over once the transaction is committed
	done chan struct{} // closed when err holds the answer
	err  error
}

// errUnfinished is the answer when the transaction ended in a panic.
var errUnfinished = errors.New("the write did not end: nothing is known of it")

const (
	// gatherFor is how long a leader waits for writers who are expected.
	gatherFor = 200 * time.Microsecond
	// probeEvery is how many commits pass before a leader waits for one writer more
	// than expected.
	probeEvery = 128
)

// crowd is the number of writers who are expected to share a commit. A leader waits
// until they are there, for gatherFor at most. The number grows by one when one more
// comes in time, and shrinks by one when one stays away. A lone writer waits in vain for
// one commit of probeEvery.
type crowd struct {
	expected int           // writes in the next commit; guarded by lead
	patience int           // commits until a leader waits for one more; guarded by lead
	wanted   int           // writes for which a leader waits now, 0 if none waits; guarded by queueMu
	enough   chan struct{} // of capacity one: do sends when wanted writes are there
}

// gather takes the queue, which becomes the next commit. The caller has lead. Its own
// write is in the queue unless the leader before has run it.
func (st *Store) gather() []*op {
	c := &st.crowd
	st.queueMu.Lock()
	defer st.queueMu.Unlock()
	if len(st.queue) == 0 { // the leader before ran them all
		return nil
	}
	want := c.expected
	c.patience--
	if c.patience < 0 {
		want++
	}
	c.expected = want
	if len(st.queue) < want {
		c.wanted = want
		st.queueMu.Unlock()
		wait := time.NewTimer(gatherFor)
		select {
		case <-c.enough:
		case <-wait.C:
		}
		wait.Stop()
		st.queueMu.Lock()
		if c.wanted = 0; len(st.queue) < want {
			c.expected--
			if c.patience < 0 {
				c.patience = probeEvery
			}
		}
		select {
		case <-c.enough: // sent after the wait: the next leader must not receive it
		default:
		}
	}
	ops := st.queue
	st.queue, c.expected = nil, max(c.expected, len(ops))
	return ops
}

// do puts a write into the queue and returns its answer. The end of ctx ends only the
// wait: a write that no leader has taken yet is removed from the queue, and one that a
// leader has taken may still happen.
func (st *Store) do(ctx context.Context, run func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &op{run: run, done: make(chan struct{}), err: errUnfinished}
	st.queueMu.Lock()
	st.queue = append(st.queue, o)
	if w := st.crowd.wanted; w > 0 && len(st.queue) >= w {
		st.crowd.wanted = 0
		st.crowd.enough <- struct{}{}
	}
	st.queueMu.Unlock()
	select {
	case <-o.done:
		return o.err
	case st.lead <- struct{}{}:
		defer func() { <-st.lead }()
		st.commit(st.gather())
		return o.err // o was in this queue, or the leader before has just run it
	case <-ctx.Done():
		st.queueMu.Lock()
		defer st.queueMu.Unlock()
		if i := slices.Index(st.queue, o); i >= 0 {
			st.queue = slices.Delete(st.queue, i, i+1)
		}
		return ctx.Err()
	}
}

// turnAway answers the whole queue with err, which BEGIN returned because another
// program kept the file busy. Otherwise these writes would wait busyTimeout once more.
func (st *Store) turnAway(err error) {
	st.queueMu.Lock()
	defer st.queueMu.Unlock()
	for _, o := range st.queue {
		o.err = err
		close(o.done)
	}
	st.queue = nil
}

// leading runs f with lead, unless somebody has it.
func (st *Store) leading(f func()) {
	select {
	case st.lead <- struct{}{}:
		defer func() { <-st.lead }()
		f()
	default:
	}
}
