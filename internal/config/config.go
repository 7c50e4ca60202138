// Package config reads the command line and the environment.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/adrg/xdg"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Config is what the program was asked to do.
type Config struct {
	Addr        string            // HOST:PORT to listen on
	Name        string            // the host of Addr in the form of hostName, "" if it is an address
	Store       string            // "memory", "sqlite" or "redis"
	StoreFile   string            // of "sqlite"
	StoreURL    string            // of "redis"; it may hold a password
	Batched     bool              // "sqlite" answers before a write is on disk
	Placement   session.Placement // of a new session
	Idle        time.Duration     // at least 1 s, at most ten years, as Lifetime
	Lifetime    time.Duration
	Rolling     bool     // reading extends the idle clock too
	MaxSessions int      // from 1 to maxCount
	SecretFile  string   // of signing secrets; "" for a random one
	AllowHosts  []string // that the Host header may carry besides our own, in the form of hostName
	Open        bool     // open the browser
	LogFormat   string   // "text" or "json"
	LogRequests bool     // one line a request
	Version     bool     // print the version and end
}

// ErrHelp is returned when the usage was asked for and has been printed.
var ErrHelp = flag.ErrHelp

// Parse reads args, without the program's name, over the environment over the
// defaults. Each flag but --version also reads SESSIONSCOPE_ and its name in
// capitals, with _ for -; an empty variable counts as none, and a flag that is given
// replaces its variable. Usage goes to out. An error is one line that names the flag
// or the variable, and says what was given and what is allowed.
func Parse(args []string, getenv func(string) string, out io.Writer) (Config, error) {
	cfg := Config{Store: "memory", Placement: session.Hybrid, Idle: 2 * time.Hour, Lifetime: 8 * time.Hour, MaxSessions: 10000}
	fs := flag.NewFlagSet("sessionscope", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&cfg.Addr, "addr", "127.0.0.1:8080", "`HOST:PORT` to listen on; port 0 picks a free one")
	fs.Func("store", "`WHERE` records are kept: memory, which ends with the program; sqlite or sqlite:FILE, which outlives it; redis://HOST:PORT/DB, rediss:// or unix://, which many programs share (default memory)", cfg.setStore)
	durability := false
	fs.Func("durability", "`WHEN` a write to SQLite is answered: full, once it is on disk, or batched, up to a second sooner (default full)", func(s string) error {
		if s != "full" && s != "batched" {
			return errors.New("full or batched")
		}
		durability, cfg.Batched = true, s == "batched"
		return nil
	})
	fs.Func("placement", "`WHERE` a new session's values live: cookie, hybrid or server (default hybrid)", func(s string) (err error) {
		cfg.Placement, err = session.ParsePlacement(s)
		return err
	})
	fs.Var((*duration)(&cfg.Idle), "idle", "how long a session lives after its last write, a `DURATION` such as 30m")
	fs.Var((*duration)(&cfg.Lifetime), "lifetime", "how long a session lives at most, a `DURATION`")
	fs.Var((*onOff)(&cfg.Rolling), "rolling", "reading extends the idle clock too")
	fs.Var((*count)(&cfg.MaxSessions), "max-sessions", "`NUMBER` of sessions that the store holds; a full one refuses new ones")
	fs.Func("allow-host", "one more `NAME` or NAME:PORT that the Host header may carry (repeatable, or with commas)", func(s string) error {
		for given := range strings.SplitSeq(s, ",") {
			name, err := hostName(strings.TrimSpace(given))
			if err != nil {
				return err
			}
			cfg.AllowHosts = append(cfg.AllowHosts, name)
		}
		return nil
	})
	fs.StringVar(&cfg.SecretFile, "secret-file", "", "`FILE` of signing secrets, one a line, newest first, each at least 32 random bytes in base64 or hex; SIGHUP reads it again (default: a random secret for this run, or the one beside the SQLite file)")
	fs.Var((*onOff)(&cfg.Open), "open", "open the browser")
	fs.StringVar(&cfg.LogFormat, "log-format", "text", "`FORMAT` of the log: text or json")
	cfg.LogRequests = true
	fs.Var((*onOff)(&cfg.LogRequests), "log-requests", "log one line a request; =false keeps the program's warnings and all errors")
	fs.Var((*onOff)(&cfg.Version), "version", "print version, commit and Go version")

	// Package flag would show a value that is refused in words of its own, and the
	// value of --store may hold a password: it is given values that it never refuses.
	var refused error
	given := make(map[string]bool)
	quiet := flag.NewFlagSet("sessionscope", flag.ContinueOnError)
	quiet.SetOutput(io.Discard)
	quiet.Usage = func() {}
	fs.VisitAll(func(f *flag.Flag) {
		quiet.Var(setter{f.Value, func(text string) {
			given[f.Name] = true
			if err := f.Value.Set(text); err != nil && refused == nil {
				refused = fmt.Errorf("invalid value %q for --%s: %w", text, f.Name, err)
			}
		}}, f.Name, f.Usage)
	})
	err := quiet.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		var flags strings.Builder
		fs.SetOutput(&flags)
		fs.PrintDefaults()
		fmt.Fprintf(out, "Sessionscope makes web sessions visible. It serves a lab for this machine's browsers.\n\n"+
			"Usage: sessionscope [flags]\n\n%s\nEach flag but --version also reads SESSIONSCOPE_ and its name in capitals, such as SESSIONSCOPE_MAX_SESSIONS.\n",
			strings.ReplaceAll(flags.String(), "  -", "  --"))
		return cfg, ErrHelp
	case refused != nil:
		return cfg, refused
	case err != nil:
		return cfg, unreadable(err)
	case quiet.NArg() > 0:
		return cfg, fmt.Errorf("unexpected argument %q: sessionscope takes flags only; one that is on or off is written --open or --open=false", quiet.Arg(0))
	case cfg.Version:
		return cfg, nil
	}
	fs.VisitAll(func(f *flag.Flag) {
		if f.Name == "version" { // it is no setting: scripts keep a version in a variable of that name
			return
		}
		name := variable(f.Name)
		if text := getenv(name); text != "" && !given[f.Name] && refused == nil {
			if err := f.Value.Set(text); err != nil {
				refused = fmt.Errorf("invalid value %q for %s: %w", text, name, err)
			}
		}
	})
	switch {
	case refused != nil:
		return cfg, refused
	case given["secret-file"] && cfg.SecretFile == "":
		return cfg, errors.New(`invalid value "" for --secret-file: it is the name of a file; leave the flag out for a random secret`)
	case durability && cfg.Store != "sqlite" && cfg.Store != "":
		return cfg, fmt.Errorf("--durability or %s is for --store sqlite only", variable("durability"))
	case cfg.Store == "redis" && cfg.SecretFile == "":
		return cfg, fmt.Errorf("--store redis:// needs --secret-file or %s: all programs on one Redis sign with the same secrets", variable("secret-file"))
	}
	err = cfg.check(given)
	return cfg, err
}

// setter is a flag whose value is judged elsewhere.
type setter struct {
	flag.Value
	set func(string)
}

func (s setter) Set(text string) error {
	s.set(text)
	return nil
}

func (s setter) IsBoolFlag() bool {
	_, is := s.Value.(*onOff)
	return is
}

// unreadable says in our words what package flag could not read.
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

// setStore reads memory, sqlite, sqlite:FILE or the URL of a Redis. Anything else
// is for check to refuse: package flag would show it, and it may hold a password.
func (c *Config) setStore(s string) error {
	c.Store, c.StoreFile, c.StoreURL = "", "", ""
	name, where, given := strings.Cut(s, ":")
	switch {
	case strings.HasPrefix(where, "//") && (name == "redis" || name == "rediss" || name == "unix"):
		c.Store, c.StoreURL = "redis", s
		return nil
	case name == "memory" && !given:
	case name == "sqlite" && (!given || where != ""):
		file, err := storeFile(where)
		if err != nil {
			return err
		}
		where = file
	default:
		return nil
	}
	c.Store, c.StoreFile = name, where
	return nil
}

// storeFile is the file that sqlite:NAME means, or plain sqlite with no name.
func storeFile(name string) (string, error) {
	rest, inHome := strings.CutPrefix(name, "~")
	switch {
	case name == "":
		if home, err := os.UserHomeDir(); !filepath.IsAbs(os.Getenv("XDG_STATE_HOME")) && (err != nil || !filepath.IsAbs(home)) {
			return "", errors.New("the file lies in your home folder, and HOME does not name one: set HOME, or name the file with sqlite:FILE")
		}
		return filepath.Join(xdg.StateHome, "sessionscope", "sessions.db"), nil
	case name == ":memory:" || strings.HasPrefix(name, "file:"):
		return "", errors.New("sqlite:FILE takes the name of a file; records that end with the program are --store memory")
	case inHome && rest != "" && !os.IsPathSeparator(rest[0]):
		return "", errors.New("~ is your own home folder only, as in sqlite:~/sessions.db: name the whole path, or begin with ./ for a file of that name")
	case inHome:
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return "", errors.New("~ is your home folder, and HOME does not name one: set HOME, or name the whole path")
		}
		return filepath.Join(home, rest), nil
	}
	return name, nil
}

// variable is the environment's name of a flag.
func variable(name string) string {
	return "SESSIONSCOPE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// duration is a flag's value that says what is allowed.
type duration time.Duration

func (d *duration) String() string {
	// 2h0m0s reads better as 2h.
	return strings.TrimSuffix(strings.TrimSuffix(time.Duration(*d).String(), "0s"), "0m")
}

func (d *duration) Set(s string) error {
	n, err := time.ParseDuration(s)
	if err != nil || n < time.Second || n > 10*365*24*time.Hour {
		return errors.New("it is a duration from 1s to ten years, such as 90s, 30m or 2h")
	}
	*d = duration(n)
	return nil
}

// onOff is the value of a flag that needs none.
type onOff bool

func (b *onOff) String() string   { return strconv.FormatBool(bool(*b)) }
func (b *onOff) IsBoolFlag() bool { return true }

func (b *onOff) Set(s string) error {
	on, err := strconv.ParseBool(s)
	if err != nil {
		return errors.New("true or false")
	}
	*b = onOff(on)
	return nil
}

// maxCount is the most that a count may be: the limits that are made of one are far
// from the end of an int64 then, and it fits into an int on every machine.
const maxCount = 1_000_000_000

// count is a flag's value from 1 to maxCount. It is decimal: 010 is ten.
type count int

func (c *count) String() string { return strconv.Itoa(int(*c)) }

func (c *count) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxCount {
		return fmt.Errorf("it is a whole number from 1 to %d", maxCount)
	}
	*c = count(n)
	return nil
}

// check judges what can be judged only when all is known. given are the flags that
// the command line has.
func (c *Config) check(given map[string]bool) error {
	bad := func(name string, value any, allowed string) error {
		source := "--" + name
		if !given[name] {
			source = variable(name)
		}
		return fmt.Errorf("invalid value %q for %s: %s", fmt.Sprint(value), source, allowed)
	}
	host, port, err := net.SplitHostPort(c.Addr)
	n, e := strconv.Atoi(port)
	switch {
	case err != nil || e != nil || n < 0 || n > 65535:
		return bad("addr", c.Addr, "it is HOST:PORT, such as 127.0.0.1:8080")
	case c.Store == "":
		return fmt.Errorf("invalid value for --store or %s: it is memory, sqlite, sqlite:FILE, redis://HOST:PORT/DB, rediss:// or unix://", variable("store"))
	case c.LogFormat != "text" && c.LogFormat != "json":
		return bad("log-format", c.LogFormat, "text or json")
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		c.Name, _ = hostName(host) // "" for what no browser could ask for
	}
	return nil
}
