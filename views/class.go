package views

import "cmp"

// Strip is at the top of every page of a seat of a class.
type Strip struct {
	Nickname  string
	Code      string      // by which its owner comes back
	Home      string      // where the seat's own pages begin, also on those of its second browsers
	Twice     bool        // pages of the seat are open on two devices
	ClassPage bool        // the page shows what the class does together
	Became    *BecameView // what became of the session after something was done for everyone; nil for nothing
	Asks      string      // what the class does together, in one or two words; "" for nothing
	Calls     bool        // something waits there for the seat
	Paused    bool        // the class is paused: what the pages of the seat send is refused
}

// stream returns the address of the stream that the page opens.
func (s Strip) stream() string {
	if s.ClassPage {
		return s.Home + "/class/events?page=class"
	}
	return s.Home + "/class/events"
}

// asks returns what the way to the class page says.
func (s Strip) asks() string { return cmp.Or(s.Asks, "Class") }

// Join is the page where one takes a seat.
type Join struct {
	Page     Page
	Visitor  string // says whose offer the form takes
	Nickname string // that is offered, or under which the visitor knocks
	Spins    string // "2 spins left", "" for none
	Own      string // the nickname of the seat that this browser has a cookie of, mostly ""
	Knocking bool   // the door is closed, and the visitor waits
	Problem  string // why the press before was refused, mostly ""
	Lost     string // that this browser had a seat which is not its any more, mostly ""
	Back     Back
	Gave     Gave
}

// Back is the form of somebody who had a seat already.
type Back struct {
	Open     bool
	Nickname string // as it was typed
	Problem  string // why that was refused, mostly ""
}

// Gave is what a browser gave with its request.
type Gave struct{ Cookies, About, Lines, Fetch string }

// ClassPage is a seat's page of the class.
type ClassPage struct {
	Page        Page
	Place       Place
	Phone       Phone
	Said        Sentence // what the press before it did, without a Verb if there was none
	At          string   // when this request came
	Browser     []Part   // what this request showed: each line goes on after the witness's name
	Wire        []Part
	Server      []Part
	Experiments int
	Done        int
}
