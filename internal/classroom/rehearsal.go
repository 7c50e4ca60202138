package classroom

import (
	"context"
	"net/netip"
)

// Rehearse is Join for one of the program's own browsers, with which a teacher practises. The seat is
// marked as such, in its document too. It is never in the way of a learner: the door and the device's
// rate do not count it, it takes no place of another seat, and in a full class it gives way to whoever
// joins. In a full class it returns a *FullError. Nobody comes back to the seat by a code.
//
// The caller knows by the visitor's token that the browser is the program's own.
func (c *Class) Rehearse(ctx context.Context, visitor string, device netip.Addr) (Joined, error) {
	return c.join(ctx, visitor, device, c.planRehearsal)
}

// planRehearsal is plan for one of the program's own browsers.
func (c *Class) planRehearsal(token string, device netip.Addr) (p plan, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.visit(token)
	if s := c.seats[v.seat]; s != nil {
		return plan{Joined: Joined{s.copy(), v.cookie}, again: true}, nil
	}
	if len(c.seats) >= c.max {
		return plan{}, &FullError{Seats: c.max}
	}
	p.reserve(c, v, device, c.now())
	p.Rehearsal = true
	return p, nil
}

// Rehearsing returns the seats of the program's own browsers, in the order in which they joined.
func (c *Class) Rehearsing() []ID {
	var ids []ID
	for _, s := range c.Seats() {
		if s.Rehearsal {
			ids = append(ids, s.ID)
		}
	}
	return ids
}
