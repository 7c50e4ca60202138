package network

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// machine is a machine whose interfaces a test sets, and whose sockets open at once.
type machine struct {
	*testing.T
	mu         sync.Mutex
	interfaces string          // as interfacesOf reads them
	broken     error           // instead of the interfaces
	looks      int             // how often they were read
	taken      map[string]bool // ADDRESS:PORT, or PORT at each address
	refused    map[string]bool // addresses that cannot be had
	sockets    map[string]*fake
}

// interfacesOf reads "wlan0=192.168.1.5 tun0=10.8.0.2"; in a name _ stands for a space.
func interfacesOf(text string) (all []Interface) {
	for field := range strings.FieldsSeq(text) {
		name, ip, _ := strings.Cut(field, "=")
		i := Interface{Name: strings.ReplaceAll(name, "_", " "), Flags: net.FlagUp, Addrs: []netip.Addr{netip.MustParseAddr(ip)}}
		if name == "lo" {
			i.Flags |= net.FlagLoopback
		}
		all = append(all, i)
	}
	return all
}

// fake is a socket of a machine.
type fake struct {
	machine *machine
	at      netip.AddrPort
	calls   chan net.Conn
	fails   chan error
	closed  chan struct{}
}

func (f *fake) Accept() (net.Conn, error) {
	select {
	case c := <-f.calls:
		return c, nil
	case err := <-f.fails:
		return nil, err
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *fake) Addr() net.Addr { return net.TCPAddrFromAddrPort(f.at) }

func (f *fake) Close() error {
	f.machine.mu.Lock()
	defer f.machine.mu.Unlock()
	delete(f.machine.sockets, f.at.String())
	close(f.closed)
	return nil
}

func newMachine(t *testing.T, interfaces string) *machine {
	return &machine{T: t, interfaces: interfaces, taken: map[string]bool{}, refused: map[string]bool{}, sockets: map[string]*fake{}}
}

func (m *machine) open(at netip.AddrPort) (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at.Port() == 0 {
		at = netip.AddrPortFrom(at.Addr(), 50000)
	}
	switch {
	case m.taken[at.String()], m.taken[fmt.Sprint(at.Port())], m.sockets[at.String()] != nil:
		return nil, &net.OpError{Op: "listen", Err: syscall.EADDRINUSE}
	case m.refused[at.Addr().String()]:
		return nil, &net.OpError{Op: "listen", Err: syscall.EADDRNOTAVAIL}
	}
	f := &fake{machine: m, at: at, calls: make(chan net.Conn), fails: make(chan error), closed: make(chan struct{})}
	m.sockets[at.String()] = f
	return f, nil
}

// listen listens on the machine with cfg.
func (m *machine) listen(cfg Config) *Listener {
	m.Helper()
	cfg.Interfaces = func() ([]Interface, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.looks++
		return interfacesOf(m.interfaces), m.broken
	}
	l, err := listen(cfg, m.open)
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() { l.Close() })
	return l
}

// becomes gives the machine other interfaces, and waits until l has looked at them.
func (m *machine) becomes(interfaces string) {
	m.mu.Lock()
	m.interfaces = interfaces
	m.mu.Unlock()
	time.Sleep(3 * time.Second)
	synctest.Wait()
}

// want checks the sockets, which are listed with those of the likeliest addresses first.
func (m *machine) want(l *Listener, want string) {
	m.Helper()
	var got []string
	open := 0
	for _, a := range l.Addresses() {
		at := netip.AddrPortFrom(a.IP, uint16(a.Port)).String()
		if a.Err != "" {
			at += "!" + a.Err
		} else if m.sockets[at] != nil {
			open++
		}
		got = append(got, at)
	}
	if text := strings.Join(got, " "); text != want {
		m.Errorf("listens at %s, want %s", text, want)
	}
	if open != len(m.sockets) || open != strings.Count(want, ":")-strings.Count(want, "!") {
		m.Errorf("%d of %d sockets are listed: %v", open, len(m.sockets), want)
	}
}

// The network of a class may change in the middle of a lesson.
func TestAddressesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, "lo=127.0.0.1 eth0=192.168.1.5 docker0=172.17.0.1")
		l := m.listen(Config{Port: 8080})
		m.want(l, "192.168.1.5:8080 172.17.0.1:8080")
		changed := l.Changed()
		time.Sleep(10 * time.Second)
		select {
		case <-changed:
			t.Error("a change where nothing changed")
		default:
		}
		old := m.sockets["192.168.1.5:8080"]
		m.becomes("lo=127.0.0.1 wlan0=10.0.0.7 docker0=172.17.0.1")
		<-changed
		m.want(l, "10.0.0.7:8080 172.17.0.1:8080")
		<-old.closed
		m.becomes("")
		m.want(l, "")
		if a := l.Addr().String(); a != "0.0.0.0:8080" {
			t.Errorf("without a network: %s", a)
		}
		m.becomes("wlan0=10.0.0.7")
		m.want(l, "10.0.0.7:8080")

		far, near := net.Pipe()
		go func() { m.sockets["10.0.0.7:8080"].calls <- near }()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		m.becomes("wlan0=10.0.0.8")
		m.want(l, "10.0.0.8:8080")
		go io.WriteString(far, "GET")
		if b := make([]byte, 3); true {
			if _, err := io.ReadFull(c, b); err != nil {
				t.Errorf("a connection of the lost address: %v", err)
			}
		}
		l.Close()
		l.Close()
		if _, err := l.Accept(); err != net.ErrClosed || len(m.sockets) != 0 {
			t.Errorf("after Close: %v, %d sockets", err, len(m.sockets))
		}
	})
}

// A port that is taken at one address must not part the class, and an address that returns
// must have its old port: phones reconnect to that.
func TestTakenPorts(t *testing.T) {
	for _, test := range []struct {
		name, taken, refused string
		port                 int
		want                 string
	}{
		{"free", "", "", 8080, "192.168.1.5:8080 10.8.0.2:8080"},
		{"taken at one", "10.8.0.2:8080", "", 8080, "192.168.1.5:8081 10.8.0.2:8081"},
		{"two taken", "8080 8081", "", 8080, "192.168.1.5:8082 10.8.0.2:8082"},
		{"no common one", "most", "", 8080, "192.168.1.5:8080 10.8.0.2:8100"},
		{"none", "all", "", 8080, "192.168.1.5:8080!ports 8080 to 8100 are taken 10.8.0.2:8080!ports 8080 to 8100 are taken"},
		{"any", "", "", 0, "192.168.1.5:50000 10.8.0.2:50000"},
		{"the last", "65535", "", 65535, "192.168.1.5:65535!ports 65535 to 65555 are taken 10.8.0.2:65535!ports 65535 to 65555 are taken"},
		{"one refuses", "8080", "192.168.1.5", 8080, "192.168.1.5:8081!cannot assign requested address 10.8.0.2:8081"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMachine(t, "eth0=192.168.1.5 tun0=10.8.0.2")
			for at := range strings.FieldsSeq(test.taken) {
				m.taken[at] = true
			}
			for port := 8080; port <= 8100; port++ {
				m.taken[fmt.Sprint("10.8.0.2:", port)] = m.taken["all"] || m.taken["most"] && port < 8100 || m.taken[fmt.Sprint("10.8.0.2:", port)]
				m.taken[fmt.Sprint("192.168.1.5:", port)] = m.taken["all"] || m.taken["most"] && port == 8100
			}
			m.refused[test.refused] = true
			t.Log(test.name)
			l := m.listen(Config{Port: test.port})
			m.want(l, test.want)
			clear(m.refused)
			m.becomes("eth0=192.168.1.5")
			clear(m.taken)
			m.becomes("eth0=192.168.1.5 tun0=10.8.0.2")
			if strings.Contains(test.want, "!") {
				test.want = fmt.Sprintf("192.168.1.5:%d 10.8.0.2:%[1]d", l.Addresses()[0].Port)
			}
			m.want(l, test.want)
			l.Close()
		})
	}
}

// The log of a class says each change once, and nothing of what stays.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		}}))
		m := newMachine(t, "wlan0=192.168.1.5 eth0=10.0.0.7")
		m.refused["10.0.0.8"] = true
		l := m.listen(Config{Port: 8080, JoinHost: "lab.example", Log: log})
		m.becomes("wlan0=192.168.1.5 eth0=10.0.0.8")
		m.becomes("wlan0=192.168.1.5 eth0=10.0.0.8")
		clear(m.refused)
		m.becomes("wlan0=192.168.1.5 eth0=10.0.0.8")
		l.Close()
		const want = `msg="the class can be reached" url=http://192.168.1.5:8080/join kind=Wi-Fi interface=wlan0
msg="the class can be reached" url=http://10.0.0.7:8080/join kind=Ethernet interface=eth0
msg="an address of this machine is gone" address=10.0.0.7 interface=eth0
msg="cannot listen at an address of this machine" address=10.0.0.8 interface=eth0 error="cannot assign requested address"
msg="the class can be reached" url=http://10.0.0.8:8080/join kind=Ethernet interface=eth0
`
		if text.String() != want {
			t.Errorf("logged:\n%s", &text)
		}
	})
}

// A server that has no file left for a connection must go on when one is closed.
func TestAcceptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, "wlan0=192.168.1.5")
		l := m.listen(Config{Port: 8080})
		s := m.sockets["192.168.1.5:8080"]
		for range 5 {
			s.fails <- syscall.EMFILE
		}
		near, _ := net.Pipe()
		go func() { s.calls <- near }()
		began := time.Now()
		if c, err := l.Accept(); err != nil || c.LocalAddr() != near.LocalAddr() {
			t.Errorf("after failures: %v, %v", c, err)
		}
		if waited := time.Since(began); waited < 5*time.Millisecond || waited > time.Second {
			t.Errorf("it tried again after %v", waited)
		}
		s.fails <- syscall.EMFILE
		l.Close()
	})
}

// A system that does not say its interfaces must not end a class that has begun.
func TestInterfacesFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, "wlan0=192.168.1.5")
		l := m.listen(Config{Port: 8080})
		m.mu.Lock()
		m.broken = io.ErrUnexpectedEOF
		m.mu.Unlock()
		m.becomes("")
		m.want(l, "192.168.1.5:8080")
		m.mu.Lock()
		m.broken = nil
		m.mu.Unlock()
		m.becomes("")
		if m.want(l, ""); m.looks != 4 {
			t.Errorf("%d looks in 6 s, want one every 2 s", m.looks)
		}
		l.Close()
		if _, err := Listen(Config{Interfaces: func() ([]Interface, error) { return nil, io.ErrUnexpectedEOF }}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("at the start: %v", err)
		}
	})
}
