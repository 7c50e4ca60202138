package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
)

// fileLock keeps a second Sessionscope away from a database, with two locks: FILE.lock,
// which works on every system, and a lock on the database itself, which only Linux has.
// The second belongs to the file and not to its name, so that it also holds under a hard
// link, and after somebody has removed FILE.lock.
type fileLock struct {
	beside *flock.Flock
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

// lockBeside makes and locks FILE.lock. The program that had the lock before removes that
// file, possibly between the two steps here. So lockBeside begins again until the locked
// file still has its name: a lock on a file without a name keeps nobody out.
func lockBeside(file string) (*flock.Flock, error) {
	for range 100 {
		l := flock.New(file + ".lock")
		if locked, err := l.TryLock(); err != nil {
			return nil, fmt.Errorf("cannot lock %s: %w", file, err)
		} else if !locked {
			return nil, lockedError(file)
		}
		if named(l) {
			return l, nil
		}
		l.Close()
	}
	return nil, fmt.Errorf("cannot lock %s: another program removes %s.lock again and again", file, filepath.Base(file))
}

// named tells whether the name of l still leads to the file that is locked.
func named(l *flock.Flock) bool {
	mine, err := l.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(l.Path())
	return err == nil && os.SameFile(mine, there)
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
	if runtime.GOOS == "windows" { // which removes no open file: close it first; if another program opens it meanwhile, it stays
		errs[1] = l.beside.Close()
		os.Remove(l.beside.Path())
		return errors.Join(errs[:]...)
	}
	if named(l.beside) {
		os.Remove(l.beside.Path())
	}
	errs[1] = l.beside.Close()
	return errors.Join(errs[:]...)
}
