// Package qr draws QR codes (ISO/IEC 18004), for a page and for a terminal. Begin with Path
// and Terminal. Which squares are dark says github.com/boombuler/barcode: it tries all eight
// masks, as the standard demands, and imports nothing but the standard library. How they are
// drawn is ours.
package qr

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// quiet is how many light squares lie around a code. Without these four a scanner may not
// find it.
const quiet = 4

// code is the squares of a code.
type code struct {
	image barcode.Barcode
	inner int // squares from edge to edge, without the quiet ones
}

// encode makes the code of text, as bytes and with error correction M: 15 % of it may be
// covered or blurred. The error is that of a text that no code has room for (2,331 bytes).
func encode(text string) (code, error) {
	image, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		return code{}, fmt.Errorf("QR code of %d bytes: %w", len(text), err)
	}
	return code{image, image.Bounds().Dx()}, nil
}

// size returns how many squares the code has from edge to edge, the quiet ones included.
func (c code) size() int { return c.inner + 2*quiet }

// dark tells whether the square is dark. The first one, of the quiet ones, is 0, 0.
func (c code) dark(x, y int) bool {
	x, y = x-quiet, y-quiet
	return x >= 0 && y >= 0 && x < c.inner && y < c.inner && c.image.At(x, y) == color.Black
}

// Path returns the dark squares of text's code as the d of one SVG path. Each is one unit
// wide. Around them are four units for the light ones that a scanner needs, so that the image is
//
//	<svg viewBox="0 0 SIZE SIZE" shape-rendering="crispEdges"><path d="D"/></svg>
//
// on something light: in a dark theme too, the path must be dark and what is below it light.
// The error is that of a text that no code has room for (2,331 bytes).
func Path(text string) (d string, size int, err error) {
	c, err := encode(text)
	if err != nil {
		return "", 0, err
	}
	var b strings.Builder
	size = c.size()
	for y := range size {
		for x := 0; x < size; x++ {
			run := 0 // dark squares in a row
			for c.dark(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x, y, run, run)
				x += run
			}
		}
	}
	return b.String(), size, nil
}

// Width returns how many columns of a terminal the code of text takes, 0 if there is no code
// for it.
func Width(text string) int {
	c, err := encode(text)
	if err != nil {
		return 0
	}
	return c.size()
}

// These set black on white by number (SGR, ECMA-48; the numbers of the 256 colours are
// xterm's) and not as "black" and "white", which a theme may have changed.
const (
	blackOnWhite = "\x1b[38;5;16;48;5;231m"
	reset        = "\x1b[0m"
)

// Terminal returns the code of text in lines for a terminal, "" if there is no code for it. A
// character is about twice as high as wide, and so holds two squares, one above the other.
//
// With colours the code is black on white, whatever the terminal's own colours are, so that
// it is right on a dark terminal and on a light one. Without, the characters draw the light
// squares: on a terminal with light letters on a dark ground the code is right then. On one
// with dark letters it is a negative, which phones of the last years read, too; no text can
// tell which of the two it is on.
func Terminal(text string, colours bool) string {
	c, err := encode(text)
	if err != nil {
		return ""
	}
	blocks := [2][2]string{{"█", "▀"}, {"▄", " "}} // of a light square above and below; by dark
	before, after := "", ""
	if colours {
		blocks = [2][2]string{{" ", "▄"}, {"▀", "█"}}
		before, after = blackOnWhite, reset
	}
	var b strings.Builder
	for y := 0; y < c.size(); y += 2 {
		b.WriteString(before)
		for x := range c.size() {
			b.WriteString(blocks[bit(c.dark(x, y))][bit(c.dark(x, y+1))])
		}
		b.WriteString(after + "\n")
	}
	return b.String()
}

func bit(dark bool) int {
	if dark {
		return 1
	}
	return 0
}
