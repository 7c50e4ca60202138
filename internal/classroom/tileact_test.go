package classroom_test

import (
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// A cookie that somebody changed would count as what the teacher did, or the teacher's act as a changed cookie.
func TestAnActExplainsOnlyWhatItDid(t *testing.T) {
	t.Parallel()
	b := classroom.NewBoard(nil)
	defer b.Close()
	b.Joined("1", "Amber Fox")
	gone := forged
	gone.Reason = "no record"
	for i, step := range []struct {
		act   classroom.ActKind
		press classroom.Press
		want  classroom.ActKind
	}{
		{"", forged, ""}, {"flush", forged, ""}, {"", set1, ""}, {"flush", gone, "flush"}, {"", gone, "flush"}, {"restart", gone, "restart"},
		{"", forged, ""}, {"", set1, ""}, {"restart", set1, ""}, {"", gone, ""},
	} {
		if step.act != "" {
			b.Everyone(step.act)
		}
		b.Pressed("1", step.press)
		if tile, _ := b.Tile("1"); tile.Act != step.want {
			t.Errorf("step %d: the tile says %q, want %q", i, tile.Act, step.want)
		}
	}
	if _, _, feed, _ := b.Since(0); len(feed) != 4 {
		t.Errorf("the feed tells %d times of a cookie that opens nothing: %v", len(feed), feed)
	}
}
