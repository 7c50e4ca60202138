package config

import (
	"embed"
	"fmt"
	"io"
	"slices"
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
