package classroom

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Waiting is a visitor who waits at the closed door.
type Waiting struct {
	Nickname string     // that the visitor will have; LetIn knows the visitor by it
	Device   netip.Addr // that it knocked from, as Join was told
	Since    time.Time
}

// What the document of the door holds.
const (
	doorClosed = "closed"
	doorOpen   = "open"
)

// SetDoor closes or opens the door. Who waits when it opens can go in.
func (c *Class) SetDoor(ctx context.Context, closed bool) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	data := doorOpen
	if closed {
		data = doorClosed
	}
	if err := c.documents.Put(ctx, Document{Name: doorName, Data: []byte(data)}); err != nil {
		return fmt.Errorf("classroom: keep the door: %w", err)
	}
	c.mu.Lock()
	changed := c.closed != closed
	c.closed = closed
	c.mu.Unlock()
	if changed {
		c.changed(Change{Kind: Door})
	}
	return nil
}

// DoorClosed tells whether the door is closed.
func (c *Class) DoorClosed() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.closed
}

// Knocks tells whether the visitor has knocked by a Join and has not gone in yet. A page that
// waits asks this again and again, and then calls Join, which fails with ErrDoor until the
// visitor is let in. A visitor who does not ask for KnockLife is forgotten, and so is every
// visitor after a restart.
func (c *Class) Knocks(visitor string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.visit(visitor).waits()
}

// Waiting returns the visitors who wait at the closed door, in the order in which they came.
// There are at most as many as seats.
func (c *Class) Waiting() []Waiting {
	c.mu.RLock()
	now := c.now()
	var all []Waiting
	for v := range c.visitors.atDoor {
		if c.closed && !v.admitted && !v.expired(now) {
			all = append(all, Waiting{v.nickname, v.device, v.knocked})
		}
	}
	c.mu.RUnlock()
	slices.SortFunc(all, func(a, b Waiting) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Nickname, b.Nickname))
	})
	return all
}

// LetIn lets those in who wait under these nicknames, and returns how many they are: their
// next Join succeeds. Nobody else is let in. It is kept in memory only: the error is ctx's.
func (c *Class) LetIn(ctx context.Context, nicknames ...string) (n int, err error) {
	end, err := c.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	c.mu.Lock()
	for _, nickname := range nicknames {
		if v := c.visitors.byName[nameOf(nickname)]; v != nil && v.waits() && !v.admitted {
			v.admitted = true
			n++
		}
	}
	c.mu.Unlock()
	if n > 0 {
		c.changed(Change{Kind: Knocked})
	}
	return n, nil
}
