package trace

// Spares keeps a few things that take long to make, for whoever needs one next. Unlike a
// sync.Pool, it does not lose them at each garbage collection: a deflater has 700 kB, and a
// server that answers a thousand requests a second collects garbage many times in that second.
type Spares[T any] struct {
	kept   chan *T
	newOne func() *T
	keep   func(*T) bool
}

// maxSpares is how many of a kind wait for use.
const maxSpares = 4

// NewSpares returns spares that newOne makes. keep tells whether a used spare is worth keeping:
// it may have grown.
func NewSpares[T any](newOne func() *T, keep func(*T) bool) Spares[T] {
	return Spares[T]{make(chan *T, maxSpares), newOne, keep}
}

// Take returns a spare, or a new one.
func (s Spares[T]) Take() *T {
	select {
	case t := <-s.kept:
		return t
	default:
		return s.newOne()
	}
}

// Give takes t back after its use.
func (s Spares[T]) Give(t *T) {
	if !s.keep(t) {
		return
	}
	select {
	case s.kept <- t:
	default:
	}
}
