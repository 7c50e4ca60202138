//go:build !linux

package sqlite

import "os"

// lockDatabase locks the database itself: this system cannot.
func lockDatabase(*os.File) (bool, error) { return false, nil }

func unlockDatabase(*os.File) {}
