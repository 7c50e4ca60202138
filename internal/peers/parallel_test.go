package peers

import (
	"sync"
	"testing"
	"time"
)

// slow is how long a slow request waits between load and save.
const slow = 1500 * time.Millisecond

func TestParallelSetsBothStay(t *testing.T) {
	ask(t, settings{}, nil, func(r *run) cell {
		b := r.born()
		var both sync.WaitGroup
		var one, two answer
		both.Go(func() { one = b.slowSet("one", "1", slow) })
		both.Go(func() { two = b.slowSet("two", "2", slow) })
		both.Wait()
		if !one.ok() || !two.ok() {
			return failed("two sets that were under way at the same time: status %d and %d", one.Status, two.Status)
		}
		found := 0
		for _, key := range []string{"one", "two"} {
			if b.get(key).Found {
				found++
			}
		}
		return judge(found == 2, "two sets that were under way at the same time were answered %d and %d; of the two keys %d are found afterwards", one.Status, two.Status, found)
	})
}

func TestFlushStaysFlushed(t *testing.T) {
	ask(t, settings{}, nil, func(r *run) cell {
		b := r.born()
		kept := b.copy()
		var late answer
		var under sync.WaitGroup
		under.Go(func() { late = b.slowSet("late", "1", slow) })
		time.Sleep(slow / 2)
		if a := b.post("/flush"); !a.ok() {
			r.Fatalf("flush: status %d", a.Status)
		}
		under.Wait()
		if late.Took < slow {
			r.Fatalf("the slow set took %v, status %d", late.Took, late.Status)
		}
		jar, copied := b.get("name").Found, kept.get("name").Found
		return judge(!jar && !copied, "a flush while a slow set was under way, which was then answered %d: the browser's cookies open the old values: %v; the cookie from before the flush: %v", late.Status, jar, copied)
	})
}

func TestCopyOpensNothingAfterLogout(t *testing.T) {
	ask(t, settings{}, nil, func(r *run) cell {
		b := r.born()
		kept := b.copy()
		if a := b.post("/flush"); !a.ok() {
			r.Fatalf("flush: status %d", a.Status)
		}
		found := kept.get("name").Found
		return judge(!found, "a copy of the cookie, sent after the flush: the value is found: %v", found)
	})
}
