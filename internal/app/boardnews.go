package app

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a-h/templ"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

const (
	maxBoards    = 8                      // streams of boards and beamers of one class
	boardRest    = 100 * time.Millisecond // between two messages, which may tell of much
	boardSlow    = time.Second            // between two looks at what tells nobody that it has changed: the network, the store
	boardSummary = 10 * time.Second       // between two summaries for a screen reader
	boardRoom    = 16                     // messages that wait for a page; a page that has more begins again
)

// boardNews tells the open boards of a class what has changed. Each message is rendered once for all
// of them, and has the whole state of the tiles and parts that it is about: the next message makes
// good one that was missed. While no board is open it does nothing.
type boardNews struct {
	class *class

	mu      sync.Mutex
	streams map[*boardStream]bool
	version int64                 // of the board, as it was told last
	seats   map[classroom.ID]bool // that have a tile
	feed    []classroom.FeedLine  // the latest, the oldest first
	told    map[string]string     // each part as it was told last
	looked  time.Time             // when the network and the store were looked at
	summed  time.Time             // when the last summary was made
	summary string
	counted string                 // the numbers of which it speaks
	acts    map[classroom.ID]int64 // how many acts each seat had at the last summary
	follows bool                   // follow runs

	// These are not guarded by mu, so that who changes something waits for no page to be rendered.
	stirred atomic.Bool   // what the class does together has changed, and was not told yet
	stirs   chan struct{} // of capacity one: has something when stirred is to be told at once
	hints   chan struct{} // of capacity one: has something when stirred is to be told soon
}

// open makes the news of a class, before anything changes there.
func (n *boardNews) open(cl *class) {
	n.class, n.stirs, n.hints = cl, make(chan struct{}, 1), make(chan struct{}, 1)
}

// boardStream is one open page.
type boardStream struct {
	screen   bool        // the beamer's
	messages chan []byte // closed when the page has to begin again
}

// at returns how a page says what it has: the version of the board, of this run of the program, and
// "w" while nobody has joined, since the page is another one then.
func (n *boardNews) at(version int64, waiting bool) string {
	at := strconv.FormatInt(n.class.opened.UnixMilli(), 36) + "-" + strconv.FormatInt(version, 10)
	if waiting {
		at += "w"
	}
	return at
}

// join adds a page, and returns what it may have missed. since is what it has, of at. It returns
// false when there are too many pages already.
func (n *boardNews) join(screen bool, since string) (s *boardStream, first []byte, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.streams) >= maxBoards {
		return nil, nil, false
	}
	if len(n.streams) == 0 {
		n.begin()
	}
	n.tell(true) // the others: what is told to the new one counts as told
	s = &boardStream{screen, make(chan []byte, boardRoom)}
	n.streams[s] = true
	if n.class.over.Load() != nil && !screen {
		return s, n.message(n.render(views.BoardStage(n.class.endedBoard()))), true
	}
	if screen {
		return s, n.message(n.render(views.ScreenNews(n.class.screenView()))), true
	}
	tiles, _, _, _ := n.class.board.Since(0)
	n.told = make(map[string]string)
	waiting := len(n.seats) == 0
	switch {
	case strings.HasSuffix(since, "w") != waiting:
		return s, n.message(n.stage(tiles)), true
	case since != n.at(n.version, waiting) && !waiting:
		first = n.tiles(tiles)
	}
	return s, n.message(append([][]byte{first}, n.parts(tiles, true, true)...)...), true
}

// begin starts to follow the board. The caller holds the lock.
func (n *boardNews) begin() {
	n.streams, n.told, n.acts = make(map[*boardStream]bool), make(map[string]string), make(map[classroom.ID]int64)
	n.seats, n.looked, n.summed, n.summary, n.counted = make(map[classroom.ID]bool), time.Time{}, time.Now(), "", ""
	var tiles []classroom.Tile
	tiles, _, n.feed, n.version = n.class.board.Since(0)
	for _, t := range tiles {
		n.seats[t.ID], n.acts[t.ID] = true, t.Flash
	}
	if !n.follows {
		n.follows = true
		go n.follow()
	}
}

// stir has the pages told at once what the class does together.
func (n *boardNews) stir() { n.awake(n.stirs) }

// hint has the pages told it with the next message.
func (n *boardNews) hint() { n.awake(n.hints) }

func (n *boardNews) awake(whom chan<- struct{}) {
	n.stirred.Store(true)
	select {
	case whom <- struct{}{}:
	default: // it has something already
	}
}

// leave removes a page.
func (n *boardNews) leave(s *boardStream) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.streams, s)
}

// follow tells the pages each change, until there is no page or the class ends.
func (n *boardNews) follow() {
	slow := time.NewTicker(boardSlow)
	defer slow.Stop()
	rest := time.NewTimer(boardRest)
	defer rest.Stop()
	for {
		changed := n.class.board.Changed()
		n.mu.Lock()
		if n.follows = len(n.streams) > 0; n.follows {
			n.tell(time.Since(n.looked) >= boardSlow)
		}
		over := !n.follows
		n.mu.Unlock()
		if over {
			return
		}
		rest.Reset(boardRest)
		select {
		case <-rest.C:
		case <-n.stirs:
			continue
		case <-n.class.lab.done:
			return
		}
		select {
		case <-changed:
		case <-n.stirs:
		case <-n.hints:
		case <-slow.C:
		case <-n.class.lab.done:
			return
		}
	}
}

// tell sends what has changed to all pages. The network and the store are looked at with all only. The
// caller holds the lock.
func (n *boardNews) tell(all bool) {
	if n.class.over.Load() != nil {
		n.tellEnd()
		return
	}
	stirred := n.stirred.Swap(false) // before the look: what changes later is told with the next message
	changed, removed, feed, version := n.class.board.Since(n.version)
	n.version = version
	n.feed = append(n.feed, feed...)
	n.feed = slices.Clone(n.feed[max(0, len(n.feed)-classroom.FeedLines):])
	were, other := len(n.seats), removed
	if removed { // all seats that there are have changed
		clear(n.seats)
	}
	for _, t := range changed {
		other = other || !n.seats[t.ID]
		n.seats[t.ID] = true
	}
	maps.DeleteFunc(n.acts, func(id classroom.ID, _ int64) bool { return !n.seats[id] })
	all = all || other
	tiles, _, _, _ := n.class.board.Since(0)
	var parts [][]byte
	switch {
	case (were == 0) != (len(n.seats) == 0):
		n.told = make(map[string]string)
		parts = append(parts, n.stage(tiles))
	case other:
		parts = append(parts, n.tiles(tiles))
	default:
		for _, t := range changed {
			parts = append(parts, n.render(views.TileNews(show.Tile(t, n.class.lab.experimentCount(), n.class.now()))))
		}
	}
	n.send(false, n.message(append(parts, n.parts(tiles, all, stirred)...)...))
	if all || stirred {
		n.send(true, n.message(n.fresh("screen", views.ScreenNews(n.class.screenView()))))
	}
}

// send passes a message on to the boards, or to the beamers. A page that does not keep up begins
// again. The caller holds the lock.
func (n *boardNews) send(screens bool, message []byte) {
	if message == nil {
		return
	}
	for s := range n.streams {
		if s.screen != screens {
			continue
		}
		select {
		case s.messages <- message:
		default:
			delete(n.streams, s)
			close(s.messages)
		}
	}
}

// stage returns all of the board. The caller holds the lock.
func (n *boardNews) stage(tiles []classroom.Tile) []byte {
	cl, now := n.class, n.class.now()
	return n.render(views.BoardStage(views.Board{
		Waiting: len(tiles) == 0, Together: cl.togetherView(), Join: cl.joinView(), Tally: n.tally(tiles), Tiles: show.Tiles(tiles, cl.lab.experimentCount(), now),
		Door: cl.doorView(), Holds: cl.storeView(context.Background()), Feed: show.Feed(n.feed), Doctor: doctorView(cl.health()), Now: now.UnixMilli(),
	}))
}

// tiles returns all tiles.
func (n *boardNews) tiles(all []classroom.Tile) []byte {
	return n.render(views.TilesNews(show.Tiles(all, n.class.lab.experimentCount(), n.class.now())))
}

// parts returns the parts beside tiles, which are all, that are others than they were told. What the class
// does together is looked at with stirred, the network and the store with all only. The caller holds
// the lock.
func (n *boardNews) parts(tiles []classroom.Tile, all, stirred bool) (out [][]byte) {
	cl := n.class
	waiting := len(n.seats) == 0
	if !waiting {
		out = append(out, n.fresh("tally", views.TallyNews(n.tally(tiles))), n.fresh("feed", views.FeedNews(show.Feed(n.feed))))
	}
	if all || stirred {
		for _, p := range cl.panels() {
			out = append(out, n.fresh(p.name, p.part))
		}
	}
	if !all {
		return out
	}
	n.looked = time.Now()
	if waiting {
		cl.doctor.lookAgain()
	} else {
		out = append(out, n.fresh("store", views.StoreNews(cl.storeView(context.Background()))))
	}
	return append(out, n.fresh("join", views.JoinNews(cl.joinView(), waiting)), n.fresh("door", views.DoorNews(cl.doorView())),
		n.fresh("doctor", views.DoctorNews(doctorView(cl.health()))))
}

// render returns a component as HTML, nil if that fails.
func (n *boardNews) render(part templ.Component) []byte {
	var b bytes.Buffer
	if err := n.class.app.render(context.Background(), &b, part); err != nil {
		n.class.app.cfg.Log.Error("a part of the board could not be rendered", "error", err)
		return nil
	}
	return b.Bytes()
}

// fresh returns a part as HTML, nil if it was told so before. The caller holds the lock.
func (n *boardNews) fresh(name string, part templ.Component) []byte {
	html := n.render(part)
	if string(html) == n.told[name] {
		return nil
	}
	n.told[name] = string(html)
	return html
}

// tally counts the seats. At most every ten seconds it sums up for a screen reader what they did, or that
// other numbers are awake or in trouble. A summary whose numbers are old by now is not left beside the new ones.
func (n *boardNews) tally(tiles []classroom.Tile) views.Tally {
	t := show.Tally(tiles, n.class.app.cfg.Class.Seats)
	counts := show.Counts(t)
	n.counted = cmp.Or(n.counted, counts)
	if time.Since(n.summed) >= boardSummary {
		n.summed = time.Now()
		acted := 0
		for _, tile := range tiles {
			if tile.Flash != n.acts[tile.ID] {
				acted++
			}
			n.acts[tile.ID] = tile.Flash
		}
		if acted > 0 || n.counted != counts {
			n.summary, n.counted = show.Summary(t, acted), counts
		}
	}
	if n.counted != counts {
		n.summary = ""
	}
	t.Summary = n.summary
	return t
}

// message makes one message of parts, nil of none. The caller holds the lock.
func (n *boardNews) message(parts ...[]byte) []byte {
	html := bytes.Join(parts, nil)
	if len(html) == 0 {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %s\n", n.at(n.version, len(n.seats) == 0))
	writeData(&b, html)
	return b.Bytes()
}

// boardEvents is GET /classroom/events: server-sent events for a board, or with part=screen for a
// beamer. since, or Last-Event-ID, is what the page has.
func (a *App) boardEvents(c *call, cl *class) error {
	r := c.Request()
	if foreign(r) {
		return refuseForeign(c)
	}
	since := c.QueryParam("since")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		since = last
	}
	s, first, ok := cl.news.join(c.QueryParam("part") == "screen", since)
	if !ok {
		c.Response().Header().Set("Retry-After", "15")
		return c.String(http.StatusTooManyRequests, fmt.Sprintf("At most %d pages of a class's board are kept up to date at once.\n", maxBoards))
	}
	defer cl.news.leave(s)
	write := beginStream(c)
	err := write([]byte(": here\n\n"), first)
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	for err == nil {
		select {
		case <-c.ctx().Done():
			return nil
		case <-a.done:
			return nil
		case <-cl.lab.done:
			return nil
		case <-beat.C:
			err = write([]byte(": still here\n\n"))
		case message, open := <-s.messages:
			if !open {
				return nil
			}
			err = write(message)
		}
	}
	return nil
}
