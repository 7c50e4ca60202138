package app

import (
	"bytes"
	"context"
	"hash/fnv"
	"strconv"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/views"
)

// classBeat is the time between two beats of a class's stream. A page answers each: an open connection
// proves nothing, since a phone whose radio is off keeps one for minutes.
const classBeat = 10 * time.Second

// What the stream of a seat tells its page. All but wordLook are the last that it tells.
const (
	wordLook  = "look"  // the strip may say something else
	wordTaken = "taken" // a later page of the seat has the stream
	wordMoved = "moved" // the seat has another address
	wordGone  = "gone"  // the seat is not in the class any more
	wordEnded = "ended" // the class has ended
)

// bidSpread is over how many milliseconds the pages of a class do what they are bidden to.
const bidSpread = 1000

// bidAfter returns after how many milliseconds the pages of a seat do it. Each seat has a moment of its
// own, so that 300 phones do not ask all at once.
func bidAfter(id classroom.ID) int {
	h := fnv.New32a()
	h.Write([]byte(id))
	return int(h.Sum32() % bidSpread)
}

// classStreams are the streams of a class: at most one of each seat. The zero value has none.
type classStreams struct {
	mu   sync.Mutex
	open map[classroom.ID]chan string
}

// begin makes a stream the one of its seat, if the seat is still there. The page that had one before is
// told that it was taken. Whoever tells of a seat that is not there any more tells it after that: so
// no stream is left that nobody ends.
func (cs *classStreams) begin(id classroom.ID, there func() bool) (news <-chan string, leave func(), ok bool) {
	own := make(chan string, 8)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !there() {
		return nil, nil, false
	}
	if cs.open == nil {
		cs.open = make(map[classroom.ID]chan string)
	}
	cs.end(id, wordTaken)
	cs.open[id] = own
	return own, func() {
		cs.mu.Lock()
		defer cs.mu.Unlock()
		if cs.open[id] == own {
			delete(cs.open, id)
		}
	}, true
}

// end tells the stream of a seat a last word. The caller holds the lock.
func (cs *classStreams) end(id classroom.ID, word string) {
	if own := cs.open[id]; own != nil {
		own <- word // there is room: look leaves some
		delete(cs.open, id)
	}
}

// tell ends the stream of a seat with a word.
func (cs *classStreams) tell(id classroom.ID, word string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.end(id, word)
}

// look has the stream of a seat look at what it shows.
func (cs *classStreams) look(id classroom.ID) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if own := cs.open[id]; own != nil && len(own) < cap(own)/2 {
		own <- wordLook
	}
}

// lookAll has every stream look at what it shows.
func (cs *classStreams) lookAll() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, own := range cs.open {
		if len(own) < cap(own)/2 {
			own <- wordLook
		}
	}
}

// classEvents is GET /s/NAME-SUFFIX/class/events: the stream that tells the pages of a seat of the
// class. It begins with all that there is to know.
func (a *App) classEvents(c *call) error {
	c.quiet()
	if foreign(c.Request()) {
		return refuseForeign(c)
	}
	id := classroom.ID(c.seat.Class)
	news, leave, ok := a.of.streams.begin(id, func() bool { _, there := a.of.seatOf(c); return there })
	if !ok {
		return errSeatGone
	}
	defer leave()
	a.of.roster.Use(id)
	a.of.board.Heard(id, deviceOf(c.Request()))

	st := &classStream{app: a, c: c, bade: make(map[string]int), flush: beginStream(c)}
	st.run(c.ctx(), news)
	return nil
}

// classStream is the connection of one page to the class's stream.
type classStream struct {
	app   *App
	c     *call
	told  [2][]byte      // each part as the page was told it last
	bade  map[string]int // the number of each bid as the page was told it last
	begun bool           // the page has been told all that there was when its stream began
	flush func(...[]byte) error
}

// run tells the page until it leaves, does not read, or has heard a last word.
func (st *classStream) run(ctx context.Context, news <-chan string) {
	beat := time.NewTicker(classBeat)
	defer beat.Stop()
	err := st.flush([]byte(": here\n\n"))
	if err == nil {
		err = st.look(ctx)
	}
	st.begun = true
	for err == nil {
		select {
		case <-ctx.Done():
			return
		case <-st.app.done: // the end of the class is told also if the program ends with it
			st.parting(ctx, news)
			return
		case <-beat.C:
			delete(st.bade, bidBrowsers)        // who has not given anything yet is asked once more
			if err = st.look(ctx); err == nil { // a device may have come or gone meanwhile
				err = st.flush([]byte("event: beat\ndata: answer\n\n"))
			}
		case word := <-news:
			if word == wordLook {
				err = st.look(ctx)
				continue
			}
			st.last(ctx, word)
			return
		}
	}
}

// parting tells the page a last word that waits for it, or that the class ends with the program.
func (st *classStream) parting(ctx context.Context, news <-chan string) {
	for len(news) > 0 {
		if word := <-news; word != wordLook {
			st.last(ctx, word)
			return
		}
	}
	if st.app.of.ending.Load() {
		st.last(ctx, wordEnded)
	}
}

// last tells the page a last word.
func (st *classStream) last(ctx context.Context, word string) {
	if err := st.send(ctx, views.SeatEnded(word, st.onClassPage())); err == nil {
		_ = st.flush([]byte("event: bye\ndata: " + word + "\n\n"))
	}
}

// onClassPage tells whether the page is the class page, which asks for its stream with page=class.
func (st *classStream) onClassPage() bool { return st.c.QueryParam("page") == "class" }

// look tells the page what it shows now, if that is something else than it was told. Only the class
// page shows what the class does together; the others have the strip.
func (st *classStream) look(ctx context.Context) error {
	strip := st.app.of.strip(st.c)
	seat, there := st.app.of.seatOf(st.c)
	if strip == nil || !there {
		return nil // the last word is on its way
	}
	strip.ClassPage = st.onClassPage()
	parts := []templ.Component{views.StripNews(*strip)}
	if strip.ClassPage {
		parts = append(parts, views.PhoneNews(st.app.of.phoneView(seat)))
	}
	for i, part := range parts {
		message, err := st.app.message(ctx, part)
		if err != nil {
			return err
		}
		if bytes.Equal(message, st.told[i]) {
			continue
		}
		st.told[i] = message
		if err := st.flush(message); err != nil {
			return err
		}
	}
	return st.bid(ctx, seat.ID)
}

// What a page of a seat is bidden to do by itself, by the event that it hears: it sends requests of its
// own.
const (
	bidAct      = "act"      // ask what became of the session, see became
	bidBrowsers = "browsers" // show what the browser has, see gave
)

// bid is what the pages of a seat are to do now.
type bid struct {
	event string
	n     int // counts these bids in a class; 0 for nothing to do
}

// unseen is the number of a bidAct after which the class knows a session that it has not seen since the
// program's start. No act has it.
const unseen = -1

// bids are what the pages of a seat are to do now: after each act for everyone, or if nobody has seen its
// session since the program's start, and when the browsers are asked.
func (cl *class) bids(id classroom.ID) [2]bid {
	n := 0
	if act, _, _, ok := cl.survey.Of(id); ok {
		n = act.N
	} else if tile, _ := cl.board.Tile(id); tile.Unseen {
		n = unseen
	}
	return [2]bid{{bidAct, n}, {bidBrowsers, cl.browsers.Asks(id, true)}}
}

// bid tells the page what it is to do, if it was not told yet: after how many milliseconds, the number of
// the bid, and "now" if the page was open before, so that it may show what was before. When an act is
// shown no more, the page says nothing of it any more.
func (st *classStream) bid(ctx context.Context, id classroom.ID) error {
	for _, b := range st.app.of.bids(id) {
		was := st.bade[b.event]
		if b.n == was {
			continue
		}
		st.bade[b.event] = b.n
		var err error
		switch now := ""; {
		case b.n != 0:
			if st.begun {
				now = " now"
			}
			err = st.flush([]byte("event: " + b.event + "\ndata: " + strconv.Itoa(bidAfter(id)) + " " + strconv.Itoa(b.n) + now + "\n\n"))
		case b.event == bidAct && was > 0:
			err = st.send(ctx, views.BecameNews(nil, st.c.seat.Base))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// send writes one message.
func (st *classStream) send(ctx context.Context, component templ.Component) error {
	message, err := st.app.message(ctx, component)
	if err != nil {
		return err
	}
	return st.flush(message)
}
