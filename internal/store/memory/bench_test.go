package memory

import (
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

const million = 1_000_000

// keyOf returns a key that is spread as evenly as a SHA-256, at almost no cost.
func keyOf(n int) (k session.Key) {
	x := uint64(n) * 0x9e3779b97f4a7c15
	for i := 0; i < len(k); i += 8 {
		x ^= x >> 29
		x *= 0xbf58476d1ce4e5b9
		x ^= x >> 32
		binary.LittleEndian.PutUint64(k[i:], x)
	}
	return k
}

// filled returns a store of a million sessions without data: 1,000 of them expire
// after a second, the others within two hours.
func filled(b *testing.B, clock *time.Time) *Store {
	st := New(Config{Now: func() time.Time { return *clock }})
	for n := range million {
		r := session.Record{Created: *clock, Expires: clock.Add(time.Duration(2+n%7200) * time.Second)}
		if n%1000 == 0 {
			r.Expires = clock.Add(time.Second)
		}
		if err := st.Create(b.Context(), keyOf(n), r); err != nil {
			b.Fatal(err)
		}
	}
	return st
}

// heap returns the bytes of the live heap.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMillion reports the bytes that a session takes besides its data, in a store
// of a million.
func BenchmarkMillion(b *testing.B) {
	clock := time.Now()
	for b.Loop() {
		before := heap()
		st := filled(b, &clock)
		b.ReportMetric(float64(heap()-before)/million, "B/session")
		runtime.KeepAlive(st)
	}
}

// BenchmarkClearThousand clears the 1,000 sessions that have expired of a million.
func BenchmarkClearThousand(b *testing.B) {
	clock := time.Now()
	for b.Loop() {
		b.StopTimer()
		st := filled(b, &clock)
		clock = clock.Add(time.Second)
		b.StartTimer()
		if n, err := st.DeleteExpired(b.Context(), clock, 1000); n != 1000 || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkLoadWhileClearing reports the longest wait of a Load while a million
// sessions are cleared that expired in the same second.
func BenchmarkLoadWhileClearing(b *testing.B) {
	clock := time.Now()
	st := New(Config{Now: func() time.Time { return clock }})
	live := session.Record{Created: clock, Expires: clock.Add(time.Hour)}
	for b.Loop() {
		b.StopTimer()
		for n := range million {
			r := live
			if n%1000 != 0 {
				r.Expires = clock.Add(time.Second)
			}
			if err := st.Create(b.Context(), keyOf(n), r); err != nil {
				b.Fatal(err)
			}
		}
		later := clock.Add(2 * time.Second)
		done := make(chan error)
		runtime.GC()
		b.StartTimer()
		go func() {
			var err error
			for n := 1; n > 0 && err == nil; {
				n, err = st.DeleteExpired(b.Context(), later, 1000)
			}
			done <- err
		}()
		longest := time.Duration(0)
		for n, wait := 0, true; wait; n++ {
			select {
			case err := <-done:
				if err != nil {
					b.Fatal(err)
				}
				wait = false
			default:
				began := time.Now()
				if _, err := st.Load(b.Context(), keyOf(n%1000*1000)); err != nil {
					b.Fatal(err)
				}
				longest = max(longest, time.Since(began))
			}
		}
		b.ReportMetric(float64(longest.Nanoseconds()), "longest-wait-ns")
		b.StopTimer()
		for n := 0; n < million; n += 1000 {
			if err := st.Delete(b.Context(), keyOf(n)); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
	}
}
