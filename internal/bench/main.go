// Bench compares the program with other session layers over real connections,
// and prints the tables of internal/session/README.md. It needs Linux and taskset. Begin with compare;
// with -old begin with quotients, which compares the program with an earlier commit; with -start or
// -million begin with starts or many, which measure the program by itself.
//
//	task bench -- [-rounds 5] [-seconds 2] [-only REGEXP] [-cores 0,1] [-dir DIR]
//	task bench -- -old COMMIT [-rounds 5] [-seconds 2] [-only REGEXP] [-cores 0,1] [-dir DIR]
//	task bench -- -start 20
//	task bench -- -million 1000000
//
// How a number is made: each contender is a process of its own, pinned to one
// core; the load comes from this process, pinned to another. Both have one core
// each for Go too (GOMAXPROCS=1). 16 keep-alive connections ask in closed loops
// for 200 sessions, each session with its own cookie. READ is GET /get?key=name,
// WRITE is POST /set with a value that differs from the one before, both with
// Accept: application/json. A round measures every contender once, in random
// order; all processes live through the run, the others idle. What is printed
// is the median of the rounds, and its ratio to the median of bare Echo.
//
// What is fair about it: every answer is checked for its status and for the
// value that this very session was given last; a wrong one ends the run. Every
// contender's body has the same length, made by encoding/json in the peers, and
// comes with the headers that the program sends: they are read off its own
// answer at the start, and everybody's first answers are compared with them.
// Every net/http server has the same timeouts. Nobody logs. Bare Echo is sent a
// cookie as long as one with an ID, which it ignores, and reads back a constant.
// The load's core must have time to spare, or the number is the load's: the
// second table shows how busy both cores were. A server that was not fully busy
// and waits for no disk shared its core with something else: then its CPU time a
// request tells more than the rate.
//
// These tables are printed, never asserted: they belong to the machine and its day.
//
// The quotients of -old are asserted. The program of the earlier commit is built in a
// git worktree, and the two programs are measured in turn, one right after the other,
// so that a machine that is busy or slow is so for both. A quotient is the rate of the
// program by that of the earlier one. The medians of all of them must be at least 0.95
// over the memory store and 0.85 over SQLite, or the command fails.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

const (
	connections = 16
	clients     = 200
	warm        = 200 * time.Millisecond // before each measurement
)

var (
	rounds  = flag.Int("rounds", 5, "`NUMBER` of rounds")
	seconds = flag.Float64("seconds", 2, "`SECONDS` of each measurement")
	only    = flag.String("only", "", "`REGEXP` of the contenders to measure besides the first and bare Echo")
	cores   = flag.String("cores", "0,1", "the server's core and the load's, as `N,N`: not two threads of one")
	temp    = flag.String("dir", "", "`DIR` for databases and session files (default: the system's for temporary files)")
	program = flag.String("program", "", "`FILE` of the program (default: it is built)")
	old     = flag.String("old", "", "`COMMIT` to compare the program with, in place of other session layers")
	redis   = flag.String("redis", "", "`URL` of a Redis, which is measured then")
	start   = flag.Int("start", 0, "start the program this `NUMBER` of times with each store, and compare nothing; it needs redis-server")
	million = flag.Int("million", 0, "make this `NUMBER` of sessions, and compare nothing")
	peer    = flag.String("serve", "", "the command's own: the `NAME` of the peer to be")
	headers = flag.String("headers", "", "the command's own: a peer's headers, as `JSON`")
	earlier = flag.String("earlier", "", "the command's own: the `FILE` of the program of -old")
	work    = flag.String("work", "", "the command's own: the `DIR` to work in, once pinned")
)

func main() {
	flag.Parse()
	var err error
	switch {
	case *peer != "":
		var h []header
		if err = json.Unmarshal([]byte(*headers), &h); err == nil {
			err = servePeer(*peer, *work, h)
		}
	case *work != "":
		err = measureAll()
	default:
		err = prepare()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// prepare builds what is measured, then starts this command again on the load's core.
func prepare() error {
	dir, err := os.MkdirTemp(*temp, "sessionscope-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // measureAll removes it if this process becomes that one
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if *program == "" {
		*program = filepath.Join(dir, "sessionscope")
		if err := build("../..", *program); err != nil {
			return err
		}
	}
	if *start > 0 {
		return starts(dir, *start)
	}
	if *old != "" {
		*earlier = filepath.Join(dir, "earlier")
		if err := buildCommit(*old, filepath.Join(dir, "tree"), *earlier); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return err
	}
	_, loadCore, _ := strings.Cut(*cores, ",")
	args := append([]string{taskset, "-c", loadCore, self}, os.Args[1:]...)
	return syscall.Exec(taskset, append(args, "-work", dir, "-program", *program, "-earlier", *earlier), append(os.Environ(), "GOMAXPROCS=1"))
}

// build builds the program that lies in the folder source.
func build(source, to string) error {
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", to, ".")
	build.Dir, build.Env, build.Stderr = source, append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	return build.Run()
}

// buildCommit builds the program of a commit in the new folder tree, and removes tree.
func buildCommit(commit, tree, to string) (err error) {
	git := func(args ...string) error {
		git := exec.Command("git", append([]string{"worktree"}, args...)...)
		git.Stderr = os.Stderr
		return git.Run()
	}
	if err := git("add", "--quiet", "--detach", tree, commit); err != nil {
		return fmt.Errorf("git worktree add %s: %w", commit, err)
	}
	defer func() { err = errors.Join(err, git("remove", "--force", tree)) }()
	return build(tree, to)
}

// writeSecret makes a file for --secret-file.
func writeSecret(file string) error {
	secret := make([]byte, 32)
	rand.Read(secret)
	return os.WriteFile(file, hex.AppendEncode(nil, secret), 0o600)
}

// measureAll starts servers, measures them and prints what came of it.
func measureAll() error {
	defer os.RemoveAll(*work)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if err := writeSecret(filepath.Join(*work, "secret")); err != nil {
		return err
	}
	if *million > 0 {
		return many(ctx, *million)
	}
	if *earlier != "" {
		return quotients(ctx, chosen)
	}
	return compare(ctx, chosen)
}
