package program

import (
	"net"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/config"
)

// A page would say that nothing leaves this machine where others can reach it, or where a
// Redis elsewhere keeps the records.
func TestReach(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		addr              string
		cfg               config.Config
		home              bool
		open, names, from string
	}{
		{addr: "127.0.0.1:8080", home: true},
		{addr: "[::1]:8080", home: true},
		{addr: "192.0.2.7:8080", open: "192.0.2.7:8080"},
		{addr: "127.0.0.1:8080", cfg: config.Config{AllowHosts: []string{"localhost:9000", "127.0.0.2"}}, home: true},
		{addr: "127.0.0.1:8080", cfg: config.Config{AllowHosts: []string{"lab.example", "localhost"}}, names: "lab.example"},
		{addr: "127.0.0.1:8080", cfg: config.Config{Store: "redis", StoreURL: "redis://:secret@127.0.0.1:6379/1"}, home: true},
		{addr: "127.0.0.1:8080", cfg: config.Config{Store: "redis", StoreURL: "unix:///run/redis.sock"}, home: true},
		{addr: "127.0.0.1:8080", cfg: config.Config{Store: "redis", StoreURL: "rediss://u:secret@db.example:6380/0"}, from: "db.example:6380"},
	} {
		addr, err := net.ResolveTCPAddr("tcp", test.addr)
		if err != nil {
			t.Fatal(err)
		}
		got := reach(test.cfg, addr)
		if got.Home() != test.home || got.Addr != test.open || strings.Join(got.Names, " ") != test.names || got.Redis != test.from {
			t.Errorf("%s %v: %+v", test.addr, test.cfg, got)
		}
	}
}
