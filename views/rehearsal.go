package views

// Rehearsal is the board's panel of the program's own small browsers.
type Rehearsal struct {
	Here     bool // they are there, or on their way
	Seats    int  // how many of them have one
	Learners int  // how many others have a seat, while they are there
	Trouble  string
}
