package tap

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// If this fails, the figures of an answer are wrong, or it counts as left too early or never.
func TestAnswer(t *testing.T) {
	for _, test := range []struct {
		name       string
		writes     []string
		head, body int
		done       bool
	}{
		{"at once", []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"}, 38, 2, true},
		{"in pieces", []string{"HTTP/1.1 200 OK\r\nContent-", "Length: 2\r\n\r", "\n", "a", "b"}, 38, 2, true},
		{"not yet", []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"}, 38, 1, false},
		{"no body", []string{"HTTP/1.1 303 See Other\r\nContent-Length: 0\r\n\r\n"}, 45, 0, true},
		{"continue", []string{"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"}, 38, 1, true},
		{"continue in one", []string{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"}, 38, 1, true},
		{"no head", []string{strings.Repeat("x", maxHead+1)}, 0, 0, false},
	} {
		o := &Answer{began: time.Now(), length: -1, done: make(chan struct{})}
		for _, w := range test.writes {
			o.write([]byte(w), time.Now())
		}
		o.write([]byte{}, time.Now())
		done := false
		select {
		case <-o.done:
			done = true
		default:
		}
		if done != test.done {
			t.Errorf("%s: done is %t", test.name, done)
		}
		if !done {
			continue
		}
		if left, ok := o.Wait(t.Context()); !ok || left.HeadBytes != test.head || int(left.BodyBytes) != test.body {
			t.Errorf("%s: %+v, want %d and %d bytes", test.name, left, test.head, test.body)
		}
	}
}

// One device that begins long heads takes half of the room for them, and the others have the rest. If
// it failed, one student would keep out the long heads of the whole class.
func TestOneDeviceTakesHalfOfTheRoomForHeads(t *testing.T) {
	room := newHeadRoom(8 * limit)
	device, another, here := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8"), netip.Addr{}
	took := func(from netip.Addr) (n int) {
		for room.take(from, limit) {
			n++
		}
		return n
	}
	if first, second := took(device), took(another); first != 4 || second != 4 {
		t.Errorf("one device took %d, another %d of 8", first, second)
	}
	for range 4 {
		room.give(device, limit)
		room.give(another, limit)
	}
	if all := took(here); all != 8 || room.Taken() != 8*limit || len(room.of) != 1 {
		t.Errorf("this machine took %d of 8", all)
	}
}
