package tap

import "sync/atomic"

// Room limits the memory for what strangers send, in bytes. Take comes before the bytes
// are read, and Give when nobody keeps them any more.
type Room struct {
	max   int64
	taken atomic.Int64
}

// NewRoom returns a Room of max bytes.
func NewRoom(max int64) *Room { return &Room{max: max} }

// Taken returns how many bytes are taken now.
func (r *Room) Taken() int64 { return r.taken.Load() }

// Take takes n bytes, or returns false if there is no room for them.
func (r *Room) Take(n int) bool {
	if r.taken.Add(int64(n)) > r.max {
		r.taken.Add(int64(-n))
		return false
	}
	return true
}

// Give gives n bytes back.
func (r *Room) Give(n int) { r.taken.Add(int64(-n)) }
