package config

import (
	"strings"
	"testing"
)

// The names of files are Windows' own there: a home folder would not be found, a name that is a
// device or a stream would be taken for a database, or a name that is fine on another system refused.
func TestFileName(t *testing.T) {
	t.Parallel()
	const (
		own    = "your own home folder only"
		device = "is a device on Windows"
		stream = "would be a part of the file"
		memory = "--store memory"
	)
	for _, test := range []struct {
		goos, name, rest string
		inHome           bool
		refused          string
	}{
		{"linux", "~/a.db", "/a.db", true, ""},
		{"linux", "~", "", true, ""},
		{"linux", `~\a.db`, "", false, own},
		{"linux", "~ada/a.db", "", false, own},
		{"linux", "a:b.db", "a:b.db", false, ""},
		{"linux", "/var/lib/NUL", "/var/lib/NUL", false, ""},
		{"linux", "file:a.db", "", false, memory},
		{"darwin", `~\a.db`, "", false, own},
		{"darwin", "/Users/ada/aux.db", "/Users/ada/aux.db", false, ""},
		{"windows", `~\a.db`, `\a.db`, true, ""},
		{"windows", "~/a.db", "/a.db", true, ""},
		{"windows", `~ada\a.db`, "", false, own},
		{"windows", `C:\Users\Ada\x.db`, `C:\Users\Ada\x.db`, false, ""},
		{"windows", "c:/Users/Ada Lovelace/x.db", "c:/Users/Ada Lovelace/x.db", false, ""},
		{"windows", "C:x.db", "C:x.db", false, ""}, // in the working folder of the drive
		{"windows", `\\server\share\x.db`, `\\server\share\x.db`, false, ""},
		{"windows", `\\?\C:\x.db`, `\\?\C:\x.db`, false, ""},
		{"windows", `x.db:records`, "", false, stream},
		{"windows", `C:\x.db:$DATA`, "", false, stream},
		{"windows", "file:x.db", "", false, memory},
		{"windows", ":memory:", "", false, memory},
		{"windows", "NUL", "", false, device},
		{"windows", `C:\data\aux.db`, "", false, device},
		{"windows", "d:com1.old.db", "", false, device},
		{"windows", "data/Con .db", "", false, device},
		{"windows", "LPT¹", "", false, device},
		{"windows", `~\nul.db`, "", false, device},
		{"windows", `C:\nul\console.db`, `C:\nul\console.db`, false, ""}, // such a folder cannot be made
		{"windows", "com10.db", "com10.db", false, ""},
	} {
		rest, inHome, err := fileName(test.goos, test.name)
		switch {
		case test.refused != "":
			if err == nil || !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%s on %s: %v, want %q", test.name, test.goos, err, test.refused)
			}
		case err != nil || rest != test.rest || inHome != test.inHome:
			t.Errorf("%s on %s: %q, in the home folder %t, %v", test.name, test.goos, rest, inHome, err)
		}
	}
}

// A refusal shows a path as it was typed. Double backslashes are nobody's path.
func TestRefusedPath(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`sqlite:file:C:\x.db`:    `invalid value "sqlite:file:C:\x.db" for --store: `,
		"sqlite:file:bell\a.db":  `invalid value "sqlite:file:bell\a.db" for --store: `,
		`sqlite:file:"quoted"`:   `invalid value "sqlite:file:\"quoted\"" for --store: `,
		"sqlite:file:b\u00fc.db": "invalid value \"sqlite:file:b\u00fc.db\" for --store: ",
	} {
		if _, err := Parse([]string{"--store", value}, func(string) string { return "" }, &strings.Builder{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", value, err, want)
		}
	}
}
