// Package config reads the command line and the environment.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
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
	Store       string            // "memory", "sqlite" or "redis"
	StoreFile   string            // of "sqlite"
	StoreURL    string            // of "redis"; it may hold a password
	Batched     bool              // "sqlite" answers before a write is on disk
	Placement   session.Placement // of a new session
	Idle        time.Duration     // at least 1 s, at most ten years, as Lifetime
	Lifetime    time.Duration
	Rolling     bool     // reading extends the idle clock too
	MaxSessions int      // at least 1
	SecretFile  string   // of signing secrets; "" for a random one
	AllowHosts  []string // names, or NAME:PORT, that the Host header may carry besides our own
	Open        bool     // open the browser
	LogFormat   string   // "text" or "json"
	LogRequests bool     // one line a request
	Version     bool     // print the version and end
}

// ErrHelp is returned when the usage was asked for and has been printed.
var ErrHelp = flag.ErrHelp

// Parse reads args, without the program's name, over the environment over the
// defaults. Each flag also reads SESSIONSCOPE_ and its name in capitals, with _
// for -; a flag that is given replaces its variable. Usage goes to out. An error
// is one line that names the flag or the variable and says what is allowed.
func Parse(args []string, getenv func(string) string, out io.Writer) (Config, error) {
	cfg := Config{Store: "memory", Placement: session.Hybrid, Idle: 2 * time.Hour, Lifetime: 8 * time.Hour}
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
	fs.BoolVar(&cfg.Rolling, "rolling", false, "reading extends the idle clock too")
	fs.IntVar(&cfg.MaxSessions, "max-sessions", 10000, "`NUMBER` of sessions that the store holds; a full one refuses new ones")
	fs.Func("allow-host", "one more `NAME` or NAME:PORT that the Host header may carry (repeatable, or with commas)", func(s string) error {
		for name := range strings.SplitSeq(s, ",") {
			if name = strings.TrimSpace(name); name == "" || strings.ContainsAny(name, "/ @") {
				return errors.New("it is a host name, such as lab.example or lab.example:8080")
			}
			cfg.AllowHosts = append(cfg.AllowHosts, name)
		}
		return nil
	})
	fs.StringVar(&cfg.SecretFile, "secret-file", "", "`FILE` of signing secrets, one a line, newest first, each at least 32 random bytes in base64 or hex; SIGHUP reads it again (default: a random secret for this run, or the one beside the SQLite file)")
	fs.BoolVar(&cfg.Open, "open", false, "open the browser")
	fs.StringVar(&cfg.LogFormat, "log-format", "text", "`FORMAT` of the log: text or json")
	fs.BoolVar(&cfg.LogRequests, "log-requests", true, "log one line a request; =false keeps warnings and errors only")
	fs.BoolVar(&cfg.Version, "version", false, "print version, commit and Go version")

	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		var flags strings.Builder
		fs.SetOutput(&flags)
		fs.PrintDefaults()
		fmt.Fprintf(out, "Sessionscope makes web sessions visible. It serves a lab for this machine's browsers.\n\n"+
			"Usage: sessionscope [flags]\n\n%s\nEach flag also reads SESSIONSCOPE_ and its name in capitals, such as SESSIONSCOPE_MAX_SESSIONS.\n",
			strings.ReplaceAll(flags.String(), "  -", "  --"))
		return cfg, ErrHelp
	} else if err != nil {
		return cfg, errors.New(strings.NewReplacer("for flag -", "for --", "not defined: -", "not defined: --", "value -", "value --", "argument: -", "argument: --").Replace(err.Error()))
	}
	if fs.NArg() > 0 {
		return cfg, fmt.Errorf("unexpected argument %q: sessionscope takes flags only", fs.Arg(0))
	}
	given := make(map[string]bool)
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var err error
	fs.VisitAll(func(f *flag.Flag) {
		name := variable(f.Name)
		if text := getenv(name); text != "" && !given[f.Name] && err == nil {
			if e := f.Value.Set(text); e != nil {
				err = fmt.Errorf("invalid value %q for %s: %w", text, name, e)
			}
		}
	})
	if err != nil || cfg.Version {
		return cfg, err
	}
	switch {
	case durability && cfg.Store != "sqlite" && cfg.Store != "":
		return cfg, fmt.Errorf("--durability or %s is for --store sqlite only", variable("durability"))
	case cfg.Store == "redis" && cfg.SecretFile == "":
		return cfg, fmt.Errorf("--store redis:// needs --secret-file or %s: all programs on one Redis sign with the same secrets", variable("secret-file"))
	}
	return cfg, cfg.check()
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
	case name == "sqlite" && !given:
		where = filepath.Join(xdg.StateHome, "sessionscope", "sessions.db")
	case name == "sqlite" && where != "":
	default:
		return nil
	}
	c.Store, c.StoreFile = name, where
	return nil
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

func (c Config) check() error {
	bad := func(name string, value any, allowed string) error {
		return fmt.Errorf("invalid value %q for --%s or %s: %s", fmt.Sprint(value), name, variable(name), allowed)
	}
	_, port, err := net.SplitHostPort(c.Addr)
	n, e := strconv.Atoi(port)
	switch {
	case err != nil || e != nil || n < 0 || n > 65535:
		return bad("addr", c.Addr, "it is HOST:PORT, such as 127.0.0.1:8080")
	case c.Store == "":
		return fmt.Errorf("invalid value for --store or %s: it is memory, sqlite, sqlite:FILE, redis://HOST:PORT/DB, rediss:// or unix://", variable("store"))
	case c.MaxSessions < 1:
		return bad("max-sessions", c.MaxSessions, "at least 1")
	case c.LogFormat != "text" && c.LogFormat != "json":
		return bad("log-format", c.LogFormat, "text or json")
	}
	return nil
}
