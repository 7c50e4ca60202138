package show

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// Figures are the store's figures as of now, and the sessions of a family's browsers. They
// are zero when the store did not answer.
func Figures(f trace.Figures, now time.Time) views.Figures {
	if !f.Known {
		return views.Figures{}
	}
	return views.Figures{
		Stats: []views.Stat{
			{Number: say.Number(f.Live), Text: say.Plural(f.Live, "live record", "live records")},
			{Number: say.Number(f.Expired), Text: "expired, not cleared"},
			{Number: say.Size(f.Bytes), Text: "in these records"},
		},
		Plot: pictureOf(&f, now), Expired: f.Expired, Family: family(f.Family),
	}
}

// family says what became of each browser's session: when one of two browsers logs out, the
// learner sees that the other session lives on.
func family(members []trace.Member) (out []views.Member) {
	for _, m := range members {
		v := views.Member{Name: m.Name, ID: m.ID, This: m.This, State: memberStates[m.State]}
		switch {
		case m.ID == "":
			v.State = "no session yet"
		case m.Unknown:
			v.State = "unknown"
		case m.State == session.StateNone && m.Carried:
			v.State = "only in its cookie"
		}
		out = append(out, v)
	}
	return out
}

var memberStates = map[session.State]string{
	session.StateNone: "gone", session.StateLive: "live", session.StateExpired: "expired, not cleared",
	session.StateEnded: "gone", session.StateCycled: "its ID was replaced", session.StateCorrupt: "corrupt",
}

// timely returns the points that a picture can show: those since the server's clock was last set
// back, and of those older than the picture the one that holds at its beginning. When points of
// before say times that are still to come, nobody knows when they really were. The last figure holds
// now, whatever its time says.
func timely(points []trace.Point, now time.Time) []trace.Point {
	if len(points) == 0 {
		return nil
	}
	last := points[len(points)-1]
	if last.At.After(now) {
		last.At = now
	}
	from := len(points) - 1
	for next := last; from > 0 && !points[from-1].At.After(next.At) && now.Sub(next.At) < plotFor; from-- {
		next = points[from-1]
	}
	return append(slices.Clone(points[from:len(points)-1]), last)
}

// plotFor is the most time that a picture shows.
const plotFor = 5 * time.Minute

// plot draws the figures as steps in a box of 300 by 60: a figure holds until the next one.
func plot(points []trace.Point, now time.Time) views.Plot {
	points, top := timely(points, now), 0
	for _, p := range points {
		top = max(top, p.Live, p.Expired)
	}
	if top == 0 {
		return views.Plot{} // nothing to see yet
	}
	span := min(max(now.Sub(points[0].At), time.Minute), plotFor)
	line := func(figure func(trace.Point) int) string {
		b := make([]byte, 0, 28*len(points)+16)
		y := func(p trace.Point) float64 { return 57 - 54*float64(figure(p))/float64(top) }
		x := func(at time.Time) float64 { return max(0, 300-300*float64(now.Sub(at))/float64(span)) }
		to := func(x, y float64) {
			b = strconv.AppendFloat(append(b, ' '), x, 'f', 1, 64)
			b = strconv.AppendFloat(append(b, ','), y, 'f', 1, 64)
		}
		for i, p := range points {
			if i > 0 {
				to(x(p.At), y(points[i-1]))
			}
			to(x(p.At), y(p))
		}
		b = strconv.AppendFloat(append(b, " 300,"...), y(points[len(points)-1]), 'f', 1, 64)
		return string(b[1:])
	}
	since := "in the last minute"
	if m := int((span + 30*time.Second) / time.Minute); m > 1 {
		since = fmt.Sprintf("in the last %d minutes", m)
	}
	last := points[len(points)-1]
	return views.Plot{
		Live: line(func(p trace.Point) int { return p.Live }), Expired: line(func(p trace.Point) int { return p.Expired }),
		Top: say.Number(top), Since: since,
		Text: fmt.Sprintf("%d live and %d expired records now; %d at the highest %s", last.Live, last.Expired, top, since),
	}
}
