package e2e

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// cutRelay is a relay to a server. While it is cut it closes every connection.
type cutRelay struct {
	addr string
	cut  atomic.Bool
	open chan net.Conn
}

// relayTo starts a relay to the server at addr.
func relayTo(t *testing.T, addr string) *cutRelay {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { l.Close() })
	r := &cutRelay{addr: l.Addr().String(), open: make(chan net.Conn, 1000)}
	go func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			if r.cut.Load() {
				here.Close()
				continue
			}
			there, err := net.Dial("tcp", addr)
			if err != nil {
				here.Close()
				continue
			}
			r.open <- here
			go func() { io.Copy(there, here); there.Close() }()
			go func() { io.Copy(here, there); here.Close() }()
		}
	}()
	return r
}

// close cuts the relay, and what is open.
func (r *cutRelay) close() {
	r.cut.Store(true)
	for {
		select {
		case c := <-r.open:
			c.Close()
		default:
			return
		}
	}
}

// outage is what can be wrong with a store. begin is called when the browser has its cookie;
// the returned function ends the outage.
type outage struct {
	flags []string
	begin func() (end func())
}

// failingStores are a Redis that cannot be reached, and one that takes no writes.
func failingStores(t *testing.T) map[string]outage {
	t.Helper()
	server := redistest.Start(t)
	relay := relayTo(t, server.Addr)
	flags := redisFlags(t, server)[2:4] // its secret
	redis := func(words ...string) {
		t.Helper()
		if out, err := exec.Command("redis-cli", append([]string{"-p", server.Port}, words...)...).CombinedOutput(); err != nil || strings.Contains(string(out), "ERR") {
			t.Fatal(err, string(out))
		}
	}
	over := append([]string{"--store", "redis://" + relay.addr + "/0"}, flags...)
	return map[string]outage{
		"store down": {over, func() func() { relay.close(); return func() { relay.cut.Store(false) } }},
		"read-only": {over, func() func() {
			redis("config", "set", "min-replicas-to-write", "1")
			return func() { redis("config", "set", "min-replicas-to-write", "0") }
		}},
	}
}

// outages presses each button while the store is down, or takes no writes.
func outages(t *testing.T) {
	y := &findings{}
	for name, outage := range failingStores(t) {
		p := start(t, outage.flags...)
		p.log.expectOutage()
		for _, s := range states {
			if !slices.Contains([]string{"none", "live", "forged"}, s.name) {
				continue
			}
			b := newRawBrowser(t, p)
			b.open()
			for _, button := range buttons {
				if button.more {
					continue
				}
				b.jar = s.jar(b, "hybrid")
				b.last = nil
				before := b.look(b.jar)
				end := outage.begin()
				html, truth := b.press(button)
				end()
				if truth.before.Status == 503 {
					truth.before.Exists = before.Exists
				}
				y.add(fmt.Sprintf("%s, %s, %s", name, s.name, button.name), html, truth)
			}
		}
	}
	y.report(t)
}

// fullStore presses each button that keeps the store full.
func fullStore(t *testing.T) {
	y := &findings{}
	p := start(t, "--max-sessions", "1")
	for _, placement := range []string{"hybrid", "cookie"} {
		full := newRawBrowser(t, p)
		live := full.act("", "/set", "key", "name", "value", "Rahim", "placement", placement)
		b := newRawBrowser(t, p)
		b.open()
		for _, jar := range [][]jarCookie{nil, b.own(live), b.own(forge(live))} {
			for _, button := range buttons {
				if slices.Contains([]string{"/flush", "/logout", "/expiry", "/cycle-id", "/login", "/placement"}, button.path) {
					continue
				}
				b.jar = jar
				html, truth := b.press(button)
				y.add(fmt.Sprintf("full, %s, %s", placement, button.name), html, truth)
			}
		}
		full.act(live, "/flush")
	}
	y.report(t)
}
