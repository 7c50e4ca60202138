package program

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/network"
	"github.com/sessionscope/sessionscope/internal/qr"
	"github.com/sessionscope/sessionscope/internal/terminal"
)

func at(ip string, kind network.Kind) network.Address {
	return network.Address{IP: netip.MustParseAddr(ip), Port: 8080, Kind: kind}
}

const wifi = "http://192.168.1.20:8080/join"

// If this fails, somebody in the room does not learn where the class is joined, or the code
// does not fit the terminal.
func TestPosterBegins(t *testing.T) {
	code := func(colours bool) string { return qr.Terminal(wifi, colours) }
	wide, plain := terminal.Screen{Width: 80, Colours: true}, terminal.Screen{Width: 37}
	for _, test := range []struct {
		name   string
		poster poster
		now    []network.Address
		want   []string
		not    []string
	}{
		{"a terminal", poster{screen: wide, seats: 30, enter: true}, []network.Address{at("192.168.1.20", network.WiFi)},
			[]string{"with room for 30. It ends with the program.\n", "Plain http is no secret", code(true) + "    \x1b[1m" + wifi + "\x1b[0m\n", "Enter: a link to the board"},
			[]string{"also", "taken"}},
		{"no colours", poster{screen: plain}, []network.Address{at("192.168.1.20", network.WiFi)},
			[]string{code(false) + "    " + wifi + "\n"}, []string{"\x1b", "Enter"}},
		{"one column too narrow", poster{screen: terminal.Screen{Width: 36}}, []network.Address{at("192.168.1.20", network.WiFi)},
			[]string{"\n    " + wifi + "\n"}, []string{"█", "▀"}},
		{"a file", poster{}, []network.Address{at("192.168.1.20", network.WiFi)}, []string{"\n    " + wifi + "\n"}, []string{"█", "\x1b"}},
		{"SQLite, and another port", poster{asked: 8079, file: "/x/a.class"}, []network.Address{at("192.168.1.20", network.WiFi)},
			[]string{"It is kept in /x/a.class: a later start that opens a class goes on with it.\n", "Port 8079 is taken: the class is on port 8080.\n"}, []string{"ends with"}},
		{"more addresses, and one that refuses", poster{}, []network.Address{
			{Own: "lab.example:80", IP: netip.MustParseAddr("192.168.1.20"), Port: 8080}, at("10.0.4.17", network.Ethernet),
			{IP: netip.MustParseAddr("10.0.4.18"), Port: 8080, Err: "permission denied"}, {IP: netip.MustParseAddr("10.0.4.19"), Port: 8081, Interface: "usb0"}, at("2001:db8::1", network.IPv6), at("2001:db8::2", network.IPv6),
		}, []string{"\n    http://lab.example:80/join\n", "It can also be joined at http://10.0.4.17:8080/join (Ethernet), http://10.0.4.19:8081/join (usb0), http://[2001:db8::1]:8080/join (IPv6)\n"},
			[]string{"10.0.4.18", "::2"}},
		{"no network", poster{enter: true}, nil, []string{"no address at which a phone could join", "Enter: "}, []string{"http://"}},
	} {
		got := test.poster.begin(test.now)
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in\n%s", test.name, want, got)
			}
		}
		for _, not := range test.not {
			if strings.Contains(got, not) {
				t.Errorf("%s: %q is in\n%s", test.name, not, got)
			}
		}
	}
}

// If this fails, the terminal shows an address at which nobody can join, or repeats itself.
func TestPosterChanges(t *testing.T) {
	a, b, c := at("192.168.1.20", network.WiFi), at("10.0.4.17", network.Ethernet), at("10.0.4.18", network.Ethernet)
	refused := b
	refused.Err = "permission denied"
	list := func(all ...network.Address) []network.Address { return all }
	for _, test := range []struct {
		before, now []network.Address
		want        string
	}{
		{list(a, b), list(a, b), ""},
		{list(a), list(a, refused), ""},
		{list(a, b, c), list(a, c, b), ""},
		{list(a), list(a, b), "The class can also be joined at http://10.0.4.17:8080/join (Ethernet)\n"},
		{list(a, b), list(a), "The class cannot be joined any more at http://10.0.4.17:8080/join (Ethernet)\n"},
		{list(a, b), list(a, c), "The class can also be joined at http://10.0.4.18:8080/join (Ethernet), and not any more at http://10.0.4.17:8080/join (Ethernet)\n"},
		{list(b), list(a, b), "The class is joined at another address now:\n\n    " + wifi + "\n\n"},
		{list(b, a), list(a), "The class is joined at another address now:\n\n    " + wifi + "\n\n"},
		{nil, list(a), "The class can be joined now:\n\n    " + wifi + "\n\n"},
		{list(a, b), nil, "This machine's network is gone, and so is " + wifi + ". The class waits for another one.\n"},
		{nil, nil, ""},
	} {
		p := poster{}
		p.begin(test.before)
		if got := p.change(test.now); got != test.want {
			t.Errorf("%v, then %v:\n%s\nwant\n%s", test.before, test.now, got, test.want)
		}
		if got := p.change(test.now); got != "" {
			t.Errorf("the same again: %q", got)
		}
	}
}
