package app

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/network"
	"github.com/sessionscope/sessionscope/internal/session"
)

// deviceOf returns the device that sent a request, the zero Addr if it is not known.
func deviceOf(r *http.Request) netip.Addr {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	addr, _ := netip.ParseAddr(host)
	return network.Device(addr)
}

// pressed tells the board what a request of a seat did to the seat's session. Requests of the
// program's own clients and of second browsers are not the seat's own browser: the board tells
// nothing of them.
func (cl *class) pressed(c *call) {
	id := classroom.ID(c.seat.Class)
	if id != "" && c.from == nil && c.Request().Method == http.MethodPost && c.Response().Status != http.StatusTooManyRequests {
		cl.roster.Use(id)
		cl.board.Heard(id, deviceOf(c.Request()))
	}
	if strings.HasPrefix(c.Path(), "/class") { // a page that looks by itself is no press
		return
	}
	if id == "" || c.from != nil || !c.seat.IsFirst() || c.session == nil {
		return
	}
	cl.board.Pressed(id, pressOf(c))
}

// pressOf returns what the board is told of a request.
func pressOf(c *call) classroom.Press {
	info := c.session.Info()
	value, _ := c.carried()
	p := classroom.Press{At: c.now(), Op: c.op(), Sent: value != "", Wrote: c.x.Wrote() || c.Request().Method == http.MethodPost && c.op() == "set"}
	for _, ev := range c.x.Events {
		switch ev.Kind {
		case session.Created:
			p.Born = true
		case session.Flushed:
			p.Ended = classroom.EndedFlushed
		case session.Expired:
			p.Ended = classroom.EndedExpired
		case session.Refused:
			p.Ended, p.Reason = classroom.EndedRefused, ev.Reason
		}
	}
	if !info.Exists {
		return p
	}
	p.Session, p.Expires, p.Keys = info.ID, info.Expires, len(info.Values)
	for _, v := range info.Values {
		p.Bytes += len(v.Value)
		if v.Lives == "server" {
			p.OnServer++
		} else {
			p.InCookie++
		}
	}
	return p
}
