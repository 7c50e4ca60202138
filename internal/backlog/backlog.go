// Package backlog writes for a program that must not wait for its reader: somebody may
// have stopped the terminal with Ctrl+S, or nobody may read the pipe. Begin with Log for
// a log, and with New for any other text.
package backlog

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// MaxBytes is how many bytes wait for the reader at most, beside those that are being
	// written. Lines for which there is no room are dropped.
	MaxBytes = 1 << 20
	// pause is the least time between two writes. Lines that come in between are written
	// together: a write costs more than everything else about a line.
	pause = 10 * time.Millisecond
	// keep is the largest buffer that is used again, in bytes.
	keep = 64 << 10
)

// Writer passes on what is written to it, in order. It has a goroutine, which Close ends.
type Writer struct {
	to   io.Writer
	note func(to io.Writer, lines int) // see New

	mu     sync.Mutex
	queue  []byte // what waits for the reader
	lost   int    // lines that were dropped since the last note
	closed bool
	last   string // is written after everything else

	wake    chan struct{} // of capacity one: something waits
	closing chan struct{} // closed by Close
	ended   chan struct{} // closed when everything was passed on
}

// New returns a Writer that passes on to to. When lines were dropped and the reader is
// back, note writes a line about how many. A nil note writes nothing.
func New(to io.Writer, note func(to io.Writer, lines int)) *Writer {
	w := &Writer{to: to, note: note, wake: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

// Write implements io.Writer. It never waits for the reader and never fails. p must be
// whole lines. If there is no room for all of them, all are dropped and counted.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	idle := len(w.queue) == 0
	switch {
	case w.closed: // the goroutine has ended: p is lost
	case len(w.queue)+len(p) > MaxBytes:
		w.lost += bytes.Count(p, []byte("\n"))
	default:
		w.queue = append(w.queue, p...)
	}
	w.mu.Unlock()
	if idle {
		select {
		case w.wake <- struct{}{}:
		default: // the goroutine is awake
		}
	}
	return len(p), nil
}

// Close passes on what waits, and then last, which needs no room. It returns when that is
// done, or after limit if the reader does not come back. What is written after Close is
// lost. A second Close only waits.
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

// run passes on what waits, until Close.
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

// flush writes everything that waits. spare becomes the buffer of the queue, and flush
// returns the buffer that is free then.
func (w *Writer) flush(spare []byte) []byte {
	w.mu.Lock()
	batch, lost := w.queue, w.lost
	w.queue, w.lost = spare[:0], 0
	w.mu.Unlock()
	if len(batch) > 0 {
		_, _ = w.to.Write(batch) // an error means that the reader has gone for good
	}
	if lost > 0 && w.note != nil {
		w.note(w.to, lost)
	}
	if cap(batch) > keep {
		return nil
	}
	return batch
}

// Log returns a logger whose lines go to to through a Writer, and that Writer. handler
// makes the handler that formats them.
func Log(to io.Writer, handler func(io.Writer) slog.Handler) (*slog.Logger, *Writer) {
	w := New(to, func(to io.Writer, lines int) {
		slog.New(handler(to)).Warn("lines of the log were dropped: nobody read them in time", "lines", lines)
	})
	return slog.New(handler(w)), w
}
