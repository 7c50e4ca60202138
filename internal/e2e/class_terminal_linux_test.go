package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The terminal of a class says where it is joined, and gives a link to the board only when
// Enter is pressed: nothing on a screen that is mirrored makes somebody the teacher. Ctrl+D
// ends that, and not the program.
func TestTerminalOfClass(t *testing.T) {
	t.Parallel()
	w := openWindow(t, `exec "$BIN" --classroom --addr 127.0.0.1:0`)
	w.await("Enter: a link to the board")
	if lanAddress(t) != "" && !strings.Contains(w.screen(), "▀▀▀▀▀") {
		t.Errorf("the screen shows no code:\n%s", w.screen())
	}
	if strings.Contains(w.screen(), "key=") {
		t.Errorf("the screen shows a link that nobody asked for:\n%s", w.screen())
	}
	w.key("\r")
	link := w.await(`(http://127\.0\.0\.1:\S+/classroom\?key=\w+)`)
	resp := get(t, link, "")
	if cookie := resp.Header.Get("Set-Cookie"); resp.StatusCode != 303 || !strings.Contains(cookie, "-teacher=") {
		t.Errorf("the link: %d, %q", resp.StatusCode, cookie)
	}
	if resp := get(t, link, ""); resp.StatusCode != 403 {
		t.Errorf("the link for a second time: %d, want 403", resp.StatusCode)
	}
	w.key("\x04")
	if err := ask(w.url); err != nil {
		t.Error(err)
	}
	w.key("\x03")
	if !until(func() bool { return !w.running() }) {
		t.Error("Ctrl+C does not end the program")
	}
}

// A class in the background does not get what is typed at its terminal. It goes on, instead of
// being stopped by the signal that tells it so.
func TestClassInBackground(t *testing.T) {
	t.Parallel()
	w := openWindow(t, `set -m; "$BIN" --classroom --addr 127.0.0.1:0 & wait`)
	ignores := func() bool {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid))
		_, after, _ := strings.Cut(string(status), "SigIgn:")
		mask, _ := strconv.ParseUint(strings.Fields(after + " 0")[0], 16, 64)
		return mask&(1<<(syscall.SIGTTIN-1)) != 0
	}
	if !until(ignores) {
		t.Fatalf("the program does not read its terminal:\n%s", w.screen())
	}
	w.key("\r")
	if err := ask(w.url); err != nil {
		t.Error(err)
	}
	if strings.Contains(w.screen(), "key=") {
		t.Errorf("it read what was typed for the shell:\n%s", w.screen())
	}
}

// get asks for an address under another Host, "" for its own, and follows no redirect.
func get(t *testing.T, address, host string) *http.Response {
	t.Helper()
	return send(t, "GET", address, host)
}

// send sends a request without a body, under another Host, "" for its own. It follows no
// redirect.
func send(t *testing.T, method, address, host string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}
