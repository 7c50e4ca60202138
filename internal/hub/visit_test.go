package hub

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// A visit ends half an hour after its last use. Otherwise visits would fill the memory, or end while
// somebody works.
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

// A page that is open keeps its visit, for hours if need be, and for half an hour after it was left.
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

// A visit has two streams: six would freeze its browser. They hear of news, are never waited for, and
// are closed when the visit ends.
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

// A visit remembers the last sessions that it saw: a page that flushes again and again must not fill
// the memory.
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

// Large type is switched for one visit, and not for the whole class.
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
