package tap

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

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

// headRoom is a Room for the heads of connections, of which one device takes at most half.
type headRoom struct {
	Room
	mu sync.Mutex
	of map[netip.Addr]int64 // bytes, by device
}

func newHeadRoom(max int64) *headRoom {
	return &headRoom{Room: Room{max: max}, of: make(map[netip.Addr]int64)}
}

// take is Take for a device. The zero Addr is this machine, which may take all.
func (r *headRoom) take(from netip.Addr, n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if from.IsValid() && r.of[from]+int64(n) > r.max/2 || !r.Take(n) {
		return false
	}
	r.of[from] += int64(n)
	return true
}

// give is Give for a device.
func (r *headRoom) give(from netip.Addr, n int) {
	if n == 0 {
		return
	}
	r.Give(n)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[from] -= int64(n); r.of[from] <= 0 {
		delete(r.of, from)
	}
}
