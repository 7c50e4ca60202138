package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// program is the program itself over Redis, with one placement.
func program(placement, values string) contender {
	return contender{name: "sessionscope-" + placement, title: "Sessionscope, `" + placement + "`", values: values, redis: true, pattern: "ssc:s:*",
		command: func(r *run) *exec.Cmd {
			return exec.Command(built(r.T, "sessionscope", "../..", "."), "--addr=127.0.0.1:"+r.port, "--placement="+placement,
				"--store=redis://127.0.0.1:"+r.redisPort+"/0", "--secret-file="+filepath.Join(r.dir, "secrets"),
				"--idle="+r.with.idle.String(), "--lifetime="+r.with.lifetime.String())
		},
		version: func(t *testing.T) string { return "Redis " + redisVersion(t) },
	}
}

// goserver is the program in goserver with one of its stores.
func goserver(store string) func(r *run) *exec.Cmd {
	return func(r *run) *exec.Cmd {
		cmd := exec.Command(built(r.T, "goserver", ".", "./goserver"))
		cmd.Env = []string{"PEER_STORE=" + store}
		return cmd
	}
}

var builds sync.Mutex

// built builds a Go program once, and returns its file.
func built(t *testing.T, name, dir, pkg string) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	file := filepath.Join(work, name)
	if _, err := os.Stat(file); err == nil {
		return file
	}
	build := exec.Command("go", "build", "-o", file, pkg)
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// django is django/app.py behind gunicorn, which Django's documentation names first.
func django(store string) func(r *run) *exec.Cmd {
	return func(r *run) *exec.Cmd {
		r.Setenv("PEER_STORE", store)
		if store == "db" {
			r.output("/usr/bin/python3", "django/app.py", "migrate", "--verbosity=0")
		}
		cmd := exec.Command("/usr/bin/gunicorn", "--chdir", "django", "--workers=1", "--threads=8", "--bind=127.0.0.1:"+r.port, "app:application")
		cmd.Env = []string{"PYTHONDONTWRITEBYTECODE=1"}
		return cmd
	}
}

// express is express/server.js.
func express(r *run) *exec.Cmd { return exec.Command("node", "express/server.js") }

// rails is rails/config.ru behind puma, which is Rails' default.
func rails(store string) func(r *run) *exec.Cmd {
	return func(r *run) *exec.Cmd {
		cmd := exec.Command("/usr/bin/puma", "--quiet", "--dir=rails", "--threads=8:8", "--bind=tcp://127.0.0.1:"+r.port, "config.ru")
		cmd.Env = []string{"PEER_STORE=" + store, "RAILS_ENV=production", "RACK_ENV=production"}
		return cmd
	}
}

// said runs a command that prints a version.
func said(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v; task peers installs what is missing", name, err)
	}
	return strings.TrimSpace(string(out))
}

func modules(paths ...string) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		lines := said(t, "go", append([]string{"list", "-m", "-f", "{{.Path}} {{.Version}}"}, paths...)...)
		return strings.ReplaceAll(strings.ReplaceAll(lines, "github.com/", ""), "\n", ", ")
	}
}

func djangoVersion(t *testing.T) string {
	return said(t, "/usr/bin/python3", "-c", `import django, gunicorn; print("Django", django.__version__, "(Debian's), gunicorn", gunicorn.__version__)`)
}

func expressVersion(t *testing.T) string {
	return said(t, "node", "-e", `const v = n => n + " " + JSON.parse(require("fs").readFileSync("express/node_modules/" + n + "/package.json")).version;
console.log(["express-session", "express", "connect-redis", "redis"].map(v).join(", ") + ", Node " + process.version)`)
}

func railsVersion(t *testing.T) string {
	return said(t, "/usr/bin/ruby", "-e", `require "action_pack/version"; require "rack"; print "Rails #{ActionPack.version} (Debian's), Rack #{Rack.release}, Ruby #{RUBY_VERSION}"`) + ", puma " + said(t, "dpkg-query", "-W", "-f", "${Version}", "puma")
}

func redisVersion(t *testing.T) string {
	line := said(t, "redis-server", "--version")
	_, line, _ = strings.Cut(line, "v=")
	version, _, _ := strings.Cut(line, " ")
	return version
}
