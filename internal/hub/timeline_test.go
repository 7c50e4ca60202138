package hub

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// A visit keeps its last 200 moments, under their numbers: a page that asks for one moment must
// not get another.
func TestMomentsAreBounded(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.root().open("")
		for i := range MaxMoments + 10 {
			m := packed(100)
			m.Gist.Op = fmt.Sprint(i + 1)
			if n := v.append(m, ""); n != i+1 {
				t.Fatalf("moment %d has the number %d", i+1, n)
			}
		}
		all := v.list()
		if len(all) != MaxMoments || v.Last() != MaxMoments+10 || v.Timeline(0).Dropped != 10 {
			t.Errorf("%d moments, the last is %d, %d were dropped", len(all), v.Last(), v.Timeline(0).Dropped)
		}
		for _, n := range []int{10, 11, MaxMoments + 10, MaxMoments + 11} {
			e, ok := v.Entry(n)
			if want := n > 10 && n <= MaxMoments+10; ok != want || ok && (e.N != n || e.Gist.Op != fmt.Sprint(n)) {
				t.Errorf("moment %d is there: %t, %q", n, ok, e.Gist.Op)
			}
		}
	})
}

// packed makes a moment whose exchange counts n bytes. All of these moments share the same bytes,
// so that a test takes little memory.
func packed(n int) *Moment { return momentOf(&facts{packed: manyBytes[:n:n], head: usualHead}) }

// momentOf returns a moment that has the facts f.
func momentOf(f *facts) *Moment {
	m := new(Moment)
	m.facts.Store(f)
	return m
}

var manyBytes = make(trace.Packed, 2*maxPacked)

// again returns another moment with the facts of e's moment.
func (l *lab) again(e Entry) *Moment {
	m := momentOf(e.facts.Load())
	m.id, m.Gist, m.Seat = l.last.Add(1), e.Gist, e.Seat
	return m
}

// held is what v's moments take, counted one by one.
func held(v *Visit) (bytes, kept int) {
	for _, e := range v.list() {
		bytes += e.size()
		if e.Kept() {
			kept++
		}
	}
	return bytes, kept
}

// The moments of a visit have a bound in bytes: the oldest moments lose their exchanges first, the last
// moment never. Otherwise one visit could fill the memory.
func TestAVisitIsBounded(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.Begin(l.seats.Root, "", session.Key{})
		const each = 20 << 10
		for range 150 {
			v.append(packed(each), "")
			if bytes, _ := held(v); bytes > maxPacked || bytes != v.bytes() || int64(bytes) != l.Held() {
				t.Fatalf("%d bytes, counted as %d and %d, at most %d", bytes, v.bytes(), l.Held(), maxPacked)
			}
		}
		bytes, kept := held(v)
		if kept != len(slices.DeleteFunc(v.list(), func(e Entry) bool { return e.N <= 150-kept })) || kept < maxPacked/(each+5000) || bytes < maxPacked/2 {
			t.Errorf("%d moments have their exchange, %d bytes", kept, bytes)
		}
		for _, e := range v.list() {
			if e.Kept() != (e.N > 150-kept) {
				t.Fatalf("moment %d of 150 has its exchange: %t; %d have", e.N, e.Kept(), kept)
			}
		}
		v.append(packed(maxPacked+1), "")
		if _, kept := held(v); kept != 1 {
			t.Errorf("after one that is larger than all may be, %d have their exchange", kept)
		}
		v.append(packed(each), "")
		if bytes, kept := held(v); kept != 1 || bytes > maxPacked {
			t.Errorf("after the next, %d have it, %d bytes", kept, bytes)
		}
	})
}

// When a visit drops the exchange of a shared moment, the other visits keep it.
func TestADroppedExchangeStaysElsewhere(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v, w := l.Begin(l.seats.Root, "", session.Key{}), l.Begin(l.seats.Root, "", session.Key{})
		m := packed(maxPacked / 2)
		v.append(m, "")
		w.append(m, "second browser")
		v.append(packed(maxPacked-10_000), "")
		mine, _ := v.Entry(1)
		theirs, _ := w.Entry(1)
		if mine.Kept() || !theirs.Kept() || theirs.Moment != m {
			t.Errorf("it is kept here: %t, and there: %t", mine.Kept(), theirs.Kept())
		}
	})
}

// All visits together have a bound: above it each keeps a quarter. Bytes that stayed counted after
// their visits ended would shrink all timelines for ever.
func TestAllVisitsAreBounded(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		var all []*Visit
		for range labVisits {
			all = append(all, l.root().open(""))
		}
		most := int64(0)
		for range 3 {
			for _, v := range all {
				for range 30 {
					v.append(packed(40<<10), "")
					most = max(most, l.Held())
				}
			}
		}
		if limit := int64(labBytes + labVisits*maxPacked/4); most > limit || most < labBytes {
			t.Errorf("at most %d bytes were held, want between %d and %d", most, int64(labBytes), limit)
		}
		sum := int64(0)
		for _, v := range all {
			bytes, _ := held(v)
			sum += int64(bytes)
		}
		if sum != l.Held() {
			t.Errorf("%d bytes are held, counted as %d", sum, l.Held())
		}
		l.mu.Lock()
		l.end(all[0])
		l.mu.Unlock()
		if got := l.Held(); got >= sum {
			t.Errorf("after one has ended %d bytes are held of %d", got, sum)
		}
		time.Sleep(VisitLife + time.Second)
		if l.Held() != 0 || l.Any() {
			t.Errorf("after all have ended %d bytes are held", l.Held())
		}
		all[0].append(packed(1000), "") // a request that was under way
		if l.Held() != 0 {
			t.Errorf("an ended visit counts %d bytes", l.Held())
		}
		v := l.Begin(l.seats.Root, "", session.Key{})
		v.append(packed(1000), "")
		l.Close()
		if l.Held() != 0 {
			t.Errorf("after the end %d bytes are held", l.Held())
		}
	})
}

// A moment that many visits share is counted once: opening many pages of a session with a long past
// must take no room from others.
func TestASharedMomentIsCountedOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, other := l.root(), l.root()
		v, w := b.open(""), other.open("")
		b.set(v, "a", "1")
		e, _ := v.Entry(1)
		for range 40 {
			m := packed(20 << 10)
			m.id, m.Gist = l.last.Add(1), e.Gist
			v.append(m, "")
		}
		for range 40 {
			w.append(packed(20<<10), "")
		}
		before := l.Held()
		var pages []*Visit
		for range labVisits - 2 {
			pages = append(pages, b.Begin(b.seat, "", b.key()))
		}
		if n := len(pages[0].list()); n != 41 {
			t.Fatalf("the control: a page begins with %d moments", n)
		}
		if l.Held() != before {
			t.Errorf("%d bytes are held, and %d before the pages were opened", l.Held(), before)
		}
		w.append(packed(100), "")
		if _, kept := held(w); kept != 41 {
			t.Errorf("another visit keeps %d exchanges of 41", kept)
		}
		pages[0].append(packed(maxPacked-100_000), "") // drops its part of them: others have it still
		if got, want := l.Held(), before+int64(packed(100).size()+packed(maxPacked-100_000).size()); got < want || got > want+100*bareMoment {
			t.Errorf("%d bytes are held, want %d and some that have no exchange", got, want)
		}
		time.Sleep(VisitLife - time.Second)
		pages[1].Use()
		time.Sleep(2 * time.Second)
		if bytes, _ := held(pages[1]); l.Count() != 1 || l.Held() != int64(bytes) {
			t.Errorf("of %d visits %d bytes are held, want %d", l.Count(), l.Held(), bytes)
		}
		time.Sleep(VisitLife)
		if l.Held() != 0 {
			t.Errorf("after all have ended %d bytes are held", l.Held())
		}
	})
}

// A class keeps fewer moments of each visit. If it failed, a class that presses all lesson long would
// not fit into memory.
func TestMomentsOfAClass(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.limits.Moments = 10
		b, v := l.begun()
		for range 25 {
			b.get(v)
		}
		if got := v.Timeline(0); len(got.Entries) != 10 || got.Dropped != 16 || got.Entries[0].N != 17 {
			t.Errorf("%d moments, %d dropped, the first is %d", len(got.Entries), got.Dropped, got.Entries[0].N)
		}
	})
}
