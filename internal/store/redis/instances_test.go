package redis

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// twoInstances returns two stores on one Redis, for at most max sessions together, and
// a function that runs f on four goroutines of each at the same time.
func twoInstances(t *testing.T, max int) (stores []*Store, both func(f func(*Store))) {
	server := redistest.Start(t)
	stores = []*Store{open(t, Config{URL: server.URL(), MaxSessions: max}), open(t, Config{URL: server.URL(), MaxSessions: max})}
	return stores, func(f func(*Store)) {
		var wg sync.WaitGroup
		for _, st := range stores {
			for range 4 {
				wg.Go(func() { f(st) })
			}
		}
		wg.Wait()
	}
}

// Eight requests at two instances count in one session. If this fails, an update is lost.
func TestTwoInstancesLoseNoUpdate(t *testing.T) {
	t.Parallel()
	stores, both := twoInstances(t, 20)
	create(t, stores[0], 0, time.Hour, `0`)
	const times = 50
	both(func(st *Store) {
		for n := 0; n < times; {
			r, err := st.Load(t.Context(), key(0))
			if err != nil {
				t.Error(err)
				return
			}
			var value int
			fmt.Sscan(r.Data, &value)
			r.Data = fmt.Sprint(value + 1)
			switch _, err = st.Save(t.Context(), key(0), r); {
			case err == nil:
				n++
			case !errors.Is(err, session.ErrConflict):
				t.Error(err)
				return
			}
		}
	})
	if r := load(t, stores[1], 0); r.Data != fmt.Sprint(8*times) {
		t.Errorf("the counter is at %s, want %d", r.Data, 8*times)
	}
}

// MaxSessions bounds all instances together. If this fails, each instance counts alone:
// two of them store twice as many, or a deletion at one makes no room at the other.
func TestTwoInstancesShareTheLimit(t *testing.T) {
	t.Parallel()
	const max = 20
	stores, both := twoInstances(t, max)
	create(t, stores[0], 0, time.Hour, `0`)
	var number, created, full atomic.Int64
	both(func(st *Store) {
		for range 10 {
			switch err := st.Create(t.Context(), key(int(number.Add(1))), record(time.Hour, `1`)); {
			case err == nil:
				created.Add(1)
			case errors.Is(err, session.ErrFull):
				full.Add(1)
			default:
				t.Error(err)
			}
		}
	})
	if created.Load() != max-1 || full.Load() != 80-(max-1) {
		t.Errorf("%d were created and %d refused beside one session, with room for %d", created.Load(), full.Load(), max)
	}
	want(t, nil, stores[0].Delete(t.Context(), key(0)))
	create(t, stores[1], 0, time.Hour, `1`)
	wantStats(t, stores[0], max, 0, max)
}
