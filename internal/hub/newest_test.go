package hub

import (
	"slices"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// The last exchange of a visit stays unpacked, uncounted, only while it is small; and the
// keys that a timeline names are counted.
func TestWhatIsNotPackedIsSmallOrCounted(t *testing.T) {
	t.Parallel()
	seats, err := seat.New(session.Config{Backend: memory.New(memory.Config{}), Secrets: [][]byte{session.NewSecret()}, CookieName: "sessionscope"})
	if err != nil {
		t.Fatal(err)
	}
	h := New(seats)
	defer h.Close()
	v := h.Begin(seats.Root, "", session.Key{})
	add := func(x *trace.Exchange) { h.Add(v, seats.Root, x, nil, 0, After{Unknown: true}) }
	add(&trace.Exchange{})
	if v.newest.Moment == nil {
		t.Error("a small exchange does not stay unpacked")
	}
	large := &trace.Exchange{Request: trace.Request{Fields: trace.Fields(slices.Repeat([]string{"A: b"}, 1000), seats.Root.KindOf)}}
	add(large)
	if v.newest.Moment != nil {
		t.Errorf("an exchange of %d bytes stays unpacked", large.Size())
	}
	named := &Moment{Gist: trace.Gist{Acts: []trace.Act{{Key: strings.Repeat("k", 128)}}}}
	if got := named.size() - (&Moment{Gist: trace.Gist{Acts: make([]trace.Act, 1)}}).size(); got != 128 {
		t.Errorf("a key of 128 bytes is counted as %d", got)
	}
}
