package e2e

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A start that is refused says why in one line, and leaves no file and no folder. If it said
// more or less, the wrong setting would be hard to find.
func TestRefusedStartLeavesNothing(t *testing.T) {
	t.Parallel()
	busy := start(t)
	taken := busy.addr()
	for _, test := range []struct {
		name string
		args []string
		env  string
		code int
		want string
	}{
		{"a port in use", []string{"--addr", taken}, "", 1, taken},
		{"a folder of secrets", []string{"--secret-file", "/"}, "", 2, "--secret-file: / is a folder"},
		{"no secrets", []string{"--secret-file", os.DevNull}, "", 2, "is a device"},
		{"a secret file without a name", []string{"--secret-file", ""}, "", 2, `invalid value "" for --secret-file`},
		{"a file of secrets that is not there", []string{"--secret-file", "none"}, "", 2, "none"},
		{"any host", []string{"--allow-host", "*"}, "", 2, "--allow-host"},
		{"no number", []string{"--max-sessions", "x"}, "", 2, "--max-sessions"},
		{"no number in the environment", nil, "SESSIONSCOPE_MAX_SESSIONS=many", 2, "SESSIONSCOPE_MAX_SESSIONS"},
		{"an unknown flag", []string{"--colour"}, "", 2, "-colour"},
		{"no duration", []string{"--idle", "soon"}, "", 2, "-idle"},
		{"no placement", []string{"--placement", "moon"}, "", 2, "cookie, hybrid or server"},
		{"an unknown store", []string{"--store", "floppy"}, "", 2, "--store"},
		{"an argument", []string{"serve"}, "", 2, `"serve"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.Command(binary, append([]string{"--addr", "127.0.0.1:0", "--store", "sqlite"}, test.args...)...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state"))
			if test.env != "" {
				cmd.Env = append(cmd.Env, test.env)
			}
			refused(t, cmd, test.code, test.want)
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// Listening on all addresses, the program says where a phone finds it, and knows the
// machine by its name and by that address.
func TestListenOnAll(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(binary, "--addr", "0.0.0.0:0")
	cmd.Stderr = &testLog{t: t}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	lines := bufio.NewReader(stdout)
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	first, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(first, "http://127.0.0.1:")
	port, _, _ := strings.Cut(rest, " ")
	hosts := map[string]int{"127.0.0.1:" + port: 200, "evil.example:" + port: 421}
	if name, err := os.Hostname(); err == nil {
		hosts[name+":"+port], hosts[strings.ToUpper(name)+".:"+port] = 200, 200
	}
	if lan := lanAddress(t); lan != "" {
		second, err := lines.ReadString('\n')
		if err != nil || !strings.HasPrefix(second, "From a phone") || !strings.Contains(second, "http://") {
			t.Fatalf("after %q came %q, %v", first, second, err)
		}
		_, printed, _ := strings.Cut(strings.TrimSpace(second), "http://")
		printed, _, _ = strings.Cut(printed, " ")
		hosts[printed], hosts[net.JoinHostPort(lan, port)] = 200, 200
	}
	wantHosts(t, "http://127.0.0.1:"+port, hosts)
}

// wantHosts checks the status of a request to the program at url, for each name in its Host.
func wantHosts(t *testing.T, url string, hosts map[string]int) {
	t.Helper()
	for host, want := range hosts {
		r, err := http.NewRequest("GET", url+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %s got %d, want %d", host, resp.StatusCode, want)
		}
	}
}

// lanAddress is an IPv4 address of this machine that is not loopback, "" for none.
func lanAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}

// A program that was told to listen on the machine's own name is found by it.
func TestListenOnOwnName(t *testing.T) {
	t.Parallel()
	name := "LocalHost."
	if own, err := os.Hostname(); err == nil {
		if _, err := net.LookupHost(own); err == nil {
			name = own
		}
	}
	cmd := exec.Command(binary, "--addr", name+":0")
	p := startCommand(t, cmd)
	port := p.port()
	r, err := http.NewRequest("GET", p.url+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = name + ":" + port
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("Host %s got %d, want 200", r.Host, resp.StatusCode)
	}
}
