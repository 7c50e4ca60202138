package tap

import (
	"container/list"
	"fmt"
	"net/netip"
	"time"
)

const (
	// restConn is how long a connection must be idle before it gives way to a new one, except
	// in a crowd.
	restConn = time.Second
	// crowd is how many connections of one device are a crowd: two browsers, which open six
	// each, are none.
	crowd = 16
)

// use is what a connection is used for.
type use int

const (
	idle  use = iota // its last request was answered
	fresh            // no whole head of a request has come yet
	busy             // a request is being served
	uses
)

// device is the far end of connections that have a place: one machine, or many behind one
// address.
type device struct {
	addr  netip.Addr      // the zero Addr for this machine
	conns [uses]list.List // of *gateConn, those whose use began first in front
}

// open returns how many connections the device has.
func (d *device) open() (n int) {
	for u := range d.conns {
		n += d.conns[u].Len()
	}
	return n
}

// oldest returns the connection that has had that use longest, or nil if none has had it for
// that long.
func (d *device) oldest(u use, long time.Duration) *gateConn {
	if at := d.conns[u].Front(); at != nil {
		if c := at.Value.(*gateConn); time.Since(c.since) >= long {
			return c
		}
	}
	return nil
}

// enter gives c a place, or says why there is none. The caller closes old, the connection
// that gave way.
func (g *Gate) enter(c *gateConn, from netip.Addr) (why string, old *gateConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.devices[from]
	if d == nil {
		d = &device{addr: from}
	}
	switch {
	case from.IsValid() && d.open() >= g.each:
		if old = d.givesWay(); old == nil {
			return fmt.Sprintf("This server has %d connections with your address, and no more are allowed. Close some pages, and try again in a moment.\n", g.each), nil
		}
	case g.open >= g.max:
		if old = g.givesWay(d); old == nil {
			return fmt.Sprintf("This server has %d connections, and no more are allowed. Try again in a moment.\n", g.max), nil
		}
	}
	if old != nil {
		g.leave(old)
	}
	g.open++
	g.devices[from] = d
	c.device, c.use, c.since = d, busy, time.Now() // until the server says otherwise
	c.at = d.conns[busy].PushBack(c)
	return "", old
}

// put notes what a connection is used for now.
func (g *Gate) put(c *gateConn, now use) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.device == nil {
		return
	}
	c.device.conns[c.use].Remove(c.at)
	c.use, c.since = now, time.Now()
	c.at = c.device.conns[now].PushBack(c)
}

// leave frees the place of a connection, unless that has happened. The caller holds the lock.
func (g *Gate) leave(c *gateConn) {
	d := c.device
	if d == nil {
		return
	}
	d.conns[c.use].Remove(c.at)
	c.device = nil
	g.open--
	if d.open() == 0 {
		delete(g.devices, d.addr)
	}
}

// givesWay returns the connection of a device with too many that gives way to a new one of the
// same device, or nil. Who opens connections and sends nothing cannot keep out others behind
// its address: theirs send a request at once.
func (d *device) givesWay() *gateConn {
	for _, way := range ways {
		if c := d.oldest(way.use, way.long); c != nil {
			return c
		}
	}
	if d.open() >= crowd {
		return d.oldest(idle, 0)
	}
	return nil
}

// ways are the connections that give way, in this order: idle ones, those whose first request
// is overdue, and those whose first request is to come.
var ways = []struct {
	use  use
	long time.Duration
}{{idle, restConn}, {fresh, restConn}, {fresh, 0}}

// givesWay returns the connection that gives way to a new one of device d when all places are
// taken, or nil: one of the device that has most of its sort. If all are in use, the device
// that has most connections, and more than twice as many as d, loses its latest one: so a few
// devices that keep all places busy cannot keep others out. The caller holds the lock.
func (g *Gate) givesWay(d *device) *gateConn {
	for _, way := range ways {
		var found *gateConn
		most := 0
		for _, other := range g.devices {
			c, n := other.oldest(way.use, way.long), other.conns[way.use].Len()
			if c != nil && (n > most || n == most && c.since.Before(found.since)) {
				found, most = c, n
			}
		}
		if found != nil {
			return found
		}
	}
	biggest := d
	for _, other := range g.devices {
		if other.addr.IsValid() && other.open() > biggest.open() {
			biggest = other
		}
	}
	if n := biggest.open(); n < crowd || n <= 2*d.open() {
		return nil
	}
	if c := biggest.oldest(idle, 0); c != nil {
		return c
	}
	return biggest.conns[busy].Back().Value.(*gateConn)
}
