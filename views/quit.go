package views

import "strconv"

// Quit is the page that asks whether the program is to end.
type Quit struct {
	Page     Page
	Sessions int      // live ones of the lab
	Seats    int      // of learners in the class that is open, 0 for none
	Held     []string // what there is of that class, a line for each kind
	Board    bool     // a class is open: the way back is its board
	Refused  bool     // Quit was pressed on a page that did not name the seats
}

// sessions says what becomes of the lab's sessions. Those that live in a cookie have no record, and
// nobody can count them.
func (q Quit) sessions() string {
	records := ""
	switch q.Sessions {
	case 0:
	case 1:
		records = ", also the 1 that has a record"
	default:
		records = ", also the " + strconv.Itoa(q.Sessions) + " that have a record"
	}
	return "All sessions of the lab end with it" + records + ": their cookies open nothing at the next start."
}
