package app

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
)

func TestHosts(t *testing.T) {
	for _, test := range []struct {
		addr  string
		own   []string
		also  []string
		host  string
		allow bool
	}{
		{"127.0.0.1:8080", nil, nil, "127.0.0.1:8080", true},
		{"127.0.0.1:8080", nil, nil, "localhost:8080", true},
		{"127.0.0.1:8080", nil, nil, "LOCALHOST:8080", true},
		{"127.0.0.1:8080", nil, nil, "[::1]:8080", true},
		{"127.0.0.1:8080", nil, nil, "localhost", false},
		{"127.0.0.1:8080", nil, nil, "localhost:8081", false},
		{"127.0.0.1:8080", nil, nil, "localhost.evil.example:8080", false},
		{"127.0.0.1:8080", nil, nil, "evil.example:8080", false},
		{"127.0.0.1:8080", nil, nil, "", false},
		{"127.0.0.1:8080", nil, nil, "[localhost:8080]:9090", false},
		{"127.0.0.1:8080", nil, []string{"lab.example"}, "[lab.example]:9090", false},
		{"127.0.0.1:80", nil, nil, "localhost", true},
		{"127.0.0.1:80", nil, nil, "[::1]", true},
		{"192.0.2.7:8080", nil, nil, "192.0.2.7:8080", true},
		{"127.0.0.1:8080", nil, []string{"Lab.example"}, "lab.example", true},
		{"127.0.0.1:8080", nil, []string{"Lab.example"}, "lab.example:9000", true},
		{"127.0.0.1:8080", nil, []string{"lab.example:9000"}, "lab.example:9000", true},
		{"127.0.0.1:8080", nil, []string{"lab.example:9000"}, "lab.example", false},
		// The machine's own name, for which it was told to listen.
		{"192.0.2.7:8080", []string{"lab-pc", "lab-pc.local"}, nil, "lab-pc:8080", true},
		{"192.0.2.7:8080", []string{"lab-pc"}, nil, "LAB-PC.:8080", true},
		{"192.0.2.7:8080", []string{"lab-pc"}, nil, "lab-pc:8081", false},
		{"192.0.2.7:8080", []string{"lab-pc"}, nil, "lab-pc.evil.example:8080", false},
		{"192.0.2.7:8080", nil, nil, "lab-pc:8080", false},
		{"192.0.2.7:80", []string{"lab-pc"}, nil, "lab-pc", true},
		{"192.0.2.7:8080", nil, nil, "192.0.2.8:8080", false},
		// A name with a dot at its end is the same name.
		{"127.0.0.1:8080", nil, nil, "localhost.:8080", true},
		{"127.0.0.1:8080", nil, nil, "localhost..:8080", false},
		{"127.0.0.1:8080", nil, []string{"lab.example"}, "lab.example.", true},
		// An address is the same one however it is written, and one in brackets is for any port.
		{"127.0.0.1:8080", nil, nil, "[0:0:0:0:0:0:0:1]:8080", true},
		{"127.0.0.1:8080", nil, nil, "[::1]:8081", false},
		{"127.0.0.1:8080", nil, []string{"[::1]"}, "[::1]:9000", true},
		{"127.0.0.1:8080", nil, []string{"[::1]"}, "[::1]", true},
		{"127.0.0.1:8080", nil, []string{"[::1]"}, "[::2]:9000", false},
		{"127.0.0.1:8080", nil, []string{"[::1]"}, "::1", false},
		{"127.0.0.1:8080", nil, []string{"[::1]:9000"}, "[::1]:9001", false},
		// Who leaves the port out means that of the scheme.
		{"127.0.0.1:8080", nil, []string{"lab.example:443"}, "lab.example", true},
		{"127.0.0.1:8080", nil, []string{"lab.example:443"}, "lab.example:80", false},
	} {
		hosts, err := LocalHosts(addr(test.addr), test.own, test.also)
		if err != nil {
			t.Fatal(err)
		}
		if got := hosts.allow(test.host); got != test.allow {
			t.Errorf("listening on %s, also %v: Host %q allowed: %v, want %v", test.addr, test.also, test.host, got, test.allow)
		}
	}
	all, err := LocalHosts(addr("[::]:8080"), nil, nil)
	if err != nil || !all.allow("127.0.0.1:8080") || all.allow("evil.example:8080") {
		t.Errorf("listening on all: %v, %v", all, err)
	}
	// An address that the machine got later: known by the connections that come to it.
	at := func(local string, host string) bool {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		ip, port, _ := net.SplitHostPort(local)
		n, _ := strconv.Atoi(port)
		return reached(r.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP(ip), Port: n, Zone: "eth0"})))
	}
	for _, test := range []struct {
		local, host string
		want        bool
	}{
		{"192.0.2.9:8080", "192.0.2.9:8080", true},
		{"192.0.2.9:80", "192.0.2.9", true},
		{"[fe80::9]:8080", "[fe80::9]:8080", true},
		{"192.0.2.9:8080", "192.0.2.10:8080", false},
		{"192.0.2.9:8080", "192.0.2.9:8081", false},
		{"192.0.2.9:8080", "evil.example:8080", false},
	} {
		if got := at(test.local, test.host); got != test.want {
			t.Errorf("a connection to %s with Host %s: %v, want %v", test.local, test.host, got, test.want)
		}
	}
}

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }
