package views

// Ending is the board's panel of the end of the class.
type Ending struct{}
