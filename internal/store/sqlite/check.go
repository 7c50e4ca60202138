package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// ErrLocked is returned by Open when another Sessionscope has the file.
var ErrLocked = errors.New("another Sessionscope is using it")

// DamagedError is returned by Open for a file that is damaged, or is no database of
// Sessionscope. The file was left as it is.
type DamagedError struct {
	File string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s: %v; it was left as it is: move it away, or name another file", e.File, e.Err)
}
func (e *DamagedError) Unwrap() error { return e.Err }

// check returns an error if the file is damaged or is not a database of Sessionscope. With
// documents it looks at the table of documents too. It changes no file.
func check(ctx context.Context, file string, documents bool) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return err
	case info.Size() == 0:
		return nil
	case info.Size() < 512: // less than a page of SQLite, which would take it for empty
		return &DamagedError{file, errors.New("file is not a database")}
	}

	// Without a log the database is complete, and immutable keeps SQLite from making
	// files beside it. With a log SQLite makes the index of the log in any case.
	query := "mode=ro&immutable=1"
	if log, err := os.Stat(file + "-wal"); err == nil && log.Size() > 0 {
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
		if err = sound(conn); err == nil && documents {
			err = hasDocuments(conn)
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return nil
	case broken(err):
		return &DamagedError{file, err}
	}
	return fmt.Errorf("%s: %w", file, err)
}

// unfit is an error about the content of the file.
type unfit string

func (e unfit) Error() string { return string(e) }

// broken tells whether err is about the content of the file, so that to try again is no
// use. The other errors are about access to it.
func broken(err error) bool {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCorrupt, sqlite.ResultNotADB, sqlite.ResultFormat:
		return true
	case sqlite.ResultError: // also the code of errors that SQLite did not make: unfit, and errors of the system
		return !errors.As(err, new(*fs.PathError))
	}
	return false
}

// sound returns an error if the database is damaged, or is not one of Sessionscope.
func sound(conn *sqlite.Conn) error {
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
	case id == 0 && version == 0 && tables == 0: // the first start was killed before it made the table
	case id != applicationID:
		return unfit("it is another program's database")
	case version > schemaVersion:
		return unfit(fmt.Sprintf("a newer Sessionscope made it: its schema is number %d, this one knows %d", version, schemaVersion))
	case version != schemaVersion:
		return unfit(fmt.Sprintf("it is damaged: its schema is number %d", version))
	default:
		if err := hasTable(conn); err != nil {
			return err
		}
	}
	return sqlitex.ExecuteTransient(conn, `PRAGMA integrity_check(1)`, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		if text := s.ColumnText(0); text != "ok" {
			return unfit("it is damaged: " + strings.ReplaceAll(text, "\n", " "))
		}
		return nil
	}})
}

// hasTable returns an error unless table and index are those of schema.sql.
func hasTable(conn *sqlite.Conn) error {
	found := 0
	err := sqlitex.ExecuteTransient(conn, `SELECT sql FROM sqlite_schema WHERE name IN ('sessions', 'sessions_expiry')`, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		if sql := s.ColumnText(0); sql != "" && strings.Contains(schema, sql) {
			found++
		}
		return nil
	}})
	if err == nil && found != 2 {
		err = unfit("it is damaged: its table is not the one that Sessionscope makes")
	}
	return err
}
