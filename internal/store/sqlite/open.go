package sqlite

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

//go:embed schema.sql
var schema string

// What schema.sql sets.
const (
	applicationID = 0x53536370
	schemaVersion = 1
)

// ErrLocked is returned by Open when another Sessionscope has the file.
var ErrLocked = errors.New("another Sessionscope is using it")

// DamagedError is returned by Open for a file that is no sound database of ours.
// The file was left as it is.
type DamagedError struct {
	File string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s: %v; it was left as it is: move it away, or name another file", e.File, e.Err)
}
func (e *DamagedError) Unwrap() error { return e.Err }

// Open opens the database, or makes it with mode 0600 in folders of mode 0700.
// The file is looked through before it is opened for writing, and one that others
// could read is closed to them. A second Sessionscope is kept out by whatever name
// it comes, the sqlite3 shell is not. One process must not open a file by two hard
// links: SQLite's locks would be lost. Errors are *DamagedError, ErrLocked, or the
// system's.
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
		file: file, given: given, max: int64(cfg.MaxSessions), now: cfg.Now, log: cfg.Log, batched: cfg.Durability == Batched,
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
	if err := check(ctx, file); err != nil {
		return nil, err
	}
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
			if err := os.Chmod(name, 0o600); err != nil {
				return nil, fmt.Errorf("others can read it: %w", err)
			}
		}
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

// resolve makes the folders of file and returns its one true name, also of a file
// that is not there yet: two names of a file would be two locks and two secrets.
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
	return "", fmt.Errorf("%s: too many links, one to another", file)
}

// check looks at the database without changing anything.
func check(ctx context.Context, file string) error {
	damaged := func(format string, args ...any) error { return &DamagedError{file, fmt.Errorf(format, args...)} }
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	log, err := os.Stat(file + "-wal")
	logged := err == nil && log.Size() > 0
	switch {
	case info.Size() == 0:
		return nil
	case info.Size() < 512: // the smallest page: SQLite would take it for empty
		return damaged("file is not a database")
	}

	// Without a log the file is all there is: nothing is written beside it then.
	// With one, the index of the log is written anew in any case.
	query := "mode=ro&immutable=1"
	if logged {
		query = "mode=ro"
		if _, err := os.Stat(file + "-shm"); errors.Is(err, fs.ErrNotExist) {
			defer os.Remove(file + "-shm")
		}
	}
	path := filepath.ToSlash(file)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	conn, err := sqlite.OpenConn((&url.URL{Scheme: "file", Path: path, RawQuery: query}).String(), sqlite.OpenReadOnly, sqlite.OpenURI)
	if err == nil {
		defer conn.Close()
		conn.SetInterrupt(ctx.Done())
		conn.SetBusyTimeout(busyTimeout)
		err = look(conn)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return nil
	case broken(err):
		return damaged("%w", err)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// unfit is an error about what the file holds.
type unfit string

func (e unfit) Error() string { return string(e) }

// broken tells whether err is about what the file holds.
func broken(err error) bool {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCorrupt, sqlite.ResultNotADB, sqlite.ResultFormat:
		return true
	case sqlite.ResultError: // or an error that is none of SQLite's
		return !errors.As(err, new(*fs.PathError))
	}
	return false
}

// look returns an error if the database is damaged, or not one of ours.
func look(conn *sqlite.Conn) error {
	var id, version, tables int64
	if err := row(conn, `PRAGMA application_id`, &id); err != nil {
		return err
	}
	if err := row(conn, `PRAGMA user_version`, &version); err != nil {
		return err
	}
	if err := row(conn, `SELECT count(*) FROM sqlite_schema`, &tables); err != nil {
		return err
	}
	switch {
	case id == 0 && version == 0 && tables == 0: // a start that was killed at once
	case id != applicationID:
		return unfit("it is another program's database")
	case version > schemaVersion:
		return unfit(fmt.Sprintf("a newer Sessionscope made it: its schema is number %d, this one knows %d", version, schemaVersion))
	case version != schemaVersion:
		return unfit(fmt.Sprintf("it is damaged: its schema is number %d", version))
	default:
		found := 0
		err := sqlitex.ExecuteTransient(conn, `SELECT sql FROM sqlite_schema WHERE name IN ('sessions', 'sessions_expiry')`, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			if sql := s.ColumnText(0); sql != "" && strings.Contains(schema, sql) {
				found++
			}
			return nil
		}})
		if err != nil {
			return err
		} else if found != 2 {
			return unfit("it is damaged: its table is not the one that Sessionscope makes")
		}
	}
	return sqlitex.ExecuteTransient(conn, `PRAGMA integrity_check(1)`, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		if text := s.ColumnText(0); text != "ok" {
			return unfit("it is damaged: " + strings.ReplaceAll(text, "\n", " "))
		}
		return nil
	}})
}

// connect opens the two connections, makes the table, and counts.
func (st *Store) connect() (err error) {
	if st.write, err = sqlite.OpenConn(st.file, sqlite.OpenReadWrite); err != nil {
		return err
	}
	synchronous := "FULL"
	if st.batched {
		synchronous = "NORMAL"
	}
	st.write.SetBusyTimeout(busyTimeout)
	for _, pragma := range []string{
		"journal_mode = WAL",
		"synchronous = " + synchronous,
		"fullfsync = ON", // macOS: else a sync ends in the disk's own memory
		"cell_size_check = ON",
		"trusted_schema = OFF",
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
	if st.read, err = sqlite.OpenConn(st.file, sqlite.OpenReadOnly); err != nil {
		return err
	}
	st.read.SetBusyTimeout(busyTimeout)
	if err := sqlitex.ExecuteTransient(st.read, "PRAGMA cell_size_check = ON", nil); err != nil {
		return err
	}
	if err := st.outside(); err != nil {
		return err
	}
	return st.remember()
}

// Close waits for the running write, brings everything into the one file, and
// gives it free. The second time it does nothing.
func (st *Store) Close() error {
	st.lead <- struct{}{}
	defer func() { <-st.lead }()
	if st.verify() != nil {
		st.rescue() // SQLite's own Close would leave the log of a file that was moved as it is
	}
	st.verifyMu.Lock()
	st.opened = nil // Close itself removes the log
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
	if st.write != nil { // the last to go: this one empties the log and removes it
		errs[1] = st.write.Close()
	}
	st.read, st.write = nil, nil
	if st.lock != nil {
		errs[2] = st.lock.release()
	}
	st.lock = nil
	return errors.Join(errs[:]...)
}
