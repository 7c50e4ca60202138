package terminal

import (
	"os"
	"runtime"
	"strings"
)

// Facts are what a process knows of how it was started.
type Facts struct {
	System   string // as runtime.GOOS names it
	Asked    bool   // it has arguments, or a variable of its own is set
	Terminal bool   // standard input, output or error is a terminal, or the process has one that signals it
	Screen   bool   // it can show a window: DISPLAY or WAYLAND_DISPLAY is set
	Console  int    // how many processes share its console, 0 without one; on Windows only
	Command  string // by which name it was started: argv[0]
	Folder   string // its working directory
	Home     string // the user's folder
}

// Clicked tells whether somebody opened the program's file in a file manager, by a double click for
// example, and so sees no terminal in which they would look for an address. A wrong yes opens a browser
// that nobody asked for. Any argument or variable of the program prevents that.
func (f Facts) Clicked() bool {
	if f.Asked {
		return false
	}
	switch f.System {
	case "windows":
		// Explorer gives the program a console of its own. Started in cmd.exe or PowerShell, it shares
		// theirs. A program with windows of its own may start this one without a console.
		return f.Console <= 1
	case "darwin":
		// Finder has Terminal type the whole path of the file into a new shell, which begins in the home
		// folder. Somebody who is there types a shorter name. Other programs that open files give no terminal.
		// Nor does launchd, whose job gets an argument or a variable if it is to open no browser.
		return !f.Terminal || strings.HasPrefix(f.Command, "/") && f.Folder != "" && f.Folder == f.Home
	}
	// Without a terminal the program may be a service. One of the system has no display. One of the
	// user's own service manager may have: it then opens a browser, unless a variable is set for it.
	// INVOCATION_ID, which systemd sets for its services, tells nothing: desktops are services of systemd
	// themselves, and whatever is started from them inherits it.
	return !f.Terminal && f.Screen
}

// FactsOf returns the facts of this process; asked is Facts.Asked, which only the program knows.
func FactsOf(asked bool) Facts {
	f := Facts{
		System: runtime.GOOS, Asked: asked, Console: sharedConsole(),
		Terminal: Is(os.Stdin) || Is(os.Stdout) || Is(os.Stderr) || Attached(),
		Screen:   os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "",
		Command:  os.Args[0],
	}
	f.Folder, _ = os.Getwd() // "" if it is gone, or unknown
	f.Home, _ = os.UserHomeDir()
	return f
}
