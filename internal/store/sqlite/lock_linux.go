package sqlite

import (
	"errors"
	"io"
	"os"
	"syscall"
)

const (
	// ofdSetLock is F_OFD_SETLK: a lock that belongs to an open file, not to the
	// process, so that nothing that SQLite opens and closes drops it.
	ofdSetLock = 37
	// lockedByte is the one that is locked. SQLite's own locks are at 1 GiB, and no
	// database is longer than 2^48 bytes.
	lockedByte = 1 << 62
)

// lockDatabase locks the database itself, or returns false where the file system
// has no such locks. ErrLocked is the error when another one has it.
func lockDatabase(f *os.File) (bool, error) {
	err := setLock(f, syscall.F_WRLCK)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return false, ErrLocked
	}
	return err == nil, nil
}

// unlockDatabase is for the moment in which a process that is being started still
// shares all open files: to close one does not unlock it then.
func unlockDatabase(f *os.File) { setLock(f, syscall.F_UNLCK) }

func setLock(f *os.File, kind int16) error {
	return syscall.FcntlFlock(f.Fd(), ofdSetLock, &syscall.Flock_t{Type: kind, Whence: io.SeekStart, Start: lockedByte, Len: 1})
}
