package memory

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// What was deleted does not lie in the queue until its second comes.
func TestQueueForgetsTheDeleted(t *testing.T) {
	now := time.Now()
	st := New(0, func() time.Time { return now })
	const rounds = 100 * shards
	for n := range rounds * 20 {
		k := session.KeyOf(fmt.Sprint(n))
		r := session.Record{Created: now, Expires: now.Add(time.Duration(n%7000) * time.Second), Data: strings.Repeat("x", 100)}
		if n%7000 == 0 {
			continue
		}
		if err := st.Create(t.Context(), k, r); err != nil {
			t.Fatal(err)
		}
		if err := st.Delete(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	queued := 0
	for i := range st.shards {
		for _, items := range st.shards[i].buckets {
			queued += len(items)
			for _, it := range items {
				if it.rec.Data != "" {
					t.Fatal("a deleted session's data is kept")
				}
			}
		}
	}
	if queued > shards*1024 {
		t.Errorf("%d entries lie in the queue after %d deleted sessions", queued, rounds*20)
	}
	t.Logf("%d of %d", queued, rounds*20)
}
