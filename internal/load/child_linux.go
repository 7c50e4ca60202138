package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is the program with an open class.
type child struct {
	cmd    *exec.Cmd
	at     *net.TCPAddr // the lab
	stderr string       // a file
}

// build builds the program, unless it is there.
func build(o options, dir string) (string, error) {
	if o.binary != "" {
		return o.binary, nil
	}
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("the program is built from its own folder: %w", err)
	}
	file := filepath.Join(dir, "sessionscope")
	cmd := exec.Command("go", "build", "-o", file, ".")
	cmd.Dir = string(bytes.TrimSpace(root))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return file, nil
}

// startChild starts the program with a class.
func startChild(file, dir string, o options) (*child, error) {
	stderr, err := os.CreateTemp(dir, "stderr-")
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	store := o.store
	if store == "sqlite" {
		store += ":" + stderr.Name() + ".db"
	}
	c := &child{stderr: stderr.Name()}
	c.cmd = exec.Command(file, "--classroom", "--addr=127.0.0.1:0", "--store="+store, "--seats="+strconv.Itoa(o.seats))
	c.cmd.Env = append(os.Environ(), "GOTRACEBACK=all")
	c.cmd.Stderr = stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	said := bufio.NewReader(stdout)
	line, err := said.ReadString('\n')
	if err != nil {
		c.kill()
		return nil, fmt.Errorf("the program does not start: %s", c.said())
	}
	go said.WriteTo(io.Discard)
	_, after, _ := strings.Cut(line, " is at ")
	address, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	u, err := url.Parse(address)
	if err == nil {
		c.at, err = net.ResolveTCPAddr("tcp", u.Host)
	}
	if err != nil {
		c.kill()
	}
	return c, err
}

// said returns what the program has logged.
func (c *child) said() string {
	text, _ := os.ReadFile(c.stderr)
	return string(text)
}

// warnings returns the lines that the program has logged.
func (c *child) warnings() (lines []string) {
	for line := range strings.Lines(c.said()) {
		if strings.Contains(line, "level=") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// kill ends the program.
func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[`)

// goroutines ends the program with SIGQUIT, and returns how many goroutines it says that it
// had, without those of the runtime.
func (c *child) goroutines() (int, error) {
	if err := c.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	go func() {
		c.cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		c.cmd.Process.Kill()
		<-ended
	}
	n := len(goroutine.FindAllString(c.said(), -1))
	if n == 0 {
		return 0, fmt.Errorf("the program ended without saying what its goroutines were: %s", c.said())
	}
	return n, nil
}

// state is what a process has.
type state struct {
	resident, highest int // bytes
	descriptors       int
}

// state returns what the program has now.
func (c *child) state() state {
	pid := strconv.Itoa(c.cmd.Process.Pid)
	files, _ := os.ReadDir("/proc/" + pid + "/fd")
	return state{sizeOf(pid, "VmRSS"), sizeOf(pid, "VmHWM"), len(files)}
}

// sizeOf returns a size of /proc/PID/status in bytes.
func sizeOf(pid, name string) int {
	text, _ := os.ReadFile("/proc/" + pid + "/status")
	_, rest, _ := strings.Cut(string(text), name+":")
	field, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.Atoi(field)
	return n << 10
}

// ticks are CPU times in ticks of 10 ms.
type ticks struct{ program, load, all, idle, steal float64 }

// readTicks returns the CPU times until now.
func (c *child) readTicks() (t ticks) {
	t.program, t.load = timeOf(strconv.Itoa(c.cmd.Process.Pid)), timeOf("self")
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line) {
		n, _ := strconv.ParseFloat(field, 64)
		switch i { // proc_stat(5): user nice system idle iowait irq softirq steal
		case 1, 2, 3, 6, 7:
			t.all += n
		case 4, 5:
			t.idle += n
		case 8:
			t.steal += n
		}
	}
	return t
}

// timeOf returns the CPU time of a process.
func timeOf(pid string) float64 {
	text, _ := os.ReadFile("/proc/" + pid + "/stat")
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return user + system
}

// minus returns what was used between two times.
func (t ticks) minus(before ticks) ticks {
	return ticks{t.program - before.program, t.load - before.load, t.all - before.all, t.idle - before.idle, t.steal - before.steal}
}
