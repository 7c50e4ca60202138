package classroom

import (
	"context"
	"errors"
	"sync"
)

// ErrEnded tells that the class has ended: nothing is kept of it any more.
var ErrEnded = errors.New("the class has ended")

// Sealable are Documents that can be sealed: then nothing is put into them any more. What is put at the
// moment in which a class is wiped would otherwise be there afterwards.
type Sealable struct {
	Documents
	mu     sync.RWMutex
	sealed bool
}

// NewSealable returns documents that are not sealed.
func NewSealable(documents Documents) *Sealable { return &Sealable{Documents: documents} }

// Put implements Documents. Once the documents are sealed it returns ErrEnded and puts nothing.
func (s *Sealable) Put(ctx context.Context, docs ...Document) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.sealed {
		return ErrEnded
	}
	return s.Documents.Put(ctx, docs...)
}

// Seal seals the documents, or with false unseals them. It returns when no Put is under way.
func (s *Sealable) Seal(sealed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = sealed
}
