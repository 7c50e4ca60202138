package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// The Linux program is one file and needs nothing of the machine: in a folder that is empty but for
// the program there is no /tmp, /etc, /dev or /proc, no home, no terminal and no variable. There a
// class is held in it, its first lesson is done, and an experiment of each section. Where it may not
// write a file, the experiments that need one say so.
func TestBareChroot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("chroot needs root")
		}
		t.Skip("chroot needs root")
	}
	archive := archived(t)
	for _, test := range []struct {
		name string
		uid  uint32
		mode os.FileMode // of the folder, which is root's
		addr string
	}{{"writable", 0, 0o755, ":0"}, {"read-only", 65534, 0o555, "localhost:0"}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := enter(t, archive, test.addr, test.uid, test.mode)
			var all sync.WaitGroup
			defer all.Wait()
			for slug, form := range map[string]string{"two-clocks": "", "stores-through-a-restart": "store=sqlite", "log-out-then-replay": "", "matrix": ""} {
				all.Go(func() { c.runs(slug, form, test.uid == 0) })
			}
			c.lesson()
			c.class()
		})
	}
}

// chroot is the program in its folder, with a class that is open.
type chroot struct {
	testing.TB
	url string
}

// enter starts the program of the archive in a folder of its own. At the end of the test the folder has nothing but
// the program again.
func enter(t *testing.T, archive string, addr string, uid uint32, mode os.FileMode) *chroot {
	t.Helper()
	dir := t.TempDir()
	// By tar, and not by this process: a program that another test starts meanwhile would inherit the open
	// file, and Linux starts no program whose file is open for writing.
	tar := exec.Command("tar", "-xzf", archive, "-C", dir, "--strip-components=1", "--wildcards", "*/sessionscope")
	if out, err := tar.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "/sessionscope", "--classroom", "--addr", addr)
	cmd.Dir, cmd.Env, cmd.Stderr = "/", []string{}, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Setsid: true, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, 10*time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &chroot{TB: t}
	said := bufio.NewReader(stdout)
	line, err := said.ReadString('\n')
	for _, word := range strings.Fields(line) {
		if strings.HasPrefix(word, "http://") {
			c.url = word
		}
	}
	go io.Copy(io.Discard, said)
	t.Cleanup(func() { // t.Context has ended
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("the program ended with %v", err)
		}
		if text := log.String(); strings.Count(text, "\n") != strings.Count(text, "an experiment could not be done") || uid == 0 && text != "" {
			t.Errorf("the program has complained: %s", text)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 1 {
			t.Errorf("the folder has %v, %v; want the program only", left, err)
		}
	})
	if c.url == "" {
		t.Fatalf("the program said %q, %v", line, err)
	}
	return c
}

// runs runs an experiment. Without a folder that can be written, one over SQLite fails and says why, and
// the matrix leaves out the rows that need files.
func (c *chroot) runs(slug, form string, writable bool) {
	b := newReader(c.TB)
	chosen, err := url.ParseQuery(form)
	if err != nil {
		c.Error(err)
		return
	}
	var run struct {
		Run, State, Error, Verdict string
		Happened                   int
		Tables                     []struct{ Rows [][]string }
	}
	b.json(c.url+"/experiments/"+slug+"/run", chosen, &run)
	for run.State == "running" {
		b.json(c.url+"/experiments/"+slug+"/result", url.Values{"run": {run.Run}}, &run)
	}
	const why = "it needs a folder for its files, and none can be made in /tmp: no such file or directory, in /: permission denied. TMPDIR names another place for them"
	switch {
	case !writable && strings.Contains(form, "sqlite"):
		if run.State != "failed" || !strings.Contains(run.Error, why) {
			c.Errorf("%s in a folder that cannot be written: %s %q", slug, run.State, run.Error)
		}
	case run.State != "ended" || run.Verdict == "":
		c.Errorf("%s: %s %q", slug, run.State, run.Error)
	case slug == "matrix":
		missing := 0
		for _, row := range run.Tables[0].Rows {
			if strings.Contains(row[1], "no folder") {
				missing++
			}
		}
		if want := map[bool]int{true: 0, false: 4}[writable]; missing != want || (run.Happened != 0) != writable || strings.Contains(run.Verdict, "no folder can be made") != (want > 0) {
			c.Errorf("%d rows have no folder, want %d; prediction %d came true: %s", missing, want, run.Happened, run.Verdict)
		}
	}
}

// lesson does the first lesson, and reads on the page that each step is done.
func (c *chroot) lesson() {
	b := newReader(c.TB)
	b.load(http.MethodGet, c.url+"/", nil)
	for n, step := range [][]string{
		{"Get"}, {"Set"}, {"peel"}, {"Send the copy"}, {"Pin a copy", "Flush", "Replay"}, {"Set", "Expire in", "Clear expired"},
	} {
		for _, label := range step {
			switch label {
			case "Expire in":
				b.press(label, "seconds", "-1")
			default:
				b.press(label)
			}
		}
		done := 0
		for n := range b.page.Descendants() {
			if n.Type == html.ElementNode && n.Data == "li" && strings.Contains(" "+attribute(n, "class")+" ", " done ") {
				done++
			}
		}
		if done != n+1 {
			c.Fatalf("after %q %d steps are done: %s", step, done, b.says("guide"))
		}
	}
	if hint := b.says("guide-hint"); !strings.Contains(hint, "All six steps are done") {
		c.Errorf("at the end the lesson says %q", hint)
	}
}

// class seats a learner, and asks, takes the answer and reveals.
func (c *chroot) class() {
	teacher, learner := newReader(c.TB), newReader(c.TB)
	teacher.load(http.MethodGet, c.url+"/", nil)
	teacher.press("The board")
	var joined struct{ Nickname, URL string }
	at := network(c.url)
	learner.json(at+"/join", url.Values{}, &joined)
	var answer any
	teacher.json(c.url+"/classroom/open", url.Values{"slug": {"missing-is-not-an-error"}}, &answer)
	learner.json(at+joined.URL+"class/answer", url.Values{"prediction": {"2"}}, &answer)
	learner.load(http.MethodGet, at+joined.URL, nil)
	learner.press("Set")
	teacher.json(c.url+"/classroom/reveal", url.Values{}, &answer)
	var board struct {
		Seats    []struct{ Nickname string }
		Question struct {
			Phase, Failed string
			Result        struct {
				Counts   []int
				Happened int
				Verdict  string
			}
		}
	}
	for end := time.Now().Add(time.Minute); board.Question.Phase != "revealed" && board.Question.Failed == "" && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		teacher.json(c.url+"/classroom", nil, &board)
	}
	r := board.Question.Result
	if len(board.Seats) != 1 || board.Seats[0].Nickname != joined.Nickname || len(r.Counts) != 3 || r.Counts[1] != 1 || r.Happened != 2 || r.Verdict == "" {
		c.Errorf("the board says %+v", board)
	}
}

// network returns the address of the class on this machine's network, or on loopback without one.
func network(lab string) string {
	at, err := url.Parse(lab)
	if err != nil {
		return lab
	}
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return "http://" + net.JoinHostPort(n.IP.String(), at.Port())
		}
	}
	return lab
}
