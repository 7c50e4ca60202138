package views

// Ask is the board's panel of what the class is asked.
type Ask struct{}
