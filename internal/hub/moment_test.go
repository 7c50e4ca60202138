package hub

import (
	"slices"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// The last exchange of a visit stays whole, for the next press to be compared with, and only
// while it is small. All other exchanges are packed, or a full house would take ten times its
// memory. What is counted for an exchange is what it takes in either form.
func TestTheLastExchangeStaysWhole(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	v := l.Begin(l.seats.Root, "", session.Key{})
	add := func(x *trace.Exchange) Entry {
		e, _ := v.Entry(l.Add(v, l.seats.Root, x, nil, 0, After{Unknown: true}))
		if bytes, _ := held(v); int64(bytes) != l.Held() {
			t.Errorf("%d bytes are held, counted as %d", bytes, l.Held())
		}
		return e
	}
	whole := func(e Entry) bool { return e.facts.Load().whole != nil }
	first := add(&trace.Exchange{Did: trace.Did{User: "ada"}})
	if !whole(first) {
		t.Error("the last exchange is packed")
	}
	large := &trace.Exchange{Request: trace.Request{Fields: trace.Fields(slices.Repeat([]string{"A: b"}, 1000), l.seats.Root.KindOf)}}
	if whole(add(large)) {
		t.Errorf("an exchange of %d bytes stays whole", large.Size())
	}
	if whole(first) || first.exchange().Did.User != "ada" {
		t.Error("the exchange before the last is not packed, or is lost")
	}
	named := &Moment{Gist: trace.Gist{Acts: []trace.Act{{Key: strings.Repeat("k", 128)}}}}
	if got := named.size() - (&Moment{Gist: trace.Gist{Acts: make([]trace.Act, 1)}}).size(); got != 128 {
		t.Errorf("a key of 128 bytes is counted as %d", got)
	}
}
