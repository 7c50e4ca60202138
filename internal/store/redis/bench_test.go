package redis

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

func BenchmarkLoad(b *testing.B) {
	st := open(b, Config{URL: redistest.Start(b).URL()})
	parallel(b, st, func(n int, _ session.Record) error {
		_, err := st.Load(b.Context(), key(n))
		return err
	})
}

func BenchmarkSave(b *testing.B) {
	st := open(b, Config{URL: redistest.Start(b).URL()})
	versions := [16]uint64{}
	parallel(b, st, func(n int, r session.Record) (err error) {
		r.Version = max(versions[n], 1)
		versions[n], err = st.Save(b.Context(), key(n), r)
		return err
	})
}

// parallel runs f b.N times on 16 goroutines, each with its own session n, and reports
// operations a second.
func parallel(b *testing.B, st *Store, f func(n int, r session.Record) error) {
	const clients = 16
	r := record(time.Hour, strings.Repeat("x", 300))
	for n := range clients {
		create(b, st, n, time.Hour, r.Data)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(n, r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}
