package config

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Command is something that the program prints instead of serving. Its name is the first
// argument.
type Command struct {
	Name    string
	Value   string   // what the usage calls its argument; "" for a command that takes none
	Does    string   // what the command is for; it explains Value
	Choices []string // all values of the argument
}

// Commands are all commands, in the order of the alphabet.
var Commands = []Command{
	{
		Name: "completion", Value: "SHELL",
		Does:    "print the script with which SHELL completes flags and their values: " + oneOf(Shells),
		Choices: Shells,
	},
	{
		Name: "man",
		Does: "print the manual page",
	},
}

// help is the one flag that package flag knows by itself.
var help = Flag{Name: "help", Command: true, Does: "print these flags and commands"}

// sorted returns Flags and help in the order of the alphabet.
func sorted() []Flag {
	all := append(slices.Clone(Flags), help)
	slices.SortFunc(all, func(a, b Flag) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// commandOf returns the command that args begin with, nil for none.
func commandOf(args []string) *Command {
	for i := range Commands {
		if len(args) > 0 && args[0] == Commands[i].Name {
			return &Commands[i]
		}
	}
	return nil
}

func commandNames() (names []string) {
	for _, c := range Commands {
		names = append(names, c.Name)
	}
	return names
}

// parse reads the arguments that follow the command. Variables are none of its business.
func (c *Command) parse(args []string, out io.Writer) (cfg Config, err error) {
	takes := "no argument"
	if c.Value != "" {
		takes = "one " + c.Value
	}
	switch {
	case slices.ContainsFunc(args, func(s string) bool { return s == "--help" || s == "-help" || s == "-h" }):
		printUsage(out)
		return cfg, ErrHelp
	case c.Value != "" && len(args) == 0:
		return cfg, fmt.Errorf("%s needs a %s: %s", c.Name, c.Value, oneOf(c.Choices))
	case c.Value != "" && !slices.Contains(c.Choices, args[0]):
		return cfg, fmt.Errorf("invalid %s %q for %s: %s", c.Value, args[0], c.Name, oneOf(c.Choices))
	case c.Value != "":
		cfg.Shell, args = args[0], args[1:]
	}
	if len(args) > 0 {
		return cfg, fmt.Errorf("unexpected argument %q: %s takes %s", args[0], c.Name, takes)
	}
	cfg.Command = c.Name
	return cfg, nil
}

// Print writes to w what the command of c prints; for version and date see Man.
func (c Config) Print(w io.Writer, version, date string) error {
	switch c.Command {
	case "completion":
		return Completion(w, c.Shell)
	case "man":
		return Man(w, version, date)
	}
	return errors.New("there is no command to print")
}

// oneOf returns words as a choice: a, b or c.
func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
