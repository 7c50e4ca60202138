package classtest

import (
	"context"
	"errors"
	"sync"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// ErrFailing is the error of Failing.
var ErrFailing = errors.New("these documents were made to fail")

// Failing are documents whose writes fail on demand. Only Put and Delete count as writes.
type Failing struct {
	classroom.Documents

	mu    sync.Mutex
	in    int // the write that fails, counted from the next as 1; 0 for none
	after bool
}

// Fail lets the n-th write from now fail, once: before it has done anything, or after it has
// done everything. To the caller both look the same. n = 0 lets none fail.
func (f *Failing) Fail(n int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.in, f.after = n, after
}

// write does a write, or fails.
func (f *Failing) write(do func() error) error {
	f.mu.Lock()
	fails, after := f.in == 1, f.after
	f.in = max(f.in-1, 0)
	f.mu.Unlock()
	if fails && !after {
		return ErrFailing
	}
	if err := do(); err != nil || !fails {
		return err
	}
	return ErrFailing
}

// Put implements classroom.Documents.
func (f *Failing) Put(ctx context.Context, docs ...classroom.Document) error {
	return f.write(func() error { return f.Documents.Put(ctx, docs...) })
}

// Delete implements classroom.Documents.
func (f *Failing) Delete(ctx context.Context, names ...string) error {
	return f.write(func() error { return f.Documents.Delete(ctx, names...) })
}
