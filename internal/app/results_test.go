package app

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
)

func TestResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := results{most: 200, mostBytes: 8 << 20}
		count := func() int {
			rs.mu.Lock()
			defer rs.mu.Unlock()
			return len(rs.kept)
		}
		for n := range rs.most + 10 {
			rs.put(fmt.Sprint(n), result{})
		}
		if n := count(); n != rs.most {
			t.Errorf("%d results kept, at most %d", n, rs.most)
		}
		for _, test := range []struct {
			token string
			after time.Duration
			want  bool
		}{
			{"nonsense", 0, false}, {"", 0, false},
			{"0", 0, false},   // made room
			{"209", 0, true},  // once
			{"209", 0, false}, // not twice
			{"208", 59 * time.Second, true},
			{"207", time.Second, false}, // a minute is over
		} {
			time.Sleep(test.after)
			if _, ok := rs.take(test.token); ok != test.want {
				t.Errorf("%q after %v: %v, want %v", test.token, test.after, ok, test.want)
			}
		}
		if n := count(); n != 0 {
			t.Errorf("%d results are kept for more than a minute", n)
		}
	})
}

// A seat of a class is refused many forms of its class page, which belong to no visit. It would push out what
// the next page of another seat says.
func TestResultsOfASeatPushOutNoOthers(t *testing.T) {
	rs := results{most: 20, mostBytes: 8 << 20}
	own, other := &seat.Seat{Base: "/s/own"}, &seat.Seat{Base: "/s/other"}
	rs.put("own", result{seat: own})
	for n := range 2 * rs.most {
		rs.put(fmt.Sprint(n), result{seat: other})
	}
	if _, ok := rs.take("own"); !ok {
		t.Error("the result of a seat is gone")
	}
	rs.sweeper.Stop()
}
