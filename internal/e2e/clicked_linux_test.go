package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// clicker is a user who double-clicks the program in a file manager, with a browser that notes what
// it is to open.
type clicker struct {
	runtime string // the folder of the user's running programs
	env     []string
	opened  string // the file of the notes
}

func newClicker(t *testing.T) clicker {
	t.Helper()
	home := t.TempDir()
	c := clicker{runtime: filepath.Join(home, "run"), opened: filepath.Join(home, "opened")}
	opener := "#!/bin/sh\necho \"$1\" >>" + c.opened + "\n"
	for _, err := range []error{os.Mkdir(c.runtime, 0o700), os.WriteFile(filepath.Join(home, "xdg-open"), []byte(opener), 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c.env = []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + c.runtime, "DISPLAY=:99", "PATH=" + home}
	return c
}

// click is the command of a double click: without arguments and terminal, and with a display.
func (c clicker) click() *exec.Cmd {
	cmd := exec.Command(binary)
	cmd.Env, cmd.SysProcAttr = c.env, &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// awaitOpened waits until the browser was asked to open these addresses.
func (c clicker) awaitOpened(t *testing.T, want ...string) {
	t.Helper()
	var got string
	if !until(func() bool {
		text, _ := os.ReadFile(c.opened)
		got = string(text)
		return got == strings.Join(want, "\n")+"\n"
	}) {
		t.Fatalf("the browser was to open %q, want %q", got, want)
	}
}

// A double click opens the lab, and another one opens its page again and ends. After a crash the next one
// starts the program anew. Quit answers with the last page, and ends the program; nothing of it is left.
func TestDoubleClick(t *testing.T) {
	t.Parallel()
	c := newClicker(t)
	crashed := startCommand(t, c.click())
	c.awaitOpened(t, crashed.url)
	crashed.kill()
	p := startCommand(t, c.click())
	c.awaitOpened(t, crashed.url, p.url)
	if out, err := c.click().CombinedOutput(); err != nil || !strings.Contains(string(out), p.url) {
		t.Errorf("the second double click ended with %v: %s", err, out)
	}
	c.awaitOpened(t, crashed.url, p.url, p.url)
	resp, err := http.Post(p.url+"/quit", "application/x-www-form-urlencoded", nil)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || !strings.HasSuffix(strings.TrimSpace(string(page)), "</html>") || !strings.Contains(string(page), "Sessionscope has ended.") {
		t.Errorf("Quit: %v, status %d\n%s", err, resp.StatusCode, page)
	}
	select {
	case err := <-p.waited:
		if p.waited = nil; err != nil {
			t.Errorf("after Quit the program ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Quit does not end the program")
	}
	if left, err := os.ReadDir(c.runtime); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A program in a terminal, or of a service, has no Quit and opens no browser.
func TestNoDoubleClick(t *testing.T) {
	t.Parallel()
	c := newClicker(t)
	cmd := c.click()
	cmd.Env = append(cmd.Env, "SESSIONSCOPE_ADDR=127.0.0.1:0")
	p := startCommand(t, cmd)
	if resp := send(t, "POST", p.url+"/quit", ""); resp.StatusCode != 404 {
		t.Errorf("POST /quit: %d", resp.StatusCode)
	}
	p.stop(t, os.Interrupt)
	if text, err := os.ReadFile(c.opened); err == nil {
		t.Errorf("the browser was to open %s", text)
	}
	if left, err := os.ReadDir(c.runtime); err != nil || len(left) > 0 {
		t.Errorf("files of a double click: %v, %v", left, err)
	}
}
