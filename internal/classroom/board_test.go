package classroom_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// The presses of the table below. A live session has the short name "1" or "2".
var (
	birth1  = classroom.Press{Op: "set", Session: "1", Born: true, Wrote: true, Keys: 1, Bytes: 7, InCookie: 1}
	birth2  = classroom.Press{Op: "set", Session: "2", Born: true, Wrote: true, Keys: 1, Bytes: 7, OnServer: 1}
	set1    = classroom.Press{Op: "set", Session: "1", Sent: true, Wrote: true, Keys: 2, Bytes: 9, InCookie: 1, OnServer: 1}
	get1    = classroom.Press{Op: "get", Session: "1", Sent: true, Keys: 1, Bytes: 7, InCookie: 1}
	getNone = classroom.Press{Op: "get"}
	flush   = classroom.Press{Op: "flush", Sent: true, Wrote: true, Ended: classroom.EndedFlushed, Keys: 1}
	expired = classroom.Press{Op: "get", Sent: true, Ended: classroom.EndedExpired}
	cycled  = classroom.Press{Op: "get", Sent: true, Ended: classroom.EndedCycled}
	forged  = classroom.Press{Op: "get", Sent: true, Ended: classroom.EndedRefused, Reason: "signature"}
	reborn2 = classroom.Press{Op: "set", Session: "2", Born: true, Sent: true, Wrote: true, Ended: classroom.EndedExpired, Keys: 1, Bytes: 7, InCookie: 1}
	failed  = classroom.Press{Op: "set", Wrote: true}
)

// presses makes a sequence.
func presses(p ...classroom.Press) []classroom.Press { return p }

var tileStates = []struct {
	name    string
	presses []classroom.Press
	want    string // state, session, why and reason
	feed    string
}{
	{"nothing yet", nil, "none", "[]"},
	{"a read without a session", presses(getNone), "none", "[]"},
	{"born", presses(birth1), "live 1", "[born]"},
	{"born and read", presses(birth1, get1), "live 1", "[born]"},
	{"born and written", presses(birth1, set1, set1), "live 1", "[born]"},
	{"the cookie is cleared", presses(birth1, get1, getNone), "gone", "[born]"},
	{"cleared, and born again", presses(birth1, set1, getNone, birth2), "live 2", "[born born]"},
	{"no cookie comes back", presses(birth1, birth2), "nocookie 2", "[born born]"},
	{"no cookie comes back, with a read between", presses(birth1, getNone, birth2), "nocookie 2", "[born born]"},
	{"no cookie came, and reads find none", presses(birth1, birth2, getNone), "nocookie 2", "[born born]"},
	{"no cookie came, and a write fails", presses(birth1, birth2, failed, getNone), "nocookie 2", "[born born]"},
	{"no cookie came, and now it does", presses(birth2, birth1, get1), "live 1", "[born born]"},
	{"two births, a write between", presses(birth1, set1, birth2), "live 2", "[born born]"},
	{"two births, a cookie read between", presses(birth1, get1, birth2), "live 2", "[born born]"},
	{"three births", presses(birth1, birth2, birth1), "nocookie 1", "[born born born]"},
	{"flushed", presses(birth1, flush), "ended 1 flushed", "[born flushed]"},
	{"flushed, then nothing comes", presses(birth1, flush, getNone), "ended 1 flushed", "[born flushed]"},
	{"flushed, and born again", presses(birth1, flush, birth2), "live 2", "[born flushed born]"},
	{"expired", presses(birth1, expired), "ended 1 expired", "[born expired]"},
	{"expired, and born by the same request", presses(birth1, reborn2), "live 2", "[born expired born]"},
	{"born twice, but a dead cookie came", presses(birth1, reborn2, reborn2), "live 2", "[born expired born expired born]"},
	{"born after a dead cookie, then none comes", presses(reborn2, birth1), "nocookie 1", "[expired born born]"},
	{"cycled away", presses(birth1, cycled), "ended 1 cycled", "[born cycled]"},
	{"forged", presses(birth1, forged), "ended 1 refused signature", "[born refused: signature]"},
	{"forged, then the right one", presses(birth1, forged, get1), "live 1", "[born refused: signature]"},
	{"forged by who has none", presses(forged), "ended refused signature", "[refused: signature]"},
}

// If it fails, a tile or the feed says of a session what is not so.
func TestTileStates(t *testing.T) {
	t.Parallel()
	for _, test := range tileStates {
		b := classroom.NewBoard(nil)
		b.Joined("a", "Amber Fox")
		var last classroom.Press
		for n, p := range test.presses {
			p.At = time.Now()
			b.Pressed("a", p)
			if tiles, _, _, _ := b.Since(0); tiles[0].Flash != int64(n+1) || tiles[0].LastOp != p.Op || !tiles[0].LastAt.Equal(p.At) {
				t.Errorf("%s: press %d: %+v", test.name, n, tiles[0])
			}
			last = p
		}
		b.Close()
		tiles, all, lines, _ := b.Since(0)
		tile := tiles[0]
		if got := sentence(tile); got != test.want || len(tiles) != 1 || all || tile.Nickname != "Amber Fox" {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		var feed []string
		for n, line := range lines {
			feed = append(feed, strings.TrimSuffix(line.What+": "+line.Why, ": "))
			if line.Nickname != "Amber Fox" || line.At.IsZero() {
				t.Errorf("%s: line %d is %+v", test.name, n, line)
			}
		}
		if fmt.Sprint(feed) != test.feed {
			t.Errorf("%s: feed %v, want %s", test.name, feed, test.feed)
		}
		if last.Session == "" {
			last = classroom.Press{} // without a live session there are no values
		}
		if tile.State != classroom.StateNoCookie && (tile.Keys != last.Keys || tile.Bytes != last.Bytes || tile.InCookie != last.InCookie || tile.OnServer != last.OnServer) {
			t.Errorf("%s: %+v, want the figures of %+v", test.name, tile, last)
		}
	}
}

// sentence returns what a tile says of its session.
func sentence(tile classroom.Tile) string {
	return strings.Join(strings.Fields(fmt.Sprint(tile.State, " ", tile.Session, " ", tile.Why, " ", tile.Reason)), " ")
}

// reader is somebody who looks at a board. It knows only what Since has told.
type reader struct {
	version int64
	tiles   map[classroom.ID]classroom.Tile
	feed    []classroom.FeedLine
}

// read brings the reader to the present.
func (r *reader) read(b *classroom.Board) {
	changed, all, feed, now := b.Since(r.version)
	if all || r.tiles == nil {
		r.tiles = make(map[classroom.ID]classroom.Tile)
	}
	for _, tile := range changed {
		r.tiles[tile.ID] = tile
	}
	r.feed, r.version = append(r.feed, feed...), now
}

// awaits fails the test if the board does not change at exactly that time from now.
func awaits(t *testing.T, b *classroom.Board, after time.Duration) {
	t.Helper()
	changed, start := b.Changed(), time.Now()
	select {
	case <-changed:
		if passed := time.Since(start); passed != after {
			t.Errorf("the board changed after %v, want %v", passed, after)
		}
	case <-time.After(after + time.Hour):
		t.Errorf("the board has not changed, want a change after %v", after)
	}
}

// If it fails, a tile is awake, live or open on two devices for longer or shorter than it is,
// or a board that nobody touches does not say so.
func TestBoardClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := classroom.NewBoard(nil)
		defer b.Close()
		b.Joined("a", "Amber Fox")
		var r reader
		check := func(awake bool, devices int, state classroom.State) {
			t.Helper()
			r.read(b)
			if a := r.tiles["a"]; a.Awake != awake || a.Devices != devices || a.State != state {
				t.Errorf("%+v, want awake %v, %d devices, %s", a, awake, devices, state)
			}
		}
		check(false, 0, classroom.StateNone)
		b.Heard("a", device(1))
		check(true, 1, classroom.StateNone)
		time.Sleep(10 * time.Second)
		b.Heard("a", device(1))
		b.Heard("a", device(2))
		check(true, 2, classroom.StateNone)
		time.Sleep(10 * time.Second)
		b.Heard("a", device(2))
		time.Sleep(time.Second)
		press := birth1
		press.At, press.Expires = time.Now(), time.Now().Add(time.Minute)
		b.Pressed("a", press)
		check(true, 2, classroom.StateLive)
		awaits(t, b, 14*time.Second) // device 1 is gone
		check(true, 1, classroom.StateLive)
		awaits(t, b, 10*time.Second) // device 2
		check(true, 0, classroom.StateLive)
		awaits(t, b, time.Second)
		check(false, 0, classroom.StateLive)
		awaits(t, b, 35*time.Second)
		check(false, 0, classroom.StateEnded)
		ended := r.tiles["a"]
		if ended.Why != classroom.EndedExpired || ended.Keys != 0 || ended.Flash != 1 || !ended.HeardAt.Equal(press.At) {
			t.Errorf("expired: %+v", ended)
		}
		want := []classroom.FeedLine{
			{At: press.At, Nickname: "Amber Fox", What: classroom.FeedBorn},
			{At: press.Expires, Nickname: "Amber Fox", What: classroom.EndedExpired},
		}
		if diff := cmp.Diff(want, r.feed); diff != "" {
			t.Errorf("feed (-want +got):\n%s", diff)
		}
		select {
		case <-b.Changed():
			t.Error("the board changes although nothing is due")
		case <-time.After(24 * time.Hour):
		}
	})
}

// A press that comes before the board has noticed an expiry does not hide it: the browser that
// dropped its cookie at that moment does not look like one that keeps no cookie.
func TestBoardExpiredBeforePress(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := classroom.NewBoard(func() time.Time { return now })
	defer b.Close()
	b.Joined("a", "Amber Fox")
	press := birth1
	press.Expires = now.Add(time.Hour)
	b.Pressed("a", press)
	now = press.Expires
	b.Pressed("a", birth2)
	tiles, _, feed, _ := b.Since(0)
	if got := sentence(tiles[0]); got != "live 2" || len(feed) != 3 || feed[1].What != classroom.EndedExpired {
		t.Errorf("%q, feed %v", got, feed)
	}
}

// A seat that was there before the program's start would be said to have no session, until a press.
func TestBoardRestored(t *testing.T) {
	t.Parallel()
	b := classroom.NewBoard(nil)
	defer b.Close()
	b.Joined("new", "Amber Fox")
	b.Restored("pressed", "Blue Heron")
	b.Restored("moved", "Calm Otter")
	b.Restored("quiet", "Dapper Crow")
	b.Heard("quiet", device(1))
	b.Pressed("pressed", birth1)
	b.Moved("moved")
	tiles, _, _, _ := b.Since(0)
	var unseen []string
	for _, tile := range tiles {
		if tile.Unseen {
			unseen = append(unseen, tile.Nickname)
		}
	}
	if len(unseen) != 1 || unseen[0] != "Dapper Crow" {
		t.Errorf("not seen since the start: %q, want Dapper Crow", unseen)
	}
}

// If it fails, a seat that has moved seems open on two devices, or has a session that its new
// path does not have.
func TestBoardMoved(t *testing.T) {
	t.Parallel()
	b := classroom.NewBoard(nil)
	defer b.Close()
	b.Joined("a", "Amber Fox")
	b.SetDone("a", 3)
	b.Heard("a", device(1))
	b.Pressed("a", birth1)
	b.Moved("a")
	b.Heard("a", device(2))
	tiles, _, _, _ := b.Since(0)
	if a := tiles[0]; a.State != classroom.StateNone || a.Session != "" || a.Keys != 0 || a.Devices != 1 || !a.Awake || a.Done != 3 || a.Flash != 1 {
		t.Errorf("moved: %+v", a)
	}
	for n := range 50 { // devices are bounded
		b.Heard("a", device(n))
	}
	if tiles, _, _, _ = b.Since(0); tiles[0].Devices != 4 {
		t.Errorf("%d devices", tiles[0].Devices)
	}
}

// If it fails, a reader misses a change or gets one twice, or the board grows without bound.
func TestSince(t *testing.T) {
	t.Parallel()
	b := classroom.NewBoard(nil)
	defer b.Close()
	b.Joined("b", "Brave Otter")
	b.Joined("a", "Amber Fox")
	b.Joined("a", "Another Name")
	changed, all, feed, version := b.Since(0)
	if len(changed) != 2 || changed[0].Nickname != "Amber Fox" || changed[0].Name != "amber-fox" || all || len(feed) != 0 {
		t.Errorf("at first: %v, %v, %v", changed, all, feed)
	}
	if changed, all, feed, again := b.Since(version); len(changed)+len(feed) != 0 || all || again != version {
		t.Errorf("nothing new: %v, %v, %v", changed, all, feed)
	}
	signal := b.Changed()
	b.Pressed("a", birth1)
	<-signal
	b.Removed("b")
	b.Removed("b")
	for _, nobody := range []classroom.ID{"b", "x"} { // seats that are gone bring no tile back
		b.Pressed(nobody, birth1)
		b.Heard(nobody, phone)
		b.SetDone(nobody, 1)
		b.Moved(nobody)
	}
	changed, all, feed, now := b.Since(version)
	if len(changed) != 1 || changed[0].ID != "a" || len(feed) != 1 || !all || now <= version {
		t.Errorf("then: %v, %v, %v", changed, all, feed)
	}
	for n := range 5000 {
		id := classroom.ID(fmt.Sprint(n))
		b.Joined(id, "Calm Elk")
		b.Removed(id)
		b.Pressed("a", set1)
		b.Pressed("a", birth1)
	}
	if changed, all, feed, now = b.Since(now); len(changed) != 1 || !all || len(feed) != 100 {
		t.Errorf("5,000 removals later: %v, %v, %d lines", changed, all, len(feed))
	}
	if changed, all, feed, _ = b.Since(now); len(changed)+len(feed) != 0 || all {
		t.Errorf("nothing new: %v, %v, %v", changed, all, feed)
	}
}

// Readers that wait for Changed and then read hold the same as one that begins anew.
func TestBoardReaders(t *testing.T) {
	t.Parallel()
	b := classroom.NewBoard(nil)
	defer b.Close()
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	held := make([]reader, 4)
	for n := range held {
		readers.Go(func() {
			for {
				changed := b.Changed()
				held[n].read(b)
				select {
				case <-changed:
				case <-done:
					held[n].read(b)
					return
				}
			}
		})
	}
	for w := range 8 {
		writers.Go(func() {
			for n := range 60 {
				id := classroom.ID(fmt.Sprint(w, " ", n%20))
				b.Joined(id, fmt.Sprint("Fox ", id))
				b.Heard(id, device(n))
				b.Pressed(id, birth1)
				b.SetDone(id, n)
				if n%3 == 0 {
					b.Removed(id)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	var late reader
	late.read(b)
	for n := range held {
		if got := held[n].tiles; !maps.Equal(got, late.tiles) || len(got) == 0 {
			t.Errorf("reader %d holds %d tiles, want these %d", n, len(got), len(late.tiles))
		}
	}
}

// A press that met what the teacher did to every session would not be on the tile; or its session, which
// is of before, would be.
func TestActed(t *testing.T) {
	t.Parallel()
	b := classroom.NewBoard(nil)
	defer b.Close()
	b.Joined("1", "Amber Fox")
	b.Pressed("1", classroom.Press{At: time.Unix(100, 0), Op: "set", Session: "9f2c41e0", Keys: 1})
	b.Acted("1", classroom.Press{At: time.Unix(101, 0), Op: "get", Session: "other", Keys: 9})
	if tile, _ := b.Tile("1"); tile.Flash != 2 || tile.LastOp != "get" || tile.Keys != 1 || tile.Session != "9f2c41e0" {
		t.Errorf("the tile is %+v", tile)
	}
}
