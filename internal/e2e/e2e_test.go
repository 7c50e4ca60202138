// Package e2e builds the program and tests it from outside, with plain HTTP requests and
// with a real Chromium. Where Chromium, Redis, gcc or curl is missing, its tests are
// skipped and say so; under CI=true a missing tool fails them.
//
// Begin with this file: it builds, starts and stops the program. browser_test.go starts
// Chromium, page_test.go reads and works one of its tabs, witness_test.go and
// stream_test.go have the proxies that stand between the two.
package e2e

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

// binary is the path of the built program.
var binary string

// patience is how long a test waits for what must happen. It is far longer than anything
// takes on an idle machine, so that a loaded one fails no test: only a failure waits so long.
const patience = time.Minute

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	// A child inherits an ignored SIGHUP, and the program then takes itself to run under
	// nohup. Children of a process that handles the signal get its default.
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	// go test caches a result until a file that the test has opened changes. The compiler
	// opens the program's sources, not the test: open them all here, or go test would show
	// an old result for a new program.
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
	// As the program that is published, so that it is compiled once for both.
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "../..")
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

// program is a running Sessionscope.
type program struct {
	url    string
	cmd    *exec.Cmd
	waited chan error // cmd.Wait's result; nil once the test has received it
	log    *testLog
	stdout *bufio.Reader // after its first line
}

// start runs the program on a free port and waits until it prints its address.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	return startCommand(t, exec.Command(binary, append([]string{"--addr", "127.0.0.1:0"}, args...)...))
}

// startCommand starts the program with the command cmd, waits until it prints its address,
// and stops it at the end of the test.
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

// stop ends the program with a signal. It fails if that takes over 6 s, one more than the
// program gives its open requests, or if the exit code is not 0. After a first stop or
// a kill it does nothing.
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

// kill ends the program with SIGKILL, which it cannot handle.
func (p *program) kill() {
	p.cmd.Process.Kill()
	<-p.waited
	p.waited = nil
}

// addr is the host and port that the program listens on. Another program that takes over
// its clients needs the same --addr, since a cookie's name contains the port.
func (p *program) addr() string { return strings.TrimPrefix(p.url, "http://") }

// port is the port that the program listens on.
func (p *program) port() string { return p.url[strings.LastIndex(p.url, ":")+1:] }

// pause is the time between two polls. A loop without it would take a core from the
// program and from Chromium.
func pause() { <-time.After(20 * time.Millisecond) }

// until polls condition until it is true. It returns false if patience runs out before.
func until(condition func() bool) bool {
	for end := time.Now().Add(patience); !condition(); pause() {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// awaitLog waits until the program's log contains text.
func (p *program) awaitLog(t *testing.T, text string) {
	t.Helper()
	if !until(func() bool { return strings.Contains(p.log.String(), text) }) {
		t.Fatalf("the log does not say %q:\n%s", text, p.log.String())
	}
}

// testLog keeps the program's log, and prints its errors among the test's output.
type testLog struct {
	t      *testing.T
	mu     sync.Mutex
	text   strings.Builder
	outage bool // the test takes the store away: the 503s that follow are not printed
}

// expectOutage says that the test takes the store away from now on.
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

// client is an HTTP client that keeps cookies and asks for JSON.
type client struct {
	t    *testing.T
	base string
	http *http.Client
}

// newClient returns a client without cookies for the program at base.
func newClient(t *testing.T, base string) *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, base, &http.Client{Jar: jar, Timeout: patience}}
}

// newThief returns a client that has a copy of a browser's cookie.
func newThief(t *testing.T, p *program, stolen *network.Cookie) *client {
	thief := newClient(t, p.url)
	thief.http.Jar.SetCookies(must(url.Parse(p.url)), []*http.Cookie{{Name: stolen.Name, Value: stolen.Value}})
	return thief
}

// do sends a request, with form in its body unless it is nil. It returns the answer's
// status, its JSON, and the answer itself, whose body is closed.
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

// must returns v, for calls that cannot fail with the arguments that a test gives them.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// freshSecret returns a line for a file of secrets.
func freshSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b) + "\n"
}
