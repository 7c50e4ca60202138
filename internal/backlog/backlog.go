// Package backlog writes for a program that must not wait for its reader: somebody
// may have stopped the terminal with Ctrl+S, or nobody may read the pipe.
package backlog

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// MaxBytes is how much waits for the reader at most, beside what is being
	// written. What comes after that is dropped.
	MaxBytes = 1 << 20
	// pause is the least time between two writes. Lines that come in between travel
	// together: a write for each would be dearer than all else that a line costs.
	pause = 10 * time.Millisecond
	// keep is how large a buffer may be to be used again.
	keep = 64 << 10
)

// Writer passes on what is written to it, in order, from a goroutine of its own. It
// must be closed.
type Writer struct {
	to   io.Writer
	note func(to io.Writer, lines int)

	mu     sync.Mutex
	queue  []byte // what waits
	lost   int    // lines that were dropped since the last note
	closed bool
	last   string // what comes after all else

	wake    chan struct{} // something waits; it holds at most one
	closing chan struct{} // closed with closed
	ended   chan struct{} // closed when all was passed on
}

// New returns a Writer to to. After lines were dropped, note writes a line that says
// how many, as soon as the reader is back. Nil says nothing.
func New(to io.Writer, note func(to io.Writer, lines int)) *Writer {
	w := &Writer{to: to, note: note, wake: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

// Write implements io.Writer. It never waits for the reader and never fails. p has
// whole lines; without room for all of them they are dropped, and counted.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	idle := len(w.queue) == 0
	switch {
	case w.closed: // nobody passes it on any more
	case len(w.queue)+len(p) > MaxBytes:
		w.lost += bytes.Count(p, []byte("\n"))
	default:
		w.queue = append(w.queue, p...)
	}
	w.mu.Unlock()
	if idle {
		select {
		case w.wake <- struct{}{}:
		default: // it is awake
		}
	}
	return len(p), nil
}

// Close passes on what waits and then last, whether or not there is room for it. It
// returns when that is done, at the latest after limit: a reader that does not come
// back keeps nobody. What is written after Close is lost.
func (w *Writer) Close(last string, limit time.Duration) {
	w.mu.Lock()
	if !w.closed {
		w.closed, w.last = true, last
		close(w.closing)
	}
	w.mu.Unlock()
	select {
	case <-w.ended:
	case <-time.After(limit):
	}
}

func (w *Writer) run() {
	defer close(w.ended)
	rest := time.NewTimer(0)
	defer rest.Stop()
	var spare []byte
	for {
		select {
		case <-w.wake:
			spare = w.flush(spare)
		case <-w.closing:
			w.flush(spare)
			_, _ = io.WriteString(w.to, w.last)
			return
		}
		rest.Reset(pause)
		select {
		case <-rest.C:
		case <-w.closing:
		}
	}
}

// flush writes all that waits. The queue goes on in spare; flush returns the next one.
func (w *Writer) flush(spare []byte) []byte {
	w.mu.Lock()
	batch, lost := w.queue, w.lost
	w.queue, w.lost = spare[:0], 0
	w.mu.Unlock()
	if len(batch) > 0 {
		_, _ = w.to.Write(batch) // a reader that has gone for good misses nothing
	}
	if lost > 0 && w.note != nil {
		w.note(w.to, lost)
	}
	if cap(batch) > keep {
		return nil
	}
	return batch
}

// Log returns a log to to whose lines wait in a Writer. Handler makes what writes them.
func Log(to io.Writer, handler func(io.Writer) slog.Handler) (*slog.Logger, *Writer) {
	w := New(to, func(to io.Writer, lines int) {
		slog.New(handler(to)).Warn("lines of the log were dropped: nobody read them in time", "lines", lines)
	})
	return slog.New(handler(w)), w
}
