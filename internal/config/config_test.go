package config

import (
	"errors"
	"path/filepath"
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
		MaxSessions: 10000, LogFormat: "text", LogRequests: true,
	}
}

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
			c.LogRequests = false
		}},
		{"hosts", []string{"--allow-host", "a.example", "--allow-host", "b.example:80"}, nil, func(c *Config) { c.AllowHosts = []string{"a.example", "b.example:80"} }},
		{"environment", nil, map[string]string{"SESSIONSCOPE_ADDR": "[::1]:9", "SESSIONSCOPE_MAX_SESSIONS": "7", "SESSIONSCOPE_ALLOW_HOST": "a.example, b.example", "SESSIONSCOPE_ROLLING": "true"}, func(c *Config) {
			c.Addr, c.MaxSessions, c.Rolling, c.AllowHosts = "[::1]:9", 7, true, []string{"a.example", "b.example"}
		}},
		{"sqlite", []string{"--store", "sqlite", "--durability", "full"}, nil, func(c *Config) {
			c.Store, c.StoreFile = "sqlite", filepath.Join(xdg.StateHome, "sessionscope", "sessions.db")
		}},
		{"sqlite and a file", []string{"--store", "sqlite:a:b.db"}, map[string]string{"SESSIONSCOPE_DURABILITY": "batched"}, func(c *Config) {
			c.Store, c.StoreFile, c.Batched = "sqlite", "a:b.db", true
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

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		args, env, want string
	}{
		{"--colour", "", "--colour"},
		{"--idle=soon", "", "30m or 2h"},
		{"--idle=1ms", "", "for --idle"},
		{"--lifetime=0", "", "for --lifetime"},
		{"--lifetime=999999h", "", "ten years"},
		{"--placement=moon", "", "cookie, hybrid and server"},
		{"--max-sessions=0", "", "--max-sessions"},
		{"--max-sessions=many", "", "for --max-sessions"},
		{"--idle", "", "--idle"},
		{"--store=floppy", "", "sqlite:FILE"},
		{"--store=memory:", "", "sqlite:FILE"},
		{"--store=sqlite:", "", "sqlite:FILE"},
		{"--store=", "", "sqlite:FILE"},
		{"--store=redis:a", "", "redis://HOST:PORT/DB"},
		{"--store=redis://a", "", "needs --secret-file"},
		{"--store=unix:///a --secret-file=s --durability=full", "", "for --store sqlite"},
		{"--durability=never", "", "full or batched"},
		{"--durability=batched", "", "for --store sqlite"},
		{"--durability=full --store=memory", "", "for --store sqlite"},
		{"--addr=8080", "", "HOST:PORT"},
		{"--addr=a:b", "", "HOST:PORT"},
		{"--addr=a:70000", "", "HOST:PORT"},
		{"--allow-host=http://a", "", "host name"},
		{"--log-format=xml", "", "text or json"},
		{"serve", "", `"serve"`},
		{"", "SESSIONSCOPE_IDLE", "SESSIONSCOPE_IDLE"},
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

// What is wrong with --store may hold a password: it is not repeated.
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

func TestHelp(t *testing.T) {
	var out strings.Builder
	if _, err := Parse([]string{"--help"}, func(string) string { return "rubbish" }, &out); !errors.Is(err, ErrHelp) {
		t.Errorf("error %v, want ErrHelp", err)
	}
	for _, name := range []string{"addr", "store", "placement", "idle", "lifetime", "rolling", "max-sessions", "durability", "allow-host", "secret-file", "open", "log-format", "version"} {
		if !strings.Contains(out.String(), "  --"+name) {
			t.Errorf("the help does not name --%s", name)
		}
	}
}
