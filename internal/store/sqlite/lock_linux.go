package sqlite

import (
	"errors"
	"io"
	"os"
	"syscall"
)

const (
	// ofdSetLock is F_OFD_SETLK of fcntl(2). Such a lock belongs to the open file. A lock
	// of F_SETLK belongs to the process, and ends when SQLite closes any descriptor of
	// the file.
	ofdSetLock = 37
	// lockedByte is the position of the locked byte. SQLite's own locks are at 1 GiB, and
	// no database is longer than 2^48 bytes.
	lockedByte = 1 << 62
)

// lockDatabase locks the database itself. It returns false if the file system has no such
// locks, and ErrLocked if another program has locked it.
func lockDatabase(f *os.File) (bool, error) {
	err := setLock(f, syscall.F_WRLCK)
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return false, ErrLocked
	}
	return err == nil, nil
}

// unlockDatabase unlocks the database before it is closed. To close it is not enough
// while a process that is being started shares all open files, until its exec.
func unlockDatabase(f *os.File) { setLock(f, syscall.F_UNLCK) }

func setLock(f *os.File, kind int16) error {
	return syscall.FcntlFlock(f.Fd(), ofdSetLock, &syscall.Flock_t{Type: kind, Whence: io.SeekStart, Start: lockedByte, Len: 1})
}
