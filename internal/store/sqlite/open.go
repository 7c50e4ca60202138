package sqlite

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

//go:embed schema.sql
var schema string

// These are set by schema.sql.
const (
	applicationID = 0x53536370
	schemaVersion = 1
)

// Open opens the database, or makes it with mode 0600 in folders of mode 0700. It
// checks the whole file before SQLite may write to it, and takes the right to read it
// from other users. It keeps out a second Sessionscope, whatever name that has for the
// file, but not the sqlite3 shell. One process must not open a file by two hard links:
// SQLite's locks would be lost. Errors are *DamagedError, ErrLocked, or the system's.
func Open(ctx context.Context, cfg Config) (_ *Store, err error) {
	given, err := filepath.Abs(cfg.File)
	if err != nil {
		return nil, err
	}
	file, err := resolve(given)
	if err != nil {
		return nil, err
	}
	st := &Store{
		file: file, given: given, max: int64(cfg.MaxSessions), now: cfg.Now, log: cfg.Log, batched: cfg.Durability == Batched, documents: cfg.Documents,
		lead: make(chan struct{}, 1), crowd: crowd{enough: make(chan struct{}, 1)}, dataVersion: -1, start: time.Now(),
	}
	if st.now == nil {
		st.now = time.Now
	}
	if st.log == nil {
		st.log = slog.New(slog.DiscardHandler)
	}
	st.cache.clear()
	if st.lock, err = acquire(file); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			st.Close()
		}
	}()
	if err := check(ctx, file, cfg.Documents); err != nil {
		return nil, err
	}
	if err := closeToOthers(file, file+"-wal", file+"-shm"); err != nil {
		return nil, err
	}
	if err := st.connect(); err != nil {
		if broken(err) {
			return nil, &DamagedError{file, err}
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := st.logElsewhere(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return st, nil
}

// closeToOthers gives files that other users can read or write mode 0600. Files that
// are not there do not matter.
func closeToOthers(names ...string) error {
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
			if err := os.Chmod(name, 0o600); err != nil {
				return fmt.Errorf("other users can read it, and that cannot be changed: %w", err)
			}
		}
	}
	return nil
}

// resolve makes the folders of file and returns its true name, without links. The file
// need not be there yet. A file that went by two names would have two locks and two
// secrets.
func resolve(file string) (string, error) {
	for range 40 { // as many links as Linux follows
		dir := filepath.Dir(file)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return "", err
		}
		file = filepath.Join(dir, filepath.Base(file))
		target, err := os.Readlink(file)
		if err != nil { // it is no link, or not there
			return file, nil
		}
		if file = target; !filepath.IsAbs(file) {
			file = filepath.Join(dir, target)
		}
	}
	return "", fmt.Errorf("%s: more than 40 symbolic links, one to another", file)
}

// connect opens the two connections, makes the table if there is none, and counts the
// figures.
func (st *Store) connect() (err error) {
	if st.write, err = sqlite.OpenConn(st.file, sqlite.OpenReadWrite); err != nil {
		return err
	}
	synchronous := "FULL"
	if st.batched {
		synchronous = "NORMAL"
	}
	st.write.SetBusyTimeout(busyTimeout)
	secure := "OFF"
	if st.documents { // what is removed is overwritten: such a file is a class's, and tells of people
		secure = "ON"
	}
	for _, pragma := range []string{
		"secure_delete = " + secure,
		"journal_mode = WAL",
		"synchronous = " + synchronous,
		"fullfsync = ON", // macOS: without it a sync ends in the memory of the disk
		"cell_size_check = ON",
		"trusted_schema = OFF",
		"temp_store = MEMORY", // VACUUM writes no temporary file then: it would hold what people typed, and a machine may have no place for it
	} {
		if err := sqlitex.ExecuteTransient(st.write, "PRAGMA "+pragma, nil); err != nil {
			return err
		}
	}
	var tables int64
	if err := row(st.write, `SELECT count(*) FROM sqlite_schema`, &tables); err != nil {
		return err
	}
	if tables == 0 {
		if err := sqlitex.ExecuteScript(st.write, schema, nil); err != nil {
			return err
		}
	}
	if st.documents {
		if err := st.makeDocuments(); err != nil {
			return err
		}
	}
	if st.read, err = sqlite.OpenConn(st.file, sqlite.OpenReadOnly); err != nil {
		return err
	}
	st.read.SetBusyTimeout(busyTimeout)
	if err := sqlitex.ExecuteTransient(st.read, "PRAGMA cell_size_check = ON", nil); err != nil {
		return err
	}
	if err := st.recount(); err != nil {
		return err
	}
	return st.noteOpened()
}

// Close waits for the commit that is running, moves what is in the log into the
// database, and unlocks it. The second time it does nothing.
func (st *Store) Close() error {
	st.lead <- struct{}{}
	defer func() { <-st.lead }()
	if st.verify() != nil {
		st.rescue() // SQLite's own Close does not empty the log of a file that was moved
	}
	st.verifyMu.Lock()
	st.opened = nil // SQLite removes the log now, which is no fault
	st.verifyMu.Unlock()
	st.readMu.Lock()
	defer st.readMu.Unlock()
	st.mu.Lock()
	st.cache.clear()
	st.forgot++
	st.mu.Unlock()
	var errs [3]error
	if st.read != nil {
		errs[0] = st.read.Close()
	}
	if st.write != nil { // after read: the last connection empties the log and removes it
		errs[1] = st.write.Close()
	}
	st.read, st.write = nil, nil
	if st.lock != nil {
		errs[2] = st.lock.release()
	}
	st.lock = nil
	return errors.Join(errs[:]...)
}
