//go:build unix

package e2e

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	flagName = regexp.MustCompile(`(?:^| )--([a-z-]+)`)
)

// shownCommands returns the commands that README.md shows: the lines of its blocks, each with the lines
// that go on in quotes and without the && that leads to the next one, and of the texts in backticks what has a space, begins with a dot or is task. It
// leaves out the block of the flags and transcripts, which have tests of their own, and the flags among
// the texts, which it returns apart.
func shownCommands(text string) (commands, flags []string) {
	var prose strings.Builder
	block, open := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case block == "" && strings.HasPrefix(line, "```"):
			block = line
		case block == "":
			prose.WriteString(line + "\n")
		case line == "```":
			block = ""
		case block == "```" && open == "" && strings.HasPrefix(line, "  --"):
			block = "flags"
		case block == "```console", block == "flags":
		default:
			if open += strings.TrimSuffix(line, " &&"); strings.Count(open, `"`)%2 == 1 {
				open += "\n"
				continue
			}
			commands, open = append(commands, open), ""
		}
	}
	for _, span := range codeSpan.FindAllStringSubmatch(prose.String(), -1) {
		switch text := span[1]; {
		case strings.HasPrefix(text, "--"):
			flags = append(flags, text)
		case strings.Contains(text, " "), strings.HasPrefix(text, "."), text == "task":
			commands = append(commands, text)
		}
	}
	return commands, flags
}

// Each command that README.md shows is one of readmeCommands, which runs it or says why it cannot be run
// here, and each of these is shown. The flags that it speaks of are flags of the program.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	commands, flags := shownCommands(readme(t))
	for _, command := range commands {
		if _, known := readmeCommands[command]; !known {
			t.Errorf("README.md shows a command that no test runs: put it into readmeCommands.\n%s", command)
		}
	}
	help, err := exec.Command(binary, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, span := range flags {
		for _, name := range flagName.FindAllStringSubmatch(span, -1) {
			if !strings.Contains(string(help), "\n  --"+name[1]) && name[1] != "help" {
				t.Errorf("README.md speaks of %s, and the program has no --%s", span, name[1])
			}
		}
	}
	for command, is := range readmeCommands {
		if !slices.Contains(commands, command) {
			t.Errorf("README.md shows no more: %s", command)
			continue
		}
		if is.run == nil && is.why == "" {
			t.Errorf("nothing runs, and nothing says why not: %s", command)
		}
		if is.run != nil {
			t.Run(command[:min(len(command), 50)], func(t *testing.T) {
				t.Parallel()
				is.run(t, command)
			})
		}
	}
}

// If this fails, a command can stand in README.md unseen.
func TestShownCommands(t *testing.T) {
	t.Parallel()
	text := "Run `task` or `./sessionscope`, with `--open`; `hybrid` and `key` are words.\n```\ngo run . # `a b` &&\nsql \"\n  SELECT 1\"\n```\n```\n  --addr HOST\n    \twhere\n\nCommands:\n\n  man\n```\n```console\n$ curl x\n{}\n```\nThen `kill -HUP 1`.\n"
	commands, flags := shownCommands(text)
	if want := []string{"go run . # `a b`", "sql \"\n  SELECT 1\"", "task", "./sessionscope", "kill -HUP 1"}; !slices.Equal(commands, want) {
		t.Errorf("commands %q, want %q", commands, want)
	}
	if !slices.Equal(flags, []string{"--open"}) {
		t.Errorf("flags %q", flags)
	}
}
