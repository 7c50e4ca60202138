package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// If this fails, a command is not known, or variables with rubbish in them stop it.
func TestCommands(t *testing.T) {
	rubbish := func(string) string { return "rubbish" }
	for args, want := range map[string]Config{
		"man":                   {Command: "man"},
		"completion bash":       {Command: "completion", Shell: "bash"},
		"completion zsh":        {Command: "completion", Shell: "zsh"},
		"completion fish":       {Command: "completion", Shell: "fish"},
		"completion powershell": {Command: "completion", Shell: "powershell"},
	} {
		got, err := Parse(strings.Fields(args), rubbish, &strings.Builder{})
		if err != nil {
			t.Errorf("%s: %v", args, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
		var out strings.Builder
		if err := got.Print(&out, "v1.0.0", "2026-11-27"); err != nil || strings.Count(out.String(), "\n") < 50 {
			t.Errorf("%s: %v, it prints %q", args, err, out.String())
		}
	}
	for _, args := range []string{"--version", "man --help", "completion -h", "completion bash --help"} {
		var out strings.Builder
		cfg, err := Parse(strings.Fields(args), rubbish, &out)
		if helped := errors.Is(err, ErrHelp) && strings.Contains(out.String(), "Usage: "); !helped && !cfg.Version || cfg.Command != "" {
			t.Errorf("%s: %v, %+v", args, err, cfg)
		}
	}
}

// If this fails, a command is taken where none may stand, or is refused in words that do not
// help.
func TestCommandsAreRefused(t *testing.T) {
	const four = ": bash, zsh, fish or powershell"
	for _, test := range []struct{ args, want string }{
		{"completion", "completion needs a SHELL" + four},
		{"completion tcsh", `invalid SHELL "tcsh" for completion` + four},
		{"completion Bash", `invalid SHELL "Bash" for completion` + four},
		{"completion --open", `invalid SHELL "--open" for completion` + four},
		{"completion bash zsh", `unexpected argument "zsh": completion takes one SHELL`},
		{"completion bash --open", `unexpected argument "--open": completion takes one SHELL`},
		{"man man", `unexpected argument "man": man takes no argument`},
		{"man --open", `unexpected argument "--open": man takes no argument`},
		{"--open man", `unexpected argument "man": sessionscope takes flags, or completion or man as its first argument`},
		{"help", `unexpected argument "help": write --help`},
		{"version", `unexpected argument "version": write --version`},
		{"-- man", `unexpected argument "man": `},
		{"--secret-file man completion bash", `unexpected argument "completion": `},
		{"serve", `unexpected argument "serve": sessionscope takes flags, or completion or man as its first argument`},
	} {
		cfg, err := Parse(strings.Fields(test.args), func(string) string { return "" }, &strings.Builder{})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || cfg.Command != "" {
			t.Errorf("%s: %v, %q; want one line with %q", test.args, err, cfg.Command, test.want)
		}
	}
}
