package app

import (
	"net"
	"net/http"
	"net/netip"
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
