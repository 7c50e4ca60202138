package app

import (
	"sync"
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// The board counts every press of every seat, and calls it what it was, while many seats press at
// the same time. (Echo has a pool of contexts: what is read from one after its request has ended
// is about another request.)
func TestBoardCountsPressesOfSeatsThatPressAtOnce(t *testing.T) {
	t.Parallel()
	const seats, presses = 8, 40
	a := newClass(t, nil)
	bases := make([]string, seats)
	for i := range bases {
		bases[i] = sits(t, a, string(rune('a'+i)))
	}
	var pressing sync.WaitGroup
	for i, base := range bases {
		path := []string{"/keys", "/get?key=a"}[i%2]
		pressing.Go(func() {
			for range presses {
				phone(a, "GET", base+path, "", "")
			}
		})
	}
	pressing.Wait()
	tiles := make(map[classroom.ID]classroom.Tile)
	all, _, _, _ := a.openClass().board.Since(0)
	for _, tile := range all {
		tiles[tile.ID] = tile
	}
	for i, base := range bases {
		tile, op := tiles[classroom.ID(seatAt(a, base).Class)], []string{"keys", "get"}[i%2]
		if tile.Flash != presses || tile.LastOp != op {
			t.Errorf("the tile of seat %d counts %d presses, the last %q, of %d times %q", i, tile.Flash, tile.LastOp, presses, op)
		}
	}
}
