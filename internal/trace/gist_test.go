package trace

import (
	"testing"
	"time"
)

// A press that found no cookie to keep is not told as one that pinned.
func TestGistOfAPin(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		did  Did
		want bool
	}{
		{Did{Op: "pin", PinnedAt: time.Unix(1, 0)}, true},
		{Did{Op: "pin"}, false},
		{Did{Op: "replay", PinnedAt: time.Unix(1, 0)}, false}, // which says when it was pinned
	} {
		x := Exchange{Did: test.did}
		if got := x.Gist().Pinned; got != test.want {
			t.Errorf("%+v: %v", test.did, got)
		}
	}
}
