package terminal

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

var consoleProcesses = windows.NewLazySystemDLL("kernel32.dll").NewProc("GetConsoleProcessList")

// sharedConsole returns how many processes share this one's console, 0 if it has none. The list has
// room for two, and GetConsoleProcessList then returns how many there are.
func sharedConsole() int {
	if consoleProcesses.Find() != nil {
		return 2 // nothing is known: the console is taken for a shell's
	}
	var ids [2]uint32
	n, _, _ := consoleProcesses.Call(uintptr(unsafe.Pointer(&ids[0])), uintptr(len(ids)))
	return int(n)
}
