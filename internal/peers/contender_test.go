package peers

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// work is the folder of everything that this run builds and writes.
var work string

// settings are what a contender is started with. Where a peer has no such setting it goes
// without.
type settings struct {
	idle, lifetime time.Duration // an hour and eight by default
	secrets        []string      // newest first; a random one by default
}

// contender is one column: the program with one placement, or a peer with one store.
type contender struct {
	name, title string
	values      string // where they live: "server" or "cookie"
	redis       bool   // it keeps its records in Redis
	pattern     string // of the keys of its records in Redis
	command     func(r *run) *exec.Cmd
	version     func(t *testing.T) string
}

var contenders = []contender{
	program("server", "server"),
	program("hybrid", "server"),
	{name: "django-db", title: "Django, `db`", values: "server", command: django("db"), version: djangoVersion},
	{name: "scs-memory", title: "scs, `memstore`", values: "server", command: goserver("scs-memory"), version: modules("github.com/alexedwards/scs/v2")},
	{name: "scs-redis", title: "scs, `goredisstore`", values: "server", redis: true, pattern: "scs:session:*", command: goserver("scs-redis"),
		version: modules("github.com/alexedwards/scs/v2", "github.com/alexedwards/scs/goredisstore", "github.com/redis/go-redis/v9")},
	{name: "gorilla-files", title: "gorilla, `FilesystemStore`", values: "server", command: goserver("gorilla-files"), version: modules("github.com/gorilla/sessions")},
	{name: "express-redis", title: "express-session, `connect-redis`", values: "server", redis: true, pattern: "sess:*", command: express, version: expressVersion},
	{name: "rails-cache", title: "Rails, `cache_store` on Redis", values: "server", redis: true, pattern: "_session_id:*", command: rails("cache"), version: railsVersion},
	program("cookie", "cookie"),
	{name: "django-cookies", title: "Django, `signed_cookies`", values: "cookie", command: django("signed_cookies"), version: djangoVersion},
	{name: "gorilla-cookie", title: "gorilla, `CookieStore`", values: "cookie", command: goserver("gorilla-cookie"), version: modules("github.com/gorilla/sessions")},
	{name: "rails-cookie", title: "Rails, `cookie_store`", values: "cookie", command: rails("cookie"), version: railsVersion},
}

// run is a contender that runs for one test.
type run struct {
	*testing.T
	c           *contender
	with        settings
	dir         string
	port        string
	redisPort   string
	serve, data *exec.Cmd // the contender, and its Redis
}

// start starts c and its Redis, and ends them with the test.
func start(t *testing.T, c *contender, with settings) *run {
	if with.idle == 0 {
		with.idle = time.Hour
	}
	if with.lifetime == 0 {
		with.lifetime = 8 * time.Hour
	}
	if with.secrets == nil {
		with.secrets = []string{secret()}
	}
	r := &run{T: t, c: c, with: with, dir: t.TempDir(), port: freePort(t), redisPort: freePort(t)}
	t.Cleanup(func() {
		end(r.serve)
		end(r.data)
	})
	if c.redis {
		r.startRedis()
	}
	r.begin()
	return r
}

// begin starts the contender, with what it kept when it ran before.
func (r *run) begin() {
	r.Helper()
	said, err := os.OpenFile(filepath.Join(r.dir, "said"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.Fatal(err)
	}
	defer said.Close()
	r.serve = r.c.command(r)
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "SESSIONSCOPE_") && !strings.HasPrefix(pair, "GOFLAGS=") {
			r.serve.Env = append(r.serve.Env, pair)
		}
	}
	r.serve.Env = append(r.serve.Env, "PEER_PORT="+r.port, "PEER_DIR="+r.dir, "PEER_REDIS="+r.redisPort,
		"PEER_SECRETS="+strings.Join(r.with.secrets, ","),
		fmt.Sprintf("PEER_IDLE=%.0f", r.with.idle.Seconds()), fmt.Sprintf("PEER_LIFETIME=%.0f", r.with.lifetime.Seconds()))
	if err := os.WriteFile(filepath.Join(r.dir, "secrets"), []byte(strings.Join(r.with.secrets, "\n")+"\n"), 0o600); err != nil {
		r.Fatal(err) // the program reads them from a file
	}
	r.serve.Stdout, r.serve.Stderr = said, said
	launch(r.T, r.serve)
	ready(r.T, func() bool {
		resp, err := http.Get("http://127.0.0.1:" + r.port + "/ready")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	}, func() string { text, _ := os.ReadFile(said.Name()); return string(text) })
}

// restart ends the contender and starts it again with other secrets.
func (r *run) restart(secrets ...string) {
	r.Helper()
	end(r.serve)
	r.with.secrets = secrets
	r.begin()
}

// browser returns a browser without cookies.
func (r *run) browser() *browser {
	return &browser{base: "http://127.0.0.1:" + r.port, jar: map[string]string{}}
}

// records counts what the contender's store holds, expired records too.
func (r *run) records() int {
	r.Helper()
	switch {
	case r.c.redis:
		return len(strings.Fields(r.redis("--scan", "--pattern", r.c.pattern)))
	case r.c.name == "gorilla-files":
		files, err := filepath.Glob(filepath.Join(r.dir, "session_*"))
		if err != nil {
			r.Fatal(err)
		}
		return len(files)
	case r.c.name == "django-db":
		n, err := strconv.Atoi(strings.TrimSpace(r.output("sqlite3", filepath.Join(r.dir, "db.sqlite3"), "SELECT count(*) FROM django_session")))
		if err != nil {
			r.Fatal(err)
		}
		return n
	case r.c.name == "scs-memory":
		resp, err := http.Get("http://127.0.0.1:" + r.port + "/records")
		if err != nil {
			r.Fatal(err)
		}
		defer resp.Body.Close()
		var n int
		if _, err := fmt.Fscan(resp.Body, &n); err != nil {
			r.Fatal(err)
		}
		return n
	}
	return 0 // it keeps none
}

// startRedis starts a Redis with the data that it kept when it ran before.
func (r *run) startRedis() {
	r.Helper()
	r.data = exec.Command("redis-server", "--port", r.redisPort, "--bind", "127.0.0.1", "--dir", r.dir, "--save", "")
	launch(r.T, r.data)
	ready(r.T, func() bool {
		out, _ := exec.Command("redis-cli", "-p", r.redisPort, "ping").Output()
		return bytes.HasPrefix(out, []byte("PONG"))
	}, func() string { return "redis-server" })
}

// redis runs a command of redis-cli.
func (r *run) redis(args ...string) string {
	r.Helper()
	return r.output("redis-cli", append([]string{"-p", r.redisPort}, args...)...)
}

// output runs a command and returns what it prints.
func (r *run) output(name string, args ...string) string {
	r.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "PEER_DIR="+r.dir, "PEER_SECRETS="+strings.Join(r.with.secrets, ","))
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// launch starts a command in a group of processes of its own.
func launch(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v; task peers installs what is missing", cmd.Path, err)
	}
}

// end ends a command and the processes that it started.
func end(cmd *exec.Cmd) {
	if cmd == nil || cmd.Process == nil || cmd.ProcessState != nil {
		return
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	cmd.Wait()
}

// ready waits until is tells that something has started.
func ready(t *testing.T, is func() bool, said func() string) {
	t.Helper()
	for until := time.Now().Add(40 * time.Second); time.Now().Before(until); time.Sleep(30 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("it does not start:\n%s", said())
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// secret returns a random secret of 64 hex digits.
func secret() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
