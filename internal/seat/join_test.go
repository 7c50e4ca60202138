package seat

import (
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// join seats a learner at that place.
func join(t *testing.T, ss *Seats, place string) *Seat {
	t.Helper()
	engine, err := session.New(session.Config{
		Backend: memory.New(memory.Config{}), Secrets: [][]byte{session.NewSecret()},
		CookieName: "sessionscope~amber-fox", CookiePath: "/s/" + place + "/",
	})
	if err != nil {
		t.Fatal(err)
	}
	return ss.Join(place, "1", engine)
}

// A learner's seat is a first browser: second browsers stand beside it, share its store, and go
// with it. If it failed, a learner who has left would still be served.
func TestJoinAndLeave(t *testing.T) {
	t.Parallel()
	ss := newSeats(t, "sessionscope")
	fox := join(t, ss, "amber-fox-abcdefghijkl")
	second, err := ss.Open(fox, "family")
	if err != nil {
		t.Fatal(err)
	}
	other := open(t, ss, "another family")
	if got, below := ss.Enter(fox.Base + "/get"); got != fox || below != "/get" || !ss.Has("/s/amber-fox-abcdefghijkl/get") {
		t.Errorf("the learner's path leads to %v, %q", got, below)
	}
	if second.Engine.CookieName() != "sessionscope~amber-fox~second" || second.First() != fox || second.Class != "1" || second.IsFirst() || other.First() != ss.Root {
		t.Errorf("the second browser is %+v", second)
	}
	for name, want := range map[string]Kind{
		"sessionscope~amber-fox": Session, "sessionscope~amber-fox-pins": Pins, "sessionscope~amber-fox~second": Kin,
		"sessionscope": Other, "sessionscope~second": Other, "sessionscope~amber-fox2": Other,
	} {
		if got := fox.KindOf(name); got != want {
			t.Errorf("to the learner %q is %s, want %s", name, got, want)
		}
	}
	if opened, next := ss.Of("family"); len(opened) != 1 || next != "third" {
		t.Errorf("the family has %v and gets %q next", opened, next)
	}
	ss.Leave(second) // no first browser
	if !ss.Has(second.Base) {
		t.Error("a second browser left by itself")
	}
	ss.Leave(fox)
	for _, gone := range []*Seat{fox, second} {
		if s, _ := ss.Enter(gone.Base + "/"); s != nil {
			t.Errorf("%s is still served", gone.Base)
		}
	}
	if s, _ := ss.Enter(other.Base + "/"); s != other {
		t.Error("another second browser went too")
	}
}
