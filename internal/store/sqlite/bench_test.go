package sqlite_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// fill creates n sessions of size bytes each.
func fill(tb testing.TB, st *sqlite.Store, n, size int) []session.Key {
	tb.Helper()
	keys := make([]session.Key, n)
	now := time.Now()
	for i := range keys {
		keys[i] = session.KeyOf(fmt.Sprint(i))
		r := session.Record{Created: now, Expires: now.Add(time.Hour), Data: `"` + strings.Repeat("x", size-2) + `"`}
		if err := st.Create(tb.Context(), keys[i], r); err != nil {
			tb.Fatal(err)
		}
	}
	return keys
}

func BenchmarkLoad(b *testing.B) {
	for _, bench := range []struct {
		name     string
		sessions int
		size     int
	}{
		{"warm", 10000, 300},
		{"cold", 2000, 60000}, // four times the size of the cache
	} {
		b.Run(bench.name, func(b *testing.B) {
			st := open(b, sqlite.Config{File: filepath.Join(b.TempDir(), "s.db"), Durability: sqlite.Batched})
			keys := fill(b, st, bench.sessions, bench.size)
			ctx, n := b.Context(), 0
			b.ReportAllocs()
			for b.Loop() {
				if _, err := st.Load(ctx, keys[n*7919%len(keys)]); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

// BenchmarkSave has 16 writers, each with its own sessions.
func BenchmarkSave(b *testing.B) {
	const writers = 16
	for name, durability := range map[string]sqlite.Durability{"full": sqlite.Full, "batched": sqlite.Batched} {
		for _, size := range []int{300, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%d bytes", name, size), func(b *testing.B) {
				st := open(b, sqlite.Config{File: filepath.Join(b.TempDir(), "s.db"), Durability: durability})
				keys := fill(b, st, 100*writers, size)
				var writer atomic.Int64
				b.SetParallelism(max(1, writers/runtime.GOMAXPROCS(0)))
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for n := int(writer.Add(1)); pb.Next(); n += writers {
						r, err := st.Load(b.Context(), keys[n%len(keys)])
						if err == nil {
							_, err = st.Save(b.Context(), keys[n%len(keys)], r)
						}
						if err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}
