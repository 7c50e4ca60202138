package session

// Placement says where the values of a session live.
type Placement uint8

const (
	// InCookie: the cookie carries every value, the server keeps no record.
	InCookie Placement = 1 + iota
	// Hybrid: the cookie carries the small values, the record the larger ones.
	Hybrid
	// OnServer: the cookie carries the ID only, the record every value.
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
