package qr

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	goqr "github.com/piglig/go-qr"
)

// addresses are what codes are made of: the shortest and the longest that a class may have.
var addresses = []string{
	"http://10.0.0.1/join",
	"http://192.168.1.20:8080/join",
	"http://192.168.137.1:18080/join",
	"http://[2001:db8:1234:5678:9abc:def0:1234:5678]:8080/join",
	"http://a-laptop-with-a-long-name.school.example:8080/join",
}

// If this fails, a phone does not read the code of a page, or reads another address. The
// decoder is of other hands than the encoder.
func TestPath(t *testing.T) {
	for _, address := range addresses {
		d, size, err := Path(address)
		if err != nil {
			t.Fatal(err)
		}
		squares := make([][]bool, size)
		for y := range squares {
			squares[y] = make([]bool, size)
		}
		for run := range strings.SplitSeq(strings.TrimSuffix(d, "z"), "z") {
			var x, y, width, back int
			if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &width, &back); err != nil || width != back {
				t.Fatalf("%q: %v", run, err)
			}
			for i := range width {
				squares[y][x+i] = true
			}
		}
		read(t, address, squares)
	}
}

// If this fails, a phone does not read the code of a terminal.
func TestTerminal(t *testing.T) {
	for _, address := range addresses {
		for _, colours := range []bool{true, false} {
			text := Terminal(address, colours)
			if strings.Contains(text, "\x1b") != colours {
				t.Errorf("colours %t: %q", colours, text)
			}
			read(t, address, squaresOf(text, colours))
			if got := Width(address); got != len(squaresOf(text, colours)[0]) {
				t.Errorf("Width is %d, the code has %d columns", got, len(squaresOf(text, colours)[0]))
			}
		}
	}
}

// squaresOf reads the half blocks of a terminal. With colours they are dark, without they
// are light.
func squaresOf(text string, colours bool) (squares [][]bool) {
	for line := range strings.Lines(text) {
		line = strings.NewReplacer(blackOnWhite, "", reset, "", "\n", "").Replace(line)
		var above, below []bool
		for _, block := range line {
			above = append(above, strings.ContainsRune("█▀", block) == colours)
			below = append(below, strings.ContainsRune("█▄", block) == colours)
		}
		squares = append(squares, above, below)
	}
	return squares
}

// read decodes the squares, and looks for the four light ones at each edge.
func read(t *testing.T, want string, squares [][]bool) {
	t.Helper()
	const scale = 4
	width := len(squares[0])
	img := image.NewGray(image.Rect(0, 0, width*scale, len(squares)*scale))
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			shade := color.Gray{Y: 255}
			if squares[y/scale][x/scale] {
				shade.Y = 0
				if i, j := x/scale, y/scale; min(i, j, width-1-i, width-1-j) < 4 {
					t.Fatalf("%s: the square %d, %d is at the edge and dark", want, i, j)
				}
			}
			img.SetGray(x, y, shade)
		}
	}
	if got, err := goqr.Decode(img); err != nil || got != want {
		t.Errorf("the code says %q, want %q (%v)", got, want, err)
	}
}

// If this fails, a text that no code has room for gives a code of something else.
func TestTooLong(t *testing.T) {
	long := strings.Repeat("a", 3000)
	if _, _, err := Path(long); err == nil {
		t.Error("Path: no error")
	}
	if got := Terminal(long, true); got != "" || Width(long) != 0 {
		t.Errorf("%q, width %d", got, Width(long))
	}
}
