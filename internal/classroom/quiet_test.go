package classroom

import (
	"testing"
	"time"
)

// A page that only looks would make its tile flash, and its look would stand there as an act.
func TestALookIsNoAct(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 0)
	b := NewBoard(func() time.Time { return at })
	defer b.Close()
	b.Joined("1", "Amber Fox")
	b.Pressed("1", Press{At: at, Op: "set", Session: "9f2c41e0", Born: true, Wrote: true, Keys: 1})
	b.Pressed("1", Press{At: at.Add(time.Second), Session: "9f2c41e0", Sent: true, Keys: 2})
	tiles, _, _, _ := b.Since(0)
	if tile := tiles[0]; tile.LastOp != "set" || !tile.LastAt.Equal(at) || tile.Flash != 1 || tile.Keys != 2 || tile.State != StateLive {
		t.Errorf("after a look the tile is %+v", tile)
	}
}
