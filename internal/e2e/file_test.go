package e2e

import (
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/session"
)

// refused runs the program, which must exit with code and print one line that contains says.
func refused(t *testing.T, cmd *exec.Cmd, code int, says string) {
	t.Helper()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(patience, func() { cmd.Process.Kill() }) // it serves
	cmd.Wait()
	kill.Stop()
	if got := cmd.ProcessState.ExitCode(); got != code || strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), says) {
		t.Errorf("%v: exit %d, %s; want %d and one line with %q", cmd.Args[1:], got, &out, code, says)
	}
}

// sqliteCommand returns the command for a program that keeps its sessions in file.
func sqliteCommand(file string, args ...string) *exec.Cmd {
	return exec.Command(binary, append([]string{"--addr", "127.0.0.1:0", "--store", "sqlite:" + file}, args...)...)
}

// put sets a value that lives on the server. want is the status of the answer.
func (c *client) put(key string, want int) {
	c.t.Helper()
	if status, out, _ := c.do("POST", "/set", url.Values{"key": {key}, "value": {"1"}, "placement": {"server"}}); status != want {
		c.t.Errorf("set %s: %d %v, want %d", key, status, out, want)
	}
}

// has checks whether the session has a value under key.
func (c *client) has(key string, want bool) {
	c.t.Helper()
	if status, out, _ := c.do("GET", "/get?key="+key, nil); status != 200 || out["found"] != want {
		c.t.Errorf("get %s: %d, found %v, want %v", key, status, out["found"], want)
	}
}

// during runs the program while do runs.
func during(t *testing.T, cmd *exec.Cmd, do func()) {
	t.Helper()
	p := startCommand(t, cmd)
	do()
	p.stop(t, os.Interrupt)
}

// shell runs SQL on a database file that no program has open.
func shell(t *testing.T, file, query string) {
	t.Helper()
	conn, err := sqlite.OpenConn(file, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlitex.ExecuteScript(conn, query, nil), conn.Close()); err != nil {
		t.Fatal(err)
	}
}

// files returns the names of the files in a folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// When the database file or its write-ahead log is removed or renamed, the program answers
// 503 from the next request on, at /healthz too, and logs that once. Writes that it had
// acknowledged before survive a kill, unless the file itself was removed.
func TestFileTakenAway(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps the names of open files")
	}
	for _, test := range []struct {
		name   string
		remove []string
		rename bool
	}{
		{"everything removed", []string{"", "-wal", "-shm"}, false},
		{"renamed", nil, true},
		{"the log removed", []string{"-wal"}, false},
		{"the log's index removed", []string{"-shm"}, false},
		{"log and index removed", []string{"-wal", "-shm"}, false},
	} {
		for _, durability := range []string{"full", "batched"} {
			t.Run(test.name+", "+durability, func(t *testing.T) {
				t.Parallel()
				file := filepath.Join(t.TempDir(), "s.db")
				p := startCommand(t, sqliteCommand(file, "--durability", durability))
				p.log.expectOutage()
				c := newClient(t, p.url)
				c.put("before", 200)
				for _, suffix := range test.remove {
					if err := os.Remove(file + suffix); err != nil {
						t.Fatal(err)
					}
				}
				if test.rename {
					if err := os.Rename(file, file+".old"); err != nil {
						t.Fatal(err)
					}
				}
				c.wantOutage(p)
				p.kill()
				if test.name == "everything removed" {
					return
				}
				if test.rename {
					if err := os.Rename(file+".old", file); err != nil {
						t.Fatal(err)
					}
				}
				startCommand(t, sqliteCommand(file, "--addr", p.addr()))
				c.has("before", true)
				c.has("after", false)
				c.has("later", false)
				c.put("again", 200)
			})
		}
	}
}

// wantOutage wants a 503 to each request, and one line in the log that says why.
func (c *client) wantOutage(p *program) {
	c.t.Helper()
	c.put("after", 503)
	for _, path := range []string{"/get?key=before", "/healthz", "/session"} {
		if status, out, _ := c.do("GET", path, nil); status != 503 {
			c.t.Errorf("%s: %d %v", path, status, out)
		}
	}
	c.put("later", 503)
	said := func() int { return strings.Count(p.log.String(), "no session is read or saved") }
	if !until(func() bool { return strings.Contains(p.log.String(), "status=503") && said() > 0 }) || said() != 1 {
		c.t.Errorf("the log says not once what happened:\n%s", p.log.String())
	}
}

// A second program on the same file is refused, whatever name it uses for the file, also
// when somebody has removed FILE.lock. A refused program leaves no file behind, and neither
// does one that ends.
func TestOneFileOneProgram(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("for Linux")
	}
	dir := t.TempDir()
	real := filepath.Join(dir, "real", "s.db")
	other := filepath.Join(dir, "other")
	for _, err := range []error{
		os.Mkdir(filepath.Dir(real), 0o700), os.Mkdir(other, 0o700),
		os.Symlink(real, filepath.Join(other, "link.db")), // to a file that is not there yet
		os.Symlink("link.db", filepath.Join(other, "link to the link")),
		os.Symlink(filepath.Dir(real), filepath.Join(dir, "folder")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p := startCommand(t, sqliteCommand(filepath.Join(other, "link.db")))
	c := newClient(t, p.url)
	c.put("a", 200)
	if err := os.Link(real, filepath.Join(other, "hard.db")); err != nil {
		t.Fatal(err)
	}
	relative := sqliteCommand("./s.db")
	relative.Dir = filepath.Dir(real)
	names := func() []string { return slices.Concat(files(t, other), files(t, filepath.Dir(real))) }
	second := func() {
		t.Helper()
		before := names()
		refused(t, sqliteCommand(real), 1, "another Sessionscope is using it")
		refused(t, sqliteCommand(filepath.Join(other, "link.db")), 1, "another Sessionscope is using it")
		refused(t, sqliteCommand(filepath.Join(other, "link to the link")), 1, "another Sessionscope is using it")
		refused(t, sqliteCommand(filepath.Join(dir, "folder", "s.db")), 1, "another Sessionscope is using it")
		refused(t, sqliteCommand(filepath.Join(other, "hard.db")), 1, "another Sessionscope is using it")
		cmd := *relative
		refused(t, &cmd, 1, "another Sessionscope is using it")
		if after := names(); !slices.Equal(before, after) {
			t.Errorf("%v became %v", before, after)
		}
	}
	second()
	if err := os.Remove(real + ".lock"); err != nil {
		t.Fatal(err)
	}
	second()
	if out, err := exec.Command("sqlite3", real, "UPDATE sessions SET version = version + 1").CombinedOutput(); err == nil {
		t.Log("the shell writes beside it")
	} else if !strings.Contains(err.Error(), "not found") {
		t.Errorf("the shell: %v, %s", err, out)
	}
	c.put("b", 200)
	p.stop(t, os.Interrupt)
	if names := names(); slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, ".lock") }) {
		t.Errorf("after the end: %v", names)
	}
	startCommand(t, sqliteCommand(filepath.Join(other, "hard.db"), "--addr", p.addr())) // the control
	c.has("b", true)
}

// linked is a database with a session, its secret, and two other names for the database.
type linked struct {
	*testing.T
	file, link, hard string
	secret           string
	addr             string // of the programs, since a cookie's name has the port
	*client
}

// newLinked runs a program on a link to a database that is not there yet, sets "a", and stops
// the program.
func newLinked(t *testing.T) *linked {
	t.Helper()
	dir := t.TempDir()
	l := &linked{T: t, file: filepath.Join(dir, "s.db"), link: filepath.Join(dir, "link.db"), hard: filepath.Join(t.TempDir(), "hard.db")}
	l.secret = l.file + ".secret"
	if err := os.Symlink(l.file, l.link); err != nil {
		t.Skip(err)
	}
	p := startCommand(t, sqliteCommand(l.link))
	l.addr, l.client = p.addr(), newClient(t, p.url)
	l.put("a", 200)
	p.stop(t, os.Interrupt)
	if err := os.Link(l.file, l.hard); err != nil {
		t.Fatal(err)
	}
	return l
}

// on runs a program on that name of the database while do runs.
func (l *linked) on(name string, do func(), args ...string) {
	l.T.Helper()
	during(l.T, sqliteCommand(name, append([]string{"--addr", l.addr}, args...)...), do)
}

// check fails the test if err is not nil.
func (l *linked) check(err error) {
	l.T.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// Through a symbolic or hard link the program finds the secret of the file itself, so that
// cookies stay valid. With live sessions in the file, it refuses to start without that secret
// or with another one, and makes no new secret.
func TestSecretBelongsToTheFile(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	for _, name := range []string{l.file, l.hard, l.link} {
		l.on(name, func() { l.has("a", true) })
	}
	noSecretBeside := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if _, err := os.Lstat(name + ".secret"); err == nil {
				t.Errorf("%s has a secret of its own", name)
			}
		}
	}
	noSecretBeside(l.link, l.hard)
	l.check(os.Rename(l.secret, l.secret+".away"))
	for _, name := range []string{l.file, l.hard, l.link} {
		refused(t, sqliteCommand(name), 2, "put it back")
		noSecretBeside(name)
	}
	l.check(session.MakeSecret(l.secret))
	refused(t, sqliteCommand(l.file), 2, "not the secret that signed")
}

// A secret given by --secret-file may rotate. So may the one beside the file, if the old one
// stands below the new one.
func TestSecretOfAFileRotates(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	l.check(os.Rename(l.secret, l.secret+".away"))
	l.check(session.MakeSecret(l.secret))
	l.on(l.file, func() { l.has("a", false) }, "--secret-file", l.secret)
	l.on(l.file, func() { l.has("a", true) }, "--secret-file", l.secret+".away")
	old, err := os.ReadFile(l.secret + ".away")
	l.check(err)
	newer, err := os.ReadFile(l.secret)
	l.check(err)
	l.check(os.WriteFile(l.secret, slices.Concat(newer, old), 0o600))
	l.on(l.file, func() {
		l.has("a", true)
		l.put("b", 200) // it signs with the new secret
		l.check(os.WriteFile(l.secret, newer, 0o600))
	})
	l.on(l.file, func() { l.has("b", true) })
}

// A copy of the file from before a logout is put back. With its old secret it opens the session, as
// internal/store/README.md says, and with a new one it does not.
func TestCopyFromBeforeALogout(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	copied, err := os.ReadFile(l.file)
	l.check(err)
	base := must(url.Parse(l.base))
	kept := l.http.Jar.Cookies(base)
	open := func(found bool, args ...string) {
		t.Helper()
		l.http.Jar.SetCookies(base, kept)
		l.on(l.file, func() { l.has("a", found) }, args...)
	}
	l.on(l.file, func() { l.do("POST", "/flush", url.Values{}) })
	open(false)
	l.check(os.WriteFile(l.file, copied, 0o600))
	open(true)
	l.check(os.WriteFile(l.file, copied, 0o600))
	other := filepath.Join(t.TempDir(), "secret")
	l.check(session.MakeSecret(other))
	open(false, "--secret-file", other)
}

// A missing secret is refused when the file has recorded one, even without live sessions in
// it: sessions with placement cookie may be left. A file that records no secret, as an older
// version's, takes the one beside it or beside a link to it, or gets a new one.
func TestFileWithoutItsSecret(t *testing.T) {
	t.Parallel()
	l := newLinked(t)
	l.check(os.Remove(l.secret))
	shell(t, l.file, `UPDATE sessions SET expires = created`)
	refused(t, sqliteCommand(l.file), 2, "is missing")
	shell(t, l.file, `DROP TABLE secret`)
	l.on(l.file, func() { l.put("c", 200) })
	if _, err := os.Lstat(l.secret); err != nil {
		t.Error(err)
	}
	shell(t, l.file, `DROP TABLE secret`)
	l.on(l.file, func() { l.has("c", true) })
	shell(t, l.file, `DROP TABLE secret`)
	l.check(os.Rename(l.secret, l.link+".secret"))
	l.on(l.link, func() { l.has("c", true) })
	l.on(l.file, func() { l.has("c", true) })
}

// A program that was killed leaves its last writes in the write-ahead log beside the name by
// which it had the file open. Under another name the file is refused: those writes would be
// missing, and would later overwrite newer ones.
func TestLogStaysBehind(t *testing.T) {
	t.Parallel()
	for name, give := range map[string]func(from, to string) error{"hard link": os.Link, "moved": os.Rename} {
		dir := t.TempDir()
		file, other := filepath.Join(dir, "s.db"), filepath.Join(dir, "other.db")
		p := startCommand(t, sqliteCommand(file))
		c := newClient(t, p.url)
		c.put("a", 200)
		p.kill()
		if err := give(file, other); err != nil {
			t.Skip(err)
		}
		refused(t, sqliteCommand(other), 1, "its last writes lie in")
		if name == "moved" {
			if err := os.Rename(file+"-wal", other+"-wal"); err != nil {
				t.Fatal(err)
			}
			file = other
		}
		p = startCommand(t, sqliteCommand(file, "--addr", p.addr()))
		c.has("a", true)
		p.stop(t, os.Interrupt)
	}
}
