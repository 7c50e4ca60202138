package experiment

import (
	"fmt"
	"testing"
	"time"
)

// The seats of a class have room for their results, each for its own: those who run most leave places
// and bytes to those who have run nothing yet. A seat that leaves takes its runs along.
func TestSeatsHaveRoomForTheirResults(t *testing.T) {
	const seats = 4
	for _, class := range []int{seats, 0} {
		rn := NewRunner(Config{Runs: MaxRunsEach * seats, RunsAddress: MaxRunsEach, Seats: class})
		run := func(seat string) (*Run, error) {
			r, err := rn.admit(Experiment{}, seat, seat, None, nil, "/")
			if err == nil {
				r.ended, r.size = time.Now(), 1<<20
				r.exchanges = []*Exchange{{}}
				rn.active.Done()
			}
			return r, err
		}
		for n := range seats - 1 {
			for range 2 * maxPlacesEach {
				if _, err := run(fmt.Sprint("greedy ", n)); err != nil && class > 0 {
					t.Fatal(err)
				}
			}
		}
		last, err := run("late")
		if class == 0 {
			if err == nil {
				t.Error("the control: without a class there is room")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := len(rn.shares("greedy 0", "greedy 0")[0].runs); got != maxPlacesEach {
			t.Errorf("a greedy seat has %d places", got)
		}
		rn.End("late")
		if rn.Find(last.Token) != nil || last.ctx.Err() == nil {
			t.Error("a run of a seat that has left goes on")
		}
		rn.Close()
	}
}
