package views

// Grid is the board's panel of what the browsers of the class gave.
type Grid struct{}
