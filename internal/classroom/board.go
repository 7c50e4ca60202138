package classroom

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// FeedLines is how many lines of the feed are kept.
const FeedLines = 100

// Board gathers what the board shows: a tile for each seat, and the feed. It has facts, and
// no words for people. It is safe for concurrent use.
//
// A reader takes Changed, then Since with the version that it has, shows that, and waits for
// Changed; it then waits a little more, so that many changes are shown at once. Since returns
// whole tiles: a message that was lost is made good by the next.
type Board struct {
	now func() time.Time

	mu      sync.Mutex
	version int64 // grows with every change
	tiles   map[ID]*tile
	removed int64 // the version of the latest removal of a tile; 0 if there was none
	feed    []feedLine
	changed chan struct{}
	timer   *time.Timer
	due     time.Time // when timer fires; zero if it does not
	closed  bool
}

type feedLine struct {
	FeedLine
	version int64
}

// NewBoard returns a board without a tile. now is its clock; nil is time.Now. Close ends it.
func NewBoard(now func() time.Time) *Board {
	if now == nil {
		now = time.Now
	}
	b := &Board{now: now, tiles: make(map[ID]*tile), changed: make(chan struct{})}
	b.timer = time.AfterFunc(time.Hour, b.clock)
	b.timer.Stop()
	return b
}

// Close stops the board's clock: nothing changes any more by itself.
func (b *Board) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.timer.Stop()
}

// Joined adds a seat's tile. If there is one it changes nothing.
func (b *Board) Joined(id ID, nickname string) { b.add(Tile{ID: id, Nickname: nickname}) }

// Rehearses is Joined for the seat of one of the program's own browsers: its tile says so.
func (b *Board) Rehearses(id ID, nickname string) {
	b.add(Tile{ID: id, Nickname: nickname, Rehearsal: true})
}

// add adds a tile. If the seat has one it changes nothing.
func (b *Board) add(t Tile) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tiles[t.ID] != nil {
		return
	}
	t.Name, t.State = nameOf(t.Nickname), StateNone
	b.tiles[t.ID] = &tile{Tile: t, devices: make(map[netip.Addr]time.Time)}
	b.touch(b.tiles[t.ID])
}

// Restored adds the tile of a seat that was there before the program's start. Its browser may have a
// session, which the first press shows.
func (b *Board) Restored(id ID, nickname string) {
	b.Joined(id, nickname)
	b.change(id, func(t *tile) { t.Unseen = true })
}

// Moved notes that a seat has moved. At its new path no browser has a session cookie yet, and
// the pages at the old path are not the seat's any more.
func (b *Board) Moved(id ID) {
	b.change(id, func(t *tile) {
		t.State, t.Why, t.Reason, t.Act, t.act, t.Session, t.births, t.Unseen = StateNone, "", "", "", "", "", 0, false
		t.noValues()
		clear(t.devices)
		t.HeardAt = time.Time{}
	})
}

// Removed removes a seat's tile.
func (b *Board) Removed(id ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tiles[id] == nil {
		return
	}
	delete(b.tiles, id)
	b.version++
	b.removed = b.version
	b.signal()
}

// SetDone notes how many experiments the seat has done.
func (b *Board) SetDone(id ID, n int) { b.change(id, func(t *tile) { t.Done = n }) }

// SetAnswered notes which seats have answered what is asked now.
func (b *Board) SetAnswered(answered func(ID) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, t := range b.tiles {
		if now := answered(id); now != t.Answered {
			t.Answered = now
			b.touch(t)
		}
	}
}

// Everyone notes what was done to every session of the class. What it did to a seat's session shows its next
// request.
func (b *Board) Everyone(kind ActKind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.tiles {
		t.everyone(kind)
	}
}

// Heard notes that a page of the seat was heard from a device: it has answered a beat, or
// made a request. What a device is decides the caller, as for Class.Join.
func (b *Board) Heard(id ID, device netip.Addr) {
	b.change(id, func(t *tile) { t.heard(device, b.now()) })
}

// Tile returns the tile of a seat as it is now, if there is one.
func (b *Board) Tile(id ID) (Tile, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.tiles[id]
	if t == nil {
		return Tile{}, false
	}
	b.tick(t)
	return t.Tile, true
}

// Pressed notes what a request did to the seat's session. Requests of a seat that run at the
// same time are told in the order in which they ended.
func (b *Board) Pressed(id ID, p Press) {
	b.change(id, func(t *tile) {
		if p.Ended != "" && !t.told(p) { // a page that loads itself again would fill the feed
			b.tell(FeedLine{At: p.At, Nickname: t.Nickname, What: p.Ended, Why: p.Reason})
		}
		if p.Born {
			b.tell(FeedLine{At: p.At, Nickname: t.Nickname, What: FeedBorn})
		}
		t.Unseen = false
		t.pressed(p)
	})
}

// Acted notes what was asked for by a request that shows nothing of the seat's session any more.
func (b *Board) Acted(id ID, p Press) { b.change(id, func(t *tile) { t.acted(p) }) }

// change changes a tile, if the seat has one, after what the clock has changed until now.
func (b *Board) change(id ID, do func(*tile)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.tiles[id]
	if t == nil {
		return
	}
	b.tick(t)
	do(t)
	b.touch(t)
}

// touch notes that t has changed.
func (b *Board) touch(t *tile) {
	b.version++
	b.tick(t)
	t.version = b.version
	b.plan(t.due())
	b.signal()
}

// tick brings t to the present.
func (b *Board) tick(t *tile) {
	expires := t.expires
	changed, expired := t.tick(b.now())
	if changed {
		b.version++
		t.version = b.version
		b.signal()
	}
	if expired {
		b.tell(FeedLine{At: expires, Nickname: t.Nickname, What: EndedExpired})
	}
}

// tell adds a line to the feed. The caller changes a tile.
func (b *Board) tell(line FeedLine) {
	b.version++
	if len(b.feed) == FeedLines {
		b.feed = slices.Delete(b.feed, 0, 1)
	}
	b.feed = append(b.feed, feedLine{line, b.version})
}

// plan lets the clock run not later than at due.
func (b *Board) plan(due time.Time) {
	if b.closed || due.IsZero() || !b.due.IsZero() && !due.Before(b.due) {
		return
	}
	b.due = due
	b.timer.Reset(due.Sub(b.now()))
}

// clock changes what the time has changed.
func (b *Board) clock() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tickAll()
}

// tickAll brings every tile to the present, and plans the next time.
func (b *Board) tickAll() {
	b.due = time.Time{}
	var due time.Time
	for _, t := range b.tiles {
		b.tick(t)
		if at := t.due(); !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	b.plan(due)
}

// signal tells the readers that something has changed.
func (b *Board) signal() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Changed returns a channel that the next change closes. Take it before Since, so that no
// change is missed.
func (b *Board) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// Since returns what has changed since a version: the whole tiles, in the order of their
// nicknames, and the new lines of the feed, the oldest first, at most FeedLines. all tells
// that a tile was removed since: then tiles has every tile that there is. now is the version
// to ask with next. Version 0 is that of a reader who has nothing yet.
func (b *Board) Since(version int64) (tiles []Tile, all bool, feed []FeedLine, now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.now(); !b.due.IsZero() && !t.Before(b.due) {
		b.tickAll()
	}
	all = b.removed > version
	for _, t := range b.tiles {
		if all || t.version > version {
			tiles = append(tiles, t.Tile)
		}
	}
	slices.SortFunc(tiles, func(a, b Tile) int { return cmp.Or(cmp.Compare(a.Nickname, b.Nickname), cmp.Compare(a.ID, b.ID)) })
	for _, line := range b.feed {
		if line.version > version {
			feed = append(feed, line.FeedLine)
		}
	}
	return tiles, all, feed, b.version
}

// Clear removes all tiles and the feed.
func (b *Board) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.tiles)
	clear(b.feed)
	b.feed = b.feed[:0]
	b.version++
	b.removed = b.version
	b.signal()
}
