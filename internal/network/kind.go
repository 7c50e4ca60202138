package network

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Kind is what an address belongs to.
type Kind int

const (
	Other     Kind = iota // nothing more can be told
	Hotspot               // a network that this machine itself gives out
	WiFi                  // IPv4 of a Wi-Fi
	Ethernet              // IPv4 of a cable
	Tunnel                // IPv4 of a VPN
	Virtual               // IPv4 of a network inside this machine: containers, virtual machines, WSL
	LinkLocal             // IPv4 that the machine gave itself, since nobody gave it one (RFC 3927)
	IPv6                  // any address of IPv6 that is not of one link only
)

// String returns the word that a person reads, such as "Wi-Fi".
func (k Kind) String() string {
	switch k {
	case Hotspot:
		return "hotspot"
	case WiFi:
		return "Wi-Fi"
	case Ethernet:
		return "Ethernet"
	case Tunnel:
		return "VPN"
	case Virtual:
		return "virtual"
	case LinkLocal:
		return "link-local"
	case IPv6:
		return "IPv6"
	}
	return "network"
}

// Names of interfaces begin so, in small letters. On Windows they are the names of adapters.
var (
	virtual = []string{
		"docker", "br-", "veth", "virbr", "vbox", "virtualbox", "vmnet", "vmware", "vethernet", "wsl", "hyper-v",
		"lxc", "lxd", "incus", "cni", "flannel", "cali", "podman", "bridge", "vmenet",
	}
	tunnel = []string{
		"tun", "tap", "utun", "wg", "wireguard", "tailscale", "zt", "zerotier", "ppp", "ipsec", "nordlynx", "proton", "openvpn", "nebula", "vpn",
	}
)

// ranked returns the addresses of a machine with the system goos (runtime.GOOS) at which other
// machines may reach it, without their ports, the likeliest first.
func ranked(goos string, all []Interface) (found []Address) {
	seen := map[netip.Addr]bool{}
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		for _, ip := range i.Addrs {
			if kind, ok := kindOf(goos, i, ip); ok && !seen[ip] {
				seen[ip] = true
				found = append(found, Address{IP: ip, Interface: i.Name, Kind: kind})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Address) int { return rank(a) - rank(b) })
	return found
}

// rank returns a number that is smaller for a better address.
func rank(a Address) int {
	switch {
	case a.Kind == Hotspot:
		return 0
	case a.Kind == WiFi && a.IP.IsPrivate():
		return 1
	case a.Kind <= Ethernet && a.IP.IsPrivate():
		return 2
	case a.Kind <= Ethernet:
		return 3
	}
	return int(a.Kind) // they are declared in this order
}

// kindOf returns the kind of an address of an interface, and false for an address that is not
// listed: one that is no host's, of IPv6 on one link, or of IPv6 in a tunnel or inside this
// machine.
func kindOf(goos string, i Interface, ip netip.Addr) (Kind, bool) {
	where := kindOfInterface(goos, i)
	switch {
	case ip.Is4() && ip.IsLinkLocalUnicast():
		return LinkLocal, true
	case !ip.IsGlobalUnicast() && !ip.IsLoopback():
		return Other, false
	case ip.Is6():
		return IPv6, where != Tunnel && where != Virtual
	case isHotspot(goos, i.Name, where, ip):
		return Hotspot, true
	}
	return where, true
}

// kindOfInterface returns Tunnel, Virtual, WiFi, Ethernet, or Other.
func kindOfInterface(goos string, i Interface) Kind {
	name := strings.ToLower(i.Name)
	begins := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	switch {
	case begins(virtual...):
		return Virtual
	case i.Flags&net.FlagPointToPoint != 0, begins(tunnel...):
		return Tunnel
	case i.Wireless:
		return WiFi
	}
	switch goos {
	case "windows": // the names that Windows itself gives, in English and in German
		switch {
		case begins("wi-fi", "wifi", "wlan"):
			return WiFi
		case begins("ethernet"):
			return Ethernet
		}
	case "darwin", "ios": // en0 may be either
	default:
		switch {
		case begins("wl"):
			return WiFi
		case begins("en", "eth"):
			return Ethernet
		}
	}
	return Other
}

// isHotspot tells that an address is the one that this machine gives itself as the gateway of
// a network that it gives out. A guest of the network has another address there.
func isHotspot(goos, name string, where Kind, ip netip.Addr) bool {
	b := ip.As4()
	switch goos {
	case "windows": // Mobile Hotspot and Internet Connection Sharing
		return b == [4]byte{192, 168, 137, 1}
	case "darwin": // Internet Sharing; the bridges of virtual machines have other addresses
		return strings.HasPrefix(name, "bridge") && b == [4]byte{192, 168, 2, 1}
	case "linux": // NetworkManager takes 10.42.0.1, and 10.42.1.1 for the next one
		return where == WiFi && b[0] == 10 && b[1] == 42 && b[3] == 1
	case "android":
		return where == WiFi && b == [4]byte{192, 168, 43, 1}
	}
	return false
}

// isWireless tells that the system calls an interface a Wi-Fi. Only Linux says so in a file.
func isWireless(name string) bool {
	if runtime.GOOS != "linux" {
		return false
	}
	for _, sign := range []string{"wireless", "phy80211"} {
		if _, err := os.Stat(filepath.Join("/sys/class/net", name, sign)); err == nil {
			return true
		}
	}
	return false
}

// maxElsewhere is the most addresses that Elsewhere returns: nobody reads more.
const maxElsewhere = 3

// Elsewhere returns the addresses, HOST:PORT, at which other machines may reach a server that
// listens on all addresses of this one, the likeliest first. For a server that listens on a
// single address it returns nil.
func Elsewhere(addr net.Addr) []string {
	host, port, _ := net.SplitHostPort(addr.String())
	if !net.ParseIP(host).IsUnspecified() {
		return nil
	}
	all, err := Interfaces()
	if err != nil {
		return nil
	}
	return elsewhere(port, ranked(runtime.GOOS, all))
}

// elsewhere leaves out link-local addresses, and those of IPv6, which nobody likes to type, if
// there are others.
func elsewhere(port string, all []Address) (found []string) {
	four := slices.ContainsFunc(all, func(a Address) bool { return a.Kind < LinkLocal })
	for _, a := range all {
		if a.Kind != LinkLocal && (a.Kind != IPv6 || !four) && len(found) < maxElsewhere {
			found = append(found, net.JoinHostPort(a.IP.String(), port))
		}
	}
	return found
}
