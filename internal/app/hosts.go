package app

import (
	"net"
	"strings"
)

// Hosts are the names that a Host header may carry, as "name" for any port or "name:port".
type Hosts map[string]bool

// LocalHosts returns the hosts of a server that listens on addr: the loopback
// names, the address itself (all of this machine's, if it listens on all), and
// the names in also.
func LocalHosts(addr net.Addr, also []string) (Hosts, error) {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, err
	}
	hosts := Hosts{}
	add := func(name string) { hosts[net.JoinHostPort(name, port)] = true }
	for _, name := range []string{"localhost", "127.0.0.1", "::1", host} {
		add(name)
	}
	if net.ParseIP(host).IsUnspecified() {
		own, err := net.InterfaceAddrs()
		if err != nil {
			return nil, err
		}
		for _, a := range own {
			if n, ok := a.(*net.IPNet); ok {
				add(n.IP.String())
			}
		}
	}
	if port == "80" {
		for name := range hosts {
			bare := strings.TrimSuffix(name, ":80")
			hosts[bare] = true
		}
	}
	for _, name := range also {
		hosts[strings.ToLower(name)] = true
	}
	return hosts, nil
}

func (h Hosts) allow(host string) bool {
	host = strings.ToLower(host)
	if h[host] {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	if strings.HasPrefix(host, "[") && net.ParseIP(name) == nil {
		return false // only an IPv6 address stands in brackets, not "name:port"
	}
	return err == nil && h[name]
}
