//go:build unix

package app

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkWriteBesideStreams is a stranger's write while a class has its pages open: all
// that the program does for it, with what the streams are told, and what their readers do.
// The plot changed every second, as in a class that works.
//
// At most 0.3 ms of CPU a write: it took 0.42 ms when each write woke every stream, which
// rendered figures and plot of its own. A write that is alone takes 7 ms, for 300
// messages; it took 15 ms.
func BenchmarkWriteBesideStreams(b *testing.B) {
	var seconds atomic.Int64
	a, addr := listening(b, &seconds)
	p := &presser{app: a, seconds: &seconds}
	for i := range 200 {
		p.aSecondPasses(b, i)
	}
	for range classSeats {
		secret := newBrowser(b, a, formFragment).visit("/")
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, "GET /events?since=1&page="+secret+" HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nSessionscope-Page: "+secret+" PPPPPPPPPPPPPPPPPPPPPPPPPP 1\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		in := bufio.NewReader(conn)
		if status, err := in.ReadString('\n'); err != nil || status != "HTTP/1.1 200 OK\r\n" {
			b.Fatalf("a stream: %q, %v", status, err)
		}
		go func() {
			_, _ = io.Copy(io.Discard, in)
		}()
	}
	stranger := newBrowser(b, a, formJSON)
	stranger.post("/set", "key", "a", "value", "1", "placement", "server").want(200)
	time.Sleep(time.Second)                                // the streams have been told
	pace := time.NewTicker(time.Second / (2 * classSeats)) // each learner writes twice a second
	defer pace.Stop()
	before := cpu(b)
	n := 0
	for b.Loop() {
		n++
		stranger.post("/set", "key", "a", "value", strings.Repeat("x", 1+n%50))
		<-pace.C
	}
	time.Sleep(time.Second / 2) // and of the last write
	b.ReportMetric(float64(cpu(b)-before)/float64(n)/1e3, "cpu-µs/op")
}

// cpu is the time that this process has worked so far.
func cpu(t testing.TB) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
