//go:build unix

package redistest

import "syscall"

// The signals of Pause and Continue.
const stop, resume = syscall.SIGSTOP, syscall.SIGCONT
