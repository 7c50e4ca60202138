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

// sessions says what becomes of the lab's sessions.
func (q Quit) sessions() string {
	switch q.Sessions {
	case 0:
		return "The lab has no session."
	case 1:
		return "The 1 session of the lab is in its memory, and ends too."
	}
	return "The " + strconv.Itoa(q.Sessions) + " sessions of the lab are in its memory, and end too."
}
