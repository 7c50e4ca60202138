package terminal

import "testing"

// If this fails, a double click opens no page, or a program in a terminal or of a service opens a browser.
func TestClicked(t *testing.T) {
	const own = "/Users/ada/Downloads/sessionscope"
	for _, test := range []struct {
		name string
		Facts
		want bool
	}{
		{"Linux, a file manager", Facts{System: "linux", Screen: true}, true},
		{"Linux, with an argument", Facts{System: "linux", Screen: true, Asked: true}, false},
		{"Linux, in a terminal", Facts{System: "linux", Screen: true, Terminal: true}, false},
		{"Linux, a service of the system", Facts{System: "linux"}, false},
		{"Linux, at a distance", Facts{System: "linux", Terminal: true}, false},
		{"FreeBSD, a file manager", Facts{System: "freebsd", Screen: true}, true},
		{"Windows, Explorer", Facts{System: "windows", Console: 1, Terminal: true}, true},
		{"Windows, without a console", Facts{System: "windows"}, true},
		{"Windows, in PowerShell", Facts{System: "windows", Console: 2, Terminal: true}, false},
		{"Windows, a batch file in cmd", Facts{System: "windows", Console: 3, Terminal: true}, false},
		{"Windows, Explorer's shortcut with an argument", Facts{System: "windows", Console: 1, Asked: true}, false},
		{"macOS, Finder", Facts{System: "darwin", Terminal: true, Command: own, Folder: "/Users/ada", Home: "/Users/ada"}, true},
		{"macOS, without a terminal", Facts{System: "darwin", Command: own, Folder: "/", Home: "/Users/ada"}, true},
		{"macOS, a shell, beside the file", Facts{System: "darwin", Terminal: true, Command: "./sessionscope", Folder: "/Users/ada/Downloads", Home: "/Users/ada"}, false},
		{"macOS, a shell, below the home folder", Facts{System: "darwin", Terminal: true, Command: "Downloads/sessionscope", Folder: "/Users/ada", Home: "/Users/ada"}, false},
		{"macOS, a shell, elsewhere", Facts{System: "darwin", Terminal: true, Command: own, Folder: "/tmp", Home: "/Users/ada"}, false},
		{"macOS, a shell that finds it", Facts{System: "darwin", Terminal: true, Command: "sessionscope", Folder: "/Users/ada", Home: "/Users/ada"}, false},
		{"macOS, a shell, neither folder known", Facts{System: "darwin", Terminal: true, Command: own}, false},
		{"macOS, Finder's way with an argument", Facts{System: "darwin", Terminal: true, Asked: true, Command: own, Folder: "/Users/ada", Home: "/Users/ada"}, false},
	} {
		if got := test.Clicked(); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}
