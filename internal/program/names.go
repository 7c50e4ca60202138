package program

import (
	"cmp"
	"net"
	"net/netip"
	neturl "net/url"
	"os"
	"runtime/debug"
	"strings"

	"github.com/sessionscope/sessionscope/internal/app"
	"github.com/sessionscope/sessionscope/internal/config"
	"github.com/sessionscope/sessionscope/internal/network"
)

// cookieName returns sessionscope, with the port unless it is the usual one. A cookie is
// sent to every port of its host (RFC 6265, section 8.5), so that two programs with one
// name on a host would overwrite each other's cookie.
func cookieName(addr net.Addr) string {
	if _, port, _ := net.SplitHostPort(addr.String()); port != "8080" {
		return "sessionscope-" + port
	}
	return "sessionscope"
}

// url returns the address of the lab for a browser on this machine.
func url(addr net.Addr) string {
	host, port, _ := net.SplitHostPort(addr.String())
	if net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// reach returns what a page says of where things go.
func reach(cfg config.Config, addr net.Addr) (r app.Reach) {
	if !isHome(hostOf(addr.String())) {
		r.Addr = cmp.Or(strings.Join(network.Elsewhere(addr), " and "), addr.String())
	}
	for _, name := range cfg.AllowHosts {
		if !isHome(hostOf(name)) {
			r.Names = append(r.Names, name)
		}
	}
	if u, err := neturl.Parse(cfg.StoreURL); err == nil && cfg.Store == "redis" && u.Scheme != "unix" {
		if host := u.Hostname(); host != "" && !isHome(host) {
			r.Redis = u.Host
		}
	}
	return r
}

// isHome tells whether only this machine reaches host.
func isHome(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// localhost is the address of the name localhost on a machine where neither a file nor a name server
// has it: the name always means this machine (RFC 6761, section 6.3).
var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func isLocalhost(name string) bool {
	return strings.EqualFold(strings.TrimSuffix(name, "."), "localhost")
}

// hostOf returns the host of HOST or HOST:PORT.
func hostOf(name string) string {
	if host, _, err := net.SplitHostPort(name); err == nil {
		return host
	}
	return strings.Trim(name, "[]")
}

// ownNames returns the names by which browsers find a server that listens on addr: given,
// the name in --addr, if there is one; and if other machines can reach it, the names of
// this machine, also with .local (mDNS, RFC 6762).
func ownNames(given string, addr net.Addr) (names []string) {
	if given != "" {
		names = append(names, given)
	}
	if !isHome(hostOf(addr.String())) {
		names = append(names, machineNames()...)
	}
	return names
}

// machineNames returns the names by which other machines may find this one.
func machineNames() []string {
	own, err := os.Hostname()
	if err != nil || own == "" {
		return nil
	}
	name, _, _ := strings.Cut(own, ".")
	return []string{own, name, name + ".local"}
}

// version returns the version of the module, with the commit if that is not in it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if commit := setting(info, "vcs.revision"); len(commit) >= 12 && !strings.Contains(info.Main.Version, commit[:12]) {
		return info.Main.Version + " " + commit[:12]
	}
	return info.Main.Version
}

// built returns the time of the commit that the program was built from, in the form of
// RFC 3339, "" if the build does not tell.
func built() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return setting(info, "vcs.time")
	}
	return ""
}

// setting returns what the program was built with, "" if the build does not tell.
func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
