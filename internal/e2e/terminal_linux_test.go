package e2e

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// window is a terminal with a program in it, as a terminal's window has it.
type window struct {
	t      *testing.T
	master *os.File
	url    string
	pid    int // of Sessionscope

	mu   sync.Mutex
	text strings.Builder // what the screen showed
}

// openWindow runs a shell command on a terminal of its own, and waits until
// Sessionscope, which the command starts, says where it is.
func openWindow(t *testing.T, command string) *window {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var number int
	control, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := control.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); e != nil || err != nil {
		t.Fatal(e, err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &window{t: t, master: master}
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "BIN="+binary, "XDG_STATE_HOME="+cmd.Dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.Close()
	go cmd.Wait()
	t.Cleanup(func() {
		master.Close()
		if w.pid != 0 {
			syscall.Kill(w.pid, syscall.SIGKILL)
		}
	})
	go func() {
		for r := bufio.NewReader(master); ; {
			line, err := r.ReadString('\n')
			w.mu.Lock()
			w.text.WriteString(line)
			w.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	w.url = w.await(`Sessionscope is at (http://\S+)`)
	// Only the program itself knows its process.
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range processes {
		env, _ := os.ReadFile(dir + "/environ")
		if exe, _ := os.Readlink(dir + "/exe"); exe == binary && strings.Contains(string(env), "XDG_STATE_HOME="+cmd.Dir+"\x00") {
			fmt.Sscanf(filepath.Base(dir), "%d", &w.pid)
		}
	}
	if w.pid == 0 {
		t.Fatal("the program has no process")
	}
	return w
}

// await waits until the screen shows what matches, and returns its first group.
func (w *window) await(pattern string) string {
	w.t.Helper()
	re := regexp.MustCompile(pattern)
	var found []string
	if !until(func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		found = re.FindStringSubmatch(w.text.String())
		return found != nil
	}) {
		w.t.Fatalf("the screen does not show %s:\n%s", pattern, w.text.String())
	}
	return found[len(found)-1]
}

// lives tells whether the program is there.
func (w *window) lives() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// attached tells whether the program has its terminal still.
func (w *window) attached() bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after) // state, parent, group, session, terminal
	return len(fields) > 4 && fields[4] != "0"
}

// answers tells whether the program answers within 2 s.
func answers(address string) error {
	resp, err := (&http.Client{Timeout: 2 * time.Second}).Get(address + "/healthz")
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// A window that is closed ends the program, whatever it would do at a SIGHUP of an
// operator's; under nohup, and without a terminal, it goes on.
func TestWindowIsClosed(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(freshSecret()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, command string
		lives         bool
	}{
		{"the program is all there is", `exec "$BIN" --addr 127.0.0.1:0 --secret-file ` + secret, false},
		{"under a shell", `"$BIN" --addr 127.0.0.1:0 --secret-file ` + secret + `; :`, false},
		{"with SQLite", `"$BIN" --addr 127.0.0.1:0 --store sqlite; :`, false},
		{"without a secret", `"$BIN" --addr 127.0.0.1:0; :`, false},
		{"nohup", `trap "" HUP; exec "$BIN" --addr 127.0.0.1:0 --secret-file ` + secret, true},
		{"nohup without a secret", `trap "" HUP; exec "$BIN" --addr 127.0.0.1:0`, true},
		{"setsid", `setsid "$BIN" --addr 127.0.0.1:0 --secret-file ` + secret + `; :`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := openWindow(t, test.command)
			if err := answers(w.url); err != nil {
				t.Fatal(err)
			}
			w.master.Close()
			if !test.lives {
				if !until(func() bool { return !w.lives() }) {
					t.Error("the program outlives its window")
				}
				if err := answers(w.url); err == nil {
					t.Error("its address still answers")
				}
				return
			}
			if !until(func() bool { return !w.attached() }) {
				t.Fatal("the control: the program still has its terminal")
			}
			for range 20 {
				if err := answers(w.url); err != nil {
					t.Fatalf("it does not go on: %v", err)
				}
			}
		})
	}
}

// While the terminal is there, SIGHUP is an operator's: it reads the secrets again.
func TestHangupInTerminal(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(freshSecret()+freshSecret()), 0o600); err != nil {
		t.Fatal(err)
	}
	w := openWindow(t, `"$BIN" --addr 127.0.0.1:0 --secret-file `+secret+`; :`)
	syscall.Kill(w.pid, syscall.SIGHUP)
	w.await(`the signing secrets were read again" secrets=2`)
	if err := answers(w.url); err != nil {
		t.Error(err)
	}
}

// Ctrl+S stops the terminal: requests are answered all the same, Ctrl+Q brings their
// lines, and while it is stopped the program can be ended.
func TestStoppedTerminal(t *testing.T) {
	t.Parallel()
	w := openWindow(t, `exec "$BIN" --addr 127.0.0.1:0`)
	press := func(key string) {
		t.Helper()
		if _, err := io.WriteString(w.master, key); err != nil {
			t.Fatal(err)
		}
	}
	press("\x13") // Ctrl+S
	for n := range 20 {
		if err := answers(w.url); err != nil {
			t.Fatalf("request %d: %v", n, err)
		}
	}
	w.mu.Lock()
	if strings.Contains(w.text.String(), "route=/healthz") {
		t.Error("the control: the terminal is not stopped")
	}
	w.mu.Unlock()
	press("\x11") // Ctrl+Q
	w.await(`(?s)(route=/healthz status=200.*){20}`)
	press("\x13")
	if err := answers(w.url); err != nil {
		t.Fatal(err)
	}
	syscall.Kill(w.pid, syscall.SIGTERM)
	if !until(func() bool { return !w.lives() }) {
		t.Error("a stopped terminal keeps the program alive")
	}
}

// fullPipe is a pipe that has room for room bytes, and that nobody reads.
func fullPipe(t *testing.T, room int) (r, to *os.File) {
	t.Helper()
	r, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); to.Close() })
	size, err := unix.FcntlInt(to.Fd(), unix.F_SETPIPE_SZ, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Write(make([]byte, size-room)); err != nil {
		t.Fatal(err)
	}
	return r, to
}

// Nobody reads the pipe at stderr: requests are answered all the same, their lines
// come once somebody does, and the program ends.
func TestUnreadPipe(t *testing.T) {
	t.Parallel()
	r, to := fullPipe(t, 1000)
	cmd := exec.Command(binary, "--addr", "127.0.0.1:0")
	cmd.Stderr = to
	p := startCommand(t, cmd)
	const all = 100
	for n := range all {
		if err := answers(p.url); err != nil {
			t.Fatalf("request %d: %v", n, err)
		}
	}
	lines := bufio.NewScanner(r)
	for n := 0; n < all && lines.Scan(); {
		if n += strings.Count(lines.Text(), "route=/healthz status=200"); n == all {
			break
		}
	}
	for range all { // nobody reads any more
		if err := answers(p.url); err != nil {
			t.Fatal(err)
		}
	}
	r.Close() // and nobody ever will
	for n := range 20 {
		if err := answers(p.url); err != nil {
			t.Fatalf("request %d after the reader has left: %v", n, err)
		}
		pause() // its lines are written one by one
	}
	p.stop(t, syscall.SIGTERM)
}

// The error that ends the program is printed, and a reader that does not come keeps
// nobody. stdout, which nobody reads either, does not keep the program from serving.
func TestLastWords(t *testing.T) {
	t.Parallel()
	r, to := fullPipe(t, 0)
	end := func(cmd *exec.Cmd) int {
		t.Helper()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timeout := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		defer timeout.Stop()
		cmd.Wait()
		return cmd.ProcessState.ExitCode()
	}
	busy := start(t)
	refused := exec.Command(binary, "--addr", strings.TrimPrefix(busy.url, "http://"))
	refused.Stderr = to
	if code := end(refused); code != 1 {
		t.Errorf("with a pipe that is full: exit code %d, want 1", code)
	}
	r.Close()

	_, full := fullPipe(t, 0)
	port := freeAddress(t)
	silent := exec.Command(binary, "--addr", port)
	silent.Stdout = full
	if err := silent.Start(); err != nil {
		t.Fatal(err)
	}
	defer silent.Process.Kill()
	if !until(func() bool { return answers("http://"+port) == nil }) {
		t.Error("it does not serve, since nobody reads where it is")
	}
	silent.Process.Signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() { silent.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(6 * time.Second):
		t.Error("it does not end, since nobody read where it is")
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func freshSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b) + "\n"
}
