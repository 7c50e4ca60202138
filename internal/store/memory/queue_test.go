package memory

import (
	"fmt"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If this fails, deleted sessions stay in the expiry queue, and in memory, until they
// would have expired.
func TestQueueForgetsTheDeleted(t *testing.T) {
	now := time.Now()
	st := New(Config{Now: func() time.Time { return now }})
	for n := range 1000 {
		k := session.KeyOf(fmt.Sprint(n))
		r := session.Record{Created: now, Expires: now.Add(time.Duration(1+n%700) * time.Second), Data: "x"}
		if err := st.Create(t.Context(), k, r); err != nil {
			t.Fatal(err)
		}
	}
	queued := func() (n int) {
		for i := range st.shards {
			for second, it := range st.shards[i].seconds {
				if it == nil || it.second != second || it.prev != nil {
					t.Fatalf("the list of second %d has no sound head", second)
				}
				for ; it != nil; it = it.next {
					n++
				}
			}
		}
		return n
	}
	if n := queued(); n != 1000 {
		t.Fatalf("the control: %d of 1000 are queued", n)
	}
	for n := range 1000 {
		if err := st.Delete(t.Context(), session.KeyOf(fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
		if left := queued(); left != 999-n {
			t.Fatalf("%d are queued, %d are left", left, 999-n)
		}
	}
}
