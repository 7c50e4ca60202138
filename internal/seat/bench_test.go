package seat

import (
	"fmt"
	"net/http"
	"runtime"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// heap returns how many bytes of the heap are in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // sweeps what the first collection has marked
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkHeapOfAClass reports how much memory 300 second browsers hold when each of them
// has written a value of 100 letters 800 times and got a cookie for each write. It fails
// when they hold more than 60 MB: then the cache of known cookies is no longer bounded.
// The 300 records in the store are less than one megabyte of it.
func BenchmarkHeapOfAClass(b *testing.B) {
	const seats, writes = 300, 800
	for b.Loop() {
		before := heap()
		ss := newSeats(b, "sessionscope")
		ss.max = seats
		for i := range seats {
			s, err := ss.Open(ss.Root, fmt.Sprint("family ", i))
			if err != nil {
				b.Fatal(err)
			}
			cookie := ""
			for n := range writes {
				r := &http.Request{Header: http.Header{"Cookie": {s.Engine.CookieName() + "=" + cookie}}}
				sess, err := s.Engine.Load(r)
				if err != nil {
					b.Fatal(err)
				}
				if err := sess.Set("n", session.Value(fmt.Sprintf(`"%0100d"`, n))); err != nil {
					b.Fatal(err)
				}
				if err := sess.Commit(b.Context()); err != nil {
					b.Fatal(err)
				}
				cookie = sess.SetCookie().Value
			}
		}
		held := float64(heap()-before) / 1e6
		runtime.KeepAlive(ss)
		b.ReportMetric(held, "MB")
		if held > 60 {
			b.Errorf("%d second browsers hold %.0f MB, at most 60 are allowed", seats, held)
		}
	}
}
