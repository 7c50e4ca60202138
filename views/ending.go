package views

import "strconv"

// End is the page that asks whether the class is to end.
type End struct {
	Page  Page
	Seats int
	Held  []string // what there is of the class, a line for each kind
	Where string   // in which the class is kept: "in the memory of this program"
}

// Ended is what the board says after the end of the class.
type Ended struct {
	At    string
	Wiped string // what was removed, with numbers
	Where string
	Left  bool // sessions may be left: the store did not answer
}

// seats says how many seats there are.
func seats(n int) string {
	if n == 1 {
		return "1 seat"
	}
	return strconv.Itoa(n) + " seats"
}
