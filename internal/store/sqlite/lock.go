package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sessionscope/sessionscope/internal/lockfile"
)

// fileLock keeps a second Sessionscope away from a database, with two locks: FILE.lock,
// which works on every system, and a lock on the database itself, which only Linux has.
// The second belongs to the file and not to its name, so that it also holds under a hard
// link, and after somebody has removed FILE.lock.
type fileLock struct {
	beside *lockfile.Lock
	// db is the database. It stays open until SQLite has closed the file: a process
	// that closes any descriptor of a file loses all of SQLite's locks on it. See
	// sqlite.org/howtocorrupt.html, section 2.2.
	db    *os.File
	owned bool // the database itself is locked
}

// acquire makes an empty database if there is none, and locks it. Errors are
// *DamagedError, ErrLocked, or the system's. After an error there is no lock.
func acquire(file string) (_ *fileLock, err error) {
	beside, err := lockBeside(file)
	if err != nil {
		return nil, err
	}
	l := &fileLock{beside: beside}
	defer func() {
		if err != nil {
			l.release()
		}
	}()
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		return nil, &DamagedError{file, errors.New("it is not a regular file")}
	}
	if log := file + "-wal"; err != nil || info.Size() == 0 { // beside an empty database SQLite would delete the log
		if info, err := os.Stat(log); err == nil && info.Size() > 0 {
			return nil, &DamagedError{file, fmt.Errorf("it is empty or gone, and %s holds what was in it", filepath.Base(log))}
		}
	}
	// A file that may not be written is an error here. SQLite would open it for reading.
	if l.db, err = os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	l.owned, err = lockDatabase(l.db)
	if errors.Is(err, ErrLocked) {
		err = lockedError(file)
	}
	return l, err
}

func lockedError(file string) error {
	return fmt.Errorf("%s: %w; end that one, or name another file", file, ErrLocked)
}

// lockBeside makes and locks FILE.lock.
func lockBeside(file string) (*lockfile.Lock, error) {
	l, err := lockfile.Take(file + ".lock")
	switch {
	case errors.Is(err, lockfile.ErrTaken):
		return nil, lockedError(file)
	case err != nil:
		return nil, fmt.Errorf("cannot lock %s: %w", file, err)
	}
	return l, nil
}

// release unlocks the database and removes FILE.lock. If that cannot be removed, the next
// start locks it again.
func (l *fileLock) release() error {
	var errs [2]error
	if l.db != nil {
		if l.owned {
			unlockDatabase(l.db)
		}
		errs[0] = l.db.Close()
	}
	errs[1] = l.beside.Release()
	return errors.Join(errs[:]...)
}
