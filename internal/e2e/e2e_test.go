// Package e2e builds the program and uses it: with plain requests, and with a
// real Chromium. Without Chromium the browser's part is skipped, and says so;
// under CI=true that is a failure.
package e2e

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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

// program is a running Sessionscope.
type program struct {
	url    string
	cmd    *exec.Cmd
	waited chan error
	log    *testLog
	stdout *bufio.Reader // after its first line
}

// pause passes between two looks at something that is waited for. Without it the
// loop takes a core from the program and from Chromium, which it waits for.
func pause() { <-time.After(5 * time.Millisecond) }

// until waits for what must become true within 5 s.
func until(is func() bool) bool {
	for end := time.Now().Add(5 * time.Second); !is(); pause() {
		if time.Now().After(end) {
			return false
		}
	}
	return true
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

// start runs the program on a free port and waits until it says where it is.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	return startCommand(t, exec.Command(binary, append([]string{"--addr", "127.0.0.1:0"}, args...)...))
}

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

// client is one that keeps cookies and asks for JSON.
type client struct {
	t    *testing.T
	base string
	http *http.Client
}

func newClient(t *testing.T, base string) *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, base, &http.Client{Jar: jar, Timeout: 10 * time.Second}}
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

// TestBinaryHoldsEveryAsset asks the built program for every file under web/
// that a page names, and compares the bytes.
func TestBinaryHoldsEveryAsset(t *testing.T) {
	t.Parallel()
	p := start(t)
	resp, err := http.Get(p.url)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, quoted := range strings.Split(string(page), `"`) {
		if !strings.HasPrefix(quoted, "/assets/") {
			continue
		}
		found++
		resp, err := http.Get(p.url + quoted)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		ext := filepath.Ext(quoted)
		stem := strings.TrimSuffix(strings.TrimPrefix(quoted, "/assets/"), ext)
		name := strings.TrimSuffix(stem, filepath.Ext(stem)) + ext
		want, err := os.ReadFile(filepath.Join("../../web", name))
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 200 || string(got) != string(want) {
			t.Errorf("%s: status %d, %d bytes; want the %d bytes of %s", quoted, resp.StatusCode, len(got), len(want), name)
		}
		if got := resp.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control %q", quoted, got)
		}
	}
	if found != 6 {
		t.Errorf("the page names %d assets, want 6", found)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	busy := start(t)
	taken := strings.TrimPrefix(busy.url, "http://")
	for _, test := range []struct {
		name     string
		args     []string
		env      string
		wantCode int
		wantErr  string
	}{
		{"version", []string{"--version"}, "", 0, ""},
		{"help", []string{"--help"}, "", 0, ""},
		{"unknown flag", []string{"--colour"}, "", 2, "-colour"},
		{"bad duration", []string{"--idle", "soon"}, "", 2, "-idle"},
		{"bad placement", []string{"--placement", "moon"}, "", 2, "cookie, hybrid and server"},
		{"bad environment", nil, "SESSIONSCOPE_MAX_SESSIONS=many", 2, "SESSIONSCOPE_MAX_SESSIONS"},
		{"unknown store", []string{"--store", "floppy"}, "", 2, "--store"},
		{"argument", []string{"serve"}, "", 2, `"serve"`},
		{"port in use", []string{"--addr", taken}, "", 1, taken},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, test.args...)
			if test.env != "" {
				cmd.Env = append(os.Environ(), test.env)
			}
			var stderr strings.Builder
			cmd.Stderr = &stderr
			cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != test.wantCode {
				t.Errorf("exit code %d, want %d: %s", got, test.wantCode, stderr.String())
			}
			if !strings.Contains(stderr.String(), test.wantErr) || strings.Count(stderr.String(), "\n") > 1 {
				t.Errorf("stderr %q, want one line with %q", stderr.String(), test.wantErr)
			}
		})
	}
}

// TestFlagsReachTheProgram: what the command line says is what the program does.
func TestFlagsReachTheProgram(t *testing.T) {
	t.Parallel()
	p := start(t, "--placement", "server", "--idle", "10m", "--lifetime", "20m", "--max-sessions", "1", "--allow-host", "lab.example", "--rolling")
	c := newClient(t, p.url)
	status, _, resp := c.do("POST", "/set", url.Values{"key": {"a"}, "value": {"1"}})
	port := p.url[strings.LastIndex(p.url, ":")+1:]
	if cookie := resp.Header.Get("Set-Cookie"); status != 200 || !strings.HasPrefix(cookie, "sessionscope-"+port+"=") || !strings.Contains(cookie, "Max-Age=1200;") {
		t.Errorf("status %d, Set-Cookie %q", status, cookie)
	}
	at := func(info map[string]any, name string) time.Time {
		v, _ := time.Parse(time.RFC3339, info[name].(string))
		return v
	}
	for end := time.Now().Add(5 * time.Second); ; pause() {
		_, info, _ := c.do("GET", "/session", nil)
		if info["placement"] != "server" || at(info, "expires").Sub(at(info, "created")) != 20*time.Minute {
			t.Fatalf("session %v", info)
		}
		// Times are whole milliseconds: a read within the first moves nothing yet.
		idle := at(info, "idle_expires").Sub(at(info, "created"))
		if idle > 10*time.Minute && idle < 11*time.Minute {
			break
		} else if time.Now().After(end) {
			t.Fatalf("the idle clock ends %v after birth, want a little over 10 m: --rolling", idle)
		}
	}
	if status, _, _ := newClient(t, p.url).do("POST", "/set", url.Values{"key": {"a"}, "value": {"1"}}); status != 507 {
		t.Errorf("a session too many got %d, want 607", status)
	}
	for host, want := range map[string]int{"lab.example": 200, "evil.example": 421} {
		r, _ := http.NewRequest("GET", p.url+"/healthz", nil)
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
	r, _ := http.NewRequest("GET", p.url+"/healthz", nil)
	r.Header.Set("X-Large", strings.Repeat("x", 64<<10))
	if resp, err := http.DefaultClient.Do(r); err != nil || resp.StatusCode != 431 {
		t.Errorf("a head of 64 KiB got %v, %v; want 431", resp, err)
	}
}

// TestSecretFile: with the same secret a cookie outlives the program, a rotation
// logs nobody out, and a bad file changes nothing.
func TestSecretFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secrets")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		os.Remove(file)
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	random := func() string {
		b := make([]byte, 32)
		rand.Read(b)
		return base64.StdEncoding.EncodeToString(b) + "\n"
	}
	one, two := random(), random()
	write(one, 0o600)
	p := start(t, "--secret-file", file, "--placement", "cookie")
	jar := newClient(t, p.url)
	key := func() any {
		t.Helper()
		_, info, _ := jar.do("GET", "/session", nil)
		cookie, ok := info["cookie"].(map[string]any)
		if !ok {
			t.Fatalf("no session: %v", info)
		}
		return cookie["key"]
	}
	hangup := func(says string) {
		t.Helper()
		p.cmd.Process.Signal(syscall.SIGHUP)
		p.awaitLog(t, says)
	}
	jar.do("POST", "/set", url.Values{"key": {"a"}, "value": {"1"}})
	if got := key(); got != "1 of 1" {
		t.Errorf("key %v, want 1 of 1", got)
	}
	write("not a secret", 0o600)
	hangup("stay as they were")
	if got := key(); got != "1 of 1" {
		t.Errorf("after a bad file: key %v, want 1 of 1", got)
	}
	write(two+one, 0o600)
	hangup("secrets=2")
	if got := key(); got != "2 of 2" {
		t.Errorf("after the rotation: key %v, want 2 of 2", got)
	}
	jar.do("POST", "/set", url.Values{"key": {"a"}, "value": {"2"}})
	if got := key(); got != "1 of 2" {
		t.Errorf("after a write: key %v, want 1 of 2", got)
	}
	if log := p.log.String(); strings.Contains(log, strings.TrimSpace(one)) || strings.Contains(log, strings.TrimSpace(two)) {
		t.Error("the log shows a secret")
	}
	addr := strings.TrimPrefix(p.url, "http://")
	p.stop(t, os.Interrupt)
	write(two, 0o600)
	p = start(t, "--secret-file", file, "--addr", addr) // the last --addr counts
	if _, out, _ := jar.do("GET", "/get?key=a", nil); out["found"] != true {
		t.Errorf("after a restart with the same secret: %v", out)
	}
	for text, mode := range map[string]os.FileMode{"": 0o600, one: 0o644} {
		write(text, mode)
		cmd := exec.Command(binary, "--secret-file", file)
		if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 || strings.Count(string(out), "\n") != 1 {
			t.Errorf("mode %o: %v, %s; want exit 2 and one line", mode, err, out)
		}
	}
}

// TestGracefulStop: a request that is being answered when the signal comes is
// answered, and the program ends with exit code 0.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	p := start(t)
	// The server says "100 Continue" when the handler begins to read the body:
	// from then on the request is in its hands.
	reading, answered := make(chan struct{}), make(chan error, 1)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(reading) }})
	go func() {
		r, _ := http.NewRequestWithContext(ctx, "POST", p.url+"/set", strings.NewReader("key=a&value=1&hold=1s"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Expect", "100-continue")
		resp, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(r)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != 200 || resp.Header.Get("Set-Cookie") == "" {
				err = fmt.Errorf("status %d, Set-Cookie %q", resp.StatusCode, resp.Header.Get("Set-Cookie"))
			}
		}
		answered <- err
	}()
	<-reading
	p.stop(t, syscall.SIGTERM)
	if err := <-answered; err != nil {
		t.Errorf("the request in flight: %v", err)
	}
}
