// Package config reads the command line and the environment. Begin with Flags, the table
// of all settings, and with Parse, which reads them into a Config. Commands are what may
// stand there instead: Completion and Man make what they print, from the same tables.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Config is what the program was asked to do.
type Config struct {
	Addr        string            // HOST:PORT to listen on; in a class see Flags
	Name        string            // the host of Addr in the form of hostName; "" if that is an IP address or nothing
	Store       string            // "memory", "sqlite" or "redis"
	StoreFile   string            // the database, if Store is "sqlite"
	StoreURL    string            // the address, if Store is "redis"; it may hold a password
	Classroom   bool              // open a class at the start
	JoinHost    string            // what a class shows first, in the form of hostName; "" for nothing
	Seats       int               // of a class, from 1 to maxSeats
	Batched     bool              // SQLite answers before a write is on disk
	Placement   session.Placement // where the values of a new session live
	Idle        time.Duration     // from 1 s to ten years
	Lifetime    time.Duration     // from 1 s to ten years
	Rolling     bool              // reading extends the idle clock too
	MaxSessions int               // from 1 to maxCount
	SecretFile  string            // the file of signing secrets; "" for a random secret
	AllowHosts  []string          // names that the Host header may carry besides our own, in the form of hostName
	Open        bool              // open the browser
	LogFormat   string            // "text" or "json"
	LogRequests bool              // log one line a request; with Classroom only if that was asked for
	LogClass    bool              // log one line a request of a class: that was asked for
	Version     bool              // print the version and end
	Command     string            // a name of Commands: print it and end; "" serves
	Shell       string            // for the command completion: one of Shells
}

// ErrHelp is returned after --help or -h, when the usage has been printed.
var ErrHelp = flag.ErrHelp

// Unknown returns the names of the variables in environ, lines of NAME=VALUE, that begin like the
// program's own and are none: a name with a letter too few sets nothing, and nobody notices.
func Unknown(environ []string) (names []string) {
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if strings.HasPrefix(name, variablePrefix) && value != "" && !slices.ContainsFunc(Flags, func(f Flag) bool { return f.Variable() == name }) {
			names = append(names, name)
		}
	}
	return names
}

// Parse reads args, without the program's name, and the environment. A flag that is given
// replaces its variable, and a variable that is not empty replaces the default. The usage
// goes to out. A command of Commands as the first argument reads no flags and no variables.
// An error is one line that names the flag or the variable, and says what was
// given and what is allowed.
func Parse(args []string, getenv func(string) string, out io.Writer) (cfg Config, err error) {
	if command := commandOf(args); command != nil {
		return command.parse(args[1:], out)
	}
	for i := range Flags {
		if f := &Flags[i]; f.Default != "" {
			if err := f.read(&cfg, "--"+f.Name, f.Default); err != nil {
				return cfg, err
			}
		}
	}
	given := make(map[string]bool) // by flag or by variable
	if err := cfg.parseArgs(args, given); err != nil {
		if errors.Is(err, ErrHelp) {
			printUsage(out)
		}
		return cfg, err
	}
	if cfg.Version {
		return cfg, nil
	}
	for i := range Flags {
		f := &Flags[i]
		name := f.Variable()
		if name == "" || given[f.Name] || getenv(name) == "" {
			continue
		}
		given[f.Name] = true
		if err := f.read(&cfg, name, getenv(name)); err != nil {
			return cfg, err
		}
	}
	cfg.LogClass = cfg.LogRequests && given["log-requests"]
	if cfg.Classroom {
		cfg.LogRequests = cfg.LogClass
	}
	switch {
	case given["durability"] && cfg.Store != "sqlite":
		return cfg, errors.New("--durability or SESSIONSCOPE_DURABILITY is for --store sqlite only")
	case cfg.Store == "redis" && cfg.SecretFile == "":
		return cfg, errors.New("--store redis:// needs --secret-file or SESSIONSCOPE_SECRET_FILE: all programs on one Redis sign with the same secrets")
	}
	return cfg, nil
}

// parseArgs reads the command line, and notes in given which flags it has.
func (c *Config) parseArgs(args []string, given map[string]bool) error {
	var refused error // the first
	flags := flag.NewFlagSet("sessionscope", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	for i := range Flags {
		f := &Flags[i]
		// No error is returned to package flag: it would put its own words around it, and
		// the value too, which may be a password.
		read := func(value string) error {
			given[f.Name] = true
			if err := f.read(c, "--"+f.Name, value); err != nil && refused == nil {
				refused = err
			}
			return nil
		}
		if f.Value == "" {
			flags.BoolFunc(f.Name, "", read)
		} else {
			flags.Func(f.Name, "", read)
		}
	}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, ErrHelp):
		return ErrHelp
	case refused != nil:
		return refused
	case err != nil:
		return unreadable(err)
	case flags.Arg(0) == "help", flags.Arg(0) == "version":
		return fmt.Errorf("unexpected argument %q: write --%s", flags.Arg(0), flags.Arg(0))
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q: sessionscope takes flags, or %s as its first argument; a flag that is on or off is written --open or --open=false", flags.Arg(0), oneOf(commandNames()))
	}
	return nil
}

// printUsage prints what --help shows.
func printUsage(out io.Writer) {
	var rows strings.Builder
	for _, f := range Flags {
		printRow(&rows, "--"+f.Name, f.Value, f.usage())
	}
	rows.WriteString("\nA command as the first argument prints something, and serves nothing:\n\n")
	for _, c := range Commands {
		printRow(&rows, c.Name, c.Value, c.Does)
	}
	fmt.Fprintf(out, "Sessionscope makes web sessions visible. It serves a lab for this machine's browsers.\n\n"+
		"Usage: sessionscope [flags]\n\n%s\nEach flag but --version also reads SESSIONSCOPE_ and its name in capitals, such as SESSIONSCOPE_MAX_SESSIONS.\n", &rows)
}

// printRow prints a flag or a command.
func printRow(out io.Writer, name, value, does string) {
	if value != "" {
		name += " " + value
	}
	fmt.Fprintf(out, "  %s\n    \t%s\n", name, does)
}

// unreadable puts into our words what package flag could not read.
func unreadable(err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return fmt.Errorf("there is no flag --%s: --help lists them", name)
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return fmt.Errorf("--%s needs a value: --help says which", name)
	}
	return fmt.Errorf("%s: --help lists the flags", text)
}
