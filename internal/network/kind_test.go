package network

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// A phone of the class would be shown an address that it cannot reach before one that it can.
func TestRanked(t *testing.T) {
	for _, test := range []struct{ goos, interfaces, want string }{
		{"linux", "lo=127.0.0.1 lo=::1 docker0=172.17.0.1 eth0=203.0.113.4 wlan0=192.168.1.5 wlan0=fe80::1 wlan0=fd00::5",
			"192.168.1.5 Wi-Fi, 203.0.113.4 Ethernet, 172.17.0.1 virtual, fd00::5 IPv6"},
		{"linux", "enp3s0=10.0.4.7 wlp2s0=10.0.0.7 wlp2s0=10.0.0.7", "10.0.0.7 Wi-Fi, 10.0.4.7 Ethernet"},
		{"linux", "wlan0=192.168.1.5 wlan1=10.42.0.1 eth0=10.42.1.1", "10.42.0.1 hotspot, 192.168.1.5 Wi-Fi, 10.42.1.1 Ethernet"},
		{"linux", "wlan0=10.42.0.17 v0=192.168.137.1", "10.42.0.17 Wi-Fi, 192.168.137.1 network"}, // a guest of another's hotspot
		{"linux", "eth0=169.254.3.4 br-1=172.18.0.1 tun0=10.8.0.2 wg0=10.9.0.2 eth0=fe80::2 docker0=fd01::1 tun0=fd02::1 eth0=2001:db8::2",
			"10.8.0.2 VPN, 10.9.0.2 VPN, 172.18.0.1 virtual, 169.254.3.4 link-local, 2001:db8::2 IPv6"},
		{"linux", "cable=10.0.0.7 down=10.0.0.8 point=10.0.0.9 radio=100.64.0.9", "10.0.0.7 network, 100.64.0.9 Wi-Fi, 10.0.0.9 VPN"},
		{"windows", "Ethernet_2=192.168.1.7 vEthernet_(WSL)=172.20.0.1 Local_Area_Connection*_10=192.168.137.1 Wi-Fi=192.168.1.5 Tailscale=100.100.1.1 WLAN=192.168.9.9",
			"192.168.137.1 hotspot, 192.168.1.5 Wi-Fi, 192.168.9.9 Wi-Fi, 192.168.1.7 Ethernet, 100.100.1.1 VPN, 172.20.0.1 virtual"},
		{"darwin", "en0=192.168.1.5 bridge100=192.168.64.1 utun3=10.8.0.2 bridge101=192.168.2.1", "192.168.2.1 hotspot, 192.168.1.5 network, 10.8.0.2 VPN, 192.168.64.1 virtual"},
		{"android", "wlan1=192.168.43.1 wlan0=192.168.43.7", "192.168.43.1 hotspot, 192.168.43.7 Wi-Fi"},
		{"linux", "eth0=0.0.0.0 eth0=224.0.0.1 eth0=ff02::1", ""},
		{"linux", "", ""},
	} {
		all := interfacesOf(test.interfaces)
		for n := range all {
			switch i := &all[n]; i.Name {
			case "down":
				i.Flags = 0
			case "point":
				i.Flags |= net.FlagPointToPoint
			case "radio":
				i.Wireless = true
			}
		}
		var got []string
		for _, a := range ranked(test.goos, all) {
			got = append(got, fmt.Sprint(a.IP, " ", a.Kind))
		}
		if got := strings.Join(got, ", "); got != test.want {
			t.Errorf("%s, %s:\n got %s\nwant %s", test.goos, test.interfaces, got, test.want)
		}
	}
}

// The address that the terminal prints for other machines is the one that a phone on the same
// Wi-Fi reaches.
func TestElsewhere(t *testing.T) {
	for _, test := range []struct{ interfaces, want string }{
		{"docker0=172.17.0.1 eth0=203.0.113.4 wlan0=192.168.1.5 wlan0=fd00::5", "192.168.1.5:80 203.0.113.4:80 172.17.0.1:80"},
		{"eth0=169.254.3.4 eth0=fe80::2", ""},
		{"eth0=169.254.3.4 eth0=fd00::2 eth0=fd00::3", "[fd00::2]:80 [fd00::3]:80"},
		{"eth0=10.0.0.1 eth1=10.0.0.2 eth2=10.0.0.3 eth3=10.0.0.4", "10.0.0.1:80 10.0.0.2:80 10.0.0.3:80"},
		{"", ""},
	} {
		if got := strings.Join(elsewhere("80", ranked("linux", interfacesOf(test.interfaces))), " "); got != test.want {
			t.Errorf("%s: %q, want %q", test.interfaces, got, test.want)
		}
	}
	for _, one := range []string{"127.0.0.1:8080", "192.0.2.7:8080", "[::1]:8080"} {
		if got := Elsewhere(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(one))); got != nil {
			t.Errorf("listening on %s: %v", one, got)
		}
	}
}

// This machine's own interfaces can be read, and its loopback is not listed.
func TestInterfaces(t *testing.T) {
	all, err := Interfaces()
	if err != nil || len(all) == 0 {
		t.Fatalf("%v, %v", all, err)
	}
	home := netip.MustParseAddr("127.0.0.1")
	if !slices.ContainsFunc(all, func(i Interface) bool { return slices.Contains(i.Addrs, home) }) {
		t.Errorf("no interface has 127.0.0.1: %v", all)
	}
	for _, a := range ranked("linux", all) {
		if a.IP.IsLoopback() {
			t.Errorf("listed: %v", a)
		}
	}
}

func TestJoin(t *testing.T) {
	for _, test := range []struct {
		address Address
		want    string
	}{
		{Address{IP: netip.MustParseAddr("192.168.1.5"), Port: 8080}, "http://192.168.1.5:8080/join"},
		{Address{IP: netip.MustParseAddr("fd00::5"), Port: 8080}, "http://[fd00::5]:8080/join"},
		{Address{IP: netip.MustParseAddr("10.0.0.7"), Port: 8080, Own: "lab.school.example"}, "http://lab.school.example:8080/join"},
		{Address{Own: "lab.school.example:80"}, "http://lab.school.example:80/join"},
		{Address{Port: 8080, Own: "fd00::5"}, "http://[fd00::5]:8080/join"},
		{Address{Port: 8080, Own: "[fd00::5]"}, "http://[fd00::5]:8080/join"},
		{Address{Port: 8080, Own: "[fd00::5]:81"}, "http://[fd00::5]:81/join"},
	} {
		if got := test.address.Join(); got != test.want {
			t.Errorf("%+v: %s, want %s", test.address, got, test.want)
		}
	}
}

func TestDevice(t *testing.T) {
	for _, test := range []struct{ addr, want string }{
		{"192.168.1.5", "192.168.1.5"},
		{"::ffff:192.168.1.5", "192.168.1.5"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
		{"fe80::1%eth0", "fe80::"},
		{"127.0.0.1", "127.0.0.1"},
	} {
		if got := Device(netip.MustParseAddr(test.addr)).String(); got != test.want {
			t.Errorf("%s: %s, want %s", test.addr, got, test.want)
		}
	}
}
