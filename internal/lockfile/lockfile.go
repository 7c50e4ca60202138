// Package lockfile lets one program at a time hold a file, on every system. Begin with Take. The file
// stays empty: on Windows nobody could read it while it is locked.
package lockfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
)

// ErrTaken is the error of a lock that another program holds.
var ErrTaken = errors.New("another program has locked the file")

// Lock is a lock that this program holds. A program that crashes leaves its file without a lock.
type Lock struct{ file *flock.Flock }

// Take makes the file at path if there is none, and locks it. Its errors are ErrTaken and the system's. It
// does not wait.
//
// The program that had the lock before removes the file, possibly between the two steps here. So Take
// begins again until the locked file still has its name: a lock on a file without a name keeps nobody out.
func Take(path string) (*Lock, error) {
	for range 100 {
		// O_RDWR: to open a named pipe for reading waits for a writer.
		l := &Lock{flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))}
		if locked, err := l.file.TryLock(); err != nil {
			return nil, err
		} else if !locked {
			return nil, ErrTaken
		}
		if l.named() {
			return l, nil
		}
		l.file.Close()
	}
	return nil, fmt.Errorf("another program removes %s again and again", filepath.Base(path))
}

// Path returns the path of the file.
func (l *Lock) Path() string { return l.file.Path() }

// named tells whether the name of l still leads to the file that is locked.
func (l *Lock) named() bool {
	mine, err := l.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(l.Path())
	return err == nil && os.SameFile(mine, there)
}

// Release removes the file and unlocks it. A file that cannot be removed stays, and the next Take locks it.
func (l *Lock) Release() error {
	if runtime.GOOS == "windows" { // which removes no open file: close it first; if another program opens it meanwhile, it stays
		err := l.file.Close()
		os.Remove(l.Path())
		return err
	}
	if l.named() {
		os.Remove(l.Path())
	}
	return l.file.Close()
}
