package views

// Everyone is the board's panel of what is done to every session of the class.
type Everyone struct{}
