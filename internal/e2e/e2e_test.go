// Package e2e builds the program and uses it: with plain requests, and with a
// real Chromium. Without Chromium the browser's part is skipped, and says so;
// under CI=true that is a failure.
package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// binary is the built program.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	// The test cache knows the files that a test opens, but not what goes into
	// the binary: open all of it, or an old result would stand for a new program.
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == ".git" {
			return filepath.SkipDir
		}
		if err == nil && entry.Type().IsRegular() {
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "sessionscope-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "sessionscope")
	build := exec.Command("go", "build", "-o", binary, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	shared.dir = filepath.Join(dir, "chromium")
	defer func() {
		if shared.chromium != nil {
			shared.stop()
		}
	}()
	return m.Run()
}

// pause passes between two looks at something that is waited for. Without it the
// loop takes a core from the program and from Chromium, which it waits for.
func pause() { <-time.After(5 * time.Millisecond) }

func startCommand(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	log := &testLog{t: t}
	if cmd.Stderr == nil {
		cmd.Stderr = log
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{cmd: cmd, waited: make(chan error, 1), log: log, stdout: bufio.NewReader(stdout)}
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("the program said nothing: %v", err)
	}
	for _, word := range strings.Fields(line) {
		if strings.HasPrefix(word, "http://") {
			p.url = word
		}
	}
	go func() { p.waited <- cmd.Wait() }()
	t.Cleanup(func() {
		p.stop(t, os.Interrupt)
		if said := log.String(); strings.Contains(said, "DATA RACE") {
			t.Error(said)
		}
	})
	return p
}

// testLog keeps the program's log, and shows its errors.
type testLog struct {
	t      *testing.T
	mu     sync.Mutex
	text   strings.Builder
	outage bool // the test makes one: what comes of it is not shown
}

// expectOutage is for a test that takes the store away.
func (l *testLog) expectOutage() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outage = true
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	for line := range strings.Lines(string(p)) {
		if strings.Contains(line, "level=ERROR") && !(l.outage && (strings.Contains(line, "status=503") || strings.Contains(line, "no session is read or saved"))) {
			fmt.Fprint(os.Stderr, l.t.Name(), ": ", line)
		}
	}
	return len(p), nil
}

// until waits for what must become true within 5 s.
func until(is func() bool) bool {
	for end := time.Now().Add(5 * time.Second); !is(); pause() {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// program is a running Sessionscope.
type program struct {
	url    string
	cmd    *exec.Cmd
	waited chan error
	log    *testLog
	stdout *bufio.Reader // after its first line
}

// awaitLog waits until the program's log says text, for at most 5 s.
func (p *program) awaitLog(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; pause() {
		if log := p.log.String(); strings.Contains(log, text) {
			return
		} else if time.Now().After(end) {
			t.Fatalf("the log does not say %q:\n%s", text, log)
		}
	}
}

// stop ends the program with a signal, and fails if that takes over 6 s or the
// exit code is not 0. An ended program stays ended.
func (p *program) stop(t *testing.T, signal os.Signal) {
	t.Helper()
	if p.waited == nil {
		return
	}
	p.cmd.Process.Signal(signal)
	select {
	case err := <-p.waited:
		if err != nil {
			t.Errorf("after %v the program ended with %v, want exit 0", signal, err)
		}
	case <-time.After(6 * time.Second):
		p.cmd.Process.Kill()
		t.Errorf("the program did not end within 6 s of %v", signal)
	}
	p.waited = nil
}

// start runs the program on a free port and waits until it says where it is.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	return startCommand(t, exec.Command(binary, append([]string{"--addr", "127.0.0.1:0"}, args...)...))
}

// client is one that keeps cookies and asks for JSON.
type client struct {
	t    *testing.T
	base string
	http *http.Client
}

func (c *client) do(method, path string, form url.Values) (int, map[string]any, *http.Response) {
	c.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, c.base+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, out, resp
}

func newClient(t *testing.T, base string) *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, base, &http.Client{Jar: jar, Timeout: 10 * time.Second}}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
