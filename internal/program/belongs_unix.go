//go:build unix

package program

import (
	"io/fs"
	"os"
	"syscall"
)

// belongs tells whether a folder is this user's own, and nobody else may put a file into it.
func belongs(folder fs.FileInfo) bool {
	info, ok := folder.Sys().(*syscall.Stat_t)
	return ok && int(info.Uid) == os.Geteuid() && folder.Mode().Perm()&0o022 == 0
}
