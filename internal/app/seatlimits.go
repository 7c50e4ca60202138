package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/tap"
)

// What one seat of a class may do. What passes a limit is refused, or takes the place of something
// of the same seat: the other seats notice nothing.
const (
	seatRate    = 30      // requests a second
	seatBurst   = 120     // requests at once, after a rest
	seatHolds   = 2       // requests that hold a session
	seatStreams = 2       // event streams of its labs: a new one takes the place of the oldest
	seatVisits  = 8       // pages: a new one takes the place of the one that was used longest ago
	seatMoments = 100     // in the timeline of each page: 300 learners who press all lesson long must fit into memory
	seatSeconds = 6       // second browsers: a new one takes the place of the one that was used longest ago
	seatBodies  = 1 << 20 // bytes of longer forms on their way
	seatRuns    = 2       // runs of experiments that go on
)

// seatUse is how much a seat uses of what has a limit.
type seatUse struct {
	rate   *rate.Limiter
	holds  chan struct{}
	bodies *tap.Room

	mu      sync.Mutex
	streams []*context.CancelFunc // end the streams of the seat's labs, the oldest first
}

func newSeatUse() *seatUse {
	return &seatUse{rate: rate.NewLimiter(seatRate, seatBurst), holds: make(chan struct{}, seatHolds), bodies: tap.NewRoom(seatBodies)}
}

// useOf returns how much the seat of s uses. It is nil outside a class, where a browser has no limits
// of its own, and of a seat that has left its place: a request that was under way then leaves nothing.
func (a *App) useOf(s *seat.Seat) *seatUse {
	use, _ := a.uses.Load(s.First())
	mine, _ := use.(*seatUse)
	return mine
}

// checkRate refuses a request of a seat that sends too many.
func (a *App) checkRate(c *call) error {
	use := a.useOf(c.seat)
	if use == nil || c.from != nil || use.rate.AllowN(time.Now(), 1) {
		return nil
	}
	return &problem{status: http.StatusTooManyRequests, brief: true,
		detail: fmt.Sprintf("This seat sends more than %d requests a second, and no more are allowed. Nothing was changed. Wait a second, and go on.", seatRate)}
}

// stream notes a stream of the seat's labs, which end ends. The oldest stream ends if there are too
// many. leave is called when the stream has ended.
func (u *seatUse) stream(end context.CancelFunc) (leave func()) {
	if u == nil {
		return func() {}
	}
	mine := &end
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.streams = append(u.streams, mine); len(u.streams) > seatStreams {
		(*u.streams[0])()
		u.streams = slices.Delete(u.streams, 0, 1)
	}
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.streams = slices.DeleteFunc(u.streams, func(end *context.CancelFunc) bool { return end == mine })
	}
}
