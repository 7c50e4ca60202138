package hub

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// pointsOf are the points that an exchange gets of p.
func pointsOf(p *plot) []trace.Point {
	var f trace.Figures
	f.Plot, f.Last = p.all()
	return f.Points()
}

// The plot has what the store counted in the minutes that its picture shows, and what held at the
// picture's edge. After hours without a question to the store it begins anew: it does
// not know the counts in between.
func TestPlot(t *testing.T) {
	t.Parallel()
	var p plot
	now := time.Now()
	if got := pointsOf(&p); len(got) != 0 {
		t.Errorf("without a sample: %+v", got)
	}
	if !p.add(now, session.Stats{}) {
		t.Error("the first figures are no news")
	}
	if !p.add(now.Add(time.Second), session.Stats{Live: 40, Expired: 10, Bytes: 9}) {
		t.Error("other figures are no news")
	}
	if got := pointsOf(&p); len(got) != 2 || got[0] != (trace.Point{At: now}) || got[1] != (trace.Point{At: now.Add(time.Second), Live: 40, Expired: 10}) {
		t.Errorf("two samples: %+v", got)
	}
	if p.add(now.Add(4*time.Second), session.Stats{Live: 40, Expired: 10}) || len(pointsOf(&p)) != 2 {
		t.Error("the same figures are news")
	}
	if !p.add(now.Add(6*time.Second), session.Stats{Live: 40, Expired: 11}) || !p.add(now.Add(8*time.Second), session.Stats{Live: 41, Expired: 11}) {
		t.Error("one other figure is no news")
	}
	later := now.Add(3 * time.Hour)
	p.add(later, session.Stats{Live: 1})
	if got := pointsOf(&p); len(got) != 1 || got[0].Live != 1 {
		t.Errorf("after three hours: %+v", got)
	}
	for i := range 100 {
		p.add(later.Add(time.Duration(i)*plotEvery), session.Stats{Live: i % 2})
	}
	end := later.Add(99 * plotEvery)
	if got := pointsOf(&p); end.Sub(got[0].At) < plotFor || end.Sub(got[1].At) > plotFor || len(got) != int(plotFor/plotEvery)+2 {
		t.Errorf("after 500 s there are %d, the first of %v ago", len(got), end.Sub(got[0].At))
	}
}

// Exchanges share a plot's points: if a point were changed, the picture of a past moment would show
// what the store counted later.
func TestPastPlotsStay(t *testing.T) {
	t.Parallel()
	var p plot
	now := time.Now()
	var kept, copies [][]trace.Point
	for i := range 2000 {
		now = now.Add(700 * time.Millisecond)
		p.add(now, session.Stats{Live: i})
		points := pointsOf(&p)
		kept, copies = append(kept, points), append(copies, slices.Clone(points))
	}
	for i := range kept {
		if !slices.Equal(kept[i], copies[i]) {
			t.Fatalf("the points of look %d changed afterwards", i)
		}
	}
}

// More than two changes in two seconds are not kept: the picture does not show them, and a busy
// store would fill the memory. The last count is always there.
func TestPlotIsBounded(t *testing.T) {
	t.Parallel()
	var p plot
	now := time.Now()
	for i := range 2000 {
		now = now.Add(300 * time.Millisecond)
		if !p.add(now, session.Stats{Live: i}) {
			t.Fatal("a change is no news")
		}
		if points := pointsOf(&p); points[len(points)-1].Live != i {
			t.Fatalf("the last figure is %d, want %d", points[len(points)-1].Live, i)
		}
	}
	if n := len(pointsOf(&p)); n > 302 || n < 200 {
		t.Errorf("%d points are kept of ten minutes", n)
	}
	p.add(now.Add(-time.Hour), session.Stats{Live: 7}) // a clock that was set back
	if points := pointsOf(&p); len(points) > 302 || points[len(points)-1].Live != 7 {
		t.Errorf("after the clock was set back: %+v", points[len(points)-1])
	}
}

// The figures are what the store says, and not Known when it does not answer. A family of several
// browsers shows what the store has of each.
func TestFigures(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		f := l.Figures(t.Context(), b.seat, v)
		if !f.Known || f.Live != 1 || f.Bytes == 0 || f.Family != nil || len(f.Plot) != 1 || f.Plot[0].Live != 1 {
			t.Errorf("of a single browser: %+v", f)
		}
		family := func() (out []string) {
			for _, m := range l.Figures(t.Context(), b.seat, v).Family {
				out = append(out, fmt.Sprintf("%s %t %s %t %t %t", m.Name, m.This, m.State, m.Carried, m.Unknown, m.ID != ""))
			}
			return out
		}
		want := func(lines ...string) {
			t.Helper()
			if got := family(); fmt.Sprint(got) != fmt.Sprint(lines) {
				t.Errorf("the family is %q, want %q", got, lines)
			}
		}
		second := l.second(v.Family)
		w := second.open(v.Family)
		third := l.second(v.Family)
		u := third.open(v.Family)
		time.Sleep(time.Second)
		u.Use() // the order is of names, and not of who was used last
		want("first browser true live false false true", "second browser false  false false false", "third browser false  false false false")
		second.set(w, "a", "1")
		third.setInCookie(u)
		want("first browser true live false false true", "second browser false live false false true", "third browser false none true false true")
		second.flush(w)
		third.flush(u)
		want("first browser true live false false true", "second browser false none false false true", "third browser false ended false false true")
		l.store.down.Store(true)
		if f := l.Figures(t.Context(), b.seat, v); f.Known || f.Family != nil || f.Plot != nil {
			t.Errorf("while the store is down: %+v", f)
		}
		l.store.down.Store(false)
		if f := l.Figures(t.Context(), b.seat, nil); !f.Known || f.Family != nil {
			t.Errorf("of no visit: %+v", f)
		}
	})
}

// A browser with several pages stands once among the figures of its family, as the page knows it
// that was used last. Otherwise the figures would change from question to question.
func TestTheFamilyIsOnePageEach(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.root().open("")
		second := l.second(v.Family)
		old := second.open(v.Family)
		second.set(old, "a", "1")
		second.flush(old)
		time.Sleep(time.Second)
		second.cookie = ""
		page := second.open(v.Family)
		second.set(page, "a", "1")
		for range 20 { // whatever the order in a map is
			family := l.Figures(t.Context(), v.Seat, v).Family
			if len(family) != 2 || family[1].State != session.StateLive || family[1].ID != second.x.Session.ID {
				t.Fatalf("the second browser is %+v", family)
			}
		}
		time.Sleep(time.Second)
		if old.Use(); l.Figures(t.Context(), v.Seat, v).Family[1].State != session.StateNone {
			t.Error("the page that was used last is the other one")
		}
		if f := l.Figures(t.Context(), second.seat, page).Family; f[1].ID != second.x.Session.ID || !f[1].This {
			t.Errorf("on its own page, the second browser is %+v", f)
		}
	})
}

// While there is a visit the store is asked for its figures, and streams hear of a change without a
// request. Without a visit nobody asks the store.
func TestRun(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { l.Run(ctx); close(ended) }()
		away := l.root()
		away.away = true
		away.set(nil, "a", "1")
		time.Sleep(2 * plotEvery)
		synctest.Wait()
		if n := len(pointsOf(&l.realmOf(l.seats.Root).plot)); n != 0 {
			t.Errorf("%d samples although nobody looks", n)
		}
		v := l.root().open("")
		news, _ := stream(t, v)
		time.Sleep(plotEvery)
		synctest.Wait()
		if n := len(pointsOf(&l.realmOf(l.seats.Root).plot)); n != 1 || !news() {
			t.Errorf("%d samples", n)
		}
		time.Sleep(plotEvery)
		synctest.Wait()
		if news() {
			t.Error("the same figures are news")
		}
		another := l.root()
		another.away = true
		another.set(nil, "a", "1")
		time.Sleep(plotEvery)
		synctest.Wait()
		if got := pointsOf(&l.realmOf(l.seats.Root).plot); len(got) != 2 || got[1].Live != 2 || !news() {
			t.Errorf("after a session that no request of this program made: %+v", got)
		}
		l.store.down.Store(true)
		time.Sleep(plotEvery)
		synctest.Wait()
		if news() || len(pointsOf(&l.realmOf(l.seats.Root).plot)) != 2 {
			t.Error("an outage is a sample")
		}
		cancel()
		synctest.Wait()
		<-ended
	})
}

// A press may show figures that are past before the open pages are told any: its page would show
// them until somebody writes again.
func TestFiguresThatWentBackAreTold(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.root().open("")
		l.shareFigures(l.realmOf(l.seats.Root))
		_, before := l.SharedFigures(l.seats.Root)
		b := l.root()
		b.set(nil, "a", "1")
		if f := l.Figures(t.Context(), b.seat, nil); f.Live != 1 {
			t.Fatalf("the control: a page is shown %d live records", f.Live)
		}
		b.flush(nil)
		l.shareFigures(l.realmOf(l.seats.Root))
		if f, n := l.SharedFigures(l.seats.Root); n != before+1 || f.Live != 0 {
			t.Errorf("%d live records are told the %dth time, want none the %dth", f.Live, n, before+1)
		}
		l.shareFigures(l.realmOf(l.seats.Root))
		if _, n := l.SharedFigures(l.seats.Root); n != before+1 {
			t.Error("the same figures are told again")
		}
	})
}
