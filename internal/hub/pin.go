package hub

import (
	"slices"
	"strings"
	"time"
)

// Pin is a cookie that was kept, to be sent again.
type Pin struct {
	N     int
	Owner string // the pins cookie of the browser that pinned it
	Value string
	Name  string // the short name of the cookie's session
	At    time.Time
}

// MaxPins bounds a visit's pins: it keeps MaxPins pins of one browser, and 4×MaxPins pins of all
// browsers. A new pin drops the oldest.
const MaxPins = 5

// Pin keeps p, and returns p's number in the visit.
func (v *Visit) Pin(p Pin) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pinned++
	p.N, p.Value = v.pinned, strings.Clone(p.Value) // a part of the header would keep all of the header in memory
	v.pins = append(v.pins, p)
	own := 0
	for _, old := range slices.Backward(v.pins) {
		if old.Owner == p.Owner {
			own++
		}
		if own > MaxPins {
			v.pins = slices.DeleteFunc(v.pins, func(o Pin) bool { return o.N == old.N })
			break
		}
	}
	if len(v.pins) > 4*MaxPins {
		v.pins = v.pins[1:]
	}
	return p.N
}

// Unpin forgets the owner's pins in all visits, and returns how many there were.
func (h *Hub) Unpin(owner string) (n int) {
	if owner == "" {
		return 0
	}
	for _, v := range h.all() {
		v.mu.Lock()
		had := len(v.pins)
		v.pins = slices.DeleteFunc(v.pins, func(p Pin) bool { return p.Owner == owner })
		n += had - len(v.pins)
		v.mu.Unlock()
	}
	return n
}

// Pins returns the owner's pins, oldest first.
func (v *Visit) Pins(owner string) (own []Pin) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.pins {
		if p.Owner == owner {
			own = append(own, p)
		}
	}
	return own
}
