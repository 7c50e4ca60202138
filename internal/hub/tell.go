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

// The actors that a timeline names when this page did not press. Pages show these words.
const (
	TheClock      = "the clock"      // the session's expiry has passed
	TheSweeper    = "the sweeper"    // the engine removed expired records by itself
	TheTeacher    = "the teacher"    // of the class did it to every session
	AnotherPage   = "another page"   // a page of the lab that has another visit, in this browser or in another browser
	AnotherClient = "another client" // a request that no page of the lab sent
)

// watchTime is how long a question to the store may take when no request waits for the answer.
const watchTime = 3 * time.Second

// After is what a request left behind of its session, for the visits that watch the session.
// It is not part of the exchange: a key opens a record in the store.
type After struct {
	Saw      session.Key // the session that the request's cookie named; zero for none
	Has      session.Key // the session that the browser has afterwards; zero for none
	Expires  time.Time
	InCookie bool // all of that session is in the cookie
	// Unknown tells that the store did not answer, so that the watch stays as it is.
	Unknown bool
	// ByItself tells that nobody pressed: the page's script asked what its session is. Visits
	// that saw the session are not told of that request.
	ByItself bool
}

// AfterOf returns what a request left behind. info is its session, as committed.
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

// Add makes an exchange known. It becomes a moment of v, whose number is returned. The other
// visits of v's family get the same moment, and visits that saw the sessions that it changed are
// told. v is nil for a request of no visit, whose exchange is kept nowhere. While v is not proved,
// only its own page is told. answer is the answer on its way, nil when its connection is not known;
// setCookie counts the bytes of the cookies that the answer sets.
func (h *Hub) Add(v *Visit, s *seat.Seat, x *trace.Exchange, answer *tap.Answer, setCookie int, after After) (n int) {
	have := []*Visit{}
	if v != nil {
		m := h.newMoment(s, x, answer, usualHead+setCookie)
		if have = []*Visit{v}; v.Proved() {
			n, have = h.share(v, m)
		} else {
			n = v.append(m, "")
		}
		h.pack(v.keepWhole(m))
		if x.By == "" && !after.Unknown {
			h.Follow(v, after)
			v.noteLabel(x)
		}
		if !v.Proved() {
			return n
		}
	}
	h.queueDeed(x, s, v, have, after)
	return n
}

// Announce makes an exchange known that becomes no moment: visits that saw the sessions that it
// changed are told. of is the visit whose page sent the request, nil for none: that visit is not
// told. While of is not proved, nobody is told.
func (h *Hub) Announce(of *Visit, s *seat.Seat, x *trace.Exchange, after After) {
	if of == nil || of.Proved() {
		h.queueDeed(x, s, of, []*Visit{of}, after)
	}
}

// share appends m to v and, under the name of v's browser, to the other visits of its family.
// It returns m's number in v, and all visits that have it now.
func (h *Hub) share(v *Visit, m *Moment) (n int, have []*Visit) {
	have = h.kinOf(v)
	n = v.append(m, "")
	for _, kin := range have[1:] {
		label := v.Seat.Label()
		if kin.Seat == v.Seat {
			label = AnotherPage
		}
		kin.append(m, label)
	}
	return n, have
}

// deed is what a request did to sessions. It waits in Hub.deeds until it is delivered to the visits
// that saw these sessions. It has neither the request nor values.
type deed struct {
	n     int64 // the deed's number, counted from 1
	seat  *seat.Seat
	of    *Visit   // the visit whose page sent the request; nil for a request of no page
	have  []*Visit // visits that have the moment already, and are not told again
	gist  trace.Gist
	names []session.Name // the sessions that it changed or read, under their old and new names
	shut  []session.Name // the sessions whose cookie came and opened nothing
	ended []session.Name // the sessions that it ended
	swept bool           // it cleared expired records: that concerns all visits of its realm
	after After
}

// queueDeed queues what x did to sessions for the visits that saw them. have are the visits that
// have the moment already. When the queue is full, the deed is dropped, and only the figures are
// asked for: the next deed shows what there is. When a page sends the cookie of a session that has
// ended, nobody is told, since every browser does that once after its session has ended.
func (h *Hub) queueDeed(x *trace.Exchange, s *seat.Seat, of *Visit, have []*Visit, after After) {
	if len(x.Events) == 0 || after.ByItself && !x.Wrote() || !h.Any() {
		return
	}
	d := deed{n: h.deedsSoFar.Add(1), seat: s, of: of, have: have, gist: x.Gist(), after: after}
	d.gist.Elsewhere, d.gist.OtherPage = of == nil, of != nil && d.gist.By == ""
	for _, ev := range x.Events {
		switch {
		case ev.Kind == session.Expired, ev.Kind == session.Refused && of == nil:
			d.shut = append(d.shut, ev.Session)
		case ev.Kind != session.Refused:
			d.names = append(d.names, ev.Session, ev.Before)
		}
		d.swept = d.swept || ev.Kind == session.Swept && ev.Count > 0
		switch ev.Kind {
		case session.Flushed:
			d.ended = append(d.ended, ev.Session)
		case session.Cycled:
			d.ended = append(d.ended, ev.Before)
		}
	}
	h.deliverer.Do(func() { go h.runDeeds() })
	select {
	case h.deeds <- d:
	default:
		h.askFiguresSoon(s)
	}
}

// runDeeds delivers the deeds, one after the other, until the hub is closed.
func (h *Hub) runDeeds() {
	for {
		select {
		case <-h.done:
			return
		case d := <-h.deeds:
			ctx, cancel := context.WithTimeout(context.Background(), watchTime)
			h.deliver(ctx, d)
			cancel()
		}
	}
}

// deliver tells the visits that saw a session what the deed did to it.
func (h *Hub) deliver(ctx context.Context, d deed) {
	changed := slices.ContainsFunc(d.gist.Acts, func(act trace.Act) bool { return act.Kind != session.Read })
	by := AnotherClient
	switch {
	case d.gist.By != "":
		by = d.gist.By
	case d.gist.OtherPage:
		by = AnotherPage
	}
	visits := h.index.of(slices.Concat(d.names, d.shut)...)
	if d.swept {
		visits = h.index.realm(d.seat.First())
	}
	for _, v := range visits {
		g := d.gist
		k, knows := v.latestSeen(d.names)
		if !knows {
			if k, knows = v.latestSeen(d.shut); knows {
				g = onlyShut(g)
			}
		}
		if d.n <= v.born || slices.Contains(d.have, v) || !knows && !d.swept { // the page of a visit that began afterwards saw all this
			continue
		}
		if knows {
			h.followOther(v, k, d)
		} else {
			k = v.Session()
		}
		g.By = by
		h.observe(ctx, v, k, g)
		for _, kin := range h.kinOf(v)[1:] {
			kin.wake() // its page shows what became of this browser's session
		}
	}
	if changed {
		h.askFiguresSoon(d.seat)
	}
}

// onlyShut keeps of g what concerns a session whose cookie opened nothing. Another session may
// have begun in its place: a visit that saw only the first session must learn nothing of it.
func onlyShut(g trace.Gist) trace.Gist {
	about := []session.EventKind{session.Refused, session.Expired, session.Swept}
	g.Acts = slices.DeleteFunc(slices.Clone(g.Acts), func(act trace.Act) bool { return !slices.Contains(about, act.Kind) })
	g.Key, g.Found, g.Wrote = "", false, false
	return g
}

// observeTries is how often observe asks the store again because a press of v's browser ended
// meanwhile.
const observeTries = 3

// observe adds a moment to v: what happened to the session of k without a request of v's
// browser. The browser's side stays as the last moment shows it; the store says what the server
// keeps. When a press of v's browser ends while the store is asked, observe begins anew: its
// moment would show the cookie as it was before that press.
func (h *Hub) observe(ctx context.Context, v *Visit, k session.Key, g trace.Gist) {
	for try := range observeTries {
		last, known := v.lastState(0, "")
		x := trace.Exchange{At: h.now(), Side: v.Seat.Name, By: g.By, Nothing: true, Did: trace.Did{Op: g.Op, Key: g.Key, Found: g.Found}}
		x.Store.Keeps(ctx, v.Seat.Engine, k)
		x.Store.Figures = h.Figures(ctx, v.Seat, v)
		other := false // a press ended just now, and v does not follow the session that it led to yet
		if known {
			before := last.exchange()
			x.Cookie = before.Cookie
			x.Session = carriedOn(&before, &x)
			other = before.Session.Exists && before.Session.ID != x.Store.ID
		}
		g.At, g.Nothing, g.Page, g.Session = x.At, true, "", x.Store.ID
		g.Aside = k != v.Session() || other || x.Store.Unknown || !x.Store.Figures.Known
		m := h.newMoment(v.Seat, &x, nil, 0)
		m.Gist = g
		h.pack(m)
		if v.appendAfter(m, last.N, try == observeTries-1) {
			return
		}
	}
}

// carriedOn returns the session of before if the browser's cookie still opens it at x: all of the
// session is in that cookie, so that no record is missed, and nobody has ended it.
func carriedOn(before, x *trace.Exchange) trace.Session {
	s := before.Session
	if s.Exists && s.Placement == session.InCookie && s.ID == x.Store.ID && x.Store.State == session.StateNone && x.At.Before(s.Expires) {
		return s
	}
	return trace.Session{}
}
