package memory

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If this fails, MaxBytes lets data grow past the limit, or refuses a logout, a new ID
// or a record that shrinks.
func TestMaxBytes(t *testing.T) {
	now := time.Now()
	st := New(Config{MaxBytes: 100, Now: func() time.Time { return now }})
	record := func(version uint64, bytes int, lives time.Duration) session.Record {
		return session.Record{Version: version, Created: now, Expires: now.Add(lives), Data: strings.Repeat("x", bytes)}
	}
	want := func(what string, want, got error) {
		t.Helper()
		if !errors.Is(got, want) {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	save := func(n int, r session.Record) error { _, err := st.Save(t.Context(), keyOf(n), r); return err }

	want("60 of 100", nil, st.Create(t.Context(), keyOf(1), record(0, 60, time.Hour)))
	want("another 41", session.ErrFull, st.Create(t.Context(), keyOf(2), record(0, 41, time.Hour)))
	want("another 40", nil, st.Create(t.Context(), keyOf(2), record(0, 40, time.Second)))
	want("one more byte", session.ErrFull, save(1, record(1, 61, time.Hour)))
	if r, err := st.Load(t.Context(), keyOf(1)); err != nil || r.Version != 1 || len(r.Data) != 60 {
		t.Fatalf("after a refused save: version %d, %d bytes, %v", r.Version, len(r.Data), err)
	}
	want("as many bytes", nil, save(1, record(1, 60, time.Hour)))
	want("a marker, though there is no room", nil, st.Create(t.Context(), keyOf(3), session.Record{Marker: true, Expires: now.Add(time.Hour), Data: strings.Repeat("x", 99)}))
	want("a session that goes on under a new ID", nil, st.Create(t.Context(), keyOf(4), record(7, 60, time.Hour)))
	want("a record that shrinks, in a store over its limit", nil, save(4, record(8, 5, time.Hour)))
	now = now.Add(time.Second)
	want("the room of an expired session", nil, save(1, record(2, 95, time.Hour)))
	if s, _ := st.Stats(t.Context()); s != (session.Stats{Live: 2, Bytes: 100, Ended: 1}) {
		t.Fatalf("%+v", s)
	}
}

// The map knows a key by 64 bits. If this fails, a second key with the same 64 bits
// opens or overwrites the session of the first.
func TestSharedID(t *testing.T) {
	st := New(Config{})
	one, two := keyOf(1), keyOf(1)
	two[7], two[31] = two[7]^1, two[31]^1
	two[16] = one[16] // in the same shard
	r := session.Record{Created: time.Now(), Expires: time.Now().Add(time.Hour), Data: "1"}
	if err := st.Create(t.Context(), one, r); err != nil {
		t.Fatal(err)
	}
	if err := st.Create(t.Context(), two, r); !errors.Is(err, session.ErrExists) {
		t.Errorf("create: %v", err)
	}
	if _, err := st.Load(t.Context(), two); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("load: %v", err)
	}
	if _, err := st.Save(t.Context(), two, r); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("save: %v", err)
	}
	if err := st.Delete(t.Context(), two); err != nil {
		t.Error(err)
	}
	if got, err := st.Load(t.Context(), one); err != nil || got.Data != "1" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A Save clears step by step until its data fits. If this fails, it gives up after
// roomStep sessions although more have expired.
func TestSaveClearsAsMuchAsItNeeds(t *testing.T) {
	now := time.Now()
	st := New(Config{MaxBytes: 10000, Now: func() time.Time { return now }})
	create := func(n int, lives time.Duration, data string) {
		t.Helper()
		if err := st.Create(t.Context(), keyOf(n), session.Record{Created: now, Expires: now.Add(lives), Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 99 {
		create(n, time.Second, strings.Repeat("x", 100))
	}
	create(99, time.Hour, "y")
	now = now.Add(time.Minute)
	r := session.Record{Version: 1, Created: now, Expires: now.Add(time.Hour), Data: strings.Repeat("y", 6000)}
	if _, err := st.Save(t.Context(), keyOf(99), r); err != nil {
		t.Error(err)
	}
}

// The store is full of dead sessions, and eight creates clear them at the same time.
// If this fails, a create is refused because another one has cleared them.
func TestParallelCreatesFindRoom(t *testing.T) {
	for range 300 {
		now := time.Now()
		st := New(Config{MaxSessions: 20, Now: func() time.Time { return now }})
		r := session.Record{Created: now, Expires: now.Add(time.Second)}
		for n := range 20 {
			if err := st.Create(t.Context(), keyOf(n), r); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(time.Minute)
		r.Expires = now.Add(time.Hour)
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				if err := st.Create(t.Context(), keyOf(100+n), r); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
