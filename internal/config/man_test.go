package config

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func page(t *testing.T, version, date string) string {
	t.Helper()
	var out strings.Builder
	if err := Man(&out, version, date); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// shown is what a reader sees of lines of the page: fonts are gone, and each escape is the
// character that it stands for.
func shown(text string) string {
	return strings.NewReplacer(`\fB`, "", `\fI`, "", `\fR`, "", `\-`, "-", `\e`, `\`, `\(dq`, `"`, `\(aq`, "'", `\(ga`, "`", `\(ha`, "^", `\(ti`, "~", `\&`, "").Replace(text)
}

// items has the lists of a section of the page: what each row is called, and what it says.
func items(page, section string) map[string]string {
	_, text, _ := strings.Cut(page, ".SH "+section+"\n")
	text, _, _ = strings.Cut(text, "\n.SH ")
	rows := strings.Split(text, ".TP\n")
	all := map[string]string{}
	for _, row := range rows[1:] {
		name, does, _ := strings.Cut(row, "\n")
		all[shown(name)] = shown(strings.ReplaceAll(strings.TrimSpace(does), "\n", " "))
	}
	return all
}

// helped has the rows of --help, with sentences as the page has them.
func helped(t *testing.T) (flags, commands map[string]string) {
	t.Helper()
	var out strings.Builder
	if _, err := Parse([]string{"--help"}, func(string) string { return "" }, &out); !errors.Is(err, ErrHelp) {
		t.Fatal(err)
	}
	flags, commands = map[string]string{}, map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^  (\S.*)\n    \t(.*)$`).FindAllStringSubmatch(out.String(), -1) {
		if strings.HasPrefix(row[1], "--") {
			flags[row[1]] = sentence(row[2])
		} else {
			commands[row[1]] = sentence(row[2])
		}
	}
	return flags, commands
}

// If this fails, the page and --help contradict each other, or a variable is missing.
func TestManSaysWhatHelpSays(t *testing.T) {
	text := page(t, "v1.0.0", "2026-11-27")
	flags, commands := helped(t)
	flags["--help"] = sentence(help.Does)
	if diff := cmp.Diff(flags, items(text, "OPTIONS")); diff != "" {
		t.Errorf("flags of --help (-) and page (+):\n%s", diff)
	}
	if diff := cmp.Diff(commands, items(text, "DESCRIPTION")); diff != "" {
		t.Errorf("commands of --help (-) and page (+):\n%s", diff)
	}
	variables := map[string]string{}
	for _, f := range Flags {
		if !f.Command {
			variables[f.Variable()] = "The same as --" + f.Name + "."
		}
	}
	if diff := cmp.Diff(variables, items(text, "ENVIRONMENT")); diff != "" {
		t.Errorf("variables of the table (-) and page (+):\n%s", diff)
	}
	if len(flags) < 18 || len(commands) != 2 {
		t.Errorf("--help has %d flags and %d commands", len(flags), len(commands))
	}
	for name := range commands {
		if !strings.Contains(shown(text), "\nsessionscope "+name+"\n") {
			t.Errorf("the synopsis lacks %s", name)
		}
	}
}

// If this fails, a section is missing, or roff takes text of the page for something else.
func TestManIsRoff(t *testing.T) {
	text := page(t, "v1.0.0 0123456789ab", "2026-11-27")
	var sections []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if title, ok := strings.CutPrefix(line, ".SH "); ok {
			sections = append(sections, title)
		}
		if macro := regexp.MustCompile(`^\.(TH|nh|ad|SH|PP|TP|RS|RE|EX|EE|br)( |$)`); strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !macro.MatchString(line) {
			t.Errorf("%q is no macro of the page", line)
		}
		bare := regexp.MustCompile(`\\(-|e|&|\(..|f[BIR])`).ReplaceAllString(line, "")
		if strings.HasPrefix(line, ".TH ") {
			continue // it has quotes and a date of its own
		}
		if bare == "" || len(line) > 80 || !strings.HasPrefix(line, ".") && strings.ContainsAny(bare, "\\-\"'`^~") {
			t.Errorf("%q is empty, too long, or not escaped", line)
		}
	}
	want := []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS", "SIGNALS", "EXAMPLES", "SEE ALSO"}
	if diff := cmp.Diff(want, sections); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(text, "\nsessionscope \\- make web sessions visible\n") {
		t.Error("the page has no line for its name")
	}
	for hostile, want := range map[string]string{
		`.so /etc/passwd`:                 `\&.so /etc/passwd`,
		`'it is`:                          `\(aqit is`,
		`a\fBb "c" ~^` + "`":              `a\efBb \(dqc\(dq \(ti\(ha\(ga`,
		`-x of --x-y=false, XNAME NAME:a`: `\-x of \fB\-\-x\-y=false\fR, XNAME \fINAME\fR:a`,
	} {
		var m manual
		if m.prose(hostile); m.String() != want+"\n" {
			t.Errorf("%s: %s, want %s", hostile, m.String(), want)
		}
	}
	t.Run("mandoc", func(t *testing.T) {
		if _, err := exec.LookPath("mandoc"); err != nil {
			t.Skip("no mandoc on this machine: it has not read the page")
		}
		file := filepath.Join(t.TempDir(), "sessionscope.1")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mandoc", "-Tlint", file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// If this fails, the page's heading has a date or a version that the build does not have.
func TestManNamesTheBuild(t *testing.T) {
	for _, test := range []struct{ version, date, want string }{
		{"v1.0.0", "2026-11-27", `"2026-11-27" "Sessionscope 1.0.0"`},
		{"1.0.0", "2026-11-27T20:33:57Z", `"2026-11-27" "Sessionscope 1.0.0"`},
		{"v1.0.0 0123456789ab", "2026-11-27", `"2026-11-27" "Sessionscope 1.0.0"`},
		{"v0.0.0-20261127203357-0123456789ab+dirty", "", `"" "Sessionscope 0.0.0\-20261127"`},
		{"v1.2.4-rc.1.0.20261127203357-0123456789ab", "2026-11-27", `"2026-11-27" "Sessionscope 1.2.4\-rc.1.0.20261127"`},
		{"(devel) 0123456789ab", "", `"" "Sessionscope"`},
		{"unknown", "", `"" "Sessionscope"`},
		{"", "yesterday", `"" "Sessionscope"`},
	} {
		first, _, _ := strings.Cut(page(t, test.version, test.date), "\n")
		if want := ".TH SESSIONSCOPE 1 " + test.want + ` "User commands"`; first != want {
			t.Errorf("%q: %s, want %s", test.version, first, want)
		}
	}
}

// If this fails, an example of the page is refused.
func TestManExamples(t *testing.T) {
	tried := 0
	for _, e := range examples {
		for _, command := range e.commands {
			if words := strings.Fields(command); words[0] == "sessionscope" {
				tried++
				if _, err := Parse(words[1:], func(string) string { return "" }, &strings.Builder{}); err != nil {
					t.Errorf("%s: %v", command, err)
				}
			}
		}
	}
	if tried < 4 {
		t.Errorf("%d examples", tried)
	}
}

// If this fails, the page names fewer files than the program writes, or says that it writes none.
func TestManNamesAllFiles(t *testing.T) {
	text := page(t, "", "")
	all := items(text, "FILES")
	for _, name := range []string{"sessionscope.lock, sessionscope.address", "sessionscope-*/board.html", "sessionscope-experiment-*", "sessionscope-class-DATE.html"} {
		if all[name] == "" {
			t.Errorf("FILES has no %s", name)
		}
	}
	if strings.Contains(text, "writes nothing to disk") {
		t.Error("it says that nothing is written")
	}
}
