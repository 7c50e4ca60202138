package private

import (
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// A store in somebody's Redis is found again after it was closed, and leaves no key
// behind when it is removed: markers and those from before neither.
func TestRedisLeavesNothing(t *testing.T) {
	url := redistest.Database(t)
	opt, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(opt)
	defer client.Close()
	count := func() int64 {
		t.Helper()
		n, err := client.DBSize(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := client.Set(t.Context(), "ssc:s:others", "untouched", 0).Err(); err != nil {
		t.Fatal(err)
	}
	open := Stores(url)["redis"]
	cfg := experiment.StoreConfig{Name: "ABC", MaxSessions: 10, Now: time.Now}
	st, closed, _, err := open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := session.Record{Created: time.Now(), Expires: time.Now().Add(time.Hour), Data: "{}"}
	marker := r
	marker.Marker = true
	first, dead := session.KeyOf("first"), session.KeyOf("dead")
	if err := st.Create(t.Context(), first, r); err != nil {
		t.Fatal(err)
	}
	if err := st.Create(t.Context(), dead, marker); err != nil {
		t.Fatal(err)
	}
	if err := closed(); err != nil {
		t.Fatal(err)
	}
	st, _, remove, err := open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Load(t.Context(), first); err != nil {
		t.Fatal("after it was opened again:", err)
	}
	if n := count(); n != 5 { // two sessions, two keys of the index, and one of somebody else's
		t.Errorf("%d keys while it is there", n)
	}
	for _, name := range []string{"expiry", "bytes"} {
		if d, err := client.TTL(t.Context(), "{experiment:ABC:ssc}:"+name).Result(); err != nil || d <= 0 {
			t.Errorf("%s goes by itself in %v, %v", name, d, err)
		}
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 1 {
		t.Errorf("%d keys afterwards, want the one of somebody else", n)
	}
}
