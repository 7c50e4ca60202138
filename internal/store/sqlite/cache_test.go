package sqlite

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// A read takes long, and a write replaces or removes the record meanwhile. If this fails,
// the cache serves the old record.
func TestCacheKeepsTheNewer(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	ctx, k := t.Context(), session.KeyOf("one")
	if err := st.Create(ctx, k, NewRecord(`0`)); err != nil {
		t.Fatal(err)
	}
	forgot := st.forgot
	old, err := st.find(k)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Save(ctx, k, old); err != nil {
		t.Fatal(err)
	}
	st.keep(k, old, forgot)
	r, err := st.Load(ctx, k)
	if err != nil || r.Version != 2 {
		t.Errorf("version %d, %v after a slow read; want 2", r.Version, err)
	}
	forgot = st.forgot
	if err := st.Delete(ctx, k); err != nil {
		t.Fatal(err)
	}
	st.keep(k, r, forgot)
	if _, err := st.Load(ctx, k); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("a slow read brought back a deleted session: %v", err)
	}
	st.keep(k, r, st.forgot) // the control: the record of a quick read is kept
	if _, err := st.Load(ctx, k); err != nil {
		t.Error(err)
	}
}

// Three writes to one key share a commit. If this fails, the cache has another record
// than the file.
func TestCacheAfterASharedCommit(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	ctx, k := t.Context(), session.KeyOf("one")
	if err := st.Create(ctx, k, NewRecord(`"old"`)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 3)
	expires := time.Now().Add(2 * time.Hour).Truncate(time.Millisecond)
	st.lead <- struct{}{}
	for i, write := range []func() error{
		func() error { return st.Delete(ctx, k) },
		func() error { return st.Create(ctx, k, NewRecord(`"new"`)) },
		func() error { return st.Touch(ctx, k, 1, expires) },
	} {
		wg.Go(func() { errs[i] = write() })
		Until(t, "the write waits", func() bool { return st.waiting() == i+1 })
	}
	<-st.lead
	wg.Wait()
	r, err := st.Load(ctx, k)
	if err = errors.Join(append(errs, err)...); err != nil || r.Data != `"new"` || !r.Expires.Equal(expires) {
		t.Errorf("%+v, %v", r, err)
	}
	later := expires.Add(time.Hour)
	if err := st.Touch(ctx, k, 1, later); err != nil {
		t.Fatal(err)
	}
	if r, err := st.Load(ctx, k); err != nil || !r.Expires.Equal(later) {
		t.Errorf("%+v, %v", r, err)
	}
}

// If this fails, the cache grows beyond cacheBytes, drops the record that it was just
// given, or counts its bytes wrong.
func TestCacheBound(t *testing.T) {
	t.Parallel()
	var c cache
	c.clear()
	data := strings.Repeat("x", 64<<10)
	for n := range 3 * cacheBytes / len(data) {
		k := session.KeyOf(strings.Repeat("k", n))
		c.put(k, session.Record{Data: data})
		c.put(k, session.Record{Data: data[1:]})
		if _, ok := c.records[k]; !ok || c.bytes > cacheBytes {
			t.Fatalf("%d bytes, kept %v", c.bytes, ok)
		}
	}
	sum := 0
	for _, r := range c.records {
		sum += recordBytes + len(r.Data)
	}
	if sum != c.bytes || sum < cacheBytes/2 {
		t.Errorf("%d bytes are kept, %d are counted, of %d", sum, c.bytes, cacheBytes)
	}
	for k := range c.records {
		c.drop(k)
	}
	if c.bytes != 0 {
		t.Errorf("%d bytes in an empty cache", c.bytes)
	}
}
