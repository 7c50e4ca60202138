//go:build !linux

package sqlite

import "os"

// lockDatabase returns false: only Linux has a lock that belongs to the open file.
func lockDatabase(*os.File) (bool, error) { return false, nil }

func unlockDatabase(*os.File) {}
