package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A database name such as ~/x.db or :memory: means here what it means to other programs, or is refused.
// No file appears in the working directory or at the root.
func TestStoreNames(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("HOME is not Windows'")
	}
	home := t.TempDir()
	command := func(store string, env ...string) *exec.Cmd {
		cmd := exec.Command(binary, "--addr", "127.0.0.1:0", "--store", store)
		cmd.Dir = t.TempDir()
		t.Cleanup(func() {
			if left := files(t, cmd.Dir); left != nil {
				t.Errorf("%s: %v lies in the working directory", store, left)
			}
		})
		cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
			return strings.HasPrefix(v, "HOME=") || strings.HasPrefix(v, "XDG_STATE_HOME=")
		}), env...)
		return cmd
	}
	for store, file := range map[string]string{"sqlite:~/x.db": "x.db", "sqlite": ".local/state/sessionscope/sessions.db"} {
		p := startCommand(t, command(store, "HOME="+home))
		line, _ := p.stdout.Peek(p.stdout.Buffered()) // both lines come at once
		if want := "It keeps sessions in " + filepath.Join(home, file) + "\n"; string(line) != want {
			t.Errorf("%s: the second line is %q, want %q", store, line, want)
		}
		p.stop(t, os.Interrupt)
		if _, err := os.Stat(filepath.Join(home, file)); err != nil {
			t.Error(err)
		}
	}
	refused(t, command("sqlite:~other/x.db", "HOME="+home), 2, "your own home folder")
	for _, store := range []string{"sqlite::memory:", "sqlite:file:x.db?mode=memory"} {
		refused(t, command(store, "HOME="+home), 2, "--store memory")
	}
	for _, store := range []string{"sqlite", "sqlite:~/x.db"} {
		refused(t, command(store), 2, "HOME")
		refused(t, command(store, "HOME=here"), 2, "HOME")
	}
	if _, err := os.Lstat("/.local"); err == nil {
		t.Error("/.local was made")
	}
	p := startCommand(t, command("sqlite", "XDG_STATE_HOME="+home))
	p.stop(t, os.Interrupt)
}

// Whatever is wrong at the start, a refused program leaves the database's folder as it was.
func TestRefusedStartLeavesNoFile(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	weak := filepath.Join(t.TempDir(), "weak")
	if err := os.WriteFile(weak, []byte("weak\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, file, content string
		code                int
		args                []string
	}{
		{"a port in use", "", "", 1, []string{"--addr", busy.Addr().String()}},
		{"a weak secret", "", "", 2, []string{"--secret-file", weak}},
		{"no database", "s.db", strings.Repeat("text\n", 1000), 3, nil},
		{"a log and no database", "s.db-wal", "log", 3, nil},
		{"a weak secret beside it", "s.db.secret", "weak\n", 2, nil},
	} {
		dir := t.TempDir()
		want := []string(nil)
		if test.file != "" {
			want = []string{test.file}
			if err := os.WriteFile(filepath.Join(dir, test.file), []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, sqliteCommand(filepath.Join(dir, "s.db"), test.args...), test.code, "")
		if got := files(t, dir); !slices.Equal(got, want) {
			t.Errorf("%s: %v lies there, want %v", test.name, got, want)
		}
	}
}
