package sqlite

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/sessionscope/sessionscope/internal/session"
)

// syncAfter is how long a batched commit may stay in memory only.
const syncAfter = time.Second

// op is a write that waits for its turn. run may be called again after a
// rollback, so it sets its results and does not add to them.
type op struct {
	run  func(*tx) error
	ran  error         // what run returned: the answer once that is committed
	done chan struct{} // closed when err holds the answer
	err  error
}

// tx is what a transaction will have changed once it is committed.
type tx struct {
	st              *Store
	sessions, bytes int64
	ended           int64 // markers
	forgotten       int64 // the latest expiry of a marker that it removed
	changes         []change
}

// change puts or drops a record of the cache.
type change struct {
	key  session.Key
	rec  session.Record
	drop bool
}

func (tx *tx) put(k session.Key, r session.Record) {
	tx.changes = append(tx.changes, change{key: k, rec: r})
}
func (tx *tx) drop(k session.Key) { tx.changes = append(tx.changes, change{key: k, drop: true}) }

// changed tells whether an earlier write of the transaction changed k.
func (tx *tx) changed(k session.Key) bool {
	return slices.ContainsFunc(tx.changes, func(c change) bool { return c.key == k })
}

// errUnfinished is the answer when a transaction ended in a panic.
var errUnfinished = errors.New("the write did not end: nothing is known of it")

// gatherFor is how long a commit waits for writers who are likely to come, and
// probeEvery how many commits pass before it looks whether they have become more.
const (
	gatherFor  = 200 * time.Microsecond
	probeEvery = 128
)

// crowd is how many writers share a commit. It grows by one as long as one more
// comes in time, and shrinks by one when one stays away. A lone writer waits in
// vain once in probeEvery.
type crowd struct {
	expected int           // writes in the next commit, guarded by lead
	patience int           // commits until it may be more again, guarded by lead
	wanted   int           // by the leader who waits, 0 without one; guarded by queueMu
	enough   chan struct{} // of one: they are there
}

// gather returns the writes of the next commit. The caller holds lead, and its
// own is among them unless the leader before has run it.
func (st *Store) gather() []*op {
	c := &st.crowd
	st.queueMu.Lock()
	defer st.queueMu.Unlock()
	if len(st.queue) == 0 { // the leader before ran them all
		return nil
	}
	want := c.expected
	c.patience--
	if c.patience < 0 {
		want++
	}
	c.expected = want
	if len(st.queue) < want {
		c.wanted = want
		st.queueMu.Unlock()
		wait := time.NewTimer(gatherFor)
		select {
		case <-c.enough:
		case <-wait.C:
		}
		wait.Stop()
		st.queueMu.Lock()
		if c.wanted = 0; len(st.queue) < want {
			c.expected--
			if c.patience < 0 {
				c.patience = probeEvery
			}
		}
		select {
		case <-c.enough: // just too late
		default:
		}
	}
	ops := st.queue
	st.queue, c.expected = nil, max(c.expected, len(ops))
	return ops
}

// do runs a write in a transaction. A commit costs a wait for the disk, so those
// who come meanwhile share the next one: the first of them who gets lead runs all
// of their writes. ctx ends the wait only. A write that has begun by then may
// still happen; one that has not is taken back.
func (st *Store) do(ctx context.Context, run func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &op{run: run, done: make(chan struct{}), err: errUnfinished}
	st.queueMu.Lock()
	st.queue = append(st.queue, o)
	if w := st.crowd.wanted; w > 0 && len(st.queue) >= w {
		st.crowd.wanted = 0
		st.crowd.enough <- struct{}{}
	}
	st.queueMu.Unlock()
	select {
	case <-o.done:
		return o.err
	case st.lead <- struct{}{}:
		defer func() { <-st.lead }()
		st.commit(st.gather())
		return o.err // o was among them, or the leader before had just run it
	case <-ctx.Done():
		st.queueMu.Lock()
		defer st.queueMu.Unlock()
		if i := slices.Index(st.queue, o); i >= 0 {
			st.queue = slices.Delete(st.queue, i, i+1)
		}
		return ctx.Err()
	}
}

// commit runs ops in one transaction and answers them. When SQLite refuses a
// statement it may have undone more than that, so all is undone, and each op has
// a transaction of its own: none fails for its neighbour. The caller holds lead.
func (st *Store) commit(ops []*op) {
	defer func() {
		for _, o := range ops {
			close(o.done)
		}
	}()
	if undone := st.transact(ops); undone && len(ops) > 1 {
		for i := range ops {
			st.transact(ops[i : i+1])
		}
	}
	st.rescue()
}

// transact runs ops in one transaction and sets their errors. It tells whether an
// error of SQLite's made it undo all of them.
func (st *Store) transact(ops []*op) (undone bool) {
	if len(ops) == 0 {
		return false
	}
	fail := func(err error) {
		for _, o := range ops {
			o.err = err
		}
	}
	if st.write == nil {
		fail(errClosed)
		return false
	}
	defer func() {
		if !st.write.AutocommitEnabled() {
			if err := exec(st.write, `ROLLBACK`); err != nil {
				st.log.Error("cannot roll back", "file", st.file, "error", err)
			}
		}
	}()
	if st.fault.Load() != nil { // is it well again?
		if err := st.verify(); err != nil {
			fail(err)
			return false
		}
	}
	if err := exec(st.write, `BEGIN IMMEDIATE`); err != nil {
		fail(err)
		st.turnAway(err)
		return false
	}
	if err := st.outside(); err != nil {
		fail(err)
		return false
	}
	tx := &tx{st: st}
	for _, o := range ops {
		if o.ran = o.run(tx); !session.Answered(o.ran) {
			fail(o.ran)
			return true
		}
	}
	err := st.verify()
	if err == nil {
		err = exec(st.write, `COMMIT`)
	}
	if err == nil { // if the file is gone by now, these writes lie where nobody finds them
		if err = st.verify(); err != nil {
			st.dataVersion = -1 // it may come back, with the write in it: count again then
		}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.forgot++
	for _, c := range tx.changes {
		if c.drop || err != nil { // after a failed commit only the file knows
			st.cache.drop(c.key)
		} else {
			st.cache.put(c.key, c.rec)
		}
	}
	if err != nil {
		fail(err)
		return false
	}
	for _, o := range ops {
		o.err = o.ran
	}
	st.sessions += tx.sessions
	st.bytes += tx.bytes
	st.ended += tx.ended
	if tx.forgotten > st.forgotten.Load() {
		st.forgotten.Store(tx.forgotten)
	}
	if st.batched && len(tx.changes) > 0 && st.unsynced.CompareAndSwap(false, true) {
		time.AfterFunc(syncAfter, st.sync)
	}
	return false
}

// turnAway fails the writes that came while another program kept the file busy:
// they would wait as long again.
func (st *Store) turnAway(err error) {
	st.queueMu.Lock()
	defer st.queueMu.Unlock()
	for _, o := range st.queue {
		o.err = err
		close(o.done)
	}
	st.queue = nil
}

// sync brings the batched commits to the disk. They are in the -wal file, where
// the next start finds them. A checkpoint would do it too, but writes every page
// twice, and does nothing while another program reads an older state. Unlike the
// database file, this one may be closed: SQLite's locks are not on it.
func (st *Store) sync() {
	st.unsynced.Store(false) // first: a commit from here on asks for another
	f, err := os.OpenFile(st.file+"-wal", os.O_RDWR, 0)
	if err == nil {
		err = f.Sync()
		f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // the last Close has done it
		st.log.Error("the last writes may not be on disk", "file", st.file, "error", err)
	}
}

// look asks now and then whether the file still has its name, and whether another
// program wrote to it. While a commit runs it does not ask the second: each commit
// looks itself. The error is that of a file that has not.
func (st *Store) look() error {
	now := int64(time.Since(st.start))
	if err := st.recent(now); err != nil {
		st.leading(st.rescue)
		return err
	}
	if next := st.nextLook.Load(); now >= next && st.nextLook.CompareAndSwap(next, now+int64(lookEvery)) {
		st.leading(func() {
			if st.write == nil {
				return
			}
			if err := st.outside(); err != nil {
				st.log.Error("cannot look at the store", "file", st.file, "error", err)
			}
		})
	}
	return nil
}

// leading runs f with lead, if nobody has it.
func (st *Store) leading(f func()) {
	select {
	case st.lead <- struct{}{}:
		defer func() { <-st.lead }()
		f()
	default:
	}
}

// outside forgets what was cached and counts again if another connection wrote
// to the file. The caller holds lead. See sqlite.org/pragma.html#pragma_data_version.
func (st *Store) outside() error {
	var version, sessions, bytes, ended, forgotten int64
	err := row(st.write, `PRAGMA data_version`, &version)
	if err != nil || version == st.dataVersion {
		return err
	}
	st.mu.Lock()
	st.cache.clear()
	st.forgot++
	st.mu.Unlock()
	if err := row(st.write, `SELECT count(*), coalesce(sum(octet_length(data)), 0) FROM sessions WHERE marker = 0`, &sessions, &bytes); err != nil {
		return err
	}
	if err := row(st.write, `SELECT count(*) - count(key = '`+noKey+`' OR NULL), coalesce(max(expires) FILTER (WHERE key = '`+noKey+`'), 0) FROM sessions WHERE marker = 1`, &ended, &forgotten); err != nil {
		return err
	}
	st.mu.Lock()
	st.sessions, st.bytes, st.ended = sessions, bytes, ended
	st.mu.Unlock()
	st.forgotten.Store(forgotten)
	st.dataVersion = version
	return nil
}

// live returns the size of the data of the live session k, if its version is that.
func (tx *tx) live(k session.Key, version uint64) (size int64, err error) {
	// Nobody else writes now, and outside has looked: what is cached is in the file.
	tx.st.mu.RLock()
	cached, ok := tx.st.cache.records[k]
	tx.st.mu.RUnlock()
	if ok && cached.Version == version && !cached.Marker && !tx.changed(k) && alive(cached, tx.st.now()) == nil {
		return int64(len(cached.Data)), nil
	}
	s, err := tx.st.write.Prepare(`SELECT created, expires, version, '', marker, octet_length(data) FROM sessions WHERE key = ?`)
	if err != nil {
		return 0, err
	}
	s.BindText(1, hex.EncodeToString(k[:]))
	found, err := s.Step()
	if err != nil {
		return 0, err
	}
	defer s.Reset()
	if !found {
		return 0, session.ErrNotFound
	}
	r := record(s)
	if err := alive(r, tx.st.now()); err != nil {
		return 0, err
	} else if r.Marker {
		return 0, session.ErrNotFound
	} else if r.Version != version {
		return 0, session.ErrConflict
	}
	return s.ColumnInt64(5), nil
}

// noKey is the key of the one marker that is of no ID. It remembers until when
// markers were removed: its expiry is the latest of theirs.
const noKey = "0000000000000000000000000000000000000000000000000000000000000000"

// clear removes at most limit dead sessions and as many dead markers.
func (tx *tx) clear(now time.Time, limit int) (sessions, markers int, err error) {
	if sessions, err = tx.clearDead(false, now, limit); err == nil {
		markers, err = tx.clearDead(true, now, limit)
	}
	return sessions, markers, err
}

// clearDead removes at most limit dead sessions, or dead markers.
func (tx *tx) clearDead(marker bool, now time.Time, limit int) (int, error) {
	s, err := tx.st.write.Prepare(`DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE marker = ? AND expires <= ? AND key <> '` + noKey + `' LIMIT ?)
		RETURNING key, marker, octet_length(data), expires`)
	if err != nil {
		return 0, err
	}
	s.BindBool(1, marker)
	s.BindInt64(2, now.UnixMilli())
	s.BindInt64(3, int64(limit))
	n, err := tx.removed(s)
	if err == nil && tx.forgotten > tx.st.forgotten.Load() {
		err = tx.remember()
	}
	return n, err
}

// remember writes down until when markers were removed.
func (tx *tx) remember() error {
	s, err := tx.st.write.Prepare(`INSERT INTO sessions (key, created, expires, version, data, marker) VALUES ('` + noKey + `', ?1, ?1, 1, '{"forgotten":true}', 1)
		ON CONFLICT (key) DO UPDATE SET created = ?1, expires = ?1, version = version + 1`)
	if err != nil {
		return err
	}
	s.BindInt64(1, tx.forgotten)
	_, err = s.Step()
	return err
}

// removed runs a DELETE that returns key, marker, size and expiry, and counts its rows.
func (tx *tx) removed(s *sqlite.Stmt) (n int, err error) {
	for ; ; n++ {
		if ok, err := s.Step(); err != nil || !ok {
			return n, err
		}
		tx.drop(parseKey(s.ColumnText(0)))
		if s.ColumnBool(1) {
			tx.ended--
			tx.forgotten = max(tx.forgotten, s.ColumnInt64(3))
		} else {
			tx.sessions--
			tx.bytes -= s.ColumnInt64(2)
		}
	}
}

// count adds r to the figures.
func (tx *tx) count(r session.Record) {
	if r.Marker {
		tx.ended++
	} else {
		tx.sessions++
		tx.bytes += int64(len(r.Data))
	}
}

// exec runs a statement without parameters.
func exec(c *sqlite.Conn, query string) error { return row(c, query) }

// row runs a query without parameters and reads the integers of its one row.
func row(c *sqlite.Conn, query string, columns ...*int64) error {
	s, err := c.Prepare(query)
	if err != nil {
		return err
	}
	if _, err := s.Step(); err != nil {
		return err
	}
	for i, column := range columns {
		*column = s.ColumnInt64(i)
	}
	return s.Reset()
}
