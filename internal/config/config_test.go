package config

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"
	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
)

func defaults() Config {
	return Config{
		Addr: "127.0.0.1:8080", Store: "memory", Placement: session.Hybrid, Idle: 2 * time.Hour, Lifetime: 8 * time.Hour,
		MaxSessions: 10000, LogFormat: "text", LogRequests: true, Seats: 300,
	}
}

// If this fails, a flag or a variable sets something else than it should, or a variable
// replaces a flag.
func TestParse(t *testing.T) {
	for _, test := range []struct {
		name   string
		args   []string
		env    map[string]string
		change func(*Config)
	}{
		{"defaults", nil, nil, func(*Config) {}},
		{"flags", []string{"--addr", "localhost:0", "--placement=cookie", "--idle", "30m", "--lifetime", "1h", "--rolling", "--max-sessions", "5", "--open", "--log-format", "json", "--version", "--secret-file", "s", "--log-requests=false"}, nil, func(c *Config) {
			c.Addr, c.Placement, c.Idle, c.Lifetime = "localhost:0", session.InCookie, 30*time.Minute, time.Hour
			c.Rolling, c.MaxSessions, c.Open, c.LogFormat, c.Version, c.SecretFile = true, 5, true, "json", true, "s"
			c.LogRequests, c.Name = false, "localhost"
		}},
		{"a class", []string{"--classroom", "--seats", "30", "--join-host", "Lab-PC.:80"}, nil, func(c *Config) {
			c.Classroom, c.Seats, c.JoinHost, c.LogRequests = true, 30, "lab-pc:80", false
		}},
		{"a class with a log of requests", []string{"--classroom", "--log-requests"}, nil, func(c *Config) { c.Classroom, c.LogClass = true, true }},
		{"a class with a log of requests, of the environment", nil, map[string]string{"SESSIONSCOPE_CLASSROOM": "true", "SESSIONSCOPE_LOG_REQUESTS": "true"}, func(c *Config) {
			c.Classroom, c.LogClass = true, true
		}},
		{"a log of requests, and perhaps a class later", []string{"--log-requests"}, nil, func(c *Config) { c.LogClass = true }},
		{"an IPv6 address to join at", []string{"--join-host", "2001:DB8::1"}, nil, func(c *Config) { c.JoinHost = "[2001:db8::1]" }},
		{"hosts", []string{"--allow-host", "a.example", "--allow-host", "b.example:80"}, nil, func(c *Config) { c.AllowHosts = []string{"a.example", "b.example:80"} }},
		{"environment", nil, map[string]string{"SESSIONSCOPE_ADDR": "[::1]:9", "SESSIONSCOPE_MAX_SESSIONS": "7", "SESSIONSCOPE_ALLOW_HOST": "a.example, b.example", "SESSIONSCOPE_ROLLING": "true"}, func(c *Config) {
			c.Addr, c.MaxSessions, c.Rolling, c.AllowHosts = "[::1]:9", 7, true, []string{"a.example", "b.example"}
		}},
		{"a host in brackets, with a dot, in capitals, in another script", []string{"--allow-host", "[::1],[::1]:9000,::2,LAB.example.,bücher.example,Bücher.example:80,my_app:08080"}, nil, func(c *Config) {
			c.AllowHosts = []string{"[::1]", "[::1]:9000", "[::2]", "lab.example", "xn--bcher-kva.example", "xn--bcher-kva.example:80", "my_app:8080"}
		}},
		{"the machine's own name in --addr", []string{"--addr", "Lab-PC.:8080"}, nil, func(c *Config) { c.Addr, c.Name = "Lab-PC.:8080", "lab-pc" }},
		{"a number with a nought before it is decimal", []string{"--max-sessions", "010"}, nil, func(c *Config) { c.MaxSessions = 10 }},
		{"a number with a nought before it, of the environment", nil, map[string]string{"SESSIONSCOPE_MAX_SESSIONS": "010"}, func(c *Config) { c.MaxSessions = 10 }},
		{"a version in the environment is no setting", nil, map[string]string{"SESSIONSCOPE_VERSION": "1.4.0"}, func(*Config) {}},
		{"true in the environment is no order to print the version", nil, map[string]string{"SESSIONSCOPE_VERSION": "true"}, func(*Config) {}},
		{"empty variables count as none", nil, map[string]string{"SESSIONSCOPE_SECRET_FILE": "", "SESSIONSCOPE_OPEN": "", "SESSIONSCOPE_ADDR": ""}, func(*Config) {}},
		{"switches", []string{"--open=0", "--rolling=TRUE"}, map[string]string{"SESSIONSCOPE_LOG_REQUESTS": "f"}, func(c *Config) { c.Rolling, c.LogRequests = true, false }},
		{"sqlite", []string{"--store", "sqlite", "--durability", "full"}, nil, func(c *Config) {
			c.Store, c.StoreFile = "sqlite", filepath.Join(xdg.StateHome, "sessionscope", "sessions.db")
		}},
		{"sqlite and a file", []string{"--store", "sqlite:a:b.db"}, map[string]string{"SESSIONSCOPE_DURABILITY": "batched"}, func(c *Config) {
			c.Store, c.StoreFile, c.Batched = "sqlite", "a:b.db", true
		}},
		{"sqlite and a file in the home folder", []string{"--store", "sqlite:~/a/b.db"}, nil, func(c *Config) {
			c.Store, c.StoreFile = "sqlite", filepath.Join(xdg.Home, "a", "b.db")
		}},
		{"redis", []string{"--store", "rediss://user:secret@a.example:6380/2", "--secret-file", "s"}, nil, func(c *Config) {
			c.Store, c.StoreURL, c.SecretFile = "redis", "rediss://user:secret@a.example:6380/2", "s"
		}},
		{"a flag's store replaces the environment's", []string{"--store", "memory"}, map[string]string{"SESSIONSCOPE_STORE": "redis://a"}, func(*Config) {}},
		{"a flag replaces the environment", []string{"--idle", "1m", "--allow-host", "a.example"}, map[string]string{"SESSIONSCOPE_IDLE": "rubbish", "SESSIONSCOPE_ALLOW_HOST": "b.example"}, func(c *Config) {
			c.Idle, c.AllowHosts = time.Minute, []string{"a.example"}
		}},
	} {
		want := defaults()
		test.change(&want)
		got, err := Parse(test.args, func(name string) string { return test.env[name] }, &strings.Builder{})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// If this fails, a wrong value is taken, or its refusal is not one line that names the flag
// or the variable, shows what was given and says what is allowed.
func TestParseRefuses(t *testing.T) {
	const (
		switchText = "true or false"
		countText  = "it is a whole number from 1 to 1000000000"
		timeText   = "it is a duration from 1s to ten years, such as 90s, 30m or 2h"
		addrText   = "it is HOST:PORT, such as 127.0.0.1:8080"
		hostText   = "it is a host name, such as lab.example or lab.example:8080"
		portText   = "the port is a number from 1 to 65535"
	)
	for _, test := range []struct {
		args, env, want string
	}{
		{"--colour", "", "there is no flag --colour"},
		{"-", "", `unexpected argument "-"`},
		{"--=x", "", "bad flag syntax: --=x"},
		{"--idle=soon", "", `invalid value "soon" for --idle: ` + timeText},
		{"--idle=1ms", "", `"1ms" for --idle: ` + timeText},
		{"--idle=30", "", `"30" for --idle: ` + timeText},
		{"--lifetime=0", "", `"0" for --lifetime: ` + timeText},
		{"--lifetime=999999h", "", "ten years"},
		{"--placement=moon", "", `invalid value "moon" for --placement: cookie, hybrid or server`},
		{"--max-sessions=0", "", `invalid value "0" for --max-sessions: ` + countText},
		{"--max-sessions=-5", "", `invalid value "-5" for --max-sessions: ` + countText},
		{"--max-sessions=many", "", `invalid value "many" for --max-sessions: ` + countText},
		{"--max-sessions=0x10", "", `invalid value "0x10" for --max-sessions: ` + countText},
		{"--max-sessions=1e4", "", `invalid value "1e4" for --max-sessions: ` + countText},
		{"--max-sessions=9223372036854775807", "", `for --max-sessions: ` + countText},
		{"--max-sessions=", "", `invalid value "" for --max-sessions: ` + countText},
		{"--seats=0", "", `invalid value "0" for --seats: it is a whole number from 1 to 300`},
		{"--seats=301", "", `"301" for --seats: it is a whole number from 1 to 300`},
		{"--join-host=http://a", "", `invalid value "http://a" for --join-host: it is a host name or an address`},
		{"--join-host=", "", `invalid value "" for --join-host: `},
		{"--join-host=a.example:0", "", portText},
		{"--idle", "", "--idle needs a value"},
		{"--open=yes", "", `invalid value "yes" for --open: ` + switchText},
		{"--open yes", "", `unexpected argument "yes"`},
		{"--rolling=2", "", `invalid value "2" for --rolling: ` + switchText},
		{"--log-requests=off", "", `invalid value "off" for --log-requests: ` + switchText},
		{"--version=1.4.0", "", `invalid value "1.4.0" for --version: ` + switchText},
		{"--store=floppy", "", "sqlite:FILE"},
		{"--store=memory:", "", "sqlite:FILE"},
		{"--store=sqlite:", "", "sqlite:FILE"},
		{"--store=", "", "sqlite:FILE"},
		{"--store=sqlite::memory:", "", "--store memory"},
		{"--store=sqlite:file:a.db?mode=memory", "", "--store memory"},
		{"--store=sqlite:~ada/a.db", "", "your own home folder"},
		{"--store=redis:a", "", "redis://HOST:PORT/DB"},
		{"--store=redis://a", "", "needs --secret-file"},
		{"--store=unix:///a --secret-file=s --durability=full", "", "for --store sqlite"},
		{"--durability=never", "", "full or batched"},
		{"--durability=batched", "", "for --store sqlite"},
		{"--durability=full --store=memory", "", "for --store sqlite"},
		{"--secret-file=", "", `invalid value "" for --secret-file: it is the name of a file`},
		{"--addr=8080", "", `invalid value "8080" for --addr: ` + addrText},
		{"--addr=a:b", "", addrText},
		{"--addr=a:70000", "", addrText},
		{"--addr=", "", `invalid value "" for --addr: ` + addrText},
		{"--allow-host=http://a", "", hostText},
		{"--allow-host=", "", `invalid value "" for --allow-host: ` + hostText},
		{"--allow-host=a.example,", "", hostText},
		{"--allow-host=*", "", `invalid value "*" for --allow-host: a host is allowed by its whole name`},
		{"--allow-host=*.example", "", "by its whole name"},
		{"--allow-host=a.example:99999", "", `invalid value "a.example:99999" for --allow-host: ` + portText},
		{"--allow-host=a.example:0", "", portText},
		{"--allow-host=a.example:", "", portText},
		{"--allow-host=a.example:http", "", portText},
		{"--allow-host=[::1]:99999", "", portText},
		{"--allow-host=[::1", "", `for --allow-host: `},
		{"--allow-host=[a.example]", "", hostText},
		{"--allow-host=[fe80::1%eth0]:80", "", "carries no zone"},
		{"--allow-host=a..example", "", hostText},
		{"--allow-host=a?b", "", hostText},
		{"--allow-host=b\u00fccher..example", "", hostText},
		{"--log-format=xml", "", `invalid value "xml" for --log-format: text or json`},
		{"serve", "", `"serve"`},
		{"", "SESSIONSCOPE_ADDR", `invalid value "rubbish" for SESSIONSCOPE_ADDR: ` + addrText},
		{"", "SESSIONSCOPE_IDLE", `invalid value "rubbish" for SESSIONSCOPE_IDLE: ` + timeText},
		{"", "SESSIONSCOPE_LIFETIME", `invalid value "rubbish" for SESSIONSCOPE_LIFETIME: ` + timeText},
		{"", "SESSIONSCOPE_LOG_FORMAT", `invalid value "rubbish" for SESSIONSCOPE_LOG_FORMAT: text or json`},
		{"", "SESSIONSCOPE_LOG_REQUESTS", `invalid value "rubbish" for SESSIONSCOPE_LOG_REQUESTS: ` + switchText},
		{"", "SESSIONSCOPE_MAX_SESSIONS", `invalid value "rubbish" for SESSIONSCOPE_MAX_SESSIONS: ` + countText},
		{"", "SESSIONSCOPE_OPEN", `invalid value "rubbish" for SESSIONSCOPE_OPEN: ` + switchText},
		{"", "SESSIONSCOPE_PLACEMENT", `invalid value "rubbish" for SESSIONSCOPE_PLACEMENT: `},
		{"", "SESSIONSCOPE_ROLLING", `invalid value "rubbish" for SESSIONSCOPE_ROLLING: ` + switchText},
	} {
		getenv := func(name string) string {
			if name == test.env {
				return "rubbish"
			}
			return ""
		}
		_, err := Parse(strings.Fields(test.args), getenv, &strings.Builder{})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s %s: %v, want one line with %q", test.args, test.env, err, test.want)
		}
	}
}

// If this fails, the refusal of a --store that cannot be read repeats the password in it.
func TestStoreKeepsPasswords(t *testing.T) {
	const store = "valkey://ada:hidden@a.example/0"
	for name, parse := range map[string]func() (Config, error){
		"flag": func() (Config, error) {
			return Parse([]string{"--store", store}, func(string) string { return "" }, &strings.Builder{})
		},
		"variable": func() (Config, error) {
			return Parse(nil, func(name string) string { return map[string]string{"SESSIONSCOPE_STORE": store}[name] }, &strings.Builder{})
		},
	} {
		if _, err := parse(); err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "--store or SESSIONSCOPE_STORE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// If this fails, the usage lacks a flag, or a variable with rubbish in it stops --help.
func TestHelp(t *testing.T) {
	var out strings.Builder
	if _, err := Parse([]string{"--help"}, func(string) string { return "rubbish" }, &out); !errors.Is(err, ErrHelp) {
		t.Errorf("error %v, want ErrHelp", err)
	}
	for _, name := range []string{"addr", "store", "placement", "idle", "lifetime", "rolling", "max-sessions", "durability", "allow-host", "secret-file", "open", "log-format", "log-requests", "version", "classroom", "seats", "join-host"} {
		if !strings.Contains(out.String(), "  --"+name) {
			t.Errorf("the help does not name --%s", name)
		}
	}
}

// If this fails, a row of the table contradicts itself: the usage is out of order or does
// not explain its value, a refusal ends in nothing, or a choice that is offered is refused.
func TestFlags(t *testing.T) {
	names := make([]string, len(Flags))
	for i, f := range Flags {
		names[i] = f.Name
		if f.Repeats != strings.Contains(f.Does, "repeatable") {
			t.Errorf("--%s: repeats %t, it does %q", f.Name, f.Repeats, f.Does)
		}
		if !strings.Contains(f.Does, f.Value) || f.Does == "" || f.Allowed == "" {
			t.Errorf("--%s: it does %q with %q; allowed: %q", f.Name, f.Does, f.Value, f.Allowed)
		}
		for _, choice := range f.Choices {
			if !strings.Contains(f.Allowed, choice) || !strings.Contains(f.Does, choice) {
				t.Errorf("--%s: usage or refusal do not name %s", f.Name, choice)
			}
			if err := f.read(&Config{}, "--"+f.Name, choice); err != nil {
				t.Error(err)
			}
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("out of order: %v", names)
	}
}

// If this fails, a completion offers the beginning of a value that is refused.
func TestBegins(t *testing.T) {
	for _, f := range Flags {
		for _, begin := range f.Begins {
			begin = strings.TrimSuffix(begin, "FILE")
			value := begin
			if goesOn(begin) {
				value += "a"
			}
			if err := f.read(&Config{}, "--"+f.Name, value); err != nil || !strings.Contains(f.Allowed, begin) {
				t.Errorf("%s: %v; allowed: %s", value, err, f.Allowed)
			}
		}
	}
}

// If this fails, nobody is told of a variable whose name has a letter too few.
func TestUnknown(t *testing.T) {
	got := Unknown([]string{"SESSIONSCOPE_MAX_SESSION=5", "SESSIONSCOPE_MAX_SESSIONS=5", "SESSIONSCOPE_EMPTY=", "SESSIONSCOPE_VERSION=1", "HOME=/", "MY_SESSIONSCOPE_ADDR=x"})
	if want := []string{"SESSIONSCOPE_MAX_SESSION", "SESSIONSCOPE_VERSION"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
