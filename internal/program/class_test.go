package program

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/config"
	"github.com/sessionscope/sessionscope/internal/network"
)

// If this fails, the teacher's lab is open to the network, or a class is where no phone is.
func TestPlaces(t *testing.T) {
	for _, test := range []struct {
		addr      string
		classroom bool
		want      places
	}{
		{"127.0.0.1:8080", false, places{lab: "127.0.0.1:8080"}},
		{"0.0.0.0:8080", false, places{lab: "0.0.0.0:8080"}},
		{"192.0.2.7:8080", false, places{lab: "192.0.2.7:8080"}},
		{"127.0.0.1:8080", true, places{lab: "127.0.0.1:8080", further: true}},
		{"127.0.0.1:0", true, places{lab: "127.0.0.1:0", further: true}},
		{"[::1]:9000", true, places{lab: "[::1]:9000", further: true}},
		{"localhost:9000", true, places{lab: "localhost:9000", further: true}},
		{"0.0.0.0:9000", true, places{lab: "127.0.0.1:9000", further: true}},
		{"[::]:9000", true, places{lab: "127.0.0.1:9000", further: true}},
		{":9000", true, places{lab: "127.0.0.1:9000", further: true}},
		{"192.0.2.7:9000", true, places{lab: "127.0.0.1:9000", further: true, only: netip.MustParseAddr("192.0.2.7")}},
		{"[2001:db8::7]:0", true, places{lab: "127.0.0.1:0", further: true, only: netip.MustParseAddr("2001:db8::7")}},
		{"[::ffff:192.0.2.7]:0", true, places{lab: "127.0.0.1:0", further: true, only: netip.MustParseAddr("192.0.2.7")}},
	} {
		got, err := placesFor(t.Context(), config.Config{Addr: test.addr, Classroom: test.classroom})
		if err != nil || got != test.want {
			t.Errorf("%s, classroom %t: %+v, %v, want %+v", test.addr, test.classroom, got, err, test.want)
		}
	}
	if _, err := placesFor(t.Context(), config.Config{Addr: "no-such-name.invalid:80", Classroom: true}); err == nil || !strings.Contains(err.Error(), "no-such-name.invalid:80") {
		t.Errorf("a name of nothing: %v", err)
	}
}

// If this fails, a port that somebody has keeps a class from being opened, or a lab without a
// class is at another port than the one that was asked for.
func TestTakenPort(t *testing.T) {
	taken, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	number := taken.Addr().(*net.TCPAddr).Port
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(number))
	if l, err := (places{lab: addr}).listen(); err == nil {
		l.Close()
		t.Error("a lab without a class took another port")
	}
	l, err := places{lab: addr, further: true}.listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := l.Addr().(*net.TCPAddr).Port
	if got <= number || got > number+network.FurtherPorts {
		t.Errorf("port %d after %d", got, number)
	}
	var said strings.Builder
	announce(&said, addr, l.Addr(), "Ctrl+C ends it", "")
	if want := "Port " + strconv.Itoa(number) + " is taken"; !strings.Contains(said.String(), want) {
		t.Errorf("%q is not in %q", want, said.String())
	}
}

// If this fails, a class is offered where its teacher has no way to it, or the lab is taken for
// one that the network may see.
func TestClassConfig(t *testing.T) {
	for addr, want := range map[string]struct{ offered, home bool }{
		"127.0.0.1:8080": {true, true}, "[::1]:8080": {true, true}, "0.0.0.0:8080": {true, false}, "[::]:8080": {true, false}, "192.0.2.7:8080": {false, false},
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c := classes{addr: tcp, cfg: config.Config{Seats: 30, LogClass: true, JoinHost: "lab.example"}}
		got := c.config()
		if (got != nil) != want.offered {
			t.Errorf("%s: %+v", addr, got)
		}
		if got != nil && (got.Home != want.home || got.Seats != 30 || !got.LogRequests || !got.Names["lab.example"] || got.Names[""]) {
			t.Errorf("%s: %+v", addr, got)
		}
	}
}
