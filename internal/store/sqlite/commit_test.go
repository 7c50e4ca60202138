package sqlite

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/sessionscope/sessionscope/internal/session"
)

// together runs writes so that all of them are in the queue when the first one begins,
// and returns their errors.
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
		Until(t, "the write waits", func() bool { return st.waiting() == i+1 })
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

// insert returns a write that adds a row for the session id.
func insert(id string) func(context.Context, *tx) error {
	return func(_ context.Context, tx *tx) error {
		s, err := tx.st.write.Prepare(`INSERT INTO sessions (key, created, expires, version, data, marker) VALUES (?, ?, ?, ?, ?, ?)`)
		if err != nil {
			return err
		}
		k := session.KeyOf(id)
		r := NewRecord(`{}`)
		r.Version = 1
		bind(s, k, r)
		tx.count(r)
		tx.put(k, r)
		_, err = s.Step()
		return err
	}
}

// If this fails, 16 writers wait for the disk 16 times.
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

// If this fails, a statement that SQLite refuses fails the writes of others that share the
// commit, or its own write is half done.
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

// If this fails, a write is answered as done although its commit failed, or the cache
// serves what is not in the file.
func TestAFailedCommitFailsAll(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	k := session.KeyOf("old")
	if err := st.Create(t.Context(), k, NewRecord(`"old"`)); err != nil {
		t.Fatal(err)
	}
	// A foreign key that leads nowhere, which SQLite notices only at the commit.
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
		r := NewRecord(`"new"`)
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

// The browser of the leader leaves during the commit. If this fails, the writes of others
// are lost with it.
func TestACanceledLeaderFinishes(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := st.do(ctx, func(tx *tx) error { cancel(); return insert("one")(ctx, tx) })
	if _, load := st.Load(t.Context(), session.KeyOf("one")); err != nil || load != nil {
		t.Errorf("do: %v, load: %v", err, load)
	}
}

// A browser leaves while its write is in the queue. If this fails, the write happens
// later, although its caller was told that it did not.
func TestACanceledWriteIsTakenBack(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	st.lead <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error)
	go func() { got <- st.Create(ctx, session.KeyOf("one"), NewRecord(`{}`)) }()
	Until(t, "the write waits", func() bool { return st.waiting() == 1 })
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

// A limit on the pages of the file stands for a full disk. If this fails, a full disk
// refuses reads, a logout or a small write too, or a refused write leaves something.
func TestFull(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	ctx := t.Context()
	large := NewRecord(`"` + strings.Repeat("x", 20000) + `"`)
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
	st.cache.clear() // the reads below go to the file
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
	// A small write that shares the commit with one that does not fit.
	errs := make([]error, 2)
	var wg sync.WaitGroup
	st.lead <- struct{}{}
	wg.Go(func() { errs[0] = st.Create(ctx, session.KeyOf("second"), large) })
	wg.Go(func() { errs[1] = st.Create(ctx, session.KeyOf("small"), NewRecord(`{}`)) })
	Until(t, "both wait", func() bool { return st.waiting() == 2 })
	<-st.lead
	wg.Wait()
	if !errors.Is(errs[0], session.ErrFull) || errs[1] != nil {
		t.Errorf("errors %v, want ErrFull for the large one only", errs)
	}
	if s, err := st.Stats(ctx); err != nil || s != (session.Stats{Live: 2, Bytes: int64(len(large.Data) + 2)}) {
		t.Errorf("%+v, %v", s, err)
	}
	if err := st.Delete(ctx, session.KeyOf("first")); err != nil { // makes room
		t.Error(err)
	}
	if err := st.Create(ctx, session.KeyOf("second"), large); err != nil {
		t.Error(err)
	}
}

// If this fails, Batched waits for the disk or never syncs, or Full does not wait.
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
		if err := st.Create(t.Context(), session.KeyOf("one"), NewRecord(`{}`)); err != nil {
			t.Fatal(err)
		}
		if due := st.unsynced.Load(); due != (durability == Batched) {
			t.Errorf("a sync is due: %v", due)
		}
		Until(t, "the sync", func() bool { return !st.unsynced.Load() })
		if err := st.Close(); err != nil || log.Len() > 0 {
			t.Errorf("%v, log: %s", err, log.String())
		}
	}
}

// The file is moved during a commit. If this fails, the write is answered as done although
// the next start would not find it, or the figures miss it when the file is back.
func TestFileMovedDuringCommit(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	// SQLite calls this when it compiles the first COMMIT, right before that runs.
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
	if err := st.Create(t.Context(), session.KeyOf("one"), NewRecord(`{}`)); err == nil || moved != 1 {
		t.Errorf("the write is answered with %v; the file was moved %d times", err, moved)
	}
	if err := os.Rename(st.file+".away", st.file); err != nil {
		t.Fatal(err)
	}
	if err := st.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := st.Create(t.Context(), session.KeyOf("two"), NewRecord(`{}`)); err != nil {
		t.Error(err)
	}
	if s, err := st.Stats(t.Context()); err != nil || s.Live != 2 {
		t.Errorf("%d sessions, %v; want 2", s.Live, err)
	}
	if _, err := st.Load(t.Context(), session.KeyOf("one")); err != nil {
		t.Errorf("the write of that moment: %v", err)
	}
}
