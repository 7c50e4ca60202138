package session_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it failed, the README would show a program that does not compile, or that nobody has run.
func TestReadmeShowsTheExample(t *testing.T) {
	_, body, _ := strings.Cut(readText(t, "example_test.go"), "func ExampleStore() {\n\t")
	body, _, _ = strings.Cut(body, "\n\n\tfirst, second :=")
	if want := "```go\n" + strings.ReplaceAll(body, "\n\t", "\n") + "\n```"; !strings.Contains(readText(t, readmeFile), want) {
		t.Errorf("the README does not show ExampleStore:\n%s", want)
	}
}

// If it failed, the README would state another limit, budget or flag than the engine has, or a record that it
// would not write.
func TestReadmeStatesWhatIs(t *testing.T) {
	readme := readText(t, readmeFile)
	for _, want := range session.Stated() {
		if !strings.Contains(readme, want) {
			t.Errorf("the README does not say %q", want)
		}
	}
	example := regexp.MustCompile("`" + `(\{"placement".*?\})` + "`").FindStringSubmatch(readme)
	if example == nil {
		t.Fatal("the README shows no record")
	}
	if again, err := session.Rewrite(example[1]); again != example[1] || err != nil {
		t.Errorf("the README's record %s would be written as %s (%v)", example[1], again, err)
	}
	markers := regexp.MustCompile("`"+`(\{"(?:flushed|cycled)".*?\})`+"`").FindAllStringSubmatch(readme, -1)
	for i, when := range []bool{false, true} { // only a marker of a cycle says when
		if len(markers) != 2 || session.CycledAt(strings.Replace(markers[i][1], "…", "2026-11-23T09:00:00Z", 1)).IsZero() == when {
			t.Errorf("the README's markers are %q", markers)
		}
	}
}

// notRun is why no test runs a command that the README shows.
var notRun = map[string]string{
	"task peers": "it takes ten minutes, and installs Django, Rails and Node",
	"task bench": "it measures, for minutes",
	"go -C internal/peers test -count=1 -run '/scs'": "it is a part of task peers, whose modules are not the program's",
	"task figures":           "it measures, for minutes, and writes into the README",
	"task figures -- engine": "it is a part of task figures",
}

// TestReadmeCommands: no command is run, and each says above why not; but what it names is there.
func TestReadmeCommands(t *testing.T) {
	taskfile := readText(t, "../../Taskfile.yml")
	shown := map[string]bool{}
	for _, command := range regexp.MustCompile("`((?:task|go) [^`]+)`").FindAllStringSubmatch(readText(t, readmeFile), -1) {
		words := strings.Fields(strings.ReplaceAll(command[1], "'", ""))
		folder := ""
		for i, word := range words {
			switch {
			case words[0] == "task" && i == 1 && !strings.Contains(taskfile, "\n  "+word+":\n"):
				t.Errorf("%s: there is no such task", command[1])
			case strings.HasPrefix(word, "./internal/"):
				folder = "../../" + word
			case words[max(i-1, 0)] == "-C":
				folder = "../../" + word
			case words[max(i-1, 0)] == "-run" && strings.HasPrefix(word, "/"):
				if !strings.Contains(readText(t, observedFile), `"`+word[1:]) {
					t.Errorf("%s: there is no such contender", command[1])
				}
			}
		}
		if _, err := os.Stat(folder); words[0] == "go" && (folder == "" || err != nil) {
			t.Errorf("%s: its folder is not there", command[1])
		}
		if shown[command[1]] = true; notRun[command[1]] == "" {
			t.Errorf("no test runs %s, and nothing says why", command[1])
		}
	}
	for command := range notRun {
		if !shown[command] {
			t.Errorf("the README does not show %s", command)
		}
	}
}

// If it failed, whoever copies the folders that the README names would lack a package.
func TestReadmeNamesWhatIsCopied(t *testing.T) {
	_, named, _ := strings.Cut(readText(t, readmeFile), "or copy this folder")
	named, _, _ = strings.Cut(named, ";")
	var files []string
	for _, pattern := range []string{"*.go", "../lockfile/*.go", "../store/*/*.go", "../store/*/*/*.go"} {
		found, _ := filepath.Glob(pattern)
		files = append(files, found...)
	}
	for _, file := range files {
		for _, found := range regexp.MustCompile(`"github.com/sessionscope/sessionscope/(internal/\w+)`).FindAllStringSubmatch(readText(t, file), -1) {
			if found[1] != "internal/session" && !strings.Contains(named, "`"+found[1]+"`") {
				t.Errorf("%s imports %s, which the README does not have copied", file, found[1])
			}
		}
	}
}
