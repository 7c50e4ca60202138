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

// Who did what a timeline tells of, if it was not this page's press. Pages show these words.
const (
	TheClock      = "the clock"      // the session's expiry has passed
	TheSweeper    = "the sweeper"    // the engine removed expired records by itself
	AnotherPage   = "another page"   // a page of the lab that has another visit, in the same browser or another
	AnotherClient = "another client" // a request that no page of the lab sent
)

// watchTime is how long a look at the store may take when nobody waits for it.
const watchTime = 3 * time.Second

// After is what a request left behind of its session, for the visits that watch the session.
// It is not part of the exchange: a key opens a record in the store.
type After struct {
	Saw      session.Key // the session that its cookie named; zero for none
	Has      session.Key // the session that the browser has afterwards; zero for none
	Expires  time.Time
	InCookie bool // all of that session is in the cookie
	// Unknown tells that the store did not answer, so that the watch stays as it is.
	Unknown bool
	// Look tells that no one pressed: the page asked by itself what its session is. Visits
	// that saw the session are not told of that request.
	Look bool
}

// AfterOf returns what a request left behind whose session info describes.
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
// visits of v's family get the same moment, visits that saw the sessions that it changed are
// told, and boards get a beat. v is nil for a request of no visit, whose exchange is kept
// nowhere. While v is not proved, only its own page is told. answer is the answer on its way,
// nil when its connection is not known; setCookie counts the bytes of the cookies that it sets.
func (h *Hub) Add(v *Visit, s *seat.Seat, x *trace.Exchange, answer *tap.Answer, setCookie int, after After) (n int) {
	told := []*Visit{}
	if v != nil {
		m := h.newMoment(s, x, answer, usualHead+setCookie)
		if told = []*Visit{v}; v.Proved() {
			n, told = h.share(v, m)
		} else {
			n = v.append(m, "")
		}
		h.pack(v.keepWhole(m))
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

// Tell makes an exchange known that is no moment: visits that saw the sessions that it changed
// are told, and boards get a beat. of is the visit whose page sent the request, nil for none:
// that visit is not told. While it is not proved, nobody is told.
func (h *Hub) Tell(of *Visit, s *seat.Seat, x *trace.Exchange, after After) {
	if of == nil || of.Proved() {
		h.tell(x, s, of, []*Visit{of}, after)
	}
}

// share appends m to v and, under the name of v's browser, to the other visits of its family.
// It returns m's number in v, and all visits that have it now.
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

// deed is what a request did to sessions, to be told to the visits that saw them. It has neither
// the request nor values.
type deed struct {
	n     int64    // counts deeds
	of    *Visit   // whose page sent the request; nil for a request of no page
	told  []*Visit // that need not be told
	gist  trace.Gist
	names []session.Name // of the sessions concerned
	shut  []session.Name // of the sessions whose cookie came and opened nothing
	ended []session.Name // of the sessions that it ended
	swept bool
	after After
}

// tell has the visits that saw a session told of what x did to it. Deeds that come faster than
// they can be told are dropped, but for the figures: the next deed shows what there is. When a
// page sends the cookie of a session that has ended, nobody is told, since every browser does
// that once after its session has ended.
func (h *Hub) tell(x *trace.Exchange, s *seat.Seat, of *Visit, told []*Visit, after After) {
	h.beat(x, s)
	if len(x.Events) == 0 || after.Look && !x.Wrote() || !h.Any() {
		return
	}
	d := deed{n: h.deedsSoFar.Add(1), of: of, told: told, gist: x.Gist(), after: after}
	d.gist.Elsewhere = of == nil
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
	h.telling.Do(func() { go h.tellers() })
	select {
	case h.deeds <- d:
	default:
		h.moved()
	}
}

// tellers tells the deeds, one after the other, until the hub is closed.
func (h *Hub) tellers() {
	for {
		select {
		case <-h.done:
			return
		case d := <-h.deeds:
			ctx, cancel := context.WithTimeout(context.Background(), watchTime)
			h.tellOthers(ctx, d)
			cancel()
		}
	}
}

// tellOthers tells visits what a request of another sender did to a session that they saw.
func (h *Hub) tellOthers(ctx context.Context, d deed) {
	changed := slices.ContainsFunc(d.gist.Acts, func(act trace.Act) bool { return act.Kind != session.Read })
	by := AnotherClient
	switch {
	case d.gist.By != "":
		by = d.gist.By
	case d.of != nil:
		by = AnotherPage
	}
	visits := h.index.of(slices.Concat(d.names, d.shut)...)
	if d.swept {
		visits = h.all()
	}
	for _, v := range visits {
		g := d.gist
		k, knows := v.knows(d.names)
		if !knows {
			if k, knows = v.knows(d.shut); knows {
				g = onlyShut(g)
			}
		}
		if d.n <= v.born || slices.Contains(d.told, v) || !knows && !d.swept { // the page of a visit that began afterwards saw all this
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
		h.moved()
	}
}

// onlyShut leaves in g what it tells of a session whose cookie opened nothing. Another session
// may have begun in its place, of which the visits that saw the first must learn nothing.
func onlyShut(g trace.Gist) trace.Gist {
	about := []session.EventKind{session.Refused, session.Expired, session.Swept}
	g.Acts = slices.DeleteFunc(slices.Clone(g.Acts), func(act trace.Act) bool { return !slices.Contains(about, act.Kind) })
	g.Key, g.Found, g.Wrote = "", false, false
	return g
}

// observe adds a moment to v: what happened to the session of k without a request of v's
// browser. The browser's side stays as the last moment shows it; the store is asked for the
// server's.
func (h *Hub) observe(ctx context.Context, v *Visit, k session.Key, g trace.Gist) {
	x := trace.Exchange{At: h.now(), Side: v.Seat.Name, By: g.By, Nothing: true, Did: trace.Did{Op: g.Op, Key: g.Key, Found: g.Found}}
	if e, ok := v.lastState(0, ""); ok {
		before := e.exchange()
		x.Cookie = before.Cookie
	}
	x.Store.Keeps(ctx, v.Seat.Engine, k)
	x.Store.Figures = h.Figures(ctx, v.Seat, v)
	g.At, g.Nothing, g.Page, g.Session = x.At, true, "", x.Store.ID
	g.Aside = k != v.Session() || x.Store.Unknown || !x.Store.Figures.Known
	m := h.newMoment(v.Seat, &x, nil, 0)
	m.Gist = g
	h.pack(m)
	v.append(m, "")
}
