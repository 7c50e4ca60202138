package tap

import "sync/atomic"

// Room is memory for what strangers send, in bytes. It is taken before the bytes
// come, and given back when nothing of them is kept any more.
type Room struct {
	max   int64
	taken atomic.Int64
}

// NewRoom returns room for max bytes.
func NewRoom(max int64) *Room { return &Room{max: max} }

// Taken returns how many bytes are taken now.
func (r *Room) Taken() int64 { return r.taken.Load() }

// Take tells whether there is room for n bytes more, and takes it.
func (r *Room) Take(n int) bool {
	if r.taken.Add(int64(n)) > r.max {
		r.taken.Add(int64(-n))
		return false
	}
	return true
}

// Give gives n bytes back.
func (r *Room) Give(n int) { r.taken.Add(int64(-n)) }
