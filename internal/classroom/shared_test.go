package classroom_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

var (
	one = [8]byte{'o', 'n', 'e'}
	two = [8]byte{'t', 'w', 'o'}
)

// eachStore runs test over the stores that keep a class's sessions on one machine.
func eachStore(t *testing.T, test func(t *testing.T, open func(t *testing.T, now func() time.Time) session.Backend)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, func(t *testing.T, now func() time.Time) session.Backend { return memory.New(memory.Config{Now: now}) })
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, func(t *testing.T, now func() time.Time) session.Backend {
			return openSQLite(t, filepath.Join(t.TempDir(), "s.db.class"), now)
		})
	})
}

func openSQLite(t *testing.T, file string, now func() time.Time) session.Backend {
	t.Helper()
	// Batched: no test cuts the power, and most of their time would go into waits for the disk.
	st, err := sqlite.Open(t.Context(), sqlite.Config{File: file, Durability: sqlite.Batched, Now: now})
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	return st
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func share(t *testing.T, b session.Backend, now func() time.Time) *classroom.Shared {
	t.Helper()
	s, err := classroom.Share(t.Context(), b, now)
	must(t, err)
	return s
}

// key returns the key that storetest gives record n.
func key(n int) session.Key { return session.KeyOf(fmt.Sprint("id ", n)) }

// fill creates a live session, one that expires at once, and a marker, under keys that the
// tests use too.
func fill(t *testing.T, b session.Backend, now time.Time) {
	t.Helper()
	for n, r := range []session.Record{
		{Expires: now.AddDate(20, 0, 0), Data: `"live"`}, {Expires: now, Data: `"expired"`}, {Expires: now.AddDate(20, 0, 0), Data: `{}`, Marker: true},
	} {
		r.Created = now
		must(t, b.Create(t.Context(), key(n), r))
	}
}

// content returns all that a part shows of the keys that fill has used.
func content(ctx context.Context, t *testing.T, b session.Backend) map[string]any {
	t.Helper()
	all := map[string]any{}
	for n := range 10 {
		if found, err := b.Peek(ctx, key(n)); err == nil {
			all[fmt.Sprint("peek ", n)] = found
		}
		if r, err := b.Load(ctx, key(n)); err == nil {
			all[fmt.Sprint("load ", n)] = r
		}
	}
	for e, err := range b.All(ctx) {
		must(t, err)
		all[fmt.Sprintf("all %x", e.Key)] = e
	}
	stats, err := b.Stats(ctx)
	must(t, err)
	all["stats"] = stats
	return all
}

// A part keeps the contract of session.Backend, and whatever happens in it leaves another
// part as it is, although both use the same keys.
func TestParts(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func(*testing.T, func() time.Time) session.Backend) {
		storetest.Run(t, func(t *testing.T, max int, now func() time.Time) session.Backend {
			shared := share(t, open(t, now), now)
			neighbour := shared.Part(two, classroom.PartLimits{})
			fill(t, neighbour, now())
			before := content(t.Context(), t, neighbour)
			if len(before) != 8 { // 3 peeks, 2 loads, 2 of all, stats
				t.Errorf("the control: the neighbour has %v", before)
			}
			t.Cleanup(func() { // t.Context has ended
				if after := content(context.Background(), t, neighbour); !cmp.Equal(before, after) {
					t.Errorf("the neighbour (-before +after):\n%s", cmp.Diff(before, after))
				}
			})
			return shared.Part(one, classroom.PartLimits{Sessions: max})
		})
	})
}
