package redistest

import "syscall"

// Windows has neither of these signals. It has no redis-server either, so that Pause and
// Continue are never called there.
const stop, resume = syscall.SIGKILL, syscall.SIGKILL
