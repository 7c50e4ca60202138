package e2e

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// stateCommand returns the command for a program that keeps its sessions in SQLite below the
// folder home.
func stateCommand(home string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+home, "SESSIONSCOPE_STORE=sqlite")
	return cmd
}

// Sessions, retired IDs and the secret outlive a program that keeps them in SQLite. A second
// program on the same file is refused.
func TestSQLite(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	p := startCommand(t, stateCommand(home, "--addr", "127.0.0.1:0"))
	addr := p.addr()
	file := filepath.Join(home, "sessionscope", "sessions.db")
	kept, ended := newClient(t, p.url), newClient(t, p.url)
	for _, c := range []*client{kept, ended} {
		for _, placement := range []string{"cookie", "server"} {
			c.do("POST", "/placement", url.Values{"placement": {placement}})
			if status, out, _ := c.do("POST", "/set", url.Values{"key": {placement}, "value": {"1"}, "placement": {"cookie"}}); status != 200 {
				t.Fatal(status, out)
			}
		}
	}
	ended.do("POST", "/placement", url.Values{"placement": {"cookie"}}) // the store keeps a marker of its end
	copied := newClient(t, p.url)
	copied.http.Jar.SetCookies(must(url.Parse(p.url)), ended.http.Jar.Cookies(must(url.Parse(p.url))))
	copied.has("cookie", true)
	ended.do("POST", "/flush", url.Values{})
	if _, info, _ := kept.do("GET", "/session", nil); info["store"] != "sqlite" {
		t.Errorf("store %v", info["store"])
	}
	for _, name := range []string{file, file + ".secret"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 600", name, info, err)
		}
	}
	secret, err := os.ReadFile(file + ".secret")
	if err != nil {
		t.Fatal(err)
	}
	refused(t, stateCommand(home, "--addr", "127.0.0.1:0"), 1, file)
	p.cmd.Process.Signal(syscall.SIGHUP)
	p.awaitLog(t, "secrets=1")
	if log := p.log.String(); strings.Contains(log, strings.TrimSpace(string(secret))) || strings.Contains(log, "memory store") {
		t.Errorf("the log: %s", log)
	}
	p.stop(t, os.Interrupt)
	if _, err := os.Stat(file + "-wal"); err == nil {
		t.Error("the log is left after a stop: the store was not closed")
	}
	during(t, stateCommand(home, "--addr", addr), func() {
		kept.has("server", true)
		copied.has("cookie", false)
	})
}

// A file that is no database, a weak secret beside it and a path that cannot be are refused
// with their names, and left alone.
func TestBadFilesAreRefused(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	file := filepath.Join(home, "sessionscope", "sessions.db")
	during(t, stateCommand(home, "--addr", "127.0.0.1:0"), func() {})
	if err := os.WriteFile(file+".secret", []byte("weak\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, stateCommand(home), 2, file+".secret")
	text := filepath.Join(home, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, stateCommand(home, "--store", "sqlite:"+text), 3, text)
	if _, err := os.Stat(text + ".secret"); err == nil {
		t.Error("a secret lies beside a refused file")
	}
	refused(t, stateCommand(home, "--store", "sqlite:/proc/none/s.db"), 1, "/proc")
	refused(t, stateCommand(home, "--store", "memory", "--durability", "full"), 2, "durability")
}

// fillStore creates sessions until one is refused, and returns the client of one that was
// not: its session can be read, and not written.
func fillStore(t *testing.T, p *program) *client {
	t.Helper()
	first := newClient(t, p.url)
	if status, out, _ := first.do("POST", "/set", fiftyKB); status != 200 {
		t.Fatal(status, out)
	}
	refused := 0
	for n := 0; refused == 0; n++ {
		if status, out, _ := newClient(t, p.url).do("POST", "/set", fiftyKB); status == 507 || status == 503 {
			refused = status
		} else if status != 200 || n > 1000 {
			t.Fatal(status, out)
		}
	}
	for range 3 {
		if status, out, resp := first.do("POST", "/set", url.Values{"key": {"b"}, "value": {strings.Repeat("y", 60000)}}); status != 503 || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("a write: %d %v, want 503 and no cookie", status, out)
		}
		if status, out, _ := first.do("GET", "/get?key=a", nil); status != 200 || out["value"] != fiftyKB.Get("value") {
			t.Errorf("a read: %d", status)
		}
	}
	return first
}

// fiftyKB is the form of a set with a large value.
var fiftyKB = url.Values{"key": {"a"}, "value": {strings.Repeat("x", 50000)}, "placement": {"server"}}

// A program that cannot write any more answers 503, or 507 to a new session. It goes on
// reading, and writes again once there is room.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("for Linux")
	}
	t.Run("full disk", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if os.Geteuid() != 0 {
			t.Skip("only root can mount a small disk")
		}
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m", "none", dir).CombinedOutput(); err != nil {
			t.Skip("cannot mount: ", string(out))
		}
		t.Cleanup(func() { exec.Command("umount", dir).Run() })
		ballast := filepath.Join(dir, "ballast")
		if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		p := start(t, "--store", "sqlite:"+filepath.Join(dir, "s.db"))
		first := fillStore(t, p)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if status, out, _ := first.do("POST", "/set", url.Values{"key": {"b"}, "value": {"1"}}); status != 200 {
			t.Errorf("the first write with room: %d %v", status, out)
		}
		if status, out, _ := newClient(t, p.url).do("POST", "/set", fiftyKB); status != 200 {
			t.Errorf("a new session with room: %d %v", status, out)
		}
		p.stop(t, os.Interrupt)
	})
	// ulimit -f: the kernel sends SIGXFSZ, which ends a program that is not ready for it.
	t.Run("largest file", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "s.db")
		p := startCommand(t, exec.Command("sh", "-c", fmt.Sprintf(`ulimit -f 2048 && exec %q --addr 127.0.0.1:0 --store %q`, binary, "sqlite:"+file)))
		fillStore(t, p)
		p.stop(t, os.Interrupt)
		conn, err := sqlite.OpenConn(file, sqlite.OpenReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if text, err := sqlitex.ResultText(conn.Prep(`PRAGMA integrity_check`)); err != nil || text != "ok" {
			t.Errorf("integrity_check: %s, %v", text, err)
		}
	})
}
