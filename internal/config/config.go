// Package config reads the command line and the environment.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Config is what the program was asked to do.
type Config struct {
	Addr        string
	Store       string
	Placement   session.Placement
	Idle        time.Duration
	Lifetime    time.Duration
	Rolling     bool
	MaxSessions int
	AllowHosts  []string
	Open        bool
	LogFormat   string
	Version     bool
}

// ErrHelp is returned when the usage was asked for and has been printed.
var ErrHelp = flag.ErrHelp

// Parse reads args, without the program's name, over the environment over the
// defaults. Each flag also reads SESSIONSCOPE_ and its name in capitals, with _
// for -. Usage goes to out. An error is one line that names the flag or variable.
func Parse(args []string, getenv func(string) string, out io.Writer) (Config, error) {
	cfg := Config{Placement: session.Hybrid}
	fs := flag.NewFlagSet("sessionscope", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&cfg.Addr, "addr", "127.0.0.1:8080", "`HOST:PORT` to listen on; port 0 picks a free one")
	fs.StringVar(&cfg.Store, "store", "memory", "`WHERE` records are kept: memory, which ends with the program")
	fs.Func("placement", "`WHERE` a new session's values live: cookie, hybrid or server (default hybrid)", func(s string) (err error) {
		cfg.Placement, err = session.ParsePlacement(s)
		return err
	})
	fs.DurationVar(&cfg.Idle, "idle", 2*time.Hour, "how long a session lives after its last write, a `DURATION` such as 30m")
	fs.DurationVar(&cfg.Lifetime, "lifetime", 8*time.Hour, "how long a session lives at most, a `DURATION`")
	fs.BoolVar(&cfg.Rolling, "rolling", false, "reading extends the idle clock too")
	fs.IntVar(&cfg.MaxSessions, "max-sessions", 10000, "`NUMBER` of sessions that the store holds; a full one refuses new ones")
	fs.Func("allow-host", "one more `NAME` or NAME:PORT that the Host header may carry (repeatable)", func(s string) error {
		for name := range strings.SplitSeq(s, ",") {
			if name = strings.TrimSpace(name); name == "" || strings.ContainsAny(name, "/ @") {
				return errors.New("it is a host name, such as lab.example or lab.example:8080")
			}
			cfg.AllowHosts = append(cfg.AllowHosts, name)
		}
		return nil
	})
	fs.BoolVar(&cfg.Open, "open", false, "open the browser")
	fs.StringVar(&cfg.LogFormat, "log-format", "text", "`FORMAT` of the log: text or json")
	fs.BoolVar(&cfg.Version, "version", false, "print version, commit and Go version")

	var fromEnv error
	fs.VisitAll(func(f *flag.Flag) {
		name := "SESSIONSCOPE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if text := getenv(name); text != "" && fromEnv == nil {
			if err := f.Value.Set(text); err != nil {
				fromEnv = fmt.Errorf("invalid value %q for %s: %w", text, name, err)
			}
		}
	})
	if fromEnv != nil {
		return cfg, fromEnv
	}
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(out, "Sessionscope makes web sessions visible. It serves a lab for this machine's browsers.\n\nUsage: sessionscope [flags]\n\n")
		fs.SetOutput(out)
		fs.PrintDefaults()
		fmt.Fprintf(out, "\nEach flag also reads SESSIONSCOPE_ and its name in capitals, such as SESSIONSCOPE_MAX_SESSIONS.\n")
		return cfg, ErrHelp
	} else if err != nil {
		return cfg, err
	}
	if fs.NArg() > 0 {
		return cfg, fmt.Errorf("unexpected argument %q: sessionscope takes flags only", fs.Arg(0))
	}
	return cfg, cfg.check()
}

func (c Config) check() error {
	_, port, err := net.SplitHostPort(c.Addr)
	if n, e := strconv.Atoi(port); err != nil || e != nil || n < 0 || n > 65535 {
		return fmt.Errorf("invalid value %q for --addr: it is HOST:PORT, such as 127.0.0.1:8080", c.Addr)
	}
	switch {
	case c.Store != "memory":
		return fmt.Errorf("invalid value %q for --store: this version has memory only", c.Store)
	case c.Idle < time.Second:
		return fmt.Errorf("invalid value %v for --idle: at least 1s", c.Idle)
	case c.Lifetime < time.Second:
		return fmt.Errorf("invalid value %v for --lifetime: at least 1s", c.Lifetime)
	case c.Lifetime > 10*365*24*time.Hour || c.Idle > 10*365*24*time.Hour:
		return errors.New("invalid value for --idle or --lifetime: at most ten years")
	case c.MaxSessions < 1:
		return fmt.Errorf("invalid value %d for --max-sessions: at least 1", c.MaxSessions)
	case c.LogFormat != "text" && c.LogFormat != "json":
		return fmt.Errorf("invalid value %q for --log-format: text or json", c.LogFormat)
	}
	return nil
}
