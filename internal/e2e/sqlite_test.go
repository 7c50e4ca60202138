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

// TestSQLite: sessions, ended IDs and the secret outlive the program; a second
// one is refused; a bad file is left alone.
func TestSQLite(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(binary, args...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+home, "SESSIONSCOPE_STORE=sqlite")
		return cmd
	}
	p := startCommand(t, command("--addr", "127.0.0.1:0"))
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
	ended.do("POST", "/placement", url.Values{"placement": {"cookie"}}) // its end is a marker
	copied := newClient(t, p.url)
	copied.http.Jar.SetCookies(must(url.Parse(p.url)), ended.http.Jar.Cookies(must(url.Parse(p.url))))
	if _, out, _ := copied.do("GET", "/get?key=cookie", nil); out["found"] != true {
		t.Errorf("a copy of the cookie before the flush: %v", out)
	}
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
	fails := func(wantCode int, says string, args ...string) {
		t.Helper()
		cmd := command(args...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != wantCode || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), says) {
			t.Errorf("%v: exit %d, %s; want %d and one line with %q", args, code, out, wantCode, says)
		}
	}
	fails(1, file, "--addr", "127.0.0.1:0")
	p.cmd.Process.Signal(syscall.SIGHUP)
	p.awaitLog(t, "secrets=1")
	if log := p.log.String(); strings.Contains(log, strings.TrimSpace(string(secret))) || strings.Contains(log, "memory store") {
		t.Errorf("the log: %s", log)
	}
	p.stop(t, os.Interrupt)
	if _, err := os.Stat(file + "-wal"); err == nil {
		t.Error("the log is left after a stop: the store was not closed")
	}

	p = startCommand(t, command("--addr", addr))
	if _, out, _ := kept.do("GET", "/get?key=server", nil); out["found"] != true {
		t.Errorf("after a restart: %v", out)
	}
	if _, out, _ := copied.do("GET", "/get?key=cookie", nil); out["found"] != false {
		t.Errorf("an ended session after a restart: %v", out)
	}
	p.stop(t, os.Interrupt)

	if err := os.WriteFile(file+".secret", []byte("weak\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(2, file+".secret")
	text := filepath.Join(home, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(3, text, "--store", "sqlite:"+text)
	if _, err := os.Stat(text + ".secret"); err == nil {
		t.Error("a secret lies beside a refused file")
	}
	fails(1, "/proc", "--store", "sqlite:/proc/none/s.db")
	fails(2, "durability", "--store", "memory", "--durability", "full")
}

// TestNoRoom: a program that cannot write more answers 503, or 507 to a new
// session; it goes on reading, and writes again once there is room.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("for Linux")
	}
	value := url.Values{"key": {"a"}, "value": {strings.Repeat("x", 50000)}, "placement": {"server"}}
	// fill creates sessions until one is refused, and returns one that was not.
	fill := func(t *testing.T, p *program) *client {
		first := newClient(t, p.url)
		if status, out, _ := first.do("POST", "/set", value); status != 200 {
			t.Fatal(status, out)
		}
		refused := 0
		for n := 0; refused == 0; n++ {
			if status, out, _ := newClient(t, p.url).do("POST", "/set", value); status == 507 || status == 503 {
				refused = status
			} else if status != 200 || n > 1000 {
				t.Fatal(status, out)
			}
		}
		for range 3 {
			if status, out, resp := first.do("POST", "/set", url.Values{"key": {"b"}, "value": {strings.Repeat("y", 60000)}}); status != 503 || resp.Header.Get("Set-Cookie") != "" {
				t.Errorf("a write: %d %v, want 503 and no cookie", status, out)
			}
			if status, out, _ := first.do("GET", "/get?key=a", nil); status != 200 || out["value"] != value.Get("value") {
				t.Errorf("a read: %d", status)
			}
		}
		return first
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
		first := fill(t, p)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if status, out, _ := first.do("POST", "/set", url.Values{"key": {"b"}, "value": {"1"}}); status != 200 {
			t.Errorf("the first write with room: %d %v", status, out)
		}
		if status, out, _ := newClient(t, p.url).do("POST", "/set", value); status != 200 {
			t.Errorf("a new session with room: %d %v", status, out)
		}
		p.stop(t, os.Interrupt)
	})
	// ulimit -f: the kernel sends SIGXFSZ, which ends a program that is not ready for it.
	t.Run("largest file", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "s.db")
		p := startCommand(t, exec.Command("sh", "-c", fmt.Sprintf(`ulimit -f 2048 && exec %q --addr 127.0.0.1:0 --store %q`, binary, "sqlite:"+file)))
		fill(t, p)
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
