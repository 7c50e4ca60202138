package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
)

// What was asked for is no error: a script that asks for the version, the help or a completion
// goes on, and variables with rubbish in them do not stop it.
func TestVersionAndHelp(t *testing.T) {
	t.Parallel()
	for args, begins := range map[string]string{
		"--version": "sessionscope ", "--help": "Sessionscope ", "man": ".TH SESSIONSCOPE 1 ", "completion bash": "# The completion of sessionscope for bash",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, binary, strings.Fields(args)...)
		cmd.Env = append(os.Environ(), "SESSIONSCOPE_ADDR=rubbish")
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil || !strings.HasPrefix(stdout.String(), begins) || stderr.String() != "" {
			t.Errorf("%s: %v, stdout %.99q, stderr %q", args, err, stdout.String(), stderr.String())
		}
	}
}

// Each flag of the command line reaches the part of the program that it is for.
func TestFlagsReachTheProgram(t *testing.T) {
	t.Parallel()
	p := start(t, "--placement", "server", "--idle", "10m", "--lifetime", "20m", "--max-sessions", "1", "--allow-host", "lab.example", "--rolling")
	c := newClient(t, p.url)
	status, _, resp := c.do("POST", "/set", url.Values{"key": {"a"}, "value": {"1"}})
	port := p.port()
	if cookie := resp.Header.Get("Set-Cookie"); status != 200 || !strings.HasPrefix(cookie, "sessionscope-"+port+"=") || !strings.Contains(cookie, "Max-Age=1200;") {
		t.Errorf("status %d, Set-Cookie %q", status, cookie)
	}
	var idle time.Duration
	if !until(func() bool { // times are whole milliseconds: a read within the first moves nothing yet
		_, info, _ := c.do("GET", "/session", nil)
		after := func(name string) time.Duration {
			created, _ := time.Parse(time.RFC3339, info["created"].(string))
			end, _ := time.Parse(time.RFC3339, info[name].(string))
			return end.Sub(created)
		}
		if info["placement"] != "server" || after("expires") != 20*time.Minute {
			t.Fatalf("session %v", info)
		}
		idle = after("idle_expires")
		return idle > 10*time.Minute
	}) {
		t.Errorf("reads with --rolling: the idle clock ends %v after birth, want over 10 m", idle)
	}
	if status, _, _ := newClient(t, p.url).do("POST", "/set", url.Values{"key": {"a"}, "value": {"1"}}); status != 507 {
		t.Errorf("a session too many got %d, want 507", status)
	}
	wantHosts(t, p.url, map[string]int{"lab.example": 200, "evil.example": 421})
	r, _ := http.NewRequest("GET", p.url+"/healthz", nil)
	r.Header.Set("X-Large", strings.Repeat("x", 64<<10))
	if resp, err := http.DefaultClient.Do(r); err != nil || resp.StatusCode != 431 {
		t.Errorf("a head of 64 KiB got %v, %v; want 431", resp, err)
	}
}

// With the same secret a cookie outlives the program, a rotation logs nobody out, and a bad
// file changes nothing.
func TestSecretFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secrets")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(file), os.WriteFile(file, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	one, two := freshSecret(), freshSecret()
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
	addr := p.addr()
	p.stop(t, os.Interrupt)
	write(two, 0o600)
	start(t, "--secret-file", file, "--addr", addr) // the last --addr counts
	jar.has("a", true)
	for text, mode := range map[string]os.FileMode{"": 0o600, one: 0o644} {
		write(text, mode)
		refused(t, exec.Command(binary, "--secret-file", file), 2, "")
	}
}

// A request that is being answered when SIGTERM comes is answered to its end, and the
// program exits with 0.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	p := start(t)
	// The server sends "100 Continue" when the handler begins to read the body: from then on
	// the request is in flight.
	reading, answered := make(chan struct{}), make(chan error, 1)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(reading) }})
	go func() {
		r, _ := http.NewRequestWithContext(ctx, "POST", p.url+"/set", strings.NewReader("key=a&value=1&hold=1s"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Expect", "100-continue")
		resp, err := (&http.Transport{ExpectContinueTimeout: patience}).RoundTrip(r)
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

// The built program names each Go module that is inside, with its version, and has its own
// licence with it.
func TestBinaryShowsItsLicences(t *testing.T) {
	t.Parallel()
	resp, err := http.Get(start(t).url + "/about")
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	modules, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	echo := regexp.MustCompile(`github.com/labstack/echo/v4 (v\S+)`).FindStringSubmatch(string(modules))
	for _, want := range []string{"https://pkg.go.dev/github.com/labstack/echo/v4@" + echo[1] + "?tab=licenses", "https://pkg.go.dev/modernc.org/sqlite@", "The Sessionscope authors", "Zero-Clause BSD"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// made is a file under web/ as browsers get it: a file of others as it is, one of the program's own made
// small, a script as a block.
func made(t *testing.T, name string, file []byte) []byte {
	m := minify.New()
	m.AddFunc(".css", css.Minify)
	m.AddFunc(".js", js.Minify)
	ext := filepath.Ext(name)
	switch {
	case strings.HasPrefix(name, "third-party/"), ext == ".svg":
		return file
	case ext == ".js":
		file = slices.Concat([]byte("{\n"), file, []byte("\n}"))
	}
	small, err := m.Bytes(ext, file)
	if err != nil {
		t.Fatal(err)
	}
	return small
}

// The built program contains each file under web/ that its page names: its answer has the
// bytes of the file, made small.
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
		if want = made(t, name, want); resp.StatusCode != 200 || !bytes.Equal(got, want) {
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
