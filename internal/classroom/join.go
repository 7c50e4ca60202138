package classroom

import (
	"context"
	"net/netip"
	"time"
)

// Joined is a seat and the value of its seat cookie, by which Return finds it.
type Joined struct {
	Seat
	Cookie string
}

// Offer returns the nickname that a visitor of the join page is offered, and how many others
// the visitor can ask for. visitor is an opaque token of the page. No seat and no other
// visitor has that nickname. A visitor who has a seat is told its nickname.
//
// An offer is kept for OfferLife. When twice as many visitors as there are seats have one, a
// further visitor gets an offer without spins that is not kept: Join finds the same nickname
// again, unless somebody took it meanwhile.
func (c *Class) Offer(visitor string) (nickname string, spinsLeft int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.visit(visitor)
	return v.nickname, v.spins
}

// Spin offers the visitor another nickname. It returns ErrNoSpins, and the nickname that the
// visitor has, if there is no other: all spins are used, or the visitor waits at the door.
func (c *Class) Spin(visitor string) (nickname string, spinsLeft int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.visit(visitor)
	if v.spins == 0 || v.waits() {
		return v.nickname, v.spins, ErrNoSpins
	}
	v.spins--
	c.visitors.rename(v, c.freeNickname(v.key, Spins-v.spins))
	return v.nickname, v.spins, nil
}

// Join gives the visitor a seat with the nickname that was offered. A visitor who has joined
// gets the same seat and the same cookie again, since a form can be sent twice. What counts as
// one device the caller decides, and gives one address for all that are the same
// (network.Device).
//
// At a closed door it returns ErrDoor, and the visitor waits. Once the visitor is let in, or
// the door is open, Join succeeds; until then it costs a visitor who waits nothing. It returns
// a *RateError to a device that joins too fast, and a *FullError if every seat is taken.
func (c *Class) Join(ctx context.Context, visitor string, device netip.Addr) (Joined, error) {
	return c.join(ctx, visitor, device, c.plan)
}

// join carries out what decide plans for the visitor.
func (c *Class) join(ctx context.Context, visitor string, device netip.Addr, decide func(string, netip.Addr) (plan, error)) (Joined, error) {
	end, err := c.begin(ctx)
	if err != nil {
		return Joined{}, err
	}
	defer end()
	p, err := decide(visitor, device)
	if p.knocked {
		c.changed(Change{Kind: Knocked})
	}
	if err != nil || p.again {
		return p.Joined, err
	}
	next := &seat{Seat: p.Seat}
	p.Cookie, next.cookie = newCookie()
	err = c.keep(ctx, next, p.gives)
	c.mu.Lock()
	waited := p.visitor.waits()
	if err != nil {
		c.visitors.failed(p.visitor)
	} else {
		c.visitors.settle(p.visitor, next.ID, p.Cookie)
	}
	c.mu.Unlock()
	if err != nil {
		return Joined{}, err
	}
	c.changed(Change{Kind: Came, Seat: next.copy()})
	if waited {
		c.changed(Change{Kind: Knocked})
	}
	return p.Joined, nil
}

// plan is what Join is about to do.
type plan struct {
	Joined
	visitor *visitor
	gives   *seat // gives way, or nil
	again   bool  // the visitor has the seat already
	knocked bool  // the visitor has begun to wait
}

// plan decides what becomes of a Join, and reserves the nickname.
func (c *Class) plan(token string, device netip.Addr) (p plan, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	v := c.visit(token)
	if s := c.seats[v.seat]; s != nil {
		return plan{Joined: Joined{s.copy(), v.cookie}, again: true}, nil
	}
	outside := c.closed && !v.admitted
	if outside && v.waits() {
		return plan{}, ErrDoor
	}
	if !v.waits() {
		if err := c.joins.take(device, now); err != nil {
			return plan{}, err
		}
	}
	if outside {
		return plan{knocked: c.visitors.knock(v, device, now)}, ErrDoor
	}
	if len(c.seats) >= c.max {
		if p.gives, err = c.givesWay(); err != nil {
			return plan{}, err
		}
	}
	p.reserve(c, v, device, now)
	return p, nil
}

// reserve keeps the nickname for v, and makes the seat that it will have. The caller holds mu.
func (p *plan) reserve(c *Class, v *visitor, device netip.Addr, now time.Time) {
	c.visitors.hold(v)
	p.visitor = v
	if v.tried == "" {
		v.tried = newID()
	}
	p.Seat = Seat{
		ID: v.tried, Nickname: v.nickname, Name: nameOf(v.nickname), Suffix: randomLetters(suffixLetters, suffixLength),
		Code: randomLetters(codeLetters, codeLength), Device: device, Joined: now,
	}
}

// givesWay returns the seat that makes room in a full class: one of the program's own browsers,
// and without them, of the seats that were not used for UnusedLife since they were joined, the
// oldest. If there is none it returns a *FullError. The caller holds mu.
func (c *Class) givesWay() (*seat, error) {
	var oldest *seat
	for _, s := range c.seats {
		if s.Rehearsal {
			return s, nil
		}
		if !s.Used && (oldest == nil || compareJoined(s.Seat, oldest.Seat) < 0) {
			oldest = s
		}
	}
	full := &FullError{Seats: c.max}
	if oldest == nil {
		return nil, full
	}
	if full.After = UnusedLife - c.now().Sub(oldest.Joined); full.After > 0 {
		return nil, full
	}
	return oldest, nil
}
