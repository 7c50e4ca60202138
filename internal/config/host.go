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
// returns it as browsers send it: in small letters, of ASCII (bücher.example is
// xn--bcher-kva.example), without a dot at the end, an IPv6 address in brackets.
func hostName(given string) (string, error) {
	if strings.ContainsAny(given, "/@ ") { // an address of a page
		return "", errHostName
	}
	name, port := given, ""
	if _, err := netip.ParseAddr(given); err != nil { // else it is ::1, without brackets and without a port
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
			return "", errHostName
		}
	}
	switch ip, err := netip.ParseAddr(bare); {
	case err == nil && ip.Zone() != "":
		return "", errors.New("the Host header carries no zone: leave out % and what follows")
	case err == nil && ip.Is6():
		name = "[" + ip.String() + "]"
	case bracketed: // only an IPv6 address stands in brackets
		return "", errHostName
	case strings.Contains(bare, "*"):
		return "", errors.New("a host is allowed by its whole name, such as lab.example; * would let the pages of any site in")
	default:
		name = strings.ToLower(strings.TrimSuffix(bare, "."))
		if !ascii(name) {
			if name, err = idna.Lookup.ToASCII(name); err != nil {
				return "", errHostName
			}
		}
		if !plainName(name) {
			return "", errHostName
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

var errHostName = errors.New("it is a host name, such as lab.example or lab.example:8080")

// plainName tells whether a name has the characters that names have. Underscores are
// not for hosts, but containers and Windows machines are called so, and browsers go there.
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
