package hub

import (
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Beat is what a classroom board is told of a press: on whose side of the lab it was, and what
// it did.
type Beat struct {
	Seat *seat.Seat
	Gist trace.Gist
}

// beatRoom is how many beats wait for a board that does not read them.
const beatRoom = 256

// Beats returns the beats of all presses from now on, and a function that ends them. A board
// that does not keep up misses beats, and must show the present state at the next beat.
func (h *Hub) Beats() (beats <-chan Beat, leave func()) {
	board := make(chan Beat, beatRoom)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.boards[board] = true
	return board, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.boards, board)
	}
}

// beat tells the boards of x, on the side of s.
func (h *Hub) beat(x *trace.Exchange, s *seat.Seat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.boards) == 0 {
		return
	}
	beat := Beat{s, x.Gist()}
	for board := range h.boards {
		select {
		case board <- beat:
		default:
		}
	}
}
