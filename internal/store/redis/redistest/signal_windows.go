package redistest

import "syscall"

// Windows has neither, and no redis-server for the tests that send them.
const stop, resume = syscall.SIGKILL, syscall.SIGKILL
