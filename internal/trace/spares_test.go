package trace

import "testing"

// A spare that was given back is used again, unless it has grown. Only a few wait for use: otherwise a
// crowd of requests would leave its deflaters in memory.
func TestSpares(t *testing.T) {
	t.Parallel()
	made := 0
	s := NewSpares(func() *int { made++; return new(int) }, func(n *int) bool { return *n < 10 })
	first := s.Take()
	s.Give(first)
	if s.Take() != first || made != 1 {
		t.Errorf("a spare is not used again; %d were made", made)
	}
	*first = 10
	if s.Give(first); s.Take() == first {
		t.Error("one that has grown is kept")
	}
	for range 3 * maxSpares {
		s.Give(new(int))
	}
	if n := len(s.kept); n != maxSpares {
		t.Errorf("%d wait for use", n)
	}
}
