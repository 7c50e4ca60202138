package show

import (
	"testing"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// A row that stands for many moments says for how many: a learner would take 250 tries of a
// stranger for one. A row that a page gets by itself is told as in the whole timeline.
func TestTimelineRows(t *testing.T) {
	t.Parallel()
	at := noon()
	gist := func(g trace.Gist) *trace.Gist {
		g.At = at
		return &g
	}
	lines := []hub.Line{
		{N: 1, Times: 1, Gist: gist(trace.Gist{Op: "get", Session: "9f2c41e0"})},
		{N: 251, Times: 250, Gist: gist(trace.Gist{Op: "get", By: hub.AnotherClient, Nothing: true, Acts: []trace.Act{{Kind: session.Refused}}})},
		{N: 252, Times: 1, Gist: gist(trace.Gist{Op: "get", Session: "9f2c41e0"})},
	}
	whole := Timeline(hub.Timeline{Began: at, Entries: lines, Dropped: 3, Gone: 7}, 0)
	if got := whole.Entries; whole.Next || whole.Dropped != 3 || len(got) != 3 || got[1].By != "another client, 250 times" || got[0].By != "" || !got[0].NewID || got[2].NewID {
		t.Errorf("the whole timeline: %+v", whole)
	}
	next := Timeline(hub.Timeline{Began: at, Entries: lines[2:], Next: true, Session: "9f2c41e0", Dropped: 3, Gone: 7}, 0)
	if !next.Next || next.Gone != 7 || len(next.Entries) != 1 || next.Entries[0] != whole.Entries[2] || next.News != whole.News {
		t.Errorf("the last row: %+v, want %+v", next, whole.Entries[2])
	}
	for _, test := range []struct {
		line   hub.Line
		beside bool
	}{
		{hub.Line{Gist: gist(trace.Gist{Op: "set", Wrote: true})}, false}, {hub.Line{Kin: "second browser", Gist: gist(trace.Gist{Op: "set", Wrote: true})}, true},
		{hub.Line{Gist: gist(trace.Gist{Nothing: true, Wrote: true})}, false}, {hub.Line{Gist: gist(trace.Gist{Nothing: true})}, true},
		{hub.Line{Gist: gist(trace.Gist{Nothing: true, Wrote: true, Aside: true})}, true}, {hub.Line{Gist: gist(trace.Gist{By: "a changed copy", Aside: true})}, false},
	} {
		if got := Timeline(hub.Timeline{Began: at, Entries: []hub.Line{test.line}}, 0).Entries[0].Beside; got != test.beside {
			t.Errorf("%+v: the panels show another moment: %t, want %t", test.line, got, test.beside)
		}
	}
	if none := Timeline(hub.Timeline{Began: at}, 0); len(none.Entries) != 0 || none.Since == "" || none.News != "" {
		t.Errorf("without a moment: %+v", none)
	}
}
