package sqlite

import (
	"slices"
	"testing"
)

// Wine does not tell which file the index of a log is while it is mapped: it would be taken for another
// file, and no database could be opened there. On other systems it can lose its name.
func TestBesides(t *testing.T) {
	for goos, want := range map[string][]string{"linux": {"s.db-wal", "s.db-shm"}, "darwin": {"s.db-wal", "s.db-shm"}, "windows": {"s.db-wal"}} {
		if got := besides(goos, "s.db"); !slices.Equal(got, want) {
			t.Errorf("on %s: %q, want %q", goos, got, want)
		}
	}
}
