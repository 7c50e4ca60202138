//go:build unix

package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// If this fails, bash offers something else than it should, or puts it into the line at the
// wrong place. The real bash edits lines here: Meta-* inserts all that Tab would offer.
func TestBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no bash: its completion has not been tried")
	}
	_, file := script(t, "bash")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"my secrets": "", "sub/x.db": "",
		// What a line has become, word by word. Nothing of the session of whoever runs this is touched.
		"rc": "set -u; HISTFILE=; PS1=; PS2=; source '" + file + "'; sessionscope() { printf '%s|' \"$@\"; echo; }\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var lines, got strings.Builder
	var want []string
	for _, test := range bashLines(dir) {
		lines.WriteString("sessionscope " + test.typed + "\n")
		want = append(want, test.want)
	}
	cmd := exec.CommandContext(t.Context(), bash, "--noprofile", "--rcfile", filepath.Join(dir, "rc"), "-i")
	cmd.Dir, cmd.Stdin, cmd.Stdout = dir, strings.NewReader(lines.String()), &got
	cmd.Env = []string{"TERM=dumb", "HOME=" + dir, "INPUTRC=/dev/null", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interactive bash would take the terminal
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	var words []string
	for line := range strings.Lines(got.String()) {
		words = append(words, strings.ReplaceAll(strings.TrimSuffix(line, "|\n"), "|", " "))
	}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// bashLines are what is typed after the name of the program, and the words that the line has then.
func bashLines(dir string) []struct{ typed, want string } {
	const tab, all = "\t", "\x1b*"
	return []struct{ typed, want string }{
		{all, bashFlags("", "completion man")},
		{"--seats 3 " + all, "--seats 3 " + bashFlags("--seats", "")},
		{"--pl" + tab, "--placement"},
		{"--placement " + all, "--placement cookie hybrid server"},
		{"--placement h" + tab, "--placement hybrid"},
		{"--placement=h" + tab, "--placement=hybrid"},
		{"--placement=" + all, "--placement=cookie hybrid server"},
		{"--durability " + all, "--durability batched full"},
		{"--log-format=" + all, "--log-format=json text"},
		{"--open=" + all, "--open=false true"},
		{"--log-requests=f" + tab, "--log-requests=false"},
		{"--open --o" + tab, "--open --o"},
		{"--open=false --o" + tab, "--open=false --o"},
		{"--placement cookie --pl" + tab, "--placement cookie --pl"},
		{"--allow-host a --allow" + tab, "--allow-host a --allow-host"},
		{"--join-host --o" + tab, "--join-host --o"},
		{"--join-host --open --o" + tab, "--join-host --open --open"},
		{"--seats " + all, "--seats"},
		{"--addr 127.0.0.1:80" + tab, "--addr 127.0.0.1:80"},
		{"--store " + all, "--store memory redis:// rediss:// sqlite sqlite: unix://"},
		{"--store rediss" + tab + "a", "--store rediss://a"},
		{"--store sqlite:su" + tab + "x" + tab, "--store sqlite:sub/x.db"},
		{"--store=sqlite:./su" + tab + "x" + tab, "--store=sqlite:./sub/x.db"},
		{"--store=unix://" + dir + "/su" + tab + "x" + tab, "--store=unix://" + dir + "/sub/x.db"},
		{"--secret-file my" + tab, "--secret-file my secrets"},
		{"--secret-file=my" + tab, "--secret-file=my secrets"},
		{"-- --o" + tab, "-- --o"},
		{"comp" + tab, "completion"},
		{"completion " + all, "completion bash fish powershell zsh"},
		{"completion z" + tab, "completion zsh"},
		{"completion bash " + all, "completion bash"},
		{"man --" + all, "man --"},
		{"--open " + "ma" + tab, "--open ma"},
		{"--pl --open\x1bb\x02\x02\x02" + tab, "--placement --open"}, // in the middle of a line
	}
}

// bashFlags returns all flags but one, and the words that are offered beside them, as bash
// sorts them.
func bashFlags(given, others string) string {
	var flags []string
	for name := range wantValues() {
		if "--"+name != given {
			flags = append(flags, "--"+name)
		}
	}
	slices.Sort(flags)
	return strings.TrimSpace(strings.Join(flags, " ") + " " + others)
}
