package config

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Shells are the shells that have a completion.
var Shells = []string{"bash", "zsh", "fish", "powershell"}

// shells has a script for each of them. A test makes them from the templates beside them and from
// Flags and Commands: text/template in the program would make it a third larger, since the linker
// could no longer tell which methods are never called.
//
//go:embed shells/sessionscope.bash shells/_sessionscope shells/sessionscope.fish shells/sessionscope.ps1
var shells embed.FS

// CompletionFile returns the name that the script for shell has where it is installed.
func CompletionFile(shell string) string {
	switch shell {
	case "zsh":
		return "_sessionscope"
	case "powershell":
		return "sessionscope.ps1"
	}
	return "sessionscope." + shell
}

// Completion writes the script that completes the program's flags, values and commands in
// shell, which is one of Shells.
func Completion(w io.Writer, shell string) error {
	if !slices.Contains(Shells, shell) {
		return fmt.Errorf("there is no completion for %q", shell)
	}
	script, err := shells.ReadFile("shells/" + CompletionFile(shell))
	if err != nil {
		return err
	}
	_, err = w.Write(script)
	return err
}

// tables are Flags and Commands as the templates want them.
type tables struct {
	Commands                []offered
	Flags, Valued, Repeated []offered // all flags, those with a value, those that may be given twice
}

// offered is a flag or a command.
type offered struct {
	Flag
	Short string   // Does, up to the first stop
	Words []string // how a value may begin: it ends there, unless goesOn
	Files []string // what a value has before the name of a file
}

func newTables() (t tables) {
	for _, c := range Commands {
		t.Commands = append(t.Commands, newOffered(Flag{Name: c.Name, Value: c.Value, Does: c.Does, Choices: c.Choices}))
	}
	for _, f := range append(slices.Clone(Flags), help) {
		o := newOffered(f)
		t.Flags = append(t.Flags, o)
		if f.Value != "" {
			t.Valued = append(t.Valued, o)
		}
		if f.Repeats {
			t.Repeated = append(t.Repeated, o)
		}
	}
	slices.SortFunc(t.Flags, func(a, b offered) int { return strings.Compare(a.Name, b.Name) })
	return t
}

func newOffered(f Flag) offered {
	o := offered{Flag: f, Short: f.Does}
	for _, stop := range []string{": ", "; ", " ("} {
		o.Short, _, _ = strings.Cut(o.Short, stop)
	}
	begins := append(slices.Clone(f.Choices), f.Begins...)
	switch {
	case f.Value == "FILE":
		begins = []string{"FILE"}
	case f.Value == "" && !f.Command:
		begins = []string{"true", "false"}
	}
	for _, begin := range begins {
		word, file := strings.CutSuffix(begin, "FILE")
		if file {
			o.Files = append(o.Files, word)
		}
		if word != "" {
			o.Words = append(o.Words, word)
		}
	}
	return o
}
