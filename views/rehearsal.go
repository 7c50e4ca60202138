package views

// Rehearsal is the board's panel of the program's own small browsers.
type Rehearsal struct{}
