// Load opens a class in the built program, fills it with learners who press, and prints what
// it has measured beside the limits that the program promises to keep. It needs Linux.
//
//	task load -- [-seats 300] [-rate 2] [-seconds 30] [-after 60s] [-store memory] [-same-network]
//
// Begin with measure, which has the order of things. child has the program, seat a learner's
// browser, board the teacher's, lesson what the teacher does with everybody, wire the requests of both; report the table.
//
// How a number is made: the program is a process of its own, and so are its clients, all of
// them this one; both share the machine's cores, as the program and nobody do in a classroom.
// Each learner has an address and three connections: one for the lab's stream, one for the
// class's, whose beats it answers, and one for presses. A press is what the page's script
// sends, a form or a question with htmx's headers, and after its answer the page asks for the
// sizes of that exchange, as the script does. The learners do not wait for each other: each
// presses at its own times, and a press that comes late because the one before was not
// answered is counted from its own time. The board's two pages read every tile that they are
// sent: a tile counts the presses of its seat, so a press has reached the board when a tile
// that counts it has arrived whole.
//
// In the middle of that the teacher gives a lesson: a question is opened, answered by everybody and
// revealed, the server restarts for everyone with the same secret and with a new one, and every
// session is flushed. A page has heard of an act when the request that it sends then is answered, and
// of the reveal when its stream has it. Presses that were under way during an act are told apart.
//
// Where it may make a network namespace, as root or where users may make their own, the class
// is on a network of its own with an address for each learner. Elsewhere all learners are one
// device at this machine's own address, of which the program seats 60 at once and then ten a
// second.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

// options are how much load there is.
type options struct {
	seats   int
	rate    float64 // presses of a learner in a second
	seconds float64 // how long they press
	after   time.Duration
	store   string
	binary  string
	same    bool // on this machine's own network
	quiet   bool // no progress
}

// errLimit is returned when a limit was passed.
var errLimit = errors.New("a limit was passed")

func main() {
	var o options
	flag.IntVar(&o.seats, "seats", 300, "how many learners join")
	flag.Float64Var(&o.rate, "rate", 2, "how often each presses in a second")
	flag.Float64Var(&o.seconds, "seconds", 30, "how long they press")
	flag.DurationVar(&o.after, "after", time.Minute, "how long the program rests after they left, before it is looked at again")
	flag.StringVar(&o.store, "store", "memory", "the program's --store; sqlite makes a file that is removed afterwards")
	flag.StringVar(&o.binary, "binary", "", "the program; empty builds it")
	flag.BoolVar(&o.same, "same-network", false, "make no network for the class, all learners are one device of this machine")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
