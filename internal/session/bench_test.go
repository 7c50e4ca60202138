package session_test

import (
	"fmt"
	"net/http"
	"runtime"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// Benchmark measures the session layer without HTTP: from the request's cookie to the
// Set-Cookie header, over the memory store, with alternating values.
func Benchmark(b *testing.B) {
	for _, p := range placements {
		e, err := session.New(session.Config{
			Backend: memory.New(memory.Config{}), Secrets: [][]byte{secret}, CookieName: "sessionscope", Placement: p,
		})
		if err != nil {
			b.Fatal(err)
		}
		cookie := ""
		request := func(act func(s *session.Session)) {
			r := &http.Request{Header: http.Header{"Cookie": {"sessionscope=" + cookie}}}
			s, err := e.Load(r)
			if err != nil {
				b.Fatal(err)
			}
			act(s)
			if err := s.Commit(b.Context()); err != nil {
				b.Fatal(err)
			}
			if c := s.SetCookie(); c != nil {
				s.WriteCookie(http.Header{})
				cookie = c.Value
			}
		}
		values := [2]session.Value{`"Rahim"`, `"Karim"`}
		request(func(s *session.Session) { s.Set("name", values[1]) })
		b.Run("read/"+p.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request(func(s *session.Session) {
					if _, ok := s.Get("name"); !ok {
						b.Fatal("missing")
					}
				})
			}
		})
		n := 0
		b.Run("write/"+p.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request(func(s *session.Session) { s.Set("name", values[n%2]) })
				n++
			}
		})
	}
}

// heap returns how many bytes of the heap are in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // sweeps what the first collection has marked
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkHeapOfEngines reports how much memory 300 engines over one store hold, each with
// secrets of its own and 16 KiB of known cookies: before their first request, and when the
// session of each has been written 800 times and got a cookie for each write. It fails when
// they hold more than 60 MB.
func BenchmarkHeapOfEngines(b *testing.B) {
	const engines, writes = 300, 800
	for b.Loop() {
		before := heap()
		backend := memory.New(memory.Config{})
		all := make([]*session.Engine, engines)
		for i := range all {
			e, err := session.New(session.Config{
				Backend: backend, Secrets: [][]byte{session.NewSecret()}, CookieName: fmt.Sprint("sessionscope~", i), KnownBytes: 16 << 10,
			})
			if err != nil {
				b.Fatal(err)
			}
			all[i] = e
		}
		b.ReportMetric(float64(heap()-before)/engines, "B/engine-unused")
		for _, e := range all {
			cookie := ""
			for n := range writes {
				s, err := e.Load(&http.Request{Header: http.Header{"Cookie": {e.CookieName() + "=" + cookie}}})
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Set("n", session.Value(fmt.Sprintf(`"%0100d"`, n))); err != nil {
					b.Fatal(err)
				}
				if err := s.Commit(b.Context()); err != nil {
					b.Fatal(err)
				}
				cookie = s.SetCookie().Value
			}
		}
		held := heap() - before
		runtime.KeepAlive(all)
		b.ReportMetric(float64(held)/engines, "B/engine")
		b.ReportMetric(float64(held)/1e6, "MB")
		if held > 60e6 {
			b.Errorf("%d engines hold %d bytes, at most 60 MB are allowed", engines, held)
		}
	}
}
