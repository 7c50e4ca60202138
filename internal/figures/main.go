// Figures measures what the READMEs say of the program's size, time and memory, one thing after the other,
// and writes it into them. It needs Linux, Chromium, Redis and a quiet machine, for eight minutes.
//
//	task figures -- [-short | -write] [PART …]
//
// Begin with parts: the commands that measure, and what is taken out of what they print. A part that is
// named is measured by itself, and the others stay as they are in figures.json, each with its date and
// commit. figures.tmpl has the words around the numbers.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// part is what is measured together.
type part struct {
	name     string
	commands []command
}

// command prints figures. Each named group of finds is a figure, with a value for each line that matches.
type command struct {
	full, short string
	finds       []string
}

// parts are in the order in which they are measured: what disturbs the machine longest comes last.
var parts = []part{
	{"start", []command{{"go -C internal/bench run . -start 20", "go -C internal/bench run . -start 2", []string{
		`(?P<starts>\d+) starts with each store. The program has (?P<size>[\d.]+ MB)`, `\| memory \| (?P<memory>\d+ ms)`,
		`\| SQLite \| (?P<sqlite>\d+ ms)`, `\| Redis \| (?P<redis>\d+ ms)`, `\| \w+ \| \d+ ms \| (?P<slowest>\d+ ms) \| (?P<resident>\d+ MB)`}}}},
	{"page", []command{{"go test -count=1 -v -run '^(TestFirstVisit|TestPressToSettled)$' ./internal/e2e", "", []string{
		`a first visit: (?P<visit>\d+ bytes)`, `press to settled page: median (?P<press>\d+ ms).*, of (?P<presses>\d+)`}}}},
	{"runs", []command{
		{"go test -count=1 -v -run '^TestMedianRun$' ./internal/app", "", []string{`median of (?P<experiments>\d+): (?P<run>\S+)`, ` matrix: (?P<matrix>\S+)`}},
		{"go test -count=5 -v -run '^TestFiftyInstancesAtOnce$' ./internal/app", "", []string{`started in (?P<begin>[^,\s]+), ended in (?P<end>[^;\s]+); heap \+(?P<heap>[\d.]+ MiB)`}}}},
	{"engine", []command{
		{"go test -run '^$' -bench '^Benchmark$' -benchmem ./internal/session", "go test -run '^$' -bench '^Benchmark$' -benchmem -benchtime 100x ./internal/session", []string{
			`/read/\S+\s+\d+\s+(?P<read>[\d.]+ ns/op).* (?P<readallocs>\d+) allocs`, `/write/server\S*\s+\d+\s+(?P<write>[\d.]+ ns/op).* (?P<writeallocs>\d+) allocs`,
			`/write/(?:cookie|hybrid)\S*\s+\d+\s+(?P<signed>[\d.]+ ns/op).* (?P<signedallocs>\d+) allocs`}},
		{"go test -run '^$' -bench '^Benchmark(Million|ClearThousand)$' -benchtime 5x ./internal/store/memory", "go test -run '^$' -bench '^Benchmark(Million|ClearThousand)$' -benchtime 1x ./internal/store/memory", []string{
			`Million\S*\s.* (?P<session>[\d.]+) B/session`, `ClearThousand\S*\s+\d+\s+(?P<clear>[\d.]+ ns/op)`}}}},
	{"million", []command{{"go -C internal/bench run . -million 1000000", "go -C internal/bench run . -million 10000", []string{`(?P<sessions>\d+) sessions in \d+ s: (?P<memory>\d+ MB)`}}}},
	{"class", []command{{"go run ./internal/load -after 30s", "go run ./internal/load -seats 20 -seconds 3 -after 1s", []string{
		`(?P<seats>\d+) learners, (?P<rate>\S+) presses a second each, for (?P<seconds>\d+ s)`, `a press, p50 \| (?P<press>[\d.]+ ms)`, `a press, p99 \| (?P<press99>[\d.]+ ms)`,
		`sending to board, p50 \| (?P<board>[\d.]+ ms)`, `sending to board, p99 \| (?P<board99>[\d.]+ ms)`, `\(VmHWM\) \| (?P<memory>\d+ MB)`,
		`goroutines (?P<rest>\S+) after all left`, `CPU time of the program (?P<cpu>[\d.]+ ms) a press`}}}},
	{"requests", []command{{"go -C internal/bench run . -rounds 5 -seconds 1", "go -C internal/bench run . -rounds 1 -seconds 0.1", []string{
		`(?m)^\| (?P<name>[^|]+) \| (?P<read>[\d ]+) \| (?P<readto>[\d.]+) \| (?P<write>[\d ]+) \| (?P<writeto>[\d.]+) \|`,
		"memory, `server` \\| (?P<memoryread>[\\d ]+) \\| [^|]+ \\| (?P<memorywrite>[\\d ]+) \\|", "SQLite durable, `server` \\| [\\d ]+ \\| [^|]+ \\| (?P<sqlitewrite>[\\d ]+) \\|",
		`(?P<connections>\d+) connections, (?P<clients>\d+) sessions; medians of (?P<rounds>\d+) rounds of (?P<seconds>[\d.]+ s)`}}}},
}

// disturbed is what internal/bench says when its figures are not to be trusted.
const disturbed = "something else ran there"

func main() {
	short := flag.Bool("short", false, "measure everything as shortly as may be, and print what the READMEs would say: they stay as they are")
	again := flag.Bool("write", false, "measure nothing, and write the READMEs as figures.tmpl has them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *short, *again, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

// run measures the parts of these names, without any all of them, and writes the READMEs. Again, it only
// writes them.
func run(ctx context.Context, short, again bool, names []string) error {
	known, err := load(".")
	if err != nil {
		return err
	}
	measured := 0
	for _, p := range parts {
		if again || len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		measured++
		if known[p.name], err = p.measure(ctx, short); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if !short { // what comes later may fail
			if err := known.write(); err != nil {
				return err
			}
		}
	}
	if measured < len(names) {
		return fmt.Errorf("not all of %q are parts", names)
	}
	if !short {
		return known.write()
	}
	for _, readme := range readmes {
		said, err := known.render(readme)
		if err != nil {
			return err
		}
		fmt.Printf("\n%s\n%s", readme, said)
	}
	return nil
}

// measure runs the part's commands. It returns all that they say of each figure, in its order, and under
// "measured" when, of what commit and on what it was.
func (p part) measure(ctx context.Context, short bool) (map[string]string, error) {
	stamp, err := circumstances()
	if err != nil {
		return nil, err
	}
	found := map[string][]string{"measured": {stamp}}
	for _, c := range p.commands {
		line := c.full
		if short && c.short != "" {
			line = c.short
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", p.name, line)
		var said bytes.Buffer
		cmd := exec.CommandContext(ctx, "sh", "-c", "exec "+line)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stderr, &said), os.Stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		if !short && strings.Contains(said.String(), disturbed) {
			return nil, errors.New("the machine was not quiet")
		}
		for _, find := range c.finds {
			pattern := regexp.MustCompile(find)
			matches := pattern.FindAllStringSubmatch(said.String(), -1)
			if matches == nil {
				return nil, fmt.Errorf("%s prints nothing like %s", line, find)
			}
			for _, match := range matches {
				for i, name := range pattern.SubexpNames()[1:] {
					found[name] = append(found[name], match[i+1])
				}
			}
		}
	}
	all := map[string]string{}
	for name, lines := range found {
		all[name] = strings.Join(lines, between)
	}
	return all, nil
}

// circumstances says when, of what commit and on how many cores something is measured.
func circumstances() (string, error) {
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "", fmt.Errorf("git rev-parse: %w", err)
	}
	changes, err := exec.Command("git", "status", "--porcelain", "--", ":!"+file, ":!README.md", ":!internal/*/README.md").Output()
	if len(changes) > 0 {
		commit = append(bytes.TrimSpace(commit), " with changes"...)
	}
	return fmt.Sprintf("%s, commit %s, on %d cores of a Linux machine", time.Now().Format("2 January 2006"), bytes.TrimSpace(commit), runtime.NumCPU()), err
}
