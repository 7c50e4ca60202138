package network

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Knock is a device that tried https where only http is spoken.
type Knock struct {
	Device netip.Addr // an IPv4 address, or the first address of an IPv6 /64
	Times  int        // how many connections
	Last   time.Time  // when the latest of them came
}

// maxKnocks is how many devices are remembered: those that tried last.
const maxKnocks = 200

// handshake is the first byte of a connection that speaks TLS (RFC 8446, section 5.1). No HTTP
// request begins with it.
const handshake = 0x16

// Knocks counts the devices that tried https, and closes their connections. The zero value is
// ready for use.
type Knocks struct {
	mu      sync.Mutex
	devices map[netip.Addr]Knock
	told    func() // called after each knock; may be nil
}

// tell sets what is called after each knock, without a lock.
func (k *Knocks) tell(told func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told = told
}

// Listener returns l with connections that are closed at their first byte, and counted, if
// they speak TLS. That byte is read when the server reads a request: Accept never waits for it.
func (k *Knocks) Listener(l net.Listener) net.Listener { return knockListener{l, k} }

// All returns the devices that tried https, the latest first.
func (k *Knocks) All() []Knock {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([]Knock, 0, len(k.devices))
	for _, one := range k.devices {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Knock) int {
		if c := b.Last.Compare(a.Last); c != 0 {
			return c
		}
		return a.Device.Compare(b.Device)
	})
	return all
}

// count counts a connection of a device.
func (k *Knocks) count(device netip.Addr) {
	k.mu.Lock()
	one, known := k.devices[device]
	if !known && len(k.devices) >= maxKnocks {
		k.forgetOldest()
	}
	if k.devices == nil {
		k.devices = map[netip.Addr]Knock{}
	}
	k.devices[device] = Knock{device, one.Times + 1, time.Now()}
	told := k.told
	k.mu.Unlock()
	if told != nil {
		told()
	}
}

// forgetOldest forgets the device that has not tried for the longest time. The caller holds the
// lock.
func (k *Knocks) forgetOldest() {
	var oldest Knock
	for _, one := range k.devices {
		if oldest.Times == 0 || one.Last.Before(oldest.Last) {
			oldest = one
		}
	}
	delete(k.devices, oldest.Device)
}

type knockListener struct {
	net.Listener
	knocks *Knocks
}

func (l knockListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &knockConn{Conn: c, knocks: l.knocks}, nil
}

// knockConn is a connection whose first byte is looked at.
type knockConn struct {
	net.Conn
	knocks *Knocks
	begun  atomic.Bool
}

// Read implements net.Conn. A connection that speaks TLS ends with io.EOF, so that the server
// says nothing to it.
func (c *knockConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 || c.begun.Swap(true) || p[0] != handshake {
		return n, err
	}
	c.Conn.Close()
	c.knocks.count(deviceOf(c.Conn))
	return 0, io.EOF
}

// CloseWrite closes the connection's own side, if the connection can do that.
func (c *knockConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
