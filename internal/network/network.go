// Package network is about where other machines reach this one. Begin with Listen: its
// Listener has a socket at each of this machine's addresses, follows them as they come and go,
// and lists them with the likeliest first. Knocks count the devices that tried https. Device
// says which addresses count as one device. The package imports only the standard library.
package network

import (
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Address is one at which other machines may reach the class.
type Address struct {
	IP        netip.Addr // the zero Addr if Own is all that is known
	Port      int
	Interface string // the system's name for the network interface, such as "wlan0"
	Kind      Kind
	Own       string // the name or address, also with a port, that stands in the join address instead of IP; "" for none
	Err       string // why the program does not listen there; "" if it does
}

// Join returns the address that a phone opens, such as "http://192.168.1.20:8080/join".
func (a Address) Join() string { return "http://" + a.Host() + "/join" }

// Host returns HOST:PORT of the join address, such as "192.168.1.20:8080", an IPv6 address in
// brackets.
func (a Address) Host() string {
	host := a.Own
	if host == "" {
		host = a.IP.String()
	}
	if _, _, err := net.SplitHostPort(host); err != nil { // it has no port yet
		host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(a.Port))
	}
	return host
}

// Interface is a network interface of this machine.
type Interface struct {
	Name     string // the system's
	Flags    net.Flags
	Wireless bool // the system says that it is a Wi-Fi; if it says nothing, the name decides
	Addrs    []netip.Addr
}

// Config says where a Listener listens.
type Config struct {
	// Port is the first to try; 0 lets the system choose. If it is taken, the next free one of
	// FurtherPorts is used, and if possible the same one at all addresses.
	Port int
	// Only is the one address to listen at. The zero Addr means each own address but loopback.
	Only netip.Addr
	// Covered says that another listener of the program has those addresses at Port already. The
	// Listener then lists them and has no sockets.
	Covered bool
	// JoinHost is a name or an address, also with a port, that is listed first; "" for none.
	JoinHost string
	// Knocks counts the devices that tried https. The default is a counter of the Listener's
	// own. A program that counts at another listener too gives the same counter to both.
	Knocks *Knocks
	// Log gets each change of an address. The default discards it.
	Log *slog.Logger
	// Interfaces returns the network interfaces. The default asks the system.
	Interfaces func() ([]Interface, error)
	// Every is the time between two looks at the interfaces. The default is 2 s.
	Every time.Duration
}

// Interfaces returns the network interfaces of this machine, in the system's order.
func Interfaces() ([]Interface, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	all := make([]Interface, 0, len(interfaces))
	for _, i := range interfaces {
		one := Interface{Name: i.Name, Flags: i.Flags, Wireless: isWireless(i.Name)}
		addresses, _ := i.Addrs() // an error means that the interface has just gone
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(n.IP); ok {
					one.Addrs = append(one.Addrs, ip.Unmap())
				}
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// Device returns what counts as one device: an IPv4 address, or the /64 prefix of an IPv6
// address, since one machine may use every address with that prefix.
func Device(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		prefix, _ := addr.Prefix(64)
		return prefix.Addr()
	}
	return addr
}

// deviceOf returns the device at the far end of a connection, the zero Addr if it is unknown.
func deviceOf(c net.Conn) netip.Addr {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return Device(tcp.AddrPort().Addr())
	}
	return netip.Addr{}
}
