package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// syncAfter is how long a batched commit may stay in memory only.
const syncAfter = time.Second

// commit runs ops in one transaction and answers them. When SQLite refuses a statement
// it may have undone more than that statement. So all is undone, and each op then has a
// transaction of its own: none fails because of another one. The caller has lead.
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

// transact runs ops in one transaction and sets their errors. It tells whether all of
// them are undone because SQLite failed in one.
func (st *Store) transact(ops []*op) (undone bool) {
	if len(ops) == 0 {
		return false
	}
	fail := func(err error) {
		err = st.readOnly(err)
		for _, o := range ops {
			o.err = err
		}
	}
	if st.write == nil {
		fail(errClosed)
		return false
	}
	defer st.rollBack()
	if err := st.begin(); err != nil {
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
	err := st.finish()
	st.publish(tx, err)
	if err != nil {
		fail(err)
		return false
	}
	if tx.wrote() {
		st.refused.Store(nil)
	}
	for _, o := range ops {
		o.err = o.ran
	}
	return false
}

// begin begins a transaction, and makes sure that cache and figures agree with the file.
func (st *Store) begin() error {
	if st.fault.Load() != nil { // look again: the file may be back
		if err := st.verify(); err != nil {
			return err
		}
	}
	if err := exec(st.write, `BEGIN IMMEDIATE`); err != nil {
		st.turnAway(st.readOnly(err))
		return err
	}
	return st.recount()
}

// finish commits the transaction. It is an error if the file has lost its name before
// or after that: the next start would not find these writes.
func (st *Store) finish() error {
	err := st.verify()
	if err == nil {
		err = exec(st.write, `COMMIT`)
	}
	if err == nil {
		if err = st.verify(); err != nil {
			st.dataVersion = -1 // the file has these writes, and may come back: count again then
		}
	}
	return err
}

// probe finds out whether the file takes writes again, without waiting for another program. It
// writes the number of the schema, which is the same as before. The caller has lead.
func (st *Store) probe() {
	if st.write == nil {
		return
	}
	st.write.SetBusyTimeout(0)
	defer st.write.SetBusyTimeout(busyTimeout)
	defer st.rollBack()
	err := exec(st.write, `BEGIN IMMEDIATE`)
	if err == nil {
		err = exec(st.write, fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion))
	}
	if err == nil {
		err = st.finish()
	}
	if err == nil {
		st.refused.Store(nil)
	}
}

// rollBack ends a transaction that was not committed.
func (st *Store) rollBack() {
	if !st.write.AutocommitEnabled() {
		if err := exec(st.write, `ROLLBACK`); err != nil {
			st.log.Error("cannot undo a write that failed", "file", st.file, "error", err)
		}
	}
}

// publish brings cache and figures up to date. err is the error of finish: after it
// nobody knows what the file holds, so that the records of tx leave the cache.
func (st *Store) publish(tx *tx, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.forgot++
	for _, c := range tx.changes {
		if c.drop || err != nil {
			st.cache.drop(c.key)
		} else {
			st.cache.put(c.key, c.rec)
		}
	}
	if err != nil {
		return
	}
	st.sessions += tx.sessions
	st.bytes += tx.bytes
	st.ended += tx.ended
	if tx.forgotten > st.forgotten.Load() {
		st.forgotten.Store(tx.forgotten)
	}
	if st.batched && tx.wrote() && st.unsynced.CompareAndSwap(false, true) {
		time.AfterFunc(syncAfter, st.sync)
	}
}

// sync brings the batched commits to the disk. They are in the -wal file, where the next
// start finds them. A checkpoint would do it too, but it writes every page twice, and
// does nothing while another program reads an older state. This file may be closed here,
// unlike the database: SQLite has no locks on it.
func (st *Store) sync() {
	st.unsynced.Store(false) // first: a commit from here on asks for another sync
	f, err := os.OpenFile(st.file+"-wal", os.O_RDWR, 0)
	if err == nil {
		err = f.Sync()
		f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // no file: Close has brought it all to the disk
		st.log.Error("the last writes may not be on disk", "file", st.file, "error", err)
	}
}

// look is called before each read. It returns an error if the file has lost its name,
// and once in lookEvery it recounts if another program has written. It leaves that to
// a running commit, which recounts itself.
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
			if err := st.recount(); err != nil {
				st.log.Error("cannot look whether another program wrote to the database", "file", st.file, "error", err)
			}
		})
	}
	return nil
}

// recount empties the cache and counts all figures anew if another connection has
// written to the file. The caller has lead. See sqlite.org/pragma.html#pragma_data_version.
func (st *Store) recount() error {
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
