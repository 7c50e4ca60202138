package classroom

import (
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// ActKind is what is done to every session of a class at once.
type ActKind string

// The acts.
const (
	ActRestart   ActKind = "restart"            // the store is closed and opened again
	ActNewSecret ActKind = "restart-new-secret" // and other secrets sign the cookies
	ActExpire    ActKind = "expire"             // the deadline of each record is now
	ActFlush     ActKind = "flush"              // each seat's known session ends
	ActForget    ActKind = "forget"             // records and markers vanish
)

// Acts are all acts, in the order in which the board has them.
var Acts = []ActKind{ActRestart, ActNewSecret, ActExpire, ActFlush, ActForget}

// Act is one act. It never changes: a Survey replaces it.
type Act struct {
	N      int       `json:"n"` // counts the acts of a class from 1
	Kind   ActKind   `json:"kind"`
	At     time.Time `json:"at"`
	Seats  int       `json:"seats"`            // how many seats there were
	Awake  int       `json:"awake"`            // how many of them had been heard just before
	Failed bool      `json:"failed,omitempty"` // it was not done for all, or the store did not come back
}

// Stake is what a seat had before an act.
type Stake struct {
	Seat  ID
	Known session.Known // its session, as its last request left it; zero if it had none, or nobody had seen it
}

// Outcome is what the first request of a seat after an act showed.
type Outcome string

// The outcomes.
const (
	ShowedNothing Outcome = ""        // the seat was not heard since
	ShowedThere   Outcome = "there"   // its cookie opened its session
	ShowedRefused Outcome = "refused" // its cookie opened nothing
	ShowedEnded   Outcome = "ended"   // its session has ended by its clock, or under another ID
	ShowedNone    Outcome = "none"    // no session cookie came
)

// Showed is what the first request of a seat after an act showed.
type Showed struct {
	What Outcome
	Why  string // of refused and ended, in the engine's words
	At   time.Time
}

// stake is a Stake with what came of it.
type stake struct {
	known  session.Known
	showed Showed
}

// Row counts the seats whose values lived in one place before an act.
type Row struct {
	Lived   session.Placement `json:"lived,omitempty"` // 0: no session was known
	Seats   int               `json:"seats"`
	There   int               `json:"there,omitempty"`
	Refused int               `json:"refused,omitempty"`
	Ended   int               `json:"ended,omitempty"`
	None    int               `json:"none,omitempty"`
	Unheard int               `json:"unheard,omitempty"`
	Why     map[string]int    `json:"why,omitempty"` // how many were refused, for each reason
	// WhyEnded has how many had ended, for each reason; nil for none.
	WhyEnded map[string]int `json:"why_ended,omitempty"`
}

// PastAct is an act that is shown no more, in numbers.
type PastAct struct {
	Act
	Rows []Row `json:"rows"`
}

// rows is Rows. The caller holds mu.
func (s *Survey) rows() []Row {
	byPlace := make(map[session.Placement]*Row)
	for _, one := range s.seats {
		lived := one.known.Placement
		r := byPlace[lived]
		if r == nil {
			r = &Row{Lived: lived, Why: make(map[string]int)}
			byPlace[lived] = r
		}
		r.Seats++
		switch one.showed.What {
		case ShowedThere:
			r.There++
		case ShowedRefused:
			r.Refused++
			r.Why[one.showed.Why]++
		case ShowedEnded:
			r.Ended++
			if r.WhyEnded == nil {
				r.WhyEnded = make(map[string]int)
			}
			r.WhyEnded[one.showed.Why]++
		case ShowedNone:
			r.None++
		default:
			r.Unheard++
		}
	}
	var rows []Row
	for _, lived := range []session.Placement{session.InCookie, session.Hybrid, session.OnServer, 0} {
		if r := byPlace[lived]; r != nil {
			rows = append(rows, *r)
		}
	}
	return rows
}
