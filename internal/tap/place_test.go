package tap

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fill lets in n connections of a device, in a state.
func (e *entrance) fill(n int, ip string, state http.ConnState) (all []visit) {
	e.Helper()
	for range n {
		v := e.wantIn(ip, "before the gate is full")
		e.gate.ConnState(v.server, state)
		all = append(all, v)
	}
	time.Sleep(time.Millisecond)
	return all
}

// gone returns which of the connections were closed by the gate.
func gone(all []visit) (closed []int) {
	for i, v := range all {
		v.client.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := v.client.Read(make([]byte, 1)); err == io.EOF {
			closed = append(closed, i)
		}
	}
	return closed
}

// When all places are taken, the wrong connection would give way: one in use, or one of a
// device that has few.
func TestWhoGivesWay(t *testing.T) {
	type group struct {
		n     int
		ip    string
		state http.ConnState
	}
	const (
		one, two, three = "192.0.2.1", "192.0.2.2", "192.0.2.3"
		fresh, idle     = http.StateNew, http.StateIdle
		busy            = http.StateActive
	)
	for _, test := range []struct {
		name   string
		groups []group
		wait   time.Duration
		from   string // of the new connection
		says   string // to the new connection, if it has no place
		loser  int    // the group that loses a connection
		which  int    // and which of them
	}{
		{"idle, of the device with most of them", []group{{2, one, idle}, {4, two, idle}, {3, two, busy}, {9, three, fresh}}, restConn, three, "", 1, 0},
		{"as many: the longest idle", []group{{3, two, idle}, {3, one, idle}, {9, three, busy}}, restConn, one, "", 0, 0},
		{"own idle ones, if nobody has more", []group{{5, one, idle}, {1, two, busy}}, restConn, one, "", 0, 0},
		{"fresh, of the device with most of them", []group{{2, one, fresh}, {4, two, fresh}, {9, three, busy}}, restConn, one, "", 1, 0},
		{"fresh ones at once", []group{{2, one, fresh}, {4, two, fresh}, {9, three, idle}}, 0, one, "", 1, 0},
		{"idle ones not at once", []group{{8, one, idle}, {8, two, busy}}, 0, three, "16 connections, and no more", -1, 0},
		{"all in use", []group{{8, one, busy}, {8, two, busy}}, restConn, three, "16 connections, and no more", -1, 0},
		{"the latest in use of a crowd", []group{{20, one, busy}, {18, two, busy}, {3, three, busy}}, restConn, three, "", 0, 19},
		{"an idle one of a crowd at once", []group{{4, one, idle}, {20, one, busy}, {18, two, busy}}, 0, three, "", 0, 0},
		{"no crowd against a crowd", []group{{20, one, busy}, {11, two, busy}}, restConn, two, "31 connections, and no more", -1, 0},
		{"this machine is no crowd", []group{{20, "127.0.0.1", busy}, {11, two, busy}}, restConn, three, "31 connections, and no more", -1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			t.Log(test.name)
			e := newEntrance(t, 1000, 1000)
			var groups [][]visit
			all := 0
			for _, g := range test.groups {
				groups = append(groups, e.fill(g.n, g.ip, g.state))
				all += g.n
			}
			e.gate.max = all
			time.Sleep(test.wait)
			if test.says != "" {
				e.wantAway(test.from, test.name, test.says)
			} else {
				e.wantIn(test.from, test.name)
			}
			for i, g := range groups {
				var want []int
				if i == test.loser {
					want = []int{test.which}
				}
				if got := gone(g); !slices.Equal(got, want) {
					t.Errorf("%s: group %d lost %v, want %v", test.name, i, got, want)
				}
			}
			if e.gate.open != all {
				t.Errorf("%s: %d places are taken, want %d", test.name, e.gate.open, all)
			}
			e.queue.Close()
			time.Sleep(2 * turnAwayTime)
		})
	}
}

// A device at its own limit would keep out its own new connections, behind an address that a
// whole school shares, or take the places of others.
func TestOwnLimit(t *testing.T) {
	const idle, fresh, busy = http.StateIdle, http.StateNew, http.StateActive
	for _, test := range []struct {
		name         string
		first, other http.ConnState // of its first connection, and of all others
		each         int
		wait         time.Duration
		in           bool
	}{
		{"idle", idle, busy, 4, restConn, true},
		{"idle just now", idle, busy, 4, 0, false},
		{"idle just now, in a crowd", idle, busy, crowd, 0, true},
		{"fresh", fresh, busy, 4, 0, true},
		{"in use", busy, busy, crowd, restConn, false},
		{"idle before fresh", idle, fresh, crowd, restConn, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := newEntrance(t, 100, test.each)
			others := e.fill(20, "127.0.0.1", idle)
			all := append(e.fill(1, "192.0.2.1", test.first), e.fill(test.each-1, "192.0.2.1", test.other)...)
			time.Sleep(test.wait)
			if test.in {
				e.wantIn("192.0.2.1", test.name)
			} else {
				e.wantAway("192.0.2.1", test.name, "connections with your address")
			}
			if got := gone(all); len(gone(others)) > 0 || test.in != slices.Equal(got, []int{0}) {
				t.Errorf("%s: %v gave way", test.name, got)
			}
			e.queue.Close()
			time.Sleep(2 * turnAwayTime)
		})
	}
}

// The limit for a class is set when the class begins, while the lab is open.
func TestResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEntrance(t, 4, 2)
		e.fill(2, "192.0.2.1", http.StateActive)
		e.wantAway("192.0.2.1", "at the limit", "2 connections with your address")
		e.gate.Resize(8)
		e.fill(2, "192.0.2.1", http.StateActive)
		e.wantAway("192.0.2.1", "at the new limit", "4 connections with your address")
		e.gate.Resize(3)
		e.wantAway("192.0.2.2", "above the limit", "3 connections, and no more")
		e.queue.Close()
		time.Sleep(2 * turnAwayTime)
	})
}

// Devices that open connections as fast as they can, and send nothing, half a head, or half a
// body, would keep a class out.
func TestSlowDevicesKeepNobodyOut(t *testing.T) {
	for _, sends := range []string{"", "GET / HT", "POST / HTTP/1.1\r\nHost: me\r\nContent-Length: 9\r\n\r\nhalf", "GET / HTTP/1.1\r\nHost: me\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			q := make(queue)
			gate := NewGate(q, 60)
			srv := &http.Server{
				Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.ReadAll(r.Body)
					io.WriteString(w, "here")
				}),
				ConnState: gate.ConnState, ConnContext: Context,
				ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
			}
			done := make(chan error)
			go func() { done <- srv.Serve(Listen(gate)) }()
			call := func(ip, text string) net.Conn {
				near, far := net.Pipe()
				q <- called{far, &net.TCPAddr{IP: net.ParseIP(ip), Port: 4000}}
				go func() {
					io.WriteString(near, text)
					if ip != "192.0.2.9" {
						io.Copy(io.Discard, near)
					}
				}()
				synctest.Wait()
				return near
			}
			for n := range 500 {
				for slow := range 2 {
					call(fmt.Sprintf("192.0.2.%d", slow), sends)
				}
				if n%50 != 49 {
					continue
				}
				c := call("192.0.2.9", "GET / HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n")
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatalf("%q, after %d: %v", sends, n, err)
				}
				if body, _ := io.ReadAll(resp.Body); string(body) != "here" {
					t.Errorf("%q, after %d: %d %s", sends, n, resp.StatusCode, strings.TrimSpace(string(body)))
				}
				if synctest.Wait(); gate.open > 60 {
					t.Errorf("%d connections", gate.open)
				}
			}
			srv.Close()
			<-done
			time.Sleep(time.Minute)
		})
	}
}
