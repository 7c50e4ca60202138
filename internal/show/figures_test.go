package show

import (
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// The figures would be shown with a wrong unit, or a browser with another one's session.
func TestFigures(t *testing.T) {
	t.Parallel()
	if f := Figures(trace.Figures{Live: 3}, noon()); f.Stats != nil || f.Plot.Live != "" {
		t.Errorf("of a store that did not answer: %+v", f)
	}
	f := Figures(trace.Figures{
		Known: true, Live: 1234, Expired: 2, Bytes: 12_345,
		Family: []trace.Member{
			{Name: "first browser", This: true, ID: "a", State: session.StateLive}, {Name: "b", ID: "b", State: session.StateNone, Carried: true},
			{Name: "c", ID: "c", State: session.StateNone}, {Name: "d"}, {Name: "e", ID: "e", Unknown: true}, {Name: "f", ID: "f", State: session.StateExpired},
			{Name: "g", ID: "g", State: session.StateEnded}, {Name: "h", ID: "h", State: session.StateCycled},
		},
	}, noon())
	if f.Expired != 2 || len(f.Stats) != 3 || f.Stats[0] != (views.Stat{Number: "1,234", Text: "live records"}) || f.Stats[2] != (views.Stat{Number: "12 kB", Text: "in these records"}) {
		t.Errorf("%+v", f.Stats)
	}
	var states []string
	for _, m := range f.Family {
		states = append(states, m.State)
	}
	if got := strings.Join(states, "; "); got != "live; only in its cookie; gone; no session yet; unknown; expired, not cleared; gone; its ID was replaced" || !f.Family[0].This || f.Family[1].This {
		t.Errorf("the family: %s", got)
	}
}

// A clock would have more left than it has in all, and its ring be more than full.
func TestClockOfAServerWhoseClockWasSetBack(t *testing.T) {
	t.Parallel()
	began := noon()
	for _, test := range []struct {
		back, lifetime time.Duration // how far the clock was set back, and the lifetime since the program's last start
		name, left     string
	}{
		{0, 8 * time.Hour, "absolute lifetime", "8 h 0 m 0 s"},
		{time.Hour, 8 * time.Hour, "absolute lifetime, more than 8 h 0 m 0 s: the server's clock was set back", "9 h 0 m 0 s"},
		{0, time.Hour, "absolute lifetime, more than 1 h 0 m 0 s", "8 h 0 m 0 s"},
	} {
		got := clock("absolute lifetime", trace.Session{Created: began}, began.Add(8*time.Hour), test.lifetime, began.Add(-test.back))
		if got.Name != test.name || got.Left != test.left || got.Dash() != "100 100" || got.Until-got.Now > got.Whole {
			t.Errorf("set back by %v: %+v", test.back, got)
		}
	}
}

// The picture would leave its frame, or show another time than its words.
func TestPlot(t *testing.T) {
	t.Parallel()
	now := noon()
	at := func(before time.Duration, live, expired int) trace.Point {
		return trace.Point{At: now.Add(-before), Live: live, Expired: expired}
	}
	for _, test := range []struct {
		name   string
		points []trace.Point
		want   views.Plot
	}{
		{"none", nil, views.Plot{}},
		{"nothing to see", []trace.Point{at(time.Minute, 0, 0)}, views.Plot{}},
		{"two minutes", []trace.Point{at(2*time.Minute, 1, 0), at(time.Minute, 2, 1)}, views.Plot{
			Live: "0.0,30.0 150.0,30.0 150.0,3.0 300,3.0", Expired: "0.0,57.0 150.0,57.0 150.0,30.0 300,30.0",
			Top: "2", Since: "in the last 2 minutes", Text: "2 live and 1 expired records now; 2 at the highest in the last 2 minutes",
		}},
		// A clock that was set back leaves points in the future, and nobody knows when they were: a
		// line would lead out of the frame, or back in time, or have a top of another time.
		{"the future", []trace.Point{at(-time.Hour, 9, 9), at(time.Minute, 1, 0), at(0, 1, 0)}, views.Plot{
			Live: "0.0,3.0 300.0,3.0 300.0,3.0 300,3.0", Expired: "0.0,57.0 300.0,57.0 300.0,57.0 300,57.0",
			Top: "1", Since: "in the last minute", Text: "1 live and 0 expired records now; 1 at the highest in the last minute",
		}},
		{"the future only", []trace.Point{at(-2*time.Hour, 9, 9), at(-time.Hour, 1, 0)}, views.Plot{
			Live: "300.0,3.0 300,3.0", Expired: "300.0,57.0 300,57.0",
			Top: "1", Since: "in the last minute", Text: "1 live and 0 expired records now; 1 at the highest in the last minute",
		}},
		// The figure of six minutes ago holds at the beginning; the one before it does not.
		{"older than the picture", []trace.Point{at(9*time.Minute, 9, 0), at(6*time.Minute, 2, 0), at(0, 1, 0)}, views.Plot{
			Live: "0.0,3.0 300.0,3.0 300.0,30.0 300,30.0", Expired: "0.0,57.0 300.0,57.0 300.0,57.0 300,57.0",
			Top: "2", Since: "in the last 5 minutes", Text: "1 live and 0 expired records now; 2 at the highest in the last 5 minutes",
		}},
	} {
		if got := plot(test.points, now); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}
