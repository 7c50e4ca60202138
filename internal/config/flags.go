package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Flag is one setting of the program. What --help and the manual page say, what the shells
// complete, which values are taken and what a refusal says all come from here.
type Flag struct {
	Name    string   // without the two dashes
	Value   string   // what the usage calls the value; "" for a flag that is on or off and needs none
	Default string   // as it would be written after the flag; "" for none
	Quoted  bool     // the usage has Default in quotes
	Does    string   // what the flag is for; it explains Value
	Allowed string   // which values are taken: the end of a refusal
	Choices []string // all values, if they are few words
	Begins  []string // how values begin, if that is one of few words; FILE at the end is the name of a file
	Secret  bool     // a value may hold a password: the refusal of one that cannot be read does not repeat it
	Repeats bool     // each use adds a value
	Command bool     // a command for this run and no setting: it has no variable

	// set reads a value into a Config. Its error is errAllowed, for which Allowed has the
	// words, or one that says more about this value.
	set func(*Config, string) error
}

// errAllowed is the error of a value that is not allowed, in the words of Flag.Allowed.
var errAllowed = errors.New("it is not allowed")

// The limits of values.
const (
	minDuration = time.Second
	maxDuration = 10 * 365 * 24 * time.Hour
	// maxCount fits into an int on every machine, and limits that are products of a count
	// stay far below the end of an int64.
	maxCount = 1_000_000_000
	// maxSeats is the most learners of a class: the limits are measured with so many.
	maxSeats = 300

	durations = "it is a duration from 1s to ten years, such as 90s, 30m or 2h"
	switches  = "true or false"
)

// Flags are all flags, in the order of the alphabet.
var Flags = []Flag{
	{
		Name: "addr", Value: "HOST:PORT", Default: "127.0.0.1:8080", Quoted: true,
		Does: "HOST:PORT to listen on; port 0 picks a free one, host 0.0.0.0 is every address of this machine;" +
			" with --classroom a host that is not loopback is where the class is, and the lab is on 127.0.0.1 with the same port",
		Allowed: "it is HOST:PORT, such as 127.0.0.1:8080",
		set:     (*Config).setAddr,
	},
	{
		Name: "allow-host", Value: "NAME", Repeats: true,
		Does:    "one more NAME or NAME:PORT that the Host header may carry (repeatable, or with commas)",
		Allowed: "it is a host name, such as lab.example or lab.example:8080",
		set:     (*Config).allowHosts,
	},
	{
		Name: "classroom", Default: "false",
		Does: "open a class at the start, for phones on the same network: at every address of this machine, or at the one in --addr;" +
			" a port that is taken gives way to the next free one",
		Allowed: switches,
		set:     func(c *Config, s string) error { return setSwitch(&c.Classroom, s) },
	},
	{
		Name: "durability", Value: "WHEN", Default: "full",
		Does:    "WHEN a write to SQLite is answered: full, once it is on disk, or batched, up to a second sooner",
		Allowed: "full or batched", Choices: []string{"full", "batched"},
		set: func(c *Config, s string) error { c.Batched = s == "batched"; return nil },
	},
	{
		Name: "idle", Value: "DURATION", Default: "2h",
		Does:    "how long a session lives after its last write, a DURATION such as 30m",
		Allowed: durations,
		set:     func(c *Config, s string) error { return setDuration(&c.Idle, s) },
	},
	{
		Name: "join-host", Value: "NAME",
		Does:    "NAME or address, also with a port, that a class shows first as the one to join at",
		Allowed: "it is a host name or an address, such as lab.example, 192.168.1.20 or lab.example:8080",
		set:     func(c *Config, s string) (err error) { c.JoinHost, err = hostName(s); return err },
	},
	{
		Name: "lifetime", Value: "DURATION", Default: "8h",
		Does:    "how long a session lives at most, a DURATION",
		Allowed: durations,
		set:     func(c *Config, s string) error { return setDuration(&c.Lifetime, s) },
	},
	{
		Name: "log-format", Value: "FORMAT", Default: "text", Quoted: true,
		Does:    "FORMAT of the log: text or json",
		Allowed: "text or json", Choices: []string{"text", "json"},
		set: func(c *Config, s string) error { c.LogFormat = s; return nil },
	},
	{
		Name: "log-requests", Default: "true",
		Does:    "log one line a request; =false keeps the program's warnings and all errors; a class is logged only if this flag is given",
		Allowed: switches,
		set:     func(c *Config, s string) error { return setSwitch(&c.LogRequests, s) },
	},
	{
		Name: "max-sessions", Value: "NUMBER", Default: "10000",
		Does:    "NUMBER of sessions that the store holds; a full one refuses new ones",
		Allowed: fmt.Sprintf("it is a whole number from 1 to %d", maxCount),
		set:     func(c *Config, s string) error { return setCount(&c.MaxSessions, s, maxCount) },
	},
	{
		Name: "open", Default: "false",
		Does:    "open the browser",
		Allowed: switches,
		set:     func(c *Config, s string) error { return setSwitch(&c.Open, s) },
	},
	{
		Name: "placement", Value: "WHERE", Default: "hybrid",
		Does:    "WHERE a new session's values live: cookie, hybrid or server",
		Allowed: "cookie, hybrid or server", Choices: []string{"cookie", "hybrid", "server"},
		set: func(c *Config, s string) (err error) { c.Placement, err = session.ParsePlacement(s); return err },
	},
	{
		Name: "rolling", Default: "false",
		Does:    "reading extends the idle clock too",
		Allowed: switches,
		set:     func(c *Config, s string) error { return setSwitch(&c.Rolling, s) },
	},
	{
		Name: "seats", Value: "NUMBER", Default: "300",
		Does:    fmt.Sprintf("NUMBER of learners that a class has room for, at most %d", maxSeats),
		Allowed: fmt.Sprintf("it is a whole number from 1 to %d", maxSeats),
		set:     func(c *Config, s string) error { return setCount(&c.Seats, s, maxSeats) },
	},
	{
		Name: "secret-file", Value: "FILE",
		Does: "FILE of signing secrets, one a line, newest first, each at least 32 random bytes in base64 or hex; SIGHUP reads it again" +
			" (default: a random secret for this run, or the one beside the SQLite file; Redis needs one)",
		Allowed: "it is the name of a file; leave the flag out for a random secret",
		set:     (*Config).setSecretFile,
	},
	{
		Name: "store", Value: "WHERE", Default: "memory", Secret: true,
		Does: "WHERE records are kept: memory, which ends with the program; sqlite or sqlite:FILE, which outlives it;" +
			" redis://HOST:PORT/DB, rediss:// or unix://, which many programs share",
		Allowed: "it is memory, sqlite, sqlite:FILE, redis://HOST:PORT/DB, rediss:// or unix://",
		Begins:  []string{"memory", "sqlite", "sqlite:FILE", "redis://", "rediss://", "unix://FILE"},
		set:     (*Config).setStore,
	},
	{
		Name: "version", Default: "false", Command: true,
		Does:    "print version, commit and Go version",
		Allowed: switches,
		set:     func(c *Config, s string) error { return setSwitch(&c.Version, s) },
	},
}

// variablePrefix is what the name of each of the program's variables begins with.
const variablePrefix = "SESSIONSCOPE_"

// Variable returns the name of the environment variable that sets the flag, "" for none.
func (f *Flag) Variable() string {
	if f.Command {
		return ""
	}
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// usage returns what the flag does, with its default.
func (f *Flag) usage() string {
	switch {
	case f.Default == "" || f.Default == "false":
		return f.Does
	case f.Quoted:
		return fmt.Sprintf("%s (default %q)", f.Does, f.Default)
	}
	return fmt.Sprintf("%s (default %s)", f.Does, f.Default)
}

// read reads a value into c. by is the flag or the variable that has it, for the error.
func (f *Flag) read(c *Config, by, value string) error {
	err := errAllowed
	if len(f.Choices) == 0 || slices.Contains(f.Choices, value) {
		err = f.set(c, value)
	}
	switch {
	case err == nil:
		return nil
	case err != errAllowed:
		return fmt.Errorf("invalid value %s for %s: %w", quoted(value), by, err)
	case f.Secret:
		return fmt.Errorf("invalid value for --%s or %s: %s", f.Name, f.Variable(), f.Allowed)
	}
	return fmt.Errorf("invalid value %s for %s: %s", quoted(value), by, f.Allowed)
}

// quoted puts s in quotes, as it was typed: a backslash, which Windows' paths have, is not doubled. What cannot
// be printed is written as Go writes it.
func quoted(s string) string {
	if q := strconv.Quote(s); q[1:len(q)-1] != strings.ReplaceAll(s, `\`, `\\`) {
		return q
	}
	return `"` + s + `"`
}

func setDuration(d *time.Duration, s string) error {
	n, err := time.ParseDuration(s)
	if err != nil || n < minDuration || n > maxDuration {
		return errAllowed
	}
	*d = n
	return nil
}

func setSwitch(b *bool, s string) error {
	on, err := strconv.ParseBool(s)
	if err != nil {
		return errAllowed
	}
	*b = on
	return nil
}

// setCount takes decimal numbers only: 010 is ten.
func setCount(n *int, s string, most int) error {
	count, err := strconv.Atoi(s)
	if err != nil || count < 1 || count > most {
		return errAllowed
	}
	*n = count
	return nil
}

func (c *Config) setAddr(s string) error {
	host, port, err := net.SplitHostPort(s)
	if n, e := strconv.Atoi(port); err != nil || e != nil || n < 0 || n > 65535 {
		return errAllowed
	}
	c.Addr, c.Name = s, ""
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		c.Name, _ = hostName(host) // "" for a name that no browser could ask for
	}
	return nil
}

func (c *Config) allowHosts(s string) error {
	for given := range strings.SplitSeq(s, ",") {
		name, err := hostName(strings.TrimSpace(given))
		if err != nil {
			return err
		}
		c.AllowHosts = append(c.AllowHosts, name)
	}
	return nil
}

func (c *Config) setSecretFile(s string) error {
	if s == "" {
		return errAllowed
	}
	c.SecretFile = s
	return nil
}
