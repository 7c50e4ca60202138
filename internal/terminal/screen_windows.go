package terminal

import (
	"os"

	"golang.org/x/sys/windows"
)

// allowColours asks the console to obey the sequences that set colours. It does so since
// Windows 10, once it has been asked.
func allowColours(f *os.File) bool {
	console := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
