package terminal

import (
	"os"

	"golang.org/x/term"
)

// Screen is what a terminal shows.
type Screen struct {
	Width   int  // in columns; 0 for no terminal
	Colours bool // it understands the sequences that set colours, and they are wanted
}

// usualWidth is the width of a terminal that does not tell its own, such as one at a serial
// line.
const usualWidth = 80

// ScreenOf returns what is shown by f, standard output for example. Colours are not wanted
// where NO_COLOR is set (no-color.org).
func ScreenOf(f *os.File) Screen {
	if !Is(f) {
		return Screen{}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = usualWidth
	}
	return Screen{Width: width, Colours: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && allowColours(f)}
}

// Is tells whether f is a terminal.
func Is(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
