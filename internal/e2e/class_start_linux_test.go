package e2e

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A class that cannot be opened ends the program with one line that says why.
func TestRefusedClass(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(file+".class", bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, sqliteCommand(file, "--classroom"), 3, "a.db.class")
	refused(t, exec.Command(binary, "--classroom", "--addr", "203.0.113.9:0"), 1, "203.0.113.9")
}

// With --classroom the lab stays on loopback, and other machines get the class only, by this
// machine's addresses and names. A name of the network does not reach the lab: whoever on the
// network claims it would be taken for the lab itself by this machine's browser.
func TestClassOnNetwork(t *testing.T) {
	t.Parallel()
	lan := lanAddress(t)
	if lan == "" {
		t.Skip("this machine has no network")
	}
	p := startCommand(t, exec.Command(binary, "--classroom", "--addr", "0.0.0.0:0", "--join-host", "Class.example"))
	class := "http://" + net.JoinHostPort(lan, p.port())
	for _, test := range []struct {
		address, host string
		want          int
	}{
		{p.url + "/", "", 200},
		{p.url + "/", "class.example:" + p.port(), 421},
		{class + "/", "", 303},
		{class + "/", "class.example:" + p.port(), 303},
		{class + "/", "evil.example:" + p.port(), 421},
		{class + "/classroom?key=x", "", 303},
		{class + "/session", "", 303},
		{class + "/healthz", "", 200},
	} {
		resp := get(t, test.address, test.host)
		if resp.StatusCode != test.want || test.want == 303 && resp.Header.Get("Location") != "/join" {
			t.Errorf("%s as %q: %d to %q, want %d", test.address, test.host, resp.StatusCode, resp.Header.Get("Location"), test.want)
		}
	}
	if p.stop(t, os.Interrupt); strings.Contains(p.log.String(), "route=") {
		t.Errorf("requests are logged that nobody asked to log:\n%s", p.log)
	}
}

// Open a class on the lab lets the network in, and no further than to where one joins: beside a
// lab on loopback, and in place of one that was open to all.
func TestOpenClassFromLab(t *testing.T) {
	t.Parallel()
	lan := lanAddress(t)
	if lan == "" {
		t.Skip("this machine has no network")
	}
	for addr, open := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		p := startCommand(t, exec.Command(binary, "--addr", addr))
		at := net.JoinHostPort(lan, p.port())
		if conn, err := net.Dial("tcp", at); (err == nil) != open {
			t.Errorf("%s: without a class other machines get %v", addr, err)
		} else if err == nil {
			conn.Close()
		}
		if resp := send(t, "POST", p.url+"/classroom/begin", ""); resp.StatusCode != 303 {
			t.Fatalf("%s: Open a class: %d", addr, resp.StatusCode)
		}
		if resp := get(t, "http://"+at+"/", ""); resp.StatusCode != 303 || resp.Header.Get("Location") != "/join" {
			t.Errorf("%s: in class other machines get %d", addr, resp.StatusCode)
		}
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write([]byte{0x16, 3, 1})
		if answer, err := io.ReadAll(conn); len(answer) != 0 || os.IsTimeout(err) {
			t.Errorf("%s: https got %q, %v", addr, answer, err)
		}
		if p.stop(t, os.Interrupt); strings.Contains(p.log.String(), "method=GET") {
			t.Errorf("%s: requests of the class are logged:\n%s", addr, p.log)
		}
	}
}

// --open in a class leads this user's browser to the board through a file, which is gone once
// it was used. The link stands on no command line.
func TestOpenClass(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opener := "#!/bin/sh\nstat -c '%a %n' \"${1#file://}\" >mode.part && cat \"${1#file://}\" >>mode.part && mv mode.part mode\n"
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(opener), 0o700); err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "--classroom", "--open", "--addr", "127.0.0.1:0")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+tmp, "PATH="+dir+":"+os.Getenv("PATH"))
	p := startCommand(t, cmd)
	var opened string
	if !until(func() bool { b, err := os.ReadFile(filepath.Join(dir, "mode")); opened = string(b); return err == nil }) {
		t.Fatal("no browser was opened")
	}
	if !strings.HasPrefix(opened, "600 "+tmp+"/") {
		t.Errorf("the browser was given:\n%s", opened)
	}
	_, path, _ := strings.Cut(opened, p.url+"/classroom?key=")
	key, _, _ := strings.Cut(path, `"`)
	if resp := get(t, p.url+"/classroom?key="+key, ""); resp.StatusCode != 303 {
		t.Errorf("the link in the file: %d, want 303", resp.StatusCode)
	}
	if !until(func() bool { left, err := os.ReadDir(tmp); return err == nil && len(left) == 0 }) {
		t.Error("the file outlives its use")
	}
}
