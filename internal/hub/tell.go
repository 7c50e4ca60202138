package hub

import (
	"context"
	"slices"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Who did something, if it was not this page's press.
const (
	TheClock      = "the clock"
	TheSweeper    = "the sweeper"
	AnotherPage   = "another page"
	AnotherClient = "another client"
)

// watchTime is how long a look at the store may take when nobody waits for it.
const watchTime = 3 * time.Second

// After is what a request left behind, for those who watch its session. It is not part of
// the exchange: keys name records in the store.
type After struct {
	Saw      session.Key // the session that its cookie named; zero for none
	Has      session.Key // the session that the browser has afterwards; zero for none
	Expires  time.Time
	InCookie bool // all of that session is in the cookie
	// Unknown tells that the store did not answer, so that the watch stays as it is.
	Unknown bool
	// Look tells that the page asked by itself to see what there is: those who saw the
	// session are not told of that.
	Look bool
}

// AfterOf is what a request left behind whose session is that of info.
func AfterOf(info session.Info) (after After) {
	if info.Cookie != nil {
		after.Saw = info.Cookie.RecordKey()
		if info.Exists {
			after.Has = after.Saw
		}
	}
	after.Expires, after.InCookie = info.Expires, info.Placement == session.InCookie
	return after
}

// Add makes an exchange known: it becomes a moment of v, whose number is returned, the
// browsers of v's family get the same moment, those who saw the sessions that it changed
// are told, and boards get a beat. v is nil for a request that belongs to no visit, whose
// exchange is kept nowhere. While nobody has proved v, only its own page is told. answer
// is what is on its way, nil when that is not known; setCookie counts the bytes of the
// cookies that it sets.
func (h *Hub) Add(v *Visit, s *seat.Seat, x *trace.Exchange, answer *tap.Answer, setCookie int, after After) (n int) {
	told := []*Visit{}
	if v != nil {
		m := h.newMoment(s, x)
		m.answer, m.head = answer, usualHead+setCookie
		if told = []*Visit{v}; v.Proved() {
			n, told = h.share(v, m)
		} else {
			n = v.append(m, "")
		}
		v.keepNewest(m, x)
		if x.By == "" && !after.Unknown {
			h.Follow(v, after)
		}
		if !v.Proved() {
			return n
		}
	}
	h.tell(x, s, v, told, after)
	return n
}

// Tell makes an exchange known that is no moment: those who saw the sessions that it
// changed are told, and boards get a beat. of is the visit whose page sent the request, nil
// for none: it is not told of its own request. While nobody has proved it, nobody is told.
func (h *Hub) Tell(of *Visit, s *seat.Seat, x *trace.Exchange, after After) {
	if of == nil || of.Proved() {
		h.tell(x, s, of, []*Visit{of}, after)
	}
}

// share appends m to v and, under the name of v's browser, to the others of its family.
func (h *Hub) share(v *Visit, m *Moment) (n int, told []*Visit) {
	told = h.kinOf(v)
	n = v.append(m, "")
	for _, kin := range told[1:] {
		label := v.Seat.Label()
		if kin.Seat == v.Seat {
			label = AnotherPage
		}
		kin.append(m, label)
	}
	return n, told
}

// news is what a request did, for those who saw a session that it concerned. It holds
// neither the request nor values.
type news struct {
	n     int64  // counts up
	of    *Visit // nil for a request of no page
	told  []*Visit
	seat  *seat.Seat
	gist  trace.Gist
	names []session.Name // of the sessions concerned
	shut  []session.Name // of those that a cookie was of which opened nothing
	ended []session.Name
	swept bool
	after After
}

// tell has those who saw a session told of what x did to it. Should there be more than
// can be told, the figures say so, and the next news make it good. Of a cookie that a page
// sent, and whose session has ended, nobody is told: that is what the session's browser
// does afterwards.
func (h *Hub) tell(x *trace.Exchange, s *seat.Seat, of *Visit, told []*Visit, after After) {
	h.beat(x, s)
	if len(x.Events) == 0 || after.Look && !x.Wrote() || !h.Any() {
		return
	}
	n := news{n: h.told.Add(1), of: of, told: told, seat: s, gist: x.Gist(), after: after}
	n.gist.Elsewhere = of == nil
	for _, ev := range x.Events {
		switch {
		case ev.Kind == session.Expired, ev.Kind == session.Refused && of == nil:
			n.shut = append(n.shut, ev.Session)
		case ev.Kind != session.Refused:
			n.names = append(n.names, ev.Session, ev.Before)
		}
		n.swept = n.swept || ev.Kind == session.Swept && ev.Count > 0
		switch ev.Kind {
		case session.Flushed:
			n.ended = append(n.ended, ev.Session)
		case session.Cycled:
			n.ended = append(n.ended, ev.Before)
		}
	}
	h.telling.Do(func() { go h.tellers() })
	select {
	case h.news <- n:
	default:
	}
}

// tellers tells the news, one after the other, until the hub is closed.
func (h *Hub) tellers() {
	for {
		select {
		case <-h.done:
			return
		case n := <-h.news:
			ctx, cancel := context.WithTimeout(context.Background(), watchTime)
			h.tellOthers(ctx, n)
			cancel()
		}
	}
}

// tellOthers tells the visits that saw a session of what a request that was not theirs
// did to it.
func (h *Hub) tellOthers(ctx context.Context, n news) {
	changed := slices.ContainsFunc(n.gist.Acts, func(act trace.Act) bool { return act.Kind != session.Read })
	by := AnotherClient
	switch {
	case n.gist.By != "":
		by = n.gist.By
	case n.of != nil:
		by = AnotherPage
	}
	for _, v := range h.all() {
		g := n.gist
		k, knows := v.knows(n.names)
		if !knows {
			if k, knows = v.knows(n.shut); knows {
				g = onlyShut(g)
			}
		}
		if n.n <= v.born || slices.Contains(n.told, v) || !knows && !n.swept { // it began afterwards: its page saw what there was
			if changed {
				v.wake() // the figures may have moved
			}
			continue
		}
		if knows {
			h.followOther(v, k, n)
		} else {
			k = v.Session()
		}
		g.By = by
		h.observe(ctx, v, k, g)
	}
}

// onlyShut is what g tells of a session whose cookie opened nothing. Another session may
// have begun in its place, which is none of a watcher's.
func onlyShut(g trace.Gist) trace.Gist {
	about := []session.EventKind{session.Refused, session.Expired, session.Swept}
	g.Acts = slices.DeleteFunc(slices.Clone(g.Acts), func(act trace.Act) bool { return !slices.Contains(about, act.Kind) })
	g.Key, g.Found, g.Wrote = "", false, false
	return g
}

// observe adds what happened without an exchange of v's browser to the session of k. What
// the browser keeps is not known to have changed; what the server keeps is looked at.
func (h *Hub) observe(ctx context.Context, v *Visit, k session.Key, g trace.Gist) {
	x := trace.Exchange{At: h.now(), Side: v.Seat.Name, By: g.By, Nothing: true, Did: trace.Did{Op: g.Op, Key: g.Key, Found: g.Found}}
	if e, ok := v.lastState(0, ""); ok {
		before := e.Moment.unpack()
		x.Cookie = before.Cookie
	}
	x.Store.Keeps(ctx, v.Seat.Engine, k)
	x.Store.Figures = h.Figures(ctx, v.Seat, v)
	g.At, g.Nothing, g.Page, g.Session = x.At, true, "", x.Store.ID
	g.Aside = k != v.Session() || x.Store.Unknown || !x.Store.Figures.Known
	m := h.newMoment(v.Seat, &x)
	m.Gist = g
	v.append(m, "")
}

// Beat is what a board is told of a press: whose, of which session, and the gist of it.
type Beat struct {
	Seat *seat.Seat
	Gist trace.Gist
}

// beatRoom is how many beats wait for a board that does not take them.
const beatRoom = 256

// Beats returns the beats of all presses from now on, and what ends them. A board that is
// slow misses beats: it shows the state at the next one, which makes that good.
func (h *Hub) Beats() (beats <-chan Beat, leave func()) {
	board := make(chan Beat, beatRoom)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.boards[board] = true
	return board, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.boards, board)
	}
}

// beat tells the boards.
func (h *Hub) beat(x *trace.Exchange, s *seat.Seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.boards) == 0 {
		return
	}
	beat := Beat{s, x.Gist()}
	for board := range h.boards {
		select {
		case board <- beat:
		default:
		}
	}
}
