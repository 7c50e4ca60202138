package app

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Hosts are the names that a Host header may carry, as "name" for any port or as
// "name:port": in small letters, without a dot at the end, an IPv6 address in brackets.
type Hosts map[string]bool

// LocalHosts returns the hosts of a server that listens on addr: the loopback
// names, the address itself (all of this machine's, if it listens on all), and the
// names in own, each with the server's port; and the names in also as they are.
func LocalHosts(addr net.Addr, own, also []string) (Hosts, error) {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, err
	}
	hosts := Hosts{}
	add := func(name string) { hosts[strings.ToLower(net.JoinHostPort(name, port))] = true }
	for _, name := range append([]string{"localhost", "127.0.0.1", "::1", host}, own...) {
		add(name)
	}
	if net.ParseIP(host).IsUnspecified() {
		addresses, err := net.InterfaceAddrs()
		if err != nil {
			return nil, err
		}
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok {
				add(n.IP.String())
			}
		}
	}
	for _, name := range also {
		hosts[strings.ToLower(name)] = true
	}
	return hosts, nil
}

// maxElsewhere is the most addresses that Elsewhere returns: nobody reads more.
const maxElsewhere = 3

// Elsewhere returns the addresses, HOST:PORT, at which other machines may reach a server that
// listens on all addresses of this one, the likeliest first. For a server that listens on a
// single address it returns nil.
func Elsewhere(addr net.Addr) (found []string) {
	host, port, _ := net.SplitHostPort(addr.String())
	interfaces, err := net.Interfaces()
	if err != nil || !net.ParseIP(host).IsUnspecified() {
		return nil
	}
	var all []candidate
	for _, i := range interfaces {
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok && i.Flags&net.FlagUp != 0 {
				ip, _ := netip.AddrFromSlice(n.IP)
				all = append(all, candidate{i.Name, i.Flags&net.FlagPointToPoint != 0, ip.Unmap()})
			}
		}
	}
	for _, ip := range ranked(all) {
		found = append(found, net.JoinHostPort(ip.String(), port))
	}
	return found
}

// candidate is an address of a network interface.
type candidate struct {
	name   string // of the interface
	tunnel bool
	ip     netip.Addr
}

// virtual are prefixes of the names of interfaces to containers and virtual machines.
var virtual = []string{"docker", "br-", "veth", "virbr", "vbox", "vmnet", "vEthernet", "lxc", "lxd", "cni", "podman", "bridge"}

// ranked returns the addresses that another machine may reach, at most maxElsewhere. Private
// addresses of IPv4, which a Wi-Fi gives out, come first, and those of tunnels and virtual
// machines last. Addresses of IPv6, which nobody likes to type, come only if there are no
// others.
func ranked(all []candidate) (best []netip.Addr) {
	rank := func(c candidate) int {
		inside := c.tunnel || slices.ContainsFunc(virtual, func(name string) bool { return strings.HasPrefix(c.name, name) })
		switch ip := c.ip; {
		case !ip.IsGlobalUnicast(): // loopback, or of one link only
			return -1
		case ip.Is4() && ip.IsPrivate() && !inside:
			return 0
		case ip.Is4() && !inside:
			return 1
		case ip.Is4():
			return 2
		case !inside:
			return 3
		}
		return -1
	}
	all = slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return rank(c) < 0 })
	slices.SortStableFunc(all, func(a, b candidate) int { return rank(a) - rank(b) })
	for _, c := range all {
		if c.ip.Is4() || len(best) == 0 || !best[0].Is4() {
			best = append(best, c.ip)
		}
	}
	return best[:min(len(best), maxElsewhere)]
}

// allow reports whether a request may have that Host.
func (h Hosts) allow(host string) bool {
	host = strings.ToLower(host)
	if h[host] {
		return true
	}
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name, port = host[:i], host[i+1:]
	}
	if bare, ok := strings.CutPrefix(name, "["); ok { // only an IPv6 address stands in brackets, not "name:port"
		ip, err := netip.ParseAddr(strings.TrimSuffix(bare, "]"))
		if err != nil || !ip.Is6() {
			return false
		}
		name = "[" + ip.String() + "]" // an IPv6 address has many spellings
	} else if name = strings.TrimSuffix(name, "."); strings.Contains(name, ":") {
		return false
	}
	if port == "" { // clients leave out the default port of their scheme
		return h[name] || h[name+":80"] || h[name+":443"]
	}
	return h[name] || h[name+":"+port]
}

// reached reports whether r's Host is the address at which its connection reached this
// machine. The machine may have got that address after the program started, in another
// network for example. A page under a foreign name has that name as its Host, not an address.
func reached(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	address := net.TCPAddr{IP: local.IP, Port: local.Port} // without a zone, which no Host has
	return Hosts{address.String(): true}.allow(r.Host)
}
