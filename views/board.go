package views

// Board is the teacher's board of a class: BoardPage shows it.
type Board struct {
	Page     Page
	Stream   string // the address of its events
	Store    string
	Waiting  bool // nobody has joined yet
	Said     Said
	Ended    *Ended // what is said after the end of the class; nil before, and then what follows is of the class
	Together Together
	Join     Poster
	Tally    Tally
	Sift     Sift
	Tiles    []Tile
	Seat     *SeatFacts // whose tile was chosen; nil for none
	Door     Door
	Holds    ClassStore
	Feed     []FeedLine
	Doctor   Doctor
	Now      int64 // in milliseconds since 1970, for the ages that the page's script counts
}

// Said is what a press on the board did.
type Said struct {
	Sentence
	Code  string // that gives a seat back; mostly ""
	Until int64  // when Code ends, in milliseconds since 1970
	Now   int64
	Left  string
}

// Poster says where one joins.
type Poster struct {
	Ways   []Way  // the likeliest first, at most three
	Others []Way  // the remaining addresses
	Local  string // this machine's name under .local, if it leads here; "" for none
	Seats  int
	Own    int  // how many of Seats are of the program's own browsers
	Door   bool // the door is closed
	Knocks int  // how many wait there
}

// Best returns the address to show where there is room for one.
func (j Poster) Best() *Way {
	for _, list := range [][]Way{j.Ways, j.Others} {
		if len(list) > 0 {
			return &list[0]
		}
	}
	return nil
}

// Way is an address at which one joins.
type Way struct {
	N     string // "1" for the first
	Kind  string // "Wi-Fi"
	Label string // "192.168.1.20"
	Join  string // "http://192.168.1.20:8080/join"
	Large string // the same as it is typed: "http://192.168.1.20:8080"
	QR    string // the d of an SVG path
	Size  string // of the path, in units: "0 0 37 37"
	Err   string // why the program does not listen there; "" if it does
}

// Tally counts the seats.
type Tally struct {
	Seats, Most string
	Awake       string // how many are, and how many are in trouble
	Summary     string // for a screen reader, at most one every ten seconds
}

// Sift is which tiles are shown, and in what order.
type Sift struct {
	Find    string
	ByLast  bool // by last act, the latest first; otherwise by name
	Trouble bool // only those in trouble
	None    bool // no tile is shown
}

// Tile is a seat on the board. It has no key, no value, no cookie, no ID and no code.
type Tile struct {
	Name     string // in addresses: "amber-fox"
	Nickname string
	Find     string // the nickname in small letters
	State    string // one of classroom's: "none", "gone", "live", "ended", "nocookie"
	Lives    string // where the values live: "cookie", "server", "both", "" for no values
	Session  string // its short name, cut; "" for none
	Words    string // "3 keys · 233 B", or what became of the session
	Act      string // the last act: "set a value"
	At       int64  // when that was, in milliseconds since 1970; 0 for never
	Age      string
	Heard    int64 // when the seat was heard last, in milliseconds since 1970; 0 for never
	HeardAge string
	Asleep   bool
	Trouble  bool
	Two      bool // open on two devices
	Done     string
	Answered bool   // the seat has answered what is asked now
	Acts     string // counts up with each act: the tile flashes when it changes
	Chosen   bool
	Hidden   bool // the query left it out

	Rehearsal bool // one of the program's own browsers sits there
}

// SeatFacts are the facts of one seat, with what the teacher can do.
type SeatFacts struct {
	Tile   Tile
	Facts  []Field
	Beside int // further seats of this device
}

// Door is the door of the class.
type Door struct {
	Closed  bool
	Waiting []Knocker
	More    int // who wait beside those
}

// Knocker waits at the door.
type Knocker struct{ Nickname, Since string }

// ClassStore is what the class's store holds.
type ClassStore struct {
	Name    string
	Stats   []Stat
	Durable bool // the class outlives a crash of the program
	Unknown bool // the store did not answer
}

// FeedLine is something that happened to the session of a seat.
type FeedLine struct {
	At, Nickname, Words string
	Tone                string // one of classroom's words for what happened
}

// Doctor says who can reach the class.
type Doctor struct {
	Open   bool // it stands on the page; otherwise it is behind a button
	Looked string
	Checks []Check
}

// Check is one thing that the doctor looked at.
type Check struct {
	Tone  string // "ok", "bad", "" for neither
	Text  string
	Notes []string
}
