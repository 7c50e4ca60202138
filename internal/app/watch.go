package app

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// Who did something, if it was not this page's press.
const (
	theClock      = "the clock"
	theSweeper    = "the sweeper"
	anotherPage   = "another page"
	anotherClient = "another client"
)

// watchTime is how long a look at the store may take when nobody waits for it.
const watchTime = 3 * time.Second

// follow keeps v's watch on the session that its browser has after an exchange.
func (a *App) follow(v *visit, info session.Info) {
	key := session.Key{}
	if info.Cookie != nil {
		v.watch(info.Cookie.RecordKey(), false)
		if info.Exists {
			key = info.Cookie.RecordKey()
		}
	}
	v.watch(key, true)
	a.watchClock(v, key, info.Expires, info.Placement == session.InCookie)
}

// watchClock sees to it that v is told when the clock of k's session has run out;
// with the zero key it is told no more.
func (a *App) watchClock(v *visit, k session.Key, expires time.Time, inCookie bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.clock != nil {
		v.clock.Stop()
		v.clock = nil
	}
	v.inCookie = inCookie
	if k != (session.Key{}) && v.streams != nil {
		v.clock = time.AfterFunc(expires.Sub(v.id.engine.Now()), func() { a.clockRanOut(v, k) })
	}
}

// clockRanOut looks what the store says of a session whose clock should have run
// out: nothing travels then, so that nothing else would tell.
func (a *App) clockRanOut(v *visit, k session.Key) {
	ctx, cancel := context.WithTimeout(context.Background(), watchTime)
	defer cancel()
	present, inCookie := v.has(k)
	if !present {
		return
	}
	peeked, err := v.id.engine.Peek(ctx, k)
	what := "the record lies in the store still"
	switch {
	case err != nil:
		a.watchClock(v, k, v.id.engine.Now().Add(plotEvery), inCookie) // ask again
		return
	case peeked.State == session.StateLive:
		a.watchClock(v, k, peeked.Info.Expires, inCookie) // somebody moved it
		return
	case peeked.State == session.StateNone && inCookie:
		what = "the deadline in the cookie has passed"
	case peeked.State != session.StateExpired:
		return // it ended otherwise
	}
	a.observe(ctx, v, k, &moment{by: theClock, verb: "expired", what: what, tone: "gone"},
		"Nothing travelled: a clock ran out. Nobody tells the browser.")
}

// observe adds what happened without an exchange of v's browser to the session of
// k. What the browser keeps is not known to have changed; what the server keeps is
// looked at.
func (a *App) observe(ctx context.Context, v *visit, k session.Key, m *moment, nothing string) {
	p := panels{Wire: views.Wire{Nothing: nothing}, Server: a.lateServer(ctx, v.id, v, k)}
	if e, ok := v.lastState(0, ""); ok {
		p.Browser = e.panels().Browser
	}
	m.at, m.id, m.observed = v.id.engine.Now(), v.id, true
	m.session = k.Name().String()
	if k == (session.Key{}) {
		m.session = ""
	}
	m.aside = k != v.session() || !p.Server.Known()
	m.packed = p.pack()
	v.add(m, "")
}

// tell has the visits told what a request did, after its answer. Should there be
// more than can be told, the figures alone say so. What waits to be told holds
// neither the request nor its session's values.
func (a *App) tell(mem *request) {
	if len(mem.events) == 0 || mem.quiet || !a.visits.any() {
		return
	}
	a.telling.Do(func() {
		go func() {
			for {
				select {
				case <-a.done:
					return
				case mem := <-a.told:
					ctx, cancel := context.WithTimeout(context.Background(), watchTime)
					a.tellOthers(ctx, mem)
					cancel()
				}
			}
		}()
	})
	news := &request{Context: context.Background(), id: mem.id, by: mem.by, visit: mem.visit, told: mem.told, events: mem.events, replaced: mem.replaced}
	if mem.info != nil {
		news.info = &session.Info{Verdict: mem.info.Verdict}
	}
	if mem.outcome != nil {
		known := *mem.outcome
		known.say, known.copy = nil, nil
		news.outcome = &known
	}
	if mem.by != theSweeper {
		if s := mem.id.engine.Loaded(new(http.Request).WithContext(mem)); s != nil && s.Exists() {
			info := s.Info()
			news.rest = &remains{info.Cookie.RecordKey(), info.Expires}
		}
	}
	select {
	case a.told <- news:
	default:
	}
}

// tellOthers tells the visits that saw a session of what a request that was not
// theirs did to it. Nothing is kept of the request itself.
func (a *App) tellOthers(ctx context.Context, mem *request) {
	var names []session.Name
	swept, changed := false, false
	for _, ev := range mem.events {
		names = append(names, ev.Session, ev.Before)
		swept = swept || ev.Kind == session.Swept && ev.Count > 0
		changed = changed || ev.Kind != session.Read
	}
	by := anotherClient
	switch {
	case mem.by != "":
		by = mem.by
	case mem.visit != nil:
		by = anotherPage
	}
	for _, v := range a.visits.all() {
		k, knows := v.knows(names)
		if v == mem.visit || slices.Contains(mem.told, v) || !knows && !swept {
			if changed {
				v.wake() // the figures may have moved
			}
			continue
		}
		if knows {
			a.followOther(v, k, mem)
		} else {
			k = v.session()
		}
		m := &moment{by: by, wrote: wrote(mem.events)}
		m.verb, m.what, m.tone = summary(mem, http.StatusOK)
		a.observe(ctx, v, k, m, "Nothing travelled for this page: "+by+" did this. Of a request that belongs to no page of yours, nothing is recorded.")
	}
}

// followOther keeps v's watch on its session's clock when somebody else ended the
// session, or moved the clock.
func (a *App) followOther(v *visit, k session.Key, mem *request) {
	present, inCookie := v.has(k)
	if !present {
		return
	}
	if slices.ContainsFunc(mem.events, func(ev session.Event) bool {
		return ev.Kind == session.Flushed && ev.Session == k.Name() || ev.Kind == session.Cycled && ev.Before == k.Name()
	}) {
		v.watch(session.Key{}, true)
		a.watchClock(v, session.Key{}, time.Time{}, false)
		return
	}
	if mem.rest != nil && mem.rest.key == k {
		a.watchClock(v, k, mem.rest.expires, inCookie)
	}
}
