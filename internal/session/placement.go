package session

import (
	"fmt"
	"time"
)

// Placement says where the values of a session live.
type Placement uint8

const (
	// InCookie: the cookie carries every value, the server keeps no record.
	InCookie Placement = 1 + iota
	// Hybrid: the cookie carries the small values, the record the larger ones.
	Hybrid
	// OnServer: the cookie carries the ID alone, the record every value.
	OnServer
)

var placementNames = [...]string{InCookie: "cookie", Hybrid: "hybrid", OnServer: "server"}

// Placements lists all placements, by name, in the order in which people are shown them.
func Placements() []string { return placementNames[InCookie:] }

// String returns the name: "cookie", "hybrid", "server".
func (p Placement) String() string {
	if int(p) < len(placementNames) {
		return placementNames[p]
	}
	return ""
}

// ParsePlacement returns the placement of that name, or an *InputError.
func ParsePlacement(name string) (Placement, error) {
	for p := InCookie; p <= OnServer; p++ {
		if placementNames[p] == name {
			return p, nil
		}
	}
	return 0, &InputError{"placement", "The placement is unknown: allowed are cookie, hybrid and server."}
}

// Expiry is a session's own expiry. The zero value is the policy: the idle
// timeout after the last write. The absolute lifetime caps all of them.
type Expiry struct {
	After        time.Duration // this long after the last write, in place of the idle timeout; negative: at once
	At           time.Time     // at this instant, whatever is written
	BrowserClose bool          // the policy, and the cookie ends with the browser
}

// String returns the form in which a record keeps x; parseExpiry reads it.
func (x Expiry) String() string {
	switch {
	case x.BrowserClose:
		return "browser-close"
	case !x.At.IsZero():
		return x.At.UTC().Format(time.RFC3339Nano)
	case x.After != 0:
		return x.After.String()
	}
	return ""
}

func parseExpiry(s string) (Expiry, error) {
	switch s {
	case "":
		return Expiry{}, nil
	case "browser-close":
		return Expiry{BrowserClose: true}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return Expiry{After: d}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return Expiry{}, fmt.Errorf("expiry %q is neither a duration nor a time", s)
	}
	return Expiry{At: at}, nil
}
