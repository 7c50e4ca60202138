package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"
)

// opener opens a socket at an address and a port, at any free port if that is 0.
type opener func(netip.AddrPort) (net.Listener, error)

// FurtherPorts is how many ports are tried after the first one.
const FurtherPorts = 20

// closeUnwanted closes the sockets of addresses that are not wanted any more. The caller holds
// the lock.
func (l *Listener) closeUnwanted(wanted []Address) {
	for ip, s := range l.open {
		if !slices.ContainsFunc(wanted, func(a Address) bool { return a.IP == ip }) {
			s.Close()
			delete(l.open, ip)
		}
	}
}

// openWanted opens the sockets that are missing, and sets Port and Err of the addresses. The
// caller holds the lock.
func (l *Listener) openWanted(wanted []Address) {
	if l.port == 0 {
		l.openTogether(wanted)
	}
	for i := range wanted {
		a := &wanted[i]
		if l.open[a.IP] == nil {
			a.Err = l.openAnywhere(a.IP)
		}
		a.Port = l.firstPort()
		if s := l.open[a.IP]; s != nil {
			a.Port = s.port
		}
	}
}

// firstPort returns the port to try first.
func (l *Listener) firstPort() int {
	if l.port != 0 {
		return l.port
	}
	return l.cfg.Port
}

// openTogether opens sockets with one port at all addresses, if there is a port that is free at
// all of them. Addresses that refuse for another reason have no say in it.
func (l *Listener) openTogether(wanted []Address) {
	for i := range 1 + FurtherPorts {
		port := l.cfg.Port
		if port != 0 {
			port += i
		}
		taken := false
		for _, a := range wanted {
			err := l.openAt(a.IP, port)
			if taken = isTaken(err); taken {
				break
			}
			if s := l.open[a.IP]; s != nil {
				port = s.port // which the system chose, if it was 0
			}
		}
		if !taken {
			break
		}
		l.closeUnwanted(nil)
	}
	for _, s := range l.open {
		l.port = s.port
	}
	for _, s := range l.open {
		l.serve(s)
	}
}

// openAnywhere opens a socket at an address: with the port that it had last, with that of the
// class, or with one of the further ones. It returns why that was not possible, or "".
func (l *Listener) openAnywhere(ip netip.Addr) string {
	first := l.firstPort()
	ports := []int{first}
	if last := l.ports[ip]; last != 0 && last != first {
		ports = []int{last, first}
	}
	for i := 1; first != 0 && i <= FurtherPorts; i++ {
		ports = append(ports, first+i)
	}
	var err error
	for _, port := range ports {
		if err = l.openAt(ip, port); !isTaken(err) {
			break
		}
	}
	if isTaken(err) {
		return fmt.Sprintf("ports %d to %d are taken", first, ports[len(ports)-1])
	}
	if err != nil {
		return reason(err)
	}
	if l.port == 0 {
		l.port = l.open[ip].port
	}
	l.serve(l.open[ip])
	return ""
}

// openAt opens a socket at an address and a port, which nobody serves yet.
func (l *Listener) openAt(ip netip.Addr, port int) error {
	if port > 1<<16-1 {
		return syscall.EADDRINUSE // there is no such port that could be free
	}
	listener, err := l.sockets(netip.AddrPortFrom(ip, uint16(port)))
	if err != nil {
		return err
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok {
		port = tcp.Port
	}
	l.open[ip] = &socket{listener, port}
	return nil
}

// serve takes the connections of a socket, until the socket is closed.
func (l *Listener) serve(s *socket) {
	at := netip.MustParseAddrPort(s.Addr().String())
	l.ports[at.Addr()] = s.port
	l.running.Go(func() { l.accept(s) })
}

// Windows has numbers of its own for a port that is taken, and for one that it keeps for itself.
const (
	windowsTaken    = syscall.Errno(10048) // WSAEADDRINUSE
	windowsReserved = syscall.Errno(10013) // WSAEACCES
)

// isTaken tells that a port cannot be had, so that another one may do.
func isTaken(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsTaken) || errors.Is(err, windowsReserved)
}

// reason returns the words of an error without the address, which stands beside them.
func reason(err error) string {
	if system := (*os.SyscallError)(nil); errors.As(err, &system) {
		return system.Err.Error()
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// accept hands the connections of a socket to Accept.
func (l *Listener) accept(s *socket) {
	from := l.cfg.Knocks.Listener(s.Listener)
	pause := time.Duration(0)
	for {
		c, err := from.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// Too many open files, for example: that passes.
			if pause == 0 {
				l.cfg.Log.Warn("cannot accept a connection; trying again", "address", s.Addr(), "error", err)
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(pause):
				continue
			case <-l.done:
				return
			}
		}
		pause = 0
		select {
		case l.conns <- c:
		case <-l.done:
			c.Close()
			return
		}
	}
}
