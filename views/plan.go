package views

// Plan is the board's panel of the lesson plans.
type Plan struct{}
