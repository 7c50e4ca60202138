package app

import "sync/atomic"

// room is memory for what strangers send, in bytes. It is taken before the bytes
// come, and given back when nothing of them is kept any more.
type room struct {
	max   int64
	taken atomic.Int64
}

// take tells whether there is room for n bytes more, and takes it.
func (r *room) take(n int) bool {
	if r.taken.Add(int64(n)) > r.max {
		r.taken.Add(int64(-n))
		return false
	}
	return true
}

// give gives n bytes back.
func (r *room) give(n int) { r.taken.Add(int64(-n)) }
