//go:build !unix

package terminal

import (
	"errors"
	"os"
)

func ignoreBackground() {}

// inForeground knows of no program in the background: an error of a read has another cause.
func inForeground(*os.File) (bool, error) { return false, errors.ErrUnsupported }
