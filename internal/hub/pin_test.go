package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/sessionscope/sessionscope/internal/session"
)

// A browser's oldest pin makes room for the browser's own new pins, and for no other browser's.
func TestPins(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.Begin(l.seats.Root, "", session.Key{})
		numbers := func(owner string) (out []int) {
			for _, p := range v.Pins(owner) {
				out = append(out, p.N)
			}
			return out
		}
		v.Pin(Pin{Owner: "a", Value: "first"})
		for range MaxPins + 2 {
			v.Pin(Pin{Owner: "b"})
		}
		if got := numbers("a"); !slices.Equal(got, []int{1}) || v.Pins("a")[0].Value != "first" {
			t.Errorf("another browser's pins pushed out %v", got)
		}
		if got := numbers("b"); !slices.Equal(got, []int{4, 5, 6, 7, 8}) {
			t.Errorf("of seven pins these are kept: %v", got)
		}
		if got := numbers("nobody"); got != nil {
			t.Errorf("nobody has the pins %v", got)
		}
		if n := v.Pin(Pin{Owner: "b"}); n != 9 {
			t.Errorf("a number is given again: %d", n)
		}
		for i := range 10 * MaxPins {
			v.Pin(Pin{Owner: fmt.Sprint(i)})
		}
		if len(v.pins) != 4*MaxPins {
			t.Errorf("%d pins of fifty browsers are kept", len(v.pins))
		}
	})
}

// A pin keeps the cookie, and not the whole head that the cookie is a part of: 32 kB a pin.
func TestAPinKeepsTheCookieOnly(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.Begin(l.seats.Root, "", session.Key{})
		head := strings.Repeat("x", 32<<10) + "cookie"
		v.Pin(Pin{Owner: "a", Value: head[32<<10:]})
		if p := v.Pins("a")[0]; p.Value != "cookie" || unsafe.StringData(p.Value) == unsafe.StringData(head[32<<10:]) {
			t.Errorf("the pin is %q, a part of the whole head", p.Value)
		}
	})
}
