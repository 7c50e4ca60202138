package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// there tells whether v is a visit still.
func (l *lab) there(v *Visit) bool { return slices.Contains(l.all(), v) }

// Opening pages, however many, pushes out no visit that somebody proved and pressed on,
// even one that was not used for almost as long as a visit lives.
func TestOpeningPagesPushesNobodyOut(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		var used []*Visit
		for range MaxVisits - 1 {
			used = append(used, l.root().used())
		}
		time.Sleep(VisitLife - time.Second)
		b := l.root()
		b.set(nil, "a", "1")
		for range 5 * MaxVisits {
			b.Begin(b.seat, "", b.key())
		}
		for i, v := range used {
			if !l.there(v) {
				t.Fatalf("visit %d was pushed out", i)
			}
		}
		if l.Count() != MaxVisits || len(l.bySecret) != MaxVisits {
			t.Errorf("%d visits", l.Count())
		}
		// The control: a proved one that nobody pressed on gives way too.
		last := b.open("")
		b.Begin(b.seat, "", session.Key{})
		if l.there(last) {
			t.Error("a page that was merely opened pushed out another visit")
		}
	})
}

// A page that began with all the moments that a visit keeps is one that somebody works in
// once it was pressed on, as any other.
func TestALongPastIsNoReasonToGiveWay(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.set(v, "a", "1")
		e, _ := v.Entry(1)
		for range MaxMoments {
			v.append(&Moment{id: l.last.Add(1), Gist: e.Gist, Seat: b.seat, packed: e.packed}, "")
		}
		synctest.Wait()
		w := b.open("")
		if len(w.list()) != MaxMoments {
			t.Fatalf("it begins with %d moments", len(w.list()))
		}
		b.get(w)
		b.get(w)
		for range 2 * MaxVisits {
			l.Begin(b.seat, "", session.Key{})
		}
		if !l.there(w) {
			t.Error("pages that were merely opened pushed it out")
		}
	})
}

// Who gives way is the page that was merely opened, then the visit that was used longest
// ago; one with a stream is the last.
func TestWhoGivesWay(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		streaming := b.Begin(b.seat, "", session.Key{}) // merely opened, but a page looks
		_, leave := stream(t, streaming)
		time.Sleep(time.Second)
		first := b.used()
		time.Sleep(time.Second)
		second := b.used()
		time.Sleep(time.Second)
		once := b.open("") // one press is the load of the page
		once.append(packed(100), "")
		time.Sleep(time.Second)
		proved := b.open("")
		time.Sleep(time.Second)
		opened := b.Begin(b.seat, "", session.Key{})
		time.Sleep(time.Second)
		first.Use()
		time.Sleep(time.Second)
		order := []*Visit{once, proved, opened, second, first, streaming}
		for l.Count() < MaxVisits {
			b.used()
		}
		for i := range order[:5] {
			b.used()
			for j, w := range order {
				if l.there(w) != (j > i) {
					t.Fatalf("after %d gave way, visit %d of the order is there: %t", i+1, j+1, l.there(w))
				}
			}
		}
		leave()
		time.Sleep(time.Second)
		b.used()
		if l.there(streaming) {
			t.Error("without its stream it stays")
		}
	})
}

// A visit ends half an hour after its last request, and later when it is used meanwhile.
func TestVisitsEnd(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		root := l.seats.Root
		idle, used := l.Begin(root, "", session.Key{}), l.Begin(root, "", session.Key{})
		time.Sleep(VisitLife - time.Second)
		used.Use()
		if !l.there(idle) || !l.there(used) {
			t.Fatal("a visit ended early")
		}
		time.Sleep(2 * time.Second)
		if l.there(idle) || !l.there(used) {
			t.Fatalf("after half an hour the idle one is there: %t, the one in use: %t", l.there(idle), l.there(used))
		}
		time.Sleep(VisitLife - 3*time.Second)
		l.Prove(used.Secret, root)
		time.Sleep(VisitLife - time.Second)
		if !l.there(used) {
			t.Error("one that was proved meanwhile ended")
		}
		time.Sleep(2 * time.Second)
		if l.Any() {
			t.Error("it goes on for ever")
		}
	})
}

// A page that is open and is told what happens is in use, for as long as it is open; then
// its visit has half an hour more.
func TestAnOpenPageKeepsItsVisit(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.root().open("")
		_, leave := stream(t, v)
		time.Sleep(5*time.Hour + 10*time.Minute)
		if !l.there(v) {
			t.Fatal("a page that was open for hours lost its visit")
		}
		leave()
		time.Sleep(VisitLife - time.Second)
		if !l.there(v) {
			t.Error("the visit ended as soon as its page was left")
		}
		time.Sleep(2 * time.Second)
		if l.there(v) {
			t.Error("the visit of a page that was left goes on for ever")
		}
	})
}

// A visit has two streams. They are told of what happens, never waited for, and closed
// when the visit ends.
func TestStreams(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		told, leave := stream(t, v)
		other, _ := stream(t, v)
		if _, _, ok := v.Subscribe(); ok || v.Streams() != MaxStreams {
			t.Errorf("a third stream: %t; there are %d", ok, v.Streams())
		}
		if told() {
			t.Error("a stream is told before anything happened")
		}
		for range 5 { // nobody reads
			b.get(v)
		}
		if !told() || told() || !other() {
			t.Error("five moments are not told once to each")
		}
		leave()
		leave()
		news, _, ok := v.Subscribe()
		if !ok || v.Streams() != MaxStreams {
			t.Error("a stream that left keeps its place")
		}
		b.get(v)
		if told() || !other() {
			t.Error("one that left is told, or one that stays is not")
		}
		<-news
		l.Close()
		if _, open := <-news; open {
			t.Error("a stream goes on after the end")
		}
		if _, _, ok := v.Subscribe(); ok {
			t.Error("an ended visit has room for a stream")
		}
		leave() // is no harm then
	})
}

// A visit keeps its last 200 moments, under their numbers.
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
		if len(all) != MaxMoments || v.Last() != MaxMoments+10 || v.Timeline().Dropped != 10 {
			t.Errorf("%d moments, the last is %d, %d were dropped", len(all), v.Last(), v.Timeline().Dropped)
		}
		for _, n := range []int{10, 11, MaxMoments + 10, MaxMoments + 11} {
			e, ok := v.Entry(n)
			if want := n > 10 && n <= MaxMoments+10; ok != want || ok && (e.N != n || e.Gist.Op != fmt.Sprint(n)) {
				t.Errorf("moment %d is there: %t, %q", n, ok, e.Gist.Op)
			}
		}
	})
}

// packed makes a moment whose exchange has that many bytes. All share the same ones: it
// is counted, and not what the test takes.
func packed(n int) *Moment { return &Moment{packed: manyBytes[:n:n], head: usualHead} }

var manyBytes = make(trace.Packed, 2*maxPacked)

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

// The exchanges of a visit have a bound in bytes: the oldest moments lose theirs first, and
// stay in the timeline without. The last one keeps its own, however large.
func TestAVisitIsBounded(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.Begin(l.seats.Root, "", session.Key{})
		const each = 20 << 10
		for range 150 {
			v.append(packed(each), "")
			if bytes, _ := held(v); bytes > maxPacked || bytes != v.packed || int64(bytes) != l.Held() {
				t.Fatalf("%d bytes, counted as %d and %d, at most %d", bytes, v.packed, l.Held(), maxPacked)
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

// What another visit shows of a moment stays when one drops it.
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

// All visits together have a bound too: above it each keeps a quarter. When they end,
// nothing is counted any more.
func TestAllVisitsAreBounded(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		var all []*Visit
		for range MaxVisits {
			all = append(all, l.Begin(l.seats.Root, "", session.Key{}))
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
		if limit := int64(maxAllHeld + MaxVisits*maxPacked/4); most > limit || most < maxAllHeld {
			t.Errorf("at most %d bytes were held, want between %d and %d", most, int64(maxAllHeld), limit)
		}
		sum := int64(0)
		for _, v := range all {
			bytes, _ := held(v)
			sum += int64(bytes)
		}
		if sum != l.Held() {
			t.Errorf("%d bytes are held, counted as %d", sum, l.Held())
		}
		l.Begin(l.seats.Root, "", session.Key{}) // one gives way
		if got := l.Held(); got >= sum {
			t.Errorf("after one gave way %d bytes are held of %d", got, sum)
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

// A moment that many visits share takes its memory once: who opens many pages of a session
// with a long past takes no room from others.
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
		for range MaxVisits - 2 {
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

// A visit remembers the last sessions that it saw, the latest last.
func TestWatchedAreBounded(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.Begin(l.seats.Root, "", session.Key{})
		keys := make([]session.Key, 3*maxWatched)
		for i := range keys {
			keys[i] = session.KeyOf(fmt.Sprint(i))
			v.watch(keys[i], false)
			v.watch(keys[0], false) // seen again, it is the latest
		}
		if len(v.watched) != maxWatched || v.watched[maxWatched-1] != keys[0] || v.watched[maxWatched-2] != keys[len(keys)-1] {
			t.Errorf("%d sessions are remembered", len(v.watched))
		}
		seen := make(map[session.Key]bool)
		for _, k := range v.watched {
			if seen[k] {
				t.Fatal("one is remembered twice")
			}
			seen[k] = true
		}
		if v.watches(keys[1]) || !v.watches(keys[0]) || !v.watches(keys[len(keys)-1]) {
			t.Error("others than the latest are")
		}
	})
}

// Pins are counted for each browser, and in all: one's own oldest makes room.
func TestPins(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.Begin(l.seats.Root, "", session.Key{})
		numbers := func(owner string) (out []int) {
			for _, p := range v.Pins(owner) {
				out = append(out, p.N)
			}
			return out
		}
		v.Pin(Pin{Owner: "a", Value: "first"})
		for range MaxPins + 2 {
			v.Pin(Pin{Owner: "b"})
		}
		if got := numbers("a"); !slices.Equal(got, []int{1}) || v.Pins("a")[0].Value != "first" {
			t.Errorf("another browser's pins pushed out %v", got)
		}
		if got := numbers("b"); !slices.Equal(got, []int{4, 5, 6, 7, 8}) {
			t.Errorf("of seven pins these are kept: %v", got)
		}
		if got := numbers("nobody"); got != nil {
			t.Errorf("nobody has the pins %v", got)
		}
		v.ForgetPins("b")
		if got := numbers("b"); got != nil || len(numbers("a")) != 1 {
			t.Errorf("forgotten pins: %v", got)
		}
		if n := v.Pin(Pin{Owner: "b"}); n != 9 {
			t.Errorf("a number is given again: %d", n)
		}
		for i := range 10 * MaxPins {
			v.Pin(Pin{Owner: fmt.Sprint(i)})
		}
		if len(v.pins) != 4*MaxPins {
			t.Errorf("%d pins of fifty browsers are kept", len(v.pins))
		}
	})
}

// A pin keeps the cookie, and not the head of the request that it came in.
func TestAPinKeepsTheCookieAlone(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.Begin(l.seats.Root, "", session.Key{})
		head := strings.Repeat("x", 32<<10) + "cookie"
		v.Pin(Pin{Owner: "a", Value: head[32<<10:]})
		if p := v.Pins("a")[0]; p.Value != "cookie" || unsafe.StringData(p.Value) == unsafe.StringData(head[32<<10:]) {
			t.Errorf("the pin is %q, a part of the whole head", p.Value)
		}
	})
}

// The large type is the visit's own.
func TestProjector(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v, w := l.Begin(l.seats.Root, "", session.Key{}), l.Begin(l.seats.Root, "", session.Key{})
		if v.SetProjector(true); !v.Projector() || w.Projector() {
			t.Error("it is not on here alone")
		}
		if v.SetProjector(false); v.Projector() {
			t.Error("it stays on")
		}
		synctest.Wait()
	})
}
