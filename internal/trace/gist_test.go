package trace

import (
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
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

// A cookie that was refused for one reason and then for another would be one row that says only
// the last reason.
func TestAnotherReasonIsNoRepeat(t *testing.T) {
	t.Parallel()
	gist := func(reason string) *Gist {
		return &Gist{Nothing: true, Acts: []Act{{Kind: session.Refused, Reason: reason}}}
	}
	if !gist("this ID was ended").Repeats(gist("this ID was ended")) {
		t.Error("the control: the same refusal is no repeat")
	}
	if gist("this ID was ended").Repeats(gist("this ID was replaced a moment ago")) {
		t.Error("another refusal is a repeat")
	}
}
