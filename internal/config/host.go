package config

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// hostName reads a name that a Host header may carry, with or without a port, and
// returns it as browsers send it: in small ASCII letters (bücher.example becomes
// xn--bcher-kva.example), without a dot at the end, an IPv6 address in brackets. Its
// errors are those of Flag.set.
func hostName(given string) (string, error) {
	if strings.ContainsAny(given, "/@ ") { // a URL
		return "", errAllowed
	}
	name, port := given, ""
	if _, err := netip.ParseAddr(given); err != nil { // not an address such as ::1, whose last colon begins no port
		if i := strings.LastIndexByte(given, ':'); i >= 0 && !strings.HasSuffix(given, "]") {
			name, port = given[:i], given[i+1:]
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil || n == 0 {
				return "", errors.New("the port is a number from 1 to 65535, as in lab.example:8080")
			}
			port = strconv.FormatUint(n, 10)
		}
	}
	bare, bracketed := strings.CutPrefix(name, "[")
	if bracketed {
		var closed bool
		if bare, closed = strings.CutSuffix(bare, "]"); !closed {
			return "", errAllowed
		}
	}
	switch ip, err := netip.ParseAddr(bare); {
	case err == nil && ip.Zone() != "":
		return "", errors.New("the Host header carries no zone: leave out % and what follows")
	case err == nil && ip.Is6():
		name = "[" + ip.String() + "]"
	case bracketed: // and no IPv6 address
		return "", errAllowed
	case strings.Contains(bare, "*"):
		return "", errors.New("a host is allowed by its whole name, such as lab.example; * would let the pages of any site in")
	default:
		name = strings.ToLower(strings.TrimSuffix(bare, "."))
		if !ascii(name) {
			if name, err = idna.Lookup.ToASCII(name); err != nil {
				return "", errAllowed
			}
		}
		if !plainName(name) {
			return "", errAllowed
		}
	}
	if port != "" {
		name = net.JoinHostPort(strings.Trim(name, "[]"), port)
	}
	return name, nil
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// plainName tells whether a name has the form of a host name (RFC 1123). Underscores are
// allowed too: containers and Windows machines have them, and browsers go there.
func plainName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}
