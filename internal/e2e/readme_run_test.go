//go:build unix

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// readmeCommand is what is done with a command of README.md.
type readmeCommand struct {
	run func(t *testing.T, command string) // runs it, and compares what comes out with what README.md says
	why string                             // why that cannot be done here; run, if there is one, checks what can be
}

const (
	onWindows = "it is for Windows"
	onMacOS   = "it is for macOS"
	needsGH   = "it needs gh and a release on GitHub"
	published = "it needs the published module"
	itself    = "the tests that this test is one of"
	forMan    = "it needs man, and shows what the tests of internal/config read"
	ofRedis   = "a setting of Redis, which the tests of internal/store/redis have"
)

// readmeCommands are all commands in README.md.
var readmeCommands = map[string]readmeCommand{
	"go run .":                         {run: goRun},
	"./sessionscope":                   {run: serves},
	"./sessionscope --classroom":       {run: serves},
	`.\sessionscope.exe`:               {why: onWindows},
	"go test ./...":                    {why: itself},
	testCommand:                        {run: isTestCommand, why: itself},
	"task --list":                      {why: "it needs Task, which the tests may run without"},
	"task build":                       {run: isTask},
	"task bench":                       {run: isTask},
	"task load":                        {run: isTask},
	"task figures":                     {run: isTask},
	"go run " + module + "@latest":     {run: isModule, why: published},
	"go install " + module + "@latest": {run: isModule, why: published},
	"sha256sum -c --ignore-missing SHA256SUMS":     {run: comparesBytes("linux")},
	"shasum -a 256 -c --ignore-missing SHA256SUMS": {run: comparesBytes("macos")},
	verify("sessionscope_*_linux_*.tar.gz"):        {why: needsGH},
	verify("sessionscope_*_macos_*.tar.gz"):        {why: needsGH},
	verify("(Resolve-Path sessionscope_*.zip)"):    {why: needsGH},
	unpack("linux"): {run: unpacks("linux")},
	unpack("macos"): {run: unpacks("macos")},
	"xattr -d com.apple.quarantine sessionscope": {why: onMacOS},
	`foreach ($f in Get-FileHash sessionscope_*.zip) { "$([bool](Select-String $f.Hash SHA256SUMS)) $($f.Path)" }`:    {why: onWindows},
	`Expand-Archive (Resolve-Path sessionscope_*.zip) . ; & (Resolve-Path sessionscope_*\sessionscope.exe) --version`: {why: onWindows},
	"man -l sessionscope.1":          {why: forMan},
	"~/Library/Application Support":  {why: "a folder"},
	".cdx.json":                      {why: "the end of the name of a file"},
	"curl -i localhost:8080/healthz": {run: isHealthy},
	"(umask 077; head -c 32 /dev/urandom | base64 >secrets)": {run: makesSecret},
	sqliteCommandShown: {run: readsSQLite},
	`redis-cli --scan --pattern 'ssc:s:*' | while read -r key; do echo "$key"; redis-cli hgetall "$key"; done`: {run: readsRedis},
	"appendonly yes":     {why: ofRedis},
	"appendfsync always": {why: ofRedis},
	leastRights:          {run: allows},
}

const (
	module      = "github.com/sessionscope/sessionscope"
	testCommand = "go run github.com/go-task/task/v3/cmd/task@v3.45.4 test"
	leastRights = "ACL SETUSER sessionscope on >PASSWORD resetkeys ~ssc:s:* ~{ssc}:* ~experiment:* ~{experiment:* ~class:* ~{class:* resetchannels -@all +@connection +@hash +@sortedset +@scripting -@dangerous +del +exists +pexpire +info +cluster|slots"

	sqliteCommandShown = `sqlite3 -box ~/.local/state/sessionscope/sessions.db "
  SELECT substr(key, 1, 8) AS id, version, datetime(created / 1000, 'unixepoch', 'localtime') AS created,
         datetime(expires / 1000, 'unixepoch', 'localtime') AS expires, data
  FROM sessions WHERE marker = 0 ORDER BY expires"`
)

func verify(file string) string {
	return "gh attestation verify " + file + " --repo sessionscope/sessionscope"
}

func unpack(system string) string {
	return strings.ReplaceAll("tar xzf sessionscope_*_SYSTEM_*.tar.gz && sessionscope_*_SYSTEM_*/sessionscope --version", "SYSTEM", system)
}

// inShell is the command in a shell, in the folder dir.
func inShell(t *testing.T, name, dir, command string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(path, "-c", command)
	cmd.Dir = dir
	return cmd
}

// goRun has go build and start the program in the checkout, and looks whether it prints its address.
func goRun(t *testing.T, command string) {
	cmd := inShell(t, "sh", root, "exec "+command)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "SESSIONSCOPE_ADDR=127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	for b := make([]byte, 1000); !strings.Contains(said.String(), "http://127.0.0.1:"); {
		n, err := out.Read(b)
		if said.Write(b[:n]); err != nil {
			t.Errorf("it said %q", said.String())
			break
		}
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) // as Ctrl+C, which both get: go, and the program that it has started
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != 1 { // 1 is go's own, after an interrupt
		t.Errorf("after Ctrl+C: %v", cmd.ProcessState)
	}
}

// serves starts the built program as the file sessionscope of a folder. startCommand waits for its address.
func serves(t *testing.T, command string) {
	dir := t.TempDir()
	if err := os.Symlink(binary, filepath.Join(dir, "sessionscope")); err != nil {
		t.Fatal(err)
	}
	cmd := inShell(t, "sh", dir, "exec "+command)
	cmd.Env = append(os.Environ(), "SESSIONSCOPE_ADDR=127.0.0.1:0")
	if p := startCommand(t, cmd); !strings.HasPrefix(p.url, "http://127.0.0.1:") {
		t.Errorf("it is at %s", p.url)
	}
}

// isTestCommand: .ci/run has the same command.
func isTestCommand(t *testing.T, command string) {
	if run, err := os.ReadFile(root + "/.ci/run"); err != nil || !strings.HasSuffix(strings.TrimSpace(string(run)), "\nexec "+command) {
		t.Errorf(".ci/run has another one: %v\n%s", err, run)
	}
}

func isTask(t *testing.T, command string) {
	name := strings.TrimPrefix(command, "task ")
	if tasks, err := os.ReadFile(root + "/Taskfile.yml"); err != nil || !strings.Contains(string(tasks), "\n  "+name+":\n    desc: ") {
		t.Errorf("Taskfile.yml has no task %s: %v", name, err)
	}
}

func isModule(t *testing.T, command string) {
	if mod, err := os.ReadFile(root + "/go.mod"); err != nil || !strings.HasPrefix(string(mod), "module "+module+"\n") {
		t.Errorf("go.mod names another module: %v", err)
	}
}

// download returns a folder with an archive for the system and SHA256SUMS of a whole release. In the archive
// is a script instead of the program, which it starts.
func download(t *testing.T, system string) (dir, archive string) {
	t.Helper()
	dir = t.TempDir()
	folder := "sessionscope_1.0.0_" + system + "_amd64"
	script := "#!/bin/sh\nexec '" + binary + "' \"$@\"\n"
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	files := tar.NewWriter(zipped)
	err := files.WriteHeader(&tar.Header{Name: folder + "/sessionscope", Mode: 0o755, Size: int64(len(script)), Typeflag: tar.TypeReg})
	_, err2 := files.Write([]byte(script))
	err = errors.Join(err, err2, files.Close(), zipped.Close())
	archive = filepath.Join(dir, folder+".tar.gz")
	sums := fmt.Sprintf("%x  sessionscope_1.0.0_windows_amd64.zip\n%x  %s\n%x  %s.cdx.json\n",
		sha256.Sum256([]byte("another")), sha256.Sum256(packed.Bytes()), filepath.Base(archive), sha256.Sum256([]byte("a list")), folder)
	if err := errors.Join(err, os.WriteFile(archive, packed.Bytes(), 0o644), os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums), 0o644)); err != nil {
		t.Fatal(err)
	}
	return dir, archive
}

var shells = []string{"sh", "bash"} // sh is dash on Debian

// comparesBytes: the command says OK of a whole archive, FAILED of one with another byte, and fails where
// there is none.
func comparesBytes(system string) func(*testing.T, string) {
	return func(t *testing.T, command string) {
		if _, err := exec.LookPath(strings.Fields(command)[0]); err != nil {
			t.Skip(err) // shasum is a part of perl
		}
		dir, archive := download(t, system)
		packed, err := os.ReadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range shells {
			out, err := inShell(t, name, dir, command).Output()
			if want := filepath.Base(archive) + ": OK\n"; err != nil || string(out) != want {
				t.Errorf("%s, the archive as it is: %v, %q; want %q", name, err, out, want)
			}
		}
		packed[len(packed)/2] ^= 1
		if err := os.WriteFile(archive, packed, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := inShell(t, "sh", dir, command).Output(); err == nil || !strings.Contains(string(out), "FAILED") {
			t.Errorf("with another byte: %v, %q", err, out)
		}
		if err := os.Remove(archive); err != nil {
			t.Fatal(err)
		}
		if out, err := inShell(t, "sh", dir, command).Output(); err == nil {
			t.Errorf("without an archive: %q", out)
		}
	}
}

// unpacks: the program comes out of the archive, and prints version and Go version.
func unpacks(system string) func(*testing.T, string) {
	return func(t *testing.T, command string) {
		for _, name := range shells {
			dir, _ := download(t, system)
			if out, err := inShell(t, name, dir, command).Output(); err != nil || !regexp.MustCompile(`^sessionscope \S+.* go1\.\S+\n$`).Match(out) {
				t.Errorf("%s: %v, %q", name, err, out)
			}
		}
	}
}

func isHealthy(t *testing.T, command string) {
	out, err := inShell(t, "sh", t.TempDir(), strings.Replace(command, "8080", start(t).port(), 1)).Output()
	if err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 200 OK") || !strings.Contains(string(out), `{"status":"ok"`) {
		t.Errorf("%v, %s", err, out)
	}
}

// makesSecret: the program takes the file that the command makes.
func makesSecret(t *testing.T, command string) {
	dir := t.TempDir()
	if out, err := inShell(t, "sh", dir, command).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	start(t, "--secret-file", filepath.Join(dir, "secrets"))
}

// readsSQLite sends the command's SQL to a file that the program has open, where the command looks for it,
// and has sqlite3 run all of it where that is installed.
func readsSQLite(t *testing.T, command string) {
	home := t.TempDir()
	cmd := exec.Command(binary, "--addr", "127.0.0.1:0", "--store", "sqlite")
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=")
	p := startCommand(t, cmd)
	_, answer, _ := newClient(t, p.url).do("POST", "/set", setForm("name", "Rahim"))
	id, _ := answer["session"].(map[string]any)["id"].(string)
	_, query, _ := strings.Cut(command, `"`)
	db, err := sqlite.OpenConn(filepath.Join(home, ".local", "state", "sessionscope", "sessions.db"), sqlite.OpenReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows := 0
	err = sqlitex.ExecuteTransient(db, strings.TrimSuffix(query, `"`), &sqlitex.ExecOptions{ResultFunc: func(row *sqlite.Stmt) error {
		rows++
		if row.GetText("id") != id || row.GetInt64("version") != 1 || !strings.HasPrefix(row.GetText("created"), "20") {
			t.Errorf("id %s, version %d, created %s; want the id %s", row.GetText("id"), row.GetInt64("version"), row.GetText("created"), id)
		}
		return nil
	}})
	if err != nil || rows != 1 {
		t.Errorf("%d rows, %v", rows, err)
	}
	if _, err := exec.LookPath("sqlite3"); err == nil {
		tool := inShell(t, "sh", home, command)
		tool.Env = cmd.Env
		if out, err := tool.CombinedOutput(); err != nil || !strings.Contains(string(out), id) {
			t.Errorf("sqlite3: %v\n%s", err, out)
		}
	}
}

// readsRedis: the command prints the name and the fields of each session.
func readsRedis(t *testing.T, command string) {
	server := redistest.Start(t)
	p := start(t, redisFlags(t, server)...)
	newClient(t, p.url).do("POST", "/set", setForm("name", "Rahim"))
	command = strings.ReplaceAll(command, "redis-cli", "redis-cli -p "+server.Port)
	out, err := inShell(t, "sh", t.TempDir(), command).Output()
	want := regexp.MustCompile(`^ssc:s:[0-9a-f]{64}\n(?s:.*)\bcreated\n\d{13}\n`)
	if err != nil || !want.Match(out) || !strings.Contains(string(out), `"Rahim"`) {
		t.Errorf("%v, %s", err, out)
	}
	for _, field := range []string{"created", "expires", "version", "data", "marker"} {
		if !strings.Contains(string(out), "\n"+field+"\n") {
			t.Errorf("no field %s: %s", field, out)
		}
	}
}

// allows: with these rights, and its password, the program serves from Redis.
func allows(t *testing.T, command string) {
	server := redistest.Start(t)
	out, err := inShell(t, "sh", t.TempDir(), "redis-cli -p "+server.Port+" "+regexp.MustCompile(`\S+`).ReplaceAllString(command, "'$0'")).CombinedOutput()
	if err != nil || string(out) != "OK\n" {
		t.Fatalf("%v, %s", err, out)
	}
	flags := redisFlags(t, server)
	flags[1] = strings.Replace(flags[1], "redis://", "redis://sessionscope:PASSWORD@", 1)
	if status, answer, _ := newClient(t, start(t, flags...).url).do("POST", "/set", setForm("name", "Rahim")); status != http.StatusOK {
		t.Error(status, answer)
	}
}
