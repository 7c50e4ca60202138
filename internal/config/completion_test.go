package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// script returns the completion for shell, and a file that has it.
func script(t *testing.T, shell string) (text, file string) {
	t.Helper()
	var out strings.Builder
	if err := Completion(&out, shell); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), CompletionFile(shell))
	if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return out.String(), file
}

// wantValues has what a completion offers for each flag.
func wantValues() map[string][]string {
	want := map[string][]string{"help": nil}
	for _, f := range Flags {
		want[f.Name] = nil
		if f.Value == "" && !f.Command {
			want[f.Name] = []string{"true", "false"}
		}
		for _, word := range slices.Concat(f.Choices, f.Begins) {
			want[f.Name] = append(want[f.Name], strings.TrimSuffix(word, "FILE"))
		}
	}
	return want
}

// If this fails, a script lacks a flag, a value, a command or a shell, or offers what the
// program does not know. Bash is asked itself, by TestBash.
func TestCompletionHasTheTable(t *testing.T) {
	for shell, form := range map[string]struct{ flag, values, twice, joined string }{
		"zsh":        {`(?m)^    '\*?--([a-z-]+)(.*)'$`, `:\(([a-z ]+)\)$`, `'\*--([a-z-]+)=`, "bash zsh fish powershell"},
		"fish":       {`(?m)^complete .* -l ([a-z-]+)(.*) -d `, `-a '([a-z:/ ]+)`, `'__sessionscope_takes' -l ([a-z-]+) `, "bash zsh fish powershell"},
		"powershell": {`(?m)^        '--([a-z-]+)' = (.*)$`, `^('[a-z]+:?(?:', '[a-z]+[:/]*)+')$`, `\$repeats = @\('--([a-z-]+)'\)`, "'bash', 'zsh', 'fish', 'powershell'"},
	} {
		text, _ := script(t, shell)
		text, _, _ = strings.Cut(text, "$files = ") // of PowerShell: what comes before the name of a file
		got := map[string][]string{}
		for _, row := range regexp.MustCompile(form.flag).FindAllStringSubmatch(text, -1) {
			words := got[row[1]]
			if values := regexp.MustCompile(form.values).FindStringSubmatch(row[2]); values != nil {
				words = append(words, strings.FieldsFunc(values[1], func(r rune) bool { return strings.ContainsRune(" ',", r) })...)
			}
			got[row[1]] = words
		}
		if shell == "zsh" { // which has a function for values that go on
			for _, word := range regexp.MustCompile(`compadd "\$@".* - '(.+)' &&`).FindAllStringSubmatch(text, -1) {
				got["store"] = append(got["store"], word[1])
			}
		}
		if diff := cmp.Diff(wantValues(), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", shell, diff)
		}
		for _, f := range Flags {
			if twice := regexp.MustCompile(form.twice).FindStringSubmatch(text); f.Repeats != (len(twice) > 0 && twice[1] == f.Name) {
				t.Errorf("%s: may --%s be given twice? %t; the script has %q", shell, f.Name, f.Repeats, twice)
			}
		}
		if !strings.Contains(text, form.joined) {
			t.Errorf("%s does not offer %s", shell, form.joined)
		}
		for _, c := range Commands {
			if !regexp.MustCompile(`(?m)^.*\b` + c.Name + `\b.*print the `).MatchString(text) {
				t.Errorf("%s has no command %s", shell, c.Name)
			}
		}
	}
}

// If this fails, a script does not begin with how to install it, or a shell that is on this
// machine cannot read it.
func TestCompletionIsRead(t *testing.T) {
	reads := map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"}}
	for _, shell := range Shells {
		t.Run(shell, func(t *testing.T) {
			text, file := script(t, shell)
			head := strings.SplitN(strings.TrimPrefix(text, "#compdef sessionscope\n"), "\n", 3)
			if !strings.HasPrefix(head[0], "# The completion of sessionscope for ") || !strings.Contains(head[1], "sessionscope completion "+shell) {
				t.Errorf("it begins with %q", head[:2])
			}
			if strings.ContainsFunc(text, func(r rune) bool { return r > '~' }) {
				t.Error("it has letters that Windows PowerShell may read as others")
			}
			command := reads[shell]
			if command == nil {
				return // no shell of this kind only reads a file
			}
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skipf("no %s on this machine: its text is checked, and %s has not read it", shell, shell)
			}
			if out, err := exec.Command(command[0], append(command[1:], file)...).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	if err := Completion(&strings.Builder{}, "tcsh"); err == nil {
		t.Error("there is a completion for tcsh")
	}
}

// If this fails, text of the table ends a word of a shell too early.
func TestQuotes(t *testing.T) {
	const hostile = `it's a \ [x] "y" ’ $z`
	for name, got := range map[string][2]string{
		"zsh":        {zshQuote(hostile), `'it'\''s a \ [x] "y" ’ $z'`},
		"zsh's spec": {zshSpec(offered{Flag: Flag{Name: "a", Value: "X:Y"}, Short: hostile}), `'--a=[it'\''s a \\ \[x\] "y" ’ $z]:X\:Y: '`},
		"fish":       {fishQuote(hostile), `'it\'s a \\ [x] "y" ’ $z'`},
		"powershell": {psQuote(hostile), `'it''s a \ [x] "y" ’’ $z'`},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %s, want %s", name, got[0], got[1])
		}
	}
}

// If this fails, what the head of fish's script says fails for who has completed nothing before.
func TestHeadOfFish(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh on this machine")
	}
	text, _ := script(t, "fish")
	line := regexp.MustCompile(`(?m)^# (.*>~/.*)$`).FindStringSubmatch(text)
	if line == nil {
		t.Fatal("the head has no command")
	}
	home := t.TempDir()
	command := exec.Command("sh", "-c", "sessionscope() { echo \"$*\"; }\n"+line[1])
	command.Env = append(os.Environ(), "HOME="+home)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v, %s", line[1], err, out)
	}
	if got, err := os.ReadFile(filepath.Join(home, ".config/fish/completions/sessionscope.fish")); err != nil || string(got) != "completion fish\n" {
		t.Errorf("%q, %v", got, err)
	}
}
