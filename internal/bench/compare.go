package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// programs returns the program in file with each store and placement that is measured.
// Their databases lie in dir.
func programs(file, dir string) []*contender {
	ours := func(name string, read, write float64, args ...string) *contender {
		return &contender{name: "Sessionscope, " + name, file: file, args: args, reach: [2]float64{read, write}}
	}
	list := []*contender{
		ours("memory, `server`", 0.80, 0.75, "--store=memory", "--placement=server"),
		ours("memory, `hybrid`", 0.70, 0.60, "--store=memory", "--placement=hybrid"),
		ours("memory, `cookie`", 0, 0, "--store=memory", "--placement=cookie"),
		ours("SQLite batched, `server`", 0.75, 0.50, "--store=sqlite:"+filepath.Join(dir, "batched.db"), "--durability=batched", "--placement=server"),
		ours("SQLite durable, `server`", 0.75, 0.20, "--store=sqlite:"+filepath.Join(dir, "full.db"), "--durability=full", "--placement=server"),
	}
	if *redis != "" {
		list = append(list, ours("Redis, `server`", 0, 0, "--store="+*redis, "--placement=server", "--secret-file="+filepath.Join(*work, "secret")))
	}
	return list
}

// peers are the other session layers, and Echo without one.
func peers() []*contender {
	return []*contender{
		{name: "bare Echo, no session", peer: "echo"},
		{name: "scs, memstore", peer: "scs"},
		{name: "Echo, gorilla `CookieStore`", peer: "cookiestore"},
		{name: "Echo, gorilla `FilesystemStore`", peer: "filesystemstore"},
		{name: "Fiber's session middleware, memory", peer: "fiber"},
	}
}

// compare measures the program and its peers, those that were chosen, and prints the tables.
func compare(ctx context.Context, chosen *regexp.Regexp) error {
	if err := sameEcho(); err != nil {
		return err
	}
	ref := &reference{}
	var echo *contender
	var measured []*contender
	for i, c := range append(programs(*program, *work), peers()...) {
		if c.peer == "echo" {
			echo = c
		}
		if i > 0 && c != echo && !chosen.MatchString(c.name) {
			continue
		}
		defer c.stop()
		if err := c.begin(ctx, ref); err != nil {
			return err
		}
		measured = append(measured, c)
	}
	for round := range *rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, *rounds)
		order := slices.Clone(measured)
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, c := range order {
			for kind := range c.rate {
				if err := c.measure(kind); err != nil {
					return err
				}
			}
		}
	}
	return report(measured, echo)
}

// sameEcho returns an error unless the program and the peers are built with the same Go and
// the same Echo.
func sameEcho() error {
	ours, err := buildinfo.ReadFile(*program)
	if err != nil {
		return err
	}
	mine, _ := debug.ReadBuildInfo()
	const echo = "github.com/labstack/echo/v4"
	if a, b := moduleVersion(ours, echo), moduleVersion(mine, echo); a != b {
		return fmt.Errorf("the program has Echo %s, internal/bench has %s: go get %s@%s there", a, b, echo, a)
	}
	if ours.GoVersion != mine.GoVersion {
		return fmt.Errorf("the program is built with %s, this command with %s", ours.GoVersion, mine.GoVersion)
	}
	return nil
}

// moduleVersion returns the version of a module that a program is built with.
func moduleVersion(info *debug.BuildInfo, path string) string {
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return "unknown"
}

// median returns the median of some numbers.
func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// report prints the tables and what was measured.
func report(measured []*contender, echo *contender) error {
	idlest := min(median(echo.busy[0][0]), median(echo.busy[1][0])) // it waits for nothing but the load
	disturbed := idlest < undisturbed
	if err := printRatios(measured, echo, disturbed); err != nil {
		return err
	}
	saturated := printSpread(measured, echo)
	if disturbed {
		fmt.Printf("\nBare Echo had only %.0f %% of its core: something else ran there, and only the CPU time a request is to be trusted.\n", 100*idlest)
	}
	if saturated {
		fmt.Println("\nThe load's core had no time to spare: where it says more than 95 %, the server could have answered more.")
	}
	mine, _ := debug.ReadBuildInfo()
	said, err := exec.Command(*program, "--version").Output()
	if err != nil {
		return err
	}
	fmt.Printf("\n%s. Compared: %s; Echo %s, echo-contrib %s, gorilla/sessions %s, scs %s, Fiber %s.\n",
		circumstances(), bytes.TrimSpace(said), moduleVersion(mine, "github.com/labstack/echo/v4"),
		moduleVersion(mine, "github.com/labstack/echo-contrib"), moduleVersion(mine, "github.com/gorilla/sessions"),
		moduleVersion(mine, "github.com/alexedwards/scs/v2"), moduleVersion(mine, "github.com/gofiber/fiber/v3"))
	return nil
}

// printRatios prints the rates and their ratios to bare Echo's. When the run was
// disturbed it does not judge them.
func printRatios(measured []*contender, echo *contender, disturbed bool) error {
	fmt.Println("| | READ/s | to Echo | WRITE/s | to Echo | to reach | memory |")
	fmt.Println("|---|--:|--:|--:|--:|---|--:|")
	for _, c := range measured {
		row, reach := "| "+c.name, []string{}
		for kind := range c.rate {
			rate := median(c.rate[kind])
			ratio := rate / median(echo.rate[kind])
			row += fmt.Sprintf(" | %s | %.2f", grouped(rate), ratio)
			if target := c.reach[kind]; target > 0 {
				mark := "✗"
				if disturbed {
					mark = "?"
				} else if ratio >= target {
					mark = "✓"
				}
				reach = append(reach, fmt.Sprintf("%.2f %s", target, mark))
			}
		}
		kB, _, _ := strings.Cut(proc(fmt.Sprintf("/proc/%d/status", c.server.Process.Pid), "VmRSS"), " ")
		resident, err := strconv.Atoi(kB)
		if err != nil {
			return err
		}
		fmt.Printf("%s | %s | %d MB |\n", row, strings.Join(reach, ", "), (resident+512)/1024)
	}
	return nil
}

// printSpread prints how far the rounds were apart, and how busy both cores were. It
// tells whether the load's core was too busy to be trusted.
func printSpread(measured []*contender, echo *contender) (saturated bool) {
	fmt.Println("\n| | READ/s, least to most | WRITE/s, least to most | server's µs of CPU a request | to Echo | server's core busy | load's core busy |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|")
	for _, c := range measured {
		fmt.Printf("| %s", c.name)
		for _, rate := range c.rate {
			fmt.Printf(" | %s to %s", grouped(slices.Min(rate)), grouped(slices.Max(rate)))
		}
		read, write := median(c.cost[0]), median(c.cost[1])
		fmt.Printf(" | %.1f, %.1f | %.2f, %.2f", read, write, median(echo.cost[0])/read, median(echo.cost[1])/write)
		for side := range 2 {
			read, write := median(c.busy[0][side]), median(c.busy[1][side])
			fmt.Printf(" | %.0f %%, %.0f %%", 100*read, 100*write)
			saturated = saturated || side == 1 && max(read, write) > 0.95
		}
		fmt.Println(" |")
	}
	return saturated
}

// circumstances says on what machine and how it was measured.
func circumstances() string {
	cpus, _ := os.ReadFile("/proc/cpuinfo")
	files, _ := exec.Command("stat", "-f", "-c", "%T", *work).Output()
	serverCore, loadCore, _ := strings.Cut(*cores, ",")
	return fmt.Sprintf("%s, %d cores, files on %s; servers on core %s, load on core %s, GOMAXPROCS=1 on both; "+
		"%d connections, %d sessions; medians of %d rounds of %g s each for READ and WRITE",
		proc("/proc/cpuinfo", "model name"), bytes.Count(cpus, []byte("\nprocessor"))+1, bytes.TrimSpace(files), serverCore, loadCore,
		connections, clients, *rounds, *seconds)
}

// grouped returns f as a whole number with its digits in groups of three.
func grouped(f float64) string {
	s := strconv.Itoa(int(f + 0.5))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
