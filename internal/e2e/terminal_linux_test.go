package e2e

import (
	"bufio"
	"errors"
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

// window is a terminal with a program in it, as the window of a terminal emulator has one.
type window struct {
	t      *testing.T
	master *os.File // the window's side of the terminal
	url    string
	pid    int // of Sessionscope

	mu      sync.Mutex
	text    strings.Builder // what the screen has shown
	stopped bool            // Ctrl+S holds the output back
}

// openWindow runs a shell command on a terminal of its own, and waits until Sessionscope,
// which the command starts, prints its address.
func openWindow(t *testing.T, command string) *window {
	t.Helper()
	master, terminal := openTerminal(t)
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
	go w.read()
	w.url = w.await(`Sessionscope is at (http://\S+)`)
	if w.pid = programIn(cmd.Dir); w.pid == 0 {
		t.Fatal("the program has no process")
	}
	return w
}

// openTerminal returns the two sides of a new terminal. Its master is in packet mode: each
// read begins with a byte that is 0 before output, or tells what happened to the terminal.
func openTerminal(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	control, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var unlocked, numbered, packets error
	if err := control.Control(func(fd uintptr) {
		unlocked = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		number, numbered = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		packets = unix.IoctlSetPointerInt(int(fd), unix.TIOCPKT, 1)
	}); errors.Join(err, unlocked, numbered, packets) != nil {
		t.Fatal(err, unlocked, numbered, packets)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, terminal
}

// read shows on the screen what the program writes, until the terminal is closed.
func (w *window) read() {
	for packet := make([]byte, 4096); ; {
		n, err := w.master.Read(packet)
		if err != nil {
			return
		}
		if n == 0 {
			continue
		}
		w.mu.Lock()
		switch kind := packet[0]; {
		case kind == unix.TIOCPKT_DATA:
			w.text.Write(packet[1:n])
		case kind&unix.TIOCPKT_STOP != 0:
			w.stopped = true
		case kind&unix.TIOCPKT_START != 0:
			w.stopped = false
		}
		w.mu.Unlock()
	}
}

// programIn returns the process ID of the Sessionscope that keeps its state in dir, 0 for
// none. The test has started only the shell, not the program.
func programIn(dir string) (pid int) {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		env, _ := os.ReadFile(process + "/environ")
		if exe, _ := os.Readlink(process + "/exe"); exe == binary && strings.Contains(string(env), "XDG_STATE_HOME="+dir+"\x00") {
			fmt.Sscanf(filepath.Base(process), "%d", &pid)
		}
	}
	return pid
}

// await waits until the screen shows what matches, and returns the pattern's first group.
func (w *window) await(pattern string) string {
	w.t.Helper()
	re := regexp.MustCompile(pattern)
	var found []string
	if !until(func() bool { found = re.FindStringSubmatch(w.screen()); return found != nil }) {
		w.t.Fatalf("the screen does not show %s:\n%s", pattern, w.screen())
	}
	return found[len(found)-1]
}

// screen returns all that the screen has shown.
func (w *window) screen() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// key presses a key.
func (w *window) key(key string) {
	w.t.Helper()
	if _, err := io.WriteString(w.master, key); err != nil {
		w.t.Fatal(err)
	}
}

// stop presses Ctrl+S, and waits until the kernel has stopped the terminal.
func (w *window) stop() {
	w.t.Helper()
	w.key("\x13")
	if !until(func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.stopped }) {
		w.t.Fatal("Ctrl+S does not stop the terminal")
	}
}

// running reports whether the program runs.
func (w *window) running() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// attached reports whether the program still has its terminal.
func (w *window) attached() bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after) // state, parent, group, session, terminal
	return len(fields) > 4 && fields[4] != "0"
}

// ask sends one request, and returns an error unless the program answers.
func ask(address string) error {
	resp, err := (&http.Client{Timeout: patience}).Get(address + "/healthz")
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// Closing the window ends the program, with and without a file of secrets, which it reads
// again at an operator's SIGHUP. Under nohup, and without a terminal, it goes on.
func TestWindowIsClosed(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(freshSecret()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, command string
		goesOn        bool
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
			if err := ask(w.url); err != nil {
				t.Fatal(err)
			}
			w.master.Close()
			if !test.goesOn {
				if !until(func() bool { return !w.running() }) {
					t.Error("the program outlives its window")
				}
				if err := ask(w.url); err == nil {
					t.Error("its address still answers")
				}
				return
			}
			if !until(func() bool { return !w.attached() }) {
				t.Fatal("the control: the program still has its terminal")
			}
			for range 20 {
				if err := ask(w.url); err != nil {
					t.Fatalf("it does not go on: %v", err)
				}
			}
		})
	}
}

// A SIGHUP while the terminal is open comes from an operator: the program reads its secrets
// again and goes on.
func TestHangupInTerminal(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(freshSecret()+freshSecret()), 0o600); err != nil {
		t.Fatal(err)
	}
	w := openWindow(t, `"$BIN" --addr 127.0.0.1:0 --secret-file `+secret+`; :`)
	syscall.Kill(w.pid, syscall.SIGHUP)
	w.await(`the signing secrets were read again" secrets=2`)
	if err := ask(w.url); err != nil {
		t.Error(err)
	}
}

// Ctrl+S stops the terminal: the program still answers requests, Ctrl+Q brings their log
// lines, and SIGTERM ends the program while the terminal is stopped.
func TestStoppedTerminal(t *testing.T) {
	t.Parallel()
	w := openWindow(t, `exec "$BIN" --addr 127.0.0.1:0`)
	w.stop()
	for n := range 20 {
		if err := ask(w.url); err != nil {
			t.Fatalf("request %d: %v", n, err)
		}
	}
	if strings.Contains(w.screen(), "route=/healthz") {
		t.Error("the control: the terminal is not stopped")
	}
	w.key("\x11") // Ctrl+Q
	w.await(`(?s)(route=/healthz status=200.*){20}`)
	w.stop()
	if err := ask(w.url); err != nil {
		t.Fatal(err)
	}
	syscall.Kill(w.pid, syscall.SIGTERM)
	if !until(func() bool { return !w.running() }) {
		t.Error("a stopped terminal keeps the program alive")
	}
}

// fullPipe returns a pipe with room for so many bytes more, which nobody reads.
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

// Nobody reads the pipe at stderr: the program still answers requests, writes their log
// lines once somebody reads, and ends at SIGTERM.
func TestUnreadPipe(t *testing.T) {
	t.Parallel()
	r, to := fullPipe(t, 1000)
	cmd := exec.Command(binary, "--addr", "127.0.0.1:0")
	cmd.Stderr = to
	p := startCommand(t, cmd)
	const all = 100
	for n := range all {
		if err := ask(p.url); err != nil {
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
		if err := ask(p.url); err != nil {
			t.Fatal(err)
		}
	}
	r.Close() // and nobody can any more
	for n := range 20 {
		if err := ask(p.url); err != nil {
			t.Fatalf("request %d after the reader has left: %v", n, err)
		}
		pause() // its lines are written one by one
	}
	p.stop(t, syscall.SIGTERM)
}

// A pipe at stderr that nobody reads does not keep a program from ending with its error, nor
// one at stdout a program from serving and from ending.
func TestLastWords(t *testing.T) {
	t.Parallel()
	r, to := fullPipe(t, 0)
	end := func(cmd *exec.Cmd) int {
		t.Helper()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timeout := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer timeout.Stop()
		cmd.Wait()
		return cmd.ProcessState.ExitCode()
	}
	busy := start(t)
	refused := exec.Command(binary, "--addr", busy.addr())
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
	if !until(func() bool { return ask("http://"+port) == nil }) {
		t.Error("it does not serve, since nobody reads where it is")
	}
	silent.Process.Signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() { silent.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("it does not end, since nobody read where it is")
	}
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
