package app

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/network"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/views"
)

// fromHere tells whether both ends of the request's connection are this machine's loopback
// addresses: only then it is the teacher's side.
func fromHere(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return ok && err == nil && local.IP.IsLoopback() && net.ParseIP(host).IsLoopback()
}

// isOutside tells whether a request comes from the network, while only a class is served there, and
// belongs to no seat: the teacher's lab is not for it.
func (a *App) isOutside(c *call) bool {
	served := a.openClass() != nil || a.cfg.Class != nil && a.cfg.Class.Home
	return served && a.of == nil && c.from == nil && !fromHere(c.Request())
}

// inClass tells whether a request of the network has a Host that is a name of the class.
func (a *App) inClass(r *http.Request) bool {
	cfg := a.cfg.Class
	if a.of != nil {
		cfg = a.of.app.cfg.Class
	}
	return cfg != nil && !fromHere(r) && cfg.Names.allow(r.Host)
}

// checkSide keeps the network out of what is the teacher's while a class is open. A page leads to
// the page where one joins; there is nothing behind other addresses. A stranger gets no visit of the
// lab, which has few, and sees no page of it, also where a form is refused.
func (a *App) checkSide(c *call) error {
	r, cl := c.Request(), a.openClass()
	switch {
	case !a.isOutside(c):
		return nil
	case cl == nil: // a connection that is older than the end of the class
		return &problem{status: http.StatusNotFound, detail: "There is no class here now."}
	}
	if r.Method == http.MethodGet && r.URL.Path == "/join" {
		cl.doctor.cameToJoin(deviceOf(r))
	}
	c.stranger = true
	c.quiet()
	switch path := r.URL.Path; {
	case path == "/join", strings.HasPrefix(path, "/join/"), path == "/healthz", strings.HasPrefix(path, "/assets/"):
		return nil
	case c.wants == formPage && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		return errors.Join(c.Redirect(http.StatusSeeOther, "/join"), errAnswered)
	}
	return echo.ErrNotFound
}

// deviceOf returns the device that sent a request, the zero Addr if it is not known.
func deviceOf(r *http.Request) netip.Addr {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	addr, _ := netip.ParseAddr(host)
	return network.Device(addr)
}

// The refusals of a press on a page whose seat is not at its address any more.
var (
	errSeatMoved = &problem{status: http.StatusNotFound, detail: "Your seat has moved to another tab or device, and this page opens nothing any more. Load the page again: it says how you get the seat back."}
	errSeatGone  = &problem{status: http.StatusNotFound, detail: "No seat is at this address any more. Load the page again: it leads to where you take a seat."}
)

// checkSeat answers requests for places of the class where no seat is: it moved away, or went. The
// class's own lab serves those where one is.
func (a *App) checkSeat(c *call) error {
	cl := a.openClass()
	place, _, below := seat.PlaceOf(c.Request().URL.Path)
	if cl == nil || !below || c.from != nil {
		return nil
	}
	if cl.ending.Load() && a.wasSeat(c) {
		return a.sayEnded(c)
	}
	moved, looks := cl.roster.Moved(place), c.Request().Method == http.MethodGet || c.Request().Method == http.MethodHead
	switch {
	case moved && c.wants == formPage:
		c.quiet()
		return errors.Join(a.write(c, http.StatusNotFound, views.SeatMoved(a.outside(c, "Moved"))), errAnswered)
	case moved:
		return errSeatMoved
	case !fromHere(c.Request()) && c.wants == formPage && looks:
		return errors.Join(c.Redirect(http.StatusSeeOther, "/join"), errAnswered)
	case !fromHere(c.Request()) && c.wants == formPage: // a load of that page would press again
		return &problem{status: http.StatusNotFound, detail: "No seat is at this address any more."}
	case !fromHere(c.Request()):
		return errSeatGone
	}
	return nil // a second browser of the teacher's own lab
}

// reachOf says where a page comes from and what others reach: for the network the address that its
// request names, and on the teacher's side the class that is open.
func (a *App) reachOf(c *call) views.Reach {
	reach, cl := a.cfg.Reach, a.classHere()
	switch {
	case cl == nil:
	case !fromHere(c.Request()):
		reach.Addr = c.Request().Host
	default:
		reach.Addr, reach.Class, reach.Over = "", cl.address(), cl.over.Load() != nil
	}
	return reach
}

// address returns the best address of the class, HOST:PORT, "" without a network.
func (cl *class) address() string {
	for _, at := range cl.parts.Network.Addresses() {
		if at.Err == "" {
			return at.Host()
		}
	}
	return ""
}

// seatLeft returns the refusal of a request of the class's lab whose seat went while it was under way, nil
// if the seat is there. The store takes nothing of the seat any more, and is not away.
func (a *App) seatLeft(c *call) *problem {
	if a.of == nil || c.from != nil {
		return nil
	}
	if _, there := a.of.seatOf(c); there {
		return nil
	}
	if a.of.ending.Load() {
		return errEnded
	}
	return errSeatGone
}
