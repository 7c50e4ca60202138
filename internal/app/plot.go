package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

const (
	plotFor   = 5 * time.Minute
	plotEvery = 5 * time.Second
)

// plot remembers the store's figures of the last minutes, while anybody looks.
type plot struct {
	mu      sync.Mutex
	samples []sample
	looked  time.Time // when somebody looked last
}

type sample struct {
	at            time.Time
	live, expired int
}

// add remembers figures. It tells whether they are others than the last.
func (p *plot) add(now time.Time, stats session.Stats) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.looked) > 3*plotEvery {
		p.samples = nil // nobody looked: what was in between is not known
	}
	p.looked = now
	for len(p.samples) > 1 && now.Sub(p.samples[1].at) > plotFor { // the one before still holds at the picture's edge
		p.samples = slices.Delete(p.samples, 0, 1)
	}
	n := len(p.samples)
	if n > 0 && p.samples[n-1].live == stats.Live && p.samples[n-1].expired == stats.Expired {
		return false
	}
	const most = 300 // a change a second; more are not seen in the picture
	if n > 0 && now.Sub(p.samples[n-1].at) < plotFor/most {
		p.samples[n-1].live, p.samples[n-1].expired = stats.Live, stats.Expired
		return true
	}
	p.samples = append(p.samples, sample{now, stats.Live, stats.Expired})
	return true
}

// view draws the figures as steps: they hold until the next ones.
func (p *plot) view(now time.Time) views.Plot {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.samples) == 0 {
		return views.Plot{}
	}
	from := p.samples[0].at
	span := min(max(now.Sub(from), time.Minute), plotFor)
	top := 1
	for _, s := range p.samples {
		top = max(top, s.live, s.expired)
	}
	line := func(figure func(sample) int) string {
		var b strings.Builder
		y := func(s sample) float64 { return 57 - 54*float64(figure(s))/float64(top) }
		x := func(at time.Time) float64 { return max(0, 300-300*float64(now.Sub(at))/float64(span)) }
		for i, s := range p.samples {
			if i > 0 {
				fmt.Fprintf(&b, " %.1f,%.1f", x(s.at), y(p.samples[i-1]))
			}
			fmt.Fprintf(&b, " %.1f,%.1f", x(s.at), y(s))
		}
		fmt.Fprintf(&b, " 300,%.1f", y(p.samples[len(p.samples)-1]))
		return strings.TrimSpace(b.String())
	}
	if top == 1 && !slices.ContainsFunc(p.samples, func(s sample) bool { return s.live+s.expired > 0 }) {
		return views.Plot{} // nothing to see yet
	}
	last := p.samples[len(p.samples)-1]
	since := "in the last minute"
	if m := int((span + 30*time.Second) / time.Minute); m > 1 {
		since = fmt.Sprintf("in the last %d minutes", m)
	}
	return views.Plot{
		Live: line(func(s sample) int { return s.live }), Expired: line(func(s sample) int { return s.expired }),
		Top: number(top), Since: since,
		Text: fmt.Sprintf("%d live and %d expired sessions now; at most %d %s", last.live, last.expired, top, since),
	}
}

// sampleFigures remembers the store's figures until ctx ends.
func (a *App) sampleFigures(ctx context.Context) {
	tick := time.NewTicker(plotEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !a.visits.any() {
				continue
			}
			if stats, err := a.root.engine.Stats(ctx); err == nil && a.plot.add(a.root.engine.Now(), stats) {
				a.visits.wakeAll()
			}
		}
	}
}
