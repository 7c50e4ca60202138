package network

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serveHere listens at 127.0.0.2, which the test's machine calls its Wi-Fi, and serves there.
func serveHere(t *testing.T, cfg Config) *Listener {
	t.Helper()
	cfg.Interfaces = func() ([]Interface, error) { return interfacesOf("wlan0=127.0.0.2"), nil }
	l, err := Listen(cfg)
	if err != nil {
		t.Skip("this system has no 127.0.0.2: ", err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) })}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	if a := l.Addresses(); len(a) != 1 || a[0].Err != "" {
		t.Skipf("this system has no 127.0.0.2: %v", a)
	}
	return l
}

// A phone whose browser insists on https must be noticed, and must not take a place or the
// server's time; one that says nothing must not hold up the others.
func TestKnocks(t *testing.T) {
	t.Parallel()
	l := serveHere(t, Config{})
	at := l.Addr().String()
	silent, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	get := func() {
		t.Helper()
		resp, err := http.Get("http://" + at)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); string(body) != at {
			t.Errorf("answered %q", body)
		}
	}
	get()
	if got := l.Knocks(); len(got) != 0 {
		t.Errorf("http is counted: %v", got)
	}
	for n := 1; n <= 2; n++ {
		changed := l.Changed()
		if c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true}); err == nil {
			c.Close()
			t.Fatal("https was answered")
		}
		<-changed
		got := l.Knocks()
		if len(got) != 1 || got[0].Times != n || !got[0].Device.IsLoopback() || time.Since(got[0].Last) > time.Minute {
			t.Errorf("after %d: %+v", n, got)
		}
	}
	get()
	// The byte counts as the first one only.
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: me\r\nContent-Length: 1\r\n\r\n")
	time.AfterFunc(time.Millisecond, func() { c.Write([]byte{handshake}) })
	if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 || l.Knocks()[0].Times != 2 {
		t.Errorf("the byte in a body: %v, %v", err, l.Knocks())
	}
}

// Somebody with many addresses must not fill the memory, or push the latest device out.
func TestKnocksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := new(Knocks)
		device := netip.MustParseAddr("10.0.0.0")
		first := device
		for range maxKnocks + 50 {
			k.count(device)
			k.count(first)
			last := device
			if all := k.All(); all[0].Device != first && all[1].Device != last {
				t.Fatalf("the latest are %v", all[:2])
			}
			device = device.Next()
			time.Sleep(time.Second)
		}
		if all := k.All(); len(all) != maxKnocks || all[0].Device != first || all[0].Times != maxKnocks+51 {
			t.Errorf("%d devices, the latest %v", len(all), all[0])
		}
	})
}

// The page of the class must know of knocks where another listener of the program has all
// addresses.
func TestCovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, "wlan0=192.168.1.5")
		knocks := new(Knocks)
		l := m.listen(Config{Port: 8080, Covered: true, Knocks: knocks})
		if a := l.Addresses(); len(a) != 1 || a[0].Join() != "http://192.168.1.5:8080/join" || a[0].Err != "" || len(m.sockets) != 0 {
			t.Errorf("%+v with %d sockets", a, len(m.sockets))
		}
		changed := l.Changed()
		main := &fake{machine: m, calls: make(chan net.Conn, 1), closed: make(chan struct{})}
		near, far := net.Pipe()
		main.calls <- called{near}
		c, err := knocks.Listener(main).Accept()
		if err != nil {
			t.Fatal(err)
		}
		go far.Write([]byte{handshake, 3, 1})
		if n, err := c.Read(make([]byte, 10)); n != 0 || err != io.EOF {
			t.Errorf("read %d, %v", n, err)
		}
		<-changed
		if got := l.Knocks(); len(got) != 1 || got[0].Device.String() != "192.168.1.30" {
			t.Errorf("knocks: %v", got)
		}
		if _, err := far.Write([]byte("x")); err != io.ErrClosedPipe {
			t.Errorf("the connection lives on: %v", err)
		}
		m.becomes("wlan0=192.168.1.6")
		if got := l.Addresses()[0].IP.String(); got != "192.168.1.6" {
			t.Errorf("listed: %s", got)
		}
		l.Close()
	})
}

// called is a connection from 192.168.1.30.
type called struct{ net.Conn }

func (called) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 168, 1, 30), Port: 4000}
}

// --addr and --join-host decide what is listed, and a wrong one is refused at the start.
func TestOnlyAndJoinHost(t *testing.T) {
	const both = "wlan0=192.168.1.5 eth0=10.0.0.7 lo=127.0.0.1"
	for _, test := range []struct {
		interfaces, only, own string
		want                  string // join addresses, and interfaces
	}{
		{both, "10.0.0.7", "", "10.0.0.7:8080 eth0"},
		{both, "::ffff:10.0.0.7", "", "10.0.0.7:8080 eth0"},
		{both, "127.0.0.1", "", "127.0.0.1:8080 lo"},
		{both, "127.0.0.2", "", "127.0.0.2:8080 "},
		{both, "", "lab.example", "lab.example:8080 wlan0, 192.168.1.5:8080 wlan0, 10.0.0.7:8080 eth0"},
		{both, "", "lab.example:80", "lab.example:80 wlan0, 192.168.1.5:8080 wlan0, 10.0.0.7:8080 eth0"},
		{both, "", "10.0.0.7", "10.0.0.7:8080 eth0, 192.168.1.5:8080 wlan0"},
		{"wlan0=192.168.1.5 wlan0=fd00::5", "", "[fd00::5]", "[fd00::5]:8080 wlan0, 192.168.1.5:8080 wlan0"},
		{"", "", "lab.example", "lab.example:8080 "},
		{both, "10.0.0.7", "lab.example", "lab.example:8080 eth0, 10.0.0.7:8080 eth0"},
		{both, "10.0.0.9", "", "cannot listen on 10.0.0.9:8080: this machine does not have that address"},
		{both, "10.0.0.9", "lab.example", "cannot listen on 10.0.0.9:8080: this machine does not have that address"},
		{both, "127.0.0.9", "", "cannot listen on 127.0.0.9:8080: cannot assign requested address"},
	} {
		m := newMachine(t, "")
		m.refused["127.0.0.9"] = true
		cfg := Config{Port: 8080, JoinHost: test.own, Interfaces: func() ([]Interface, error) { return interfacesOf(test.interfaces), nil }}
		if test.only != "" {
			cfg.Only = netip.MustParseAddr(test.only)
		}
		l, err := listen(cfg, m.open)
		if err != nil {
			if err.Error() != test.want {
				t.Errorf("%+v: %v", test, err)
			}
			continue
		}
		var got []string
		for _, a := range l.Addresses() {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(a.Join(), "http://"), "/join")+" "+a.Interface)
		}
		if got := strings.Join(got, ", "); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
		l.Close()
	}
}
