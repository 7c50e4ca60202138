package views

// Everyone is the board's panel of what is done to every session of the class.
type Everyone struct {
	Acts  []EveryoneAct
	Sure  *Sure      // what the teacher is asked; nil for nothing
	Busy  bool       // an act is under way
	Shown *Survivors // what became of the sessions after the latest act; nil for none
}

// EveryoneAct is one thing that can be done.
type EveryoneAct struct {
	Name, Label, Does string
	Ends              bool // it ends sessions for good
}

// Sure asks the teacher whether an act shall be done.
type Sure struct {
	Act     string
	Title   string // the act, as its button says it
	After   string // how many acts were done when this was asked
	Reaches string // whom it reaches
	Becomes []WillBecome
	Button  string
}

// WillBecome says what an act does to the sessions whose values live in one place.
type WillBecome struct {
	Lived Part
	Text  string
}

// Survivors is the table of what became of the sessions, as their own requests showed.
type Survivors struct {
	Title, Sent, At string
	Failed          string // what was not done; mostly ""
	Ended, None     bool   // there are such: their columns are shown
	Rows            []Survived
	Asleep          string // how many of those who were not heard are asleep; "" for none
}

// Survived is a row: the seats whose values lived in one place.
type Survived struct {
	Lived                                       Part
	Seats, There, Refused, Ended, None, Unheard string
	Why, WhyEnded                               []string // why they were refused, and why others had ended
}

// BecameView says on a page of a seat what became of its session.
type BecameView struct {
	N                     string // counts the acts: the news of another act stand open, also if those before were folded
	Tone, Title, Text     string
	Browser, Wire, Server []Part // what the request showed that asked for it
	Gone                  bool   // there is no session now
}
