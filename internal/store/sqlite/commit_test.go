package sqlite

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/sessionscope/sessionscope/internal/session"
)

func openStore(t *testing.T) *Store {
	t.Helper()
	st, err := Open(t.Context(), Config{File: filepath.Join(t.TempDir(), "s.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func newRecord(data string) session.Record {
	now := time.Now()
	return session.Record{Created: now, Expires: now.Add(time.Hour), Data: data}
}

// until waits for a condition, for at most 5 s.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("never happened:", what)
		}
	}
}

// together runs writes so that all of them wait when the first one begins, and
// returns their errors.
func (st *Store) together(t *testing.T, writes ...func(context.Context, *tx) error) []error {
	t.Helper()
	errs := make([]error, len(writes))
	var wg sync.WaitGroup
	st.lead <- struct{}{}
	for i, write := range writes {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			errs[i] = st.do(ctx, func(tx *tx) error { return write(ctx, tx) })
		})
		until(t, "the write waits", func() bool { return st.waiting() == i+1 })
	}
	<-st.lead
	wg.Wait()
	return errs
}

func (st *Store) waiting() int {
	st.queueMu.Lock()
	defer st.queueMu.Unlock()
	return len(st.queue)
}

// insert is a write that adds a row of its own.
func insert(id string) func(context.Context, *tx) error {
	return func(_ context.Context, tx *tx) error {
		s, err := tx.st.write.Prepare(`INSERT INTO sessions (key, created, expires, version, data, marker) VALUES (?, ?, ?, ?, ?, ?)`)
		if err != nil {
			return err
		}
		k := session.KeyOf(id)
		r := newRecord(`{}`)
		r.Version = 1
		bind(s, k, r)
		tx.count(r)
		tx.put(k, r)
		_, err = s.Step()
		return err
	}
}

// Writers who wait share one commit.
func TestWritersShareACommit(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	txs := map[*tx]int{}
	writes := make([]func(context.Context, *tx) error, 16)
	for i := range writes {
		writes[i] = func(_ context.Context, tx *tx) error { txs[tx]++; return nil } // one at a time: no lock
	}
	for _, err := range st.together(t, writes...) {
		if err != nil {
			t.Error(err)
		}
	}
	if len(txs) != 1 {
		t.Errorf("16 writes took %d transactions, want 1", len(txs))
	}
}

// A statement that SQLite refuses fails its own write alone, and leaves nothing.
func TestARefusedStatementFailsAlone(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	refused := func(ctx context.Context, tx *tx) error {
		if err := insert("half")(ctx, tx); err != nil {
			return err
		}
		return exec(tx.st.write, `UPDATE sessions SET marker = 2`)
	}
	errs := st.together(t, insert("one"), refused, insert("two"))
	if errs[0] != nil || errs[2] != nil || errs[1] == nil || session.Answered(errs[1]) {
		t.Errorf("errors %v, want one in the middle", errs)
	}
	for id, want := range map[string]error{"one": nil, "half": session.ErrNotFound, "two": nil} {
		if _, err := st.Load(t.Context(), session.KeyOf(id)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	if s, err := st.Stats(t.Context()); err != nil || s.Live != 2 {
		t.Errorf("%+v, %v; want 2 live sessions", s, err)
	}
}

// A commit that fails is nobody's success, and the cache does not say otherwise.
func TestAFailedCommitFailsAll(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	k := session.KeyOf("old")
	if err := st.Create(t.Context(), k, newRecord(`"old"`)); err != nil {
		t.Fatal(err)
	}
	// A reference that is checked at the commit, and leads nowhere.
	for _, query := range []string{
		`PRAGMA foreign_keys = ON`, `CREATE TEMP TABLE a (id INTEGER PRIMARY KEY)`,
		`CREATE TEMP TABLE b (a REFERENCES a DEFERRABLE INITIALLY DEFERRED)`,
	} {
		if err := exec(st.write, query); err != nil {
			t.Fatal(err)
		}
	}
	bad := true
	save := func(_ context.Context, tx *tx) error {
		if bad {
			if err := exec(tx.st.write, `INSERT INTO b VALUES (1)`); err != nil {
				return err
			}
		}
		r := newRecord(`"new"`)
		r.Version = 2
		tx.put(k, r)
		return exec(tx.st.write, `UPDATE sessions SET data = '"new"', version = 2`)
	}
	for _, err := range st.together(t, insert("one"), save) {
		if session.Answered(err) {
			t.Errorf("error %v, want one of SQLite's", err)
		}
	}
	if r, err := st.Load(t.Context(), k); err != nil || r.Data != `"old"` {
		t.Errorf("%s, %v after a failed commit, want the old record", r.Data, err)
	}
	bad = false
	if errs := st.together(t, save, insert("one")); errors.Join(errs...) != nil {
		t.Errorf("the next commit: %v", errs)
	}
	if r, err := st.Load(t.Context(), k); err != nil || r.Data != `"new"` {
		t.Errorf("%s, %v, want the new record", r.Data, err)
	}
}

// A leader whose client leaves finishes for the others, and for itself.
func TestACanceledLeaderFinishes(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := st.do(ctx, func(tx *tx) error { cancel(); return insert("one")(ctx, tx) })
	if _, load := st.Load(t.Context(), session.KeyOf("one")); err != nil || load != nil {
		t.Errorf("do: %v, load: %v", err, load)
	}
}

// A client who leaves while it waits is told so; what has not begun never happens.
func TestACanceledWriteIsTakenBack(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	st.lead <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error)
	go func() { got <- st.Create(ctx, session.KeyOf("one"), newRecord(`{}`)) }()
	until(t, "the write waits", func() bool { return st.waiting() == 1 })
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) || session.Answered(err) {
		t.Errorf("error %v, want that of the context", err)
	}
	<-st.lead
	if err := errors.Join(st.together(t, insert("two"))...); err != nil {
		t.Error(err)
	}
	if _, err := st.Load(t.Context(), session.KeyOf("one")); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("load: %v, want that it was never written", err)
	}
}

// A full disk refuses what does not fit, and nothing else. The pages of the file
// are counted here instead of the disk's.
func TestFull(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	ctx := t.Context()
	large := newRecord(`"` + strings.Repeat("x", 20000) + `"`)
	if err := st.Create(ctx, session.KeyOf("first"), large); err != nil {
		t.Fatal(err)
	}
	var pages int64
	if err := row(st.write, `PRAGMA page_count`, &pages); err != nil {
		t.Fatal(err)
	}
	if err := row(st.write, `PRAGMA max_page_count = 12`, &pages); err != nil || pages != 12 {
		t.Fatal(pages, err)
	}
	st.cache.clear() // what follows reads the file
	if err := st.Create(ctx, session.KeyOf("second"), large); !errors.Is(err, session.ErrFull) {
		t.Errorf("create: %v, want ErrFull", err)
	}
	marker := large
	marker.Marker = true
	if err := st.Create(ctx, session.KeyOf("marker"), marker); session.Answered(err) {
		t.Errorf("create a marker: %v, want an error of SQLite's", err)
	}
	r, err := st.Load(ctx, session.KeyOf("first"))
	if err != nil || r.Data != large.Data {
		t.Errorf("load: %d bytes, %v", len(r.Data), err)
	}
	bigger := r
	bigger.Data += r.Data
	if _, err := st.Save(ctx, session.KeyOf("first"), bigger); session.Answered(err) {
		t.Errorf("save: %v, want an error of SQLite's", err)
	}
	// Beside one that does not fit, a small one does.
	errs := make([]error, 2)
	var wg sync.WaitGroup
	st.lead <- struct{}{}
	wg.Go(func() { errs[0] = st.Create(ctx, session.KeyOf("second"), large) })
	wg.Go(func() { errs[1] = st.Create(ctx, session.KeyOf("small"), newRecord(`{}`)) })
	until(t, "both wait", func() bool { return st.waiting() == 2 })
	<-st.lead
	wg.Wait()
	if !errors.Is(errs[0], session.ErrFull) || errs[1] != nil {
		t.Errorf("errors %v, want ErrFull for the large one only", errs)
	}
	if s, err := st.Stats(ctx); err != nil || s != (session.Stats{Live: 2, Bytes: int64(len(large.Data) + 2)}) {
		t.Errorf("%+v, %v", s, err)
	}
	if err := st.Delete(ctx, session.KeyOf("first")); err != nil { // room again
		t.Error(err)
	}
	if err := st.Create(ctx, session.KeyOf("second"), large); err != nil {
		t.Error(err)
	}
}

// A slow reader does not put back what a writer replaced or removed meanwhile.
func TestCacheKeepsTheNewer(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	ctx, k := t.Context(), session.KeyOf("one")
	if err := st.Create(ctx, k, newRecord(`0`)); err != nil {
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
	st.keep(k, r, st.forgot) // the control: a quick one is kept
	if _, err := st.Load(ctx, k); err != nil {
		t.Error(err)
	}
}

// Writes to one key that share a commit leave in the cache what is in the file.
func TestCacheAfterASharedCommit(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	ctx, k := t.Context(), session.KeyOf("one")
	if err := st.Create(ctx, k, newRecord(`"old"`)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 3)
	expires := time.Now().Add(2 * time.Hour).Truncate(time.Millisecond)
	st.lead <- struct{}{}
	for i, write := range []func() error{
		func() error { return st.Delete(ctx, k) },
		func() error { return st.Create(ctx, k, newRecord(`"new"`)) },
		func() error { return st.Touch(ctx, k, 1, expires) },
	} {
		wg.Go(func() { errs[i] = write() })
		until(t, "the write waits", func() bool { return st.waiting() == i+1 })
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

// The cache stays within its bounds and keeps what came last.
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

// A batched commit is brought to the disk a moment later; a full one was.
func TestBatchedIsSynced(t *testing.T) {
	t.Parallel()
	for _, durability := range []Durability{Full, Batched} {
		var log strings.Builder
		st, err := Open(t.Context(), Config{
			File: filepath.Join(t.TempDir(), "s.db"), Durability: durability, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		var synchronous int64
		if err := row(st.write, `PRAGMA synchronous`, &synchronous); err != nil || synchronous != 2-int64(durability) {
			t.Errorf("synchronous %d, %v; want %d", synchronous, err, 2-int64(durability))
		}
		if err := st.Create(t.Context(), session.KeyOf("one"), newRecord(`{}`)); err != nil {
			t.Fatal(err)
		}
		if due := st.unsynced.Load(); due != (durability == Batched) {
			t.Errorf("a sync is due: %v", due)
		}
		until(t, "the sync", func() bool { return !st.unsynced.Load() })
		if err := st.Close(); err != nil || log.Len() > 0 {
			t.Errorf("%v, log: %s", err, log.String())
		}
	}
}

// A file that is moved in the very moment of a commit: the write is not answered as
// done, though it is when the file comes back. The figures know of it then.
func TestFileMovedDuringCommit(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	// SQLite asks once, when it compiles the first COMMIT: right before that runs.
	moved := 0
	err := st.write.SetAuthorizer(sqlite.AuthorizeFunc(func(a sqlite.Action) sqlite.AuthResult {
		if a.Type() == sqlite.OpTransaction && a.Operation() == "COMMIT" {
			moved++
			if err := os.Rename(st.file, st.file+".away"); err != nil {
				t.Error(err)
			}
		}
		return sqlite.AuthResultOK
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Create(t.Context(), session.KeyOf("one"), newRecord(`{}`)); err == nil || moved != 1 {
		t.Errorf("the write is answered with %v; the file was moved %d times", err, moved)
	}
	if err := os.Rename(st.file+".away", st.file); err != nil {
		t.Fatal(err)
	}
	if err := st.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := st.Create(t.Context(), session.KeyOf("two"), newRecord(`{}`)); err != nil {
		t.Error(err)
	}
	if s, err := st.Stats(t.Context()); err != nil || s.Live != 2 {
		t.Errorf("%d sessions, %v; want 2", s.Live, err)
	}
	if _, err := st.Load(t.Context(), session.KeyOf("one")); err != nil {
		t.Errorf("the write of that moment: %v", err)
	}
}
