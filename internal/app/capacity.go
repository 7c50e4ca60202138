package app

import (
	"runtime"

	"github.com/sessionscope/sessionscope/internal/hub"
)

// capacity is how much there is at once, of everything that strangers can make more of. All
// follow from Config.Seats, the number of learners. What is full refuses, with words that name
// the limit: 503 for a connection, 429 for the rest. Only what nobody uses gives way.
//
//	                             for   32 seats   300 seats   full
//	connections                            2048        2600   the one that is idle longest gives way, or the new one is refused
//	visits (a tab, with its reloads)         64         600   a page that nobody uses gives way, or the new one is refused
//	visits of pages merely opened          1024        9600   the one that was opened first gives way
//	event streams                           128        1200   two a visit: the third of its pages is refused
//	second browsers                          32         300   one that nobody used for 30 minutes gives way, or the new one is refused
//	requests that hold a session             32         300   the next is refused
//	bytes of moments                     24 MiB      91 MiB   a visit keeps 256 KiB instead of 1 MiB: its oldest moments lose their exchange
//	longer forms on their way            16 MiB      50 MiB   the next is refused
//	results that wait for their page        192        1800   the oldest result of the visit with most gives way
//	bytes of these results                8 MiB      75 MiB   the oldest result of the visit with most gives way
//	runs of experiments                      50         117   the next is refused
//	runs of one address                       8          75   the next is refused
//
// A class has the same for its own number of seats, but for what each seat has a limit of
// (seatlimits.go): then there is room for what all seats can take.
//
//	                             for  300 seats   one seat
//	visits, opened pages among them        2400          8   the one of the seat that was used longest ago gives way
//	moments of a visit                      100          –   the oldest is dropped
//	event streams                             –          2   the oldest of the seat ends
//	second browsers                        1800          6   the one of the seat that was used longest ago gives way
//	requests that hold a session            300          2   the next is refused
//	longer forms on their way            75 MiB      1 MiB   the next is refused
//	runs of experiments                     600          2   the next is refused; as many as there are cores work at once
type capacity struct {
	connections int
	visits      int
	browsers    int
	holds       int
	moments     int64 // bytes
	bodies      int64 // bytes
	results     int
	resultBytes int
	runs        int
	runsAddress int // a school is often one address
	runsAtOnce  int // that work at the same moment; 0 for no limit
	runsSeats   int // learners of a class, who each have room for the results of their runs; 0 for none
	visitsEach  int // of one learner of a class; 0 for no limit
	secondsEach int // second browsers of one learner of a class; 0 for no limit
	momentsEach int // in the timeline of a visit; 0 for hub.MaxMoments
}

// capacityForClass returns the capacity of the App of a class's seats.
func capacityForClass(seats int) capacity {
	c := capacityFor(seats)
	c.visits, c.visitsEach, c.momentsEach = seatVisits*seats, seatVisits, seatMoments
	c.browsers, c.secondsEach = seatSeconds*seats, seatSeconds
	c.runs, c.runsAddress, c.runsAtOnce = seatRuns*seats, seatRuns, runtime.GOMAXPROCS(0)
	c.runsSeats = seats
	c.bodies = int64(seats) * seatBodies / 4
	return c
}

// capacityFor returns the capacity of a lab for so many learners.
func capacityFor(seats int) capacity {
	return capacity{
		connections: max(2048, ClassConnections(seats)),
		visits:      2 * seats, browsers: seats, holds: seats,
		moments: 16<<20 + int64(seats)*256<<10, bodies: 12<<20 + int64(seats)*128<<10,
		results: 6 * seats, resultBytes: seats * 256 << 10,
		runs: 42 + seats/4, runsAddress: max(2, seats/4),
	}
}

// ClassConnections is how many connections the server of a class of so many seats must allow at once.
func ClassConnections(seats int) int { return 200 + 8*seats }

// MaxConnections is how many connections the lab's server must allow at once.
func (a *App) MaxConnections() int { return a.capacity.connections }

// ofHub are the limits of what the hub keeps.
func (c capacity) ofHub() hub.Limits {
	return hub.Limits{Visits: c.visits, Bytes: c.moments, Each: c.visitsEach, Moments: c.momentsEach}
}
