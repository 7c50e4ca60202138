package show

import (
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// pictureLife is how long a picture of the plot is shown as it was drawn.
const pictureLife = time.Second / 4

// picture is a plot as it was drawn.
type picture struct {
	first *trace.Point // of the points that it shows, with their number: exchanges share them, and nobody changes them
	count int
	last  trace.Point
	at    time.Time
	plot  views.Plot
}

// drawn is the picture that was drawn last. Where a class works, most presses show the same.
var drawn atomic.Pointer[picture]

// pictureOf is plot for the figures of an exchange, drawn at most once in pictureLife.
func pictureOf(f *trace.Figures, now time.Time) views.Plot {
	if len(f.Plot) == 0 {
		return plot(f.Points(), now)
	}
	p := picture{first: &f.Plot[0], count: len(f.Plot), last: f.Last, at: now}
	if d := drawn.Load(); d != nil && d.first == p.first && d.count == p.count && d.last == p.last {
		if age := now.Sub(d.at); age >= 0 && age < pictureLife {
			return d.plot
		}
	}
	p.plot = plot(f.Points(), now)
	drawn.Store(&p)
	return p.plot
}
