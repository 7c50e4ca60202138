// Bench compares the program with other session layers over real connections,
// and prints the tables of the README. It needs Linux and taskset.
//
//	task bench -- [-rounds 5] [-seconds 2] [-only REGEXP] [-cores 0,1] [-dir DIR]
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
// Results are printed, never asserted: they belong to the machine and its day.
package main

import (
	"bufio"
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
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
	redis   = flag.String("redis", "", "`URL` of a Redis, which is measured then")
	peer    = flag.String("serve", "", "the command's own: the `NAME` of the peer to be")
	headers = flag.String("headers", "", "the command's own: a peer's headers, as `JSON`")
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
		err = compare()
	default:
		err = prepare()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// prepare builds the program, then starts this command again on the load's core.
func prepare() error {
	dir, err := os.MkdirTemp(*temp, "sessionscope-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // reached when it fails: else compare does it
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if *program == "" {
		*program = filepath.Join(dir, "sessionscope")
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", *program, ".")
		build.Dir, build.Env, build.Stderr = "../..", append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
		if err := build.Run(); err != nil {
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
	return syscall.Exec(taskset, append(args, "-work", dir, "-program", *program), append(os.Environ(), "GOMAXPROCS=1"))
}

// contender is one server, and what was measured of it.
type contender struct {
	name  string
	peer  string     // of servePeer; "" for the program
	args  []string   // of the program
	reach [2]float64 // ratios to bare Echo, READ and WRITE; 0 for none

	server *exec.Cmd
	stderr string // a file
	addr   *net.TCPAddr
	groups [][]*client // one for each connection
	rate   [2][]float64
	cost   [2][]float64    // the server's µs of CPU a request
	busy   [2][2][]float64 // of the server's core and the load's, 0 to 1
}

func contenders(dir string) []*contender {
	ours := func(name string, read, write float64, args ...string) *contender {
		return &contender{name: "Sessionscope, " + name, args: args, reach: [2]float64{read, write}}
	}
	list := []*contender{
		ours("memory, `server`", 0.80, 0.75, "--store=memory", "--placement=server"),
		ours("memory, `hybrid`", 0.70, 0.60, "--store=memory", "--placement=hybrid"),
		ours("memory, `cookie`", 0, 0, "--store=memory", "--placement=cookie"),
		ours("SQLite batched, `server`", 0.75, 0.50, "--store=sqlite:"+filepath.Join(dir, "batched.db"), "--durability=batched", "--placement=server"),
		ours("SQLite durable, `server`", 0.75, 0.20, "--store=sqlite:"+filepath.Join(dir, "full.db"), "--durability=full", "--placement=server"),
	}
	if *redis != "" {
		list = append(list, ours("Redis, `server`", 0, 0, "--store="+*redis, "--placement=server", "--secret-file="+filepath.Join(dir, "secret")))
	}
	return append(list,
		&contender{name: "bare Echo, no session", peer: "echo"},
		&contender{name: "scs, memstore", peer: "scs"},
		&contender{name: "Echo, gorilla `CookieStore`", peer: "cookiestore"},
		&contender{name: "Echo, gorilla `FilesystemStore`", peer: "filesystemstore"},
		&contender{name: "Fiber's session middleware, memory", peer: "fiber"},
	)
}

// compare measures everybody and prints the tables.
func compare() error {
	defer os.RemoveAll(*work)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if err := sameEcho(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(*work, "secret"), []byte(strings.Repeat("5e55", 16)+"\n"), 0o600); err != nil {
		return err
	}
	all := contenders(*work)
	defer func() {
		for _, c := range all {
			if c.addr != nil {
				c.server.Process.Kill()
				c.server.Wait()
			}
		}
	}()
	ref := &reference{}
	var echo *contender
	var measured []*contender
	for i, c := range all {
		if c.peer == "echo" {
			echo = c
		}
		if i > 0 && c != echo && !chosen.MatchString(c.name) {
			continue
		}
		if err := c.start(ctx, i, ref); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if err := c.birth(ref); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
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
					said, _ := os.ReadFile(c.stderr)
					return fmt.Errorf("%s: %w\n%s", c.name, err, said)
				}
			}
		}
	}
	return report(all, echo)
}

// sameEcho keeps the two modules at one version of what both are made of.
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

func moduleVersion(info *debug.BuildInfo, path string) string {
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return "unknown"
}

// start starts the server and reads its address.
func (c *contender) start(ctx context.Context, n int, ref *reference) error {
	serverCore, _, _ := strings.Cut(*cores, ",")
	args := []string{"-c", serverCore}
	c.stderr = filepath.Join(*work, fmt.Sprint("stderr", n))
	stderr, err := os.Create(c.stderr)
	if err != nil {
		return err
	}
	defer stderr.Close()
	if c.peer != "" {
		lines, err := json.Marshal(ref.headers)
		if err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		args = append(args, self, "-serve", c.peer, "-headers", string(lines), "-work", filepath.Join(*work, c.peer))
	} else {
		args = append(args, *program, "--addr=127.0.0.1:0", "--log-requests=false")
		args = append(args, c.args...)
	}
	c.server = exec.CommandContext(ctx, "taskset", args...)
	c.server.Env = []string{"GOMAXPROCS=1"} // and nothing of SESSIONSCOPE_ or GOGC
	c.server.Stderr = stderr
	stdout, err := c.server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.server.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		exit := c.server.Wait()
		said, _ := os.ReadFile(c.stderr)
		return fmt.Errorf("it does not start: %w\n%s", exit, said)
	}
	_, after, _ := strings.Cut(line, " is at ")
	address, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	c.addr, err = net.ResolveTCPAddr("tcp", u.Host)
	return err
}

// reference is what the program answers, and everybody with it.
type reference struct {
	headers []header
	length  [2]int // of the bodies
}

// birth makes the sessions, and compares the first answers with the reference.
func (c *contender) birth(ref *reference) error {
	connection, err := net.DialTCP("tcp", nil, c.addr)
	if err != nil {
		return err
	}
	defer connection.Close()
	buffered := bufio.NewReader(connection)
	exchange := func(write bool, cl *client) (*http.Response, []byte, error) {
		if _, err := connection.Write(appendRequest(nil, c.addr, write, cl.cookie, values[0])); err != nil {
			return nil, nil, err
		}
		resp, err := http.ReadResponse(buffered, nil)
		if err != nil {
			return nil, nil, err
		}
		body, err := io.ReadAll(resp.Body)
		if err == nil && (resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"value":"`+values[0]+`"`))) {
			err = fmt.Errorf("it answered %s %q", resp.Status, body)
		}
		return resp, body, err
	}
	c.groups = make([][]*client, connections)
	for i := range clients {
		cl := &client{}
		born, bornBody, err := exchange(true, cl)
		if err != nil {
			return err
		}
		cookies := born.Header["Set-Cookie"]
		switch {
		case c.peer == "echo":
			cl.cookie = []byte("session=AAAAAAAAAAAAAAAAAAAAAAAAAA")
		case len(cookies) != 1:
			return fmt.Errorf("its first answer sets %d cookies", len(cookies))
		default:
			pair, _, _ := strings.Cut(cookies[0], ";")
			cl.cookie = []byte(pair)
		}
		c.groups[i%connections] = append(c.groups[i%connections], cl)
		if i > 0 {
			continue
		}
		read, readBody, err := exchange(false, cl)
		if err != nil {
			return err
		}
		if cookies := read.Header["Set-Cookie"]; cookies != nil { // rolling, as Fiber does
			pair, _, _ := strings.Cut(cookies[0], ";")
			cl.cookie = []byte(pair)
		}
		length := [2]int{len(readBody), len(bornBody)}
		if ref.headers == nil {
			for name := range born.Header {
				if name != "Set-Cookie" && name != "Date" && name != "Content-Length" {
					ref.headers = append(ref.headers, header{name, born.Header.Get(name)})
				}
			}
			ref.length = length
		}
		if length != ref.length {
			return fmt.Errorf("its bodies have %d bytes, the program's have %d: %s %s", length, ref.length, readBody, bornBody)
		}
		for _, h := range ref.headers {
			for _, got := range []http.Header{read.Header, born.Header} {
				if !slices.Contains(got.Values(h.Name), h.Value) {
					return fmt.Errorf("it does not send %s: %s, but %q", h.Name, h.Value, got.Values(h.Name))
				}
			}
		}
	}
	return nil
}

// measure adds one measurement: 0 is READ, 1 is WRITE.
func (c *contender) measure(kind int) error {
	if c.peer == "echo" && kind == 0 { // it reads back a constant
		for _, cl := range slices.Concat(c.groups...) {
			cl.value = 0
		}
	}
	var marks [2][2]time.Duration
	n := 0
	mark := func() {
		marks[n] = [2]time.Duration{serverTime(c.server.Process.Pid), ownTime()}
		n++
	}
	count, took, err := load(c.addr, kind == 1, c.groups, warm, time.Duration(*seconds*float64(time.Second)), mark)
	if err != nil {
		return err
	}
	c.rate[kind] = append(c.rate[kind], float64(count)/took.Seconds())
	c.cost[kind] = append(c.cost[kind], float64((marks[1][0]-marks[0][0]).Microseconds())/float64(count))
	for side := range c.busy[kind] {
		c.busy[kind][side] = append(c.busy[kind][side], (marks[1][side]-marks[0][side]).Seconds()/took.Seconds())
	}
	return nil
}

func ownTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serverTime is what proc_pid_stat(5) calls utime and stime, in ticks of 10 ms.
func serverTime(pid int) time.Duration {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0 // it is gone: the load finds out
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// proc returns what follows that name in a file of "name: value" lines.
func proc(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func report(all []*contender, echo *contender) error {
	least := min(median(echo.busy[0][0]), median(echo.busy[1][0])) // it waits for nothing but the load
	disturbed := least < 0.9
	fmt.Println("| | READ/s | to Echo | WRITE/s | to Echo | to reach | memory |")
	fmt.Println("|---|--:|--:|--:|--:|---|--:|")
	for _, c := range all {
		if c.addr == nil {
			continue
		}
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

	fmt.Println("\n| | READ/s, least to most | WRITE/s, least to most | server's µs of CPU a request | to Echo | server's core busy | load's core busy |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|")
	saturated := false
	for _, c := range all {
		if c.addr == nil {
			continue
		}
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
	if disturbed {
		fmt.Printf("\nBare Echo had only %.0f %% of its core: something else ran there, and only the CPU time a request is to be trusted.\n", 100*least)
	}
	if saturated {
		fmt.Println("\nThe load's core had no time to spare: where it says more than 95 %, the server could have answered more.")
	}

	cpus, _ := os.ReadFile("/proc/cpuinfo")
	files, _ := exec.Command("stat", "-f", "-c", "%T", *work).Output()
	mine, _ := debug.ReadBuildInfo()
	serverCore, loadCore, _ := strings.Cut(*cores, ",")
	said, err := exec.Command(*program, "--version").Output()
	if err != nil {
		return err
	}
	fmt.Printf("\n%s, %d cores, files on %s; servers on core %s, load on core %s, GOMAXPROCS=1 on both; "+
		"%d connections, %d sessions; medians of %d rounds of %g s each for READ and WRITE. Compared: %s; Echo %s, "+
		"echo-contrib %s, gorilla/sessions %s, scs %s, Fiber %s.\n",
		proc("/proc/cpuinfo", "model name"), bytes.Count(cpus, []byte("\nprocessor"))+1, bytes.TrimSpace(files), serverCore, loadCore,
		connections, clients, *rounds, *seconds, bytes.TrimSpace(said), moduleVersion(mine, "github.com/labstack/echo/v4"),
		moduleVersion(mine, "github.com/labstack/echo-contrib"), moduleVersion(mine, "github.com/gorilla/sessions"),
		moduleVersion(mine, "github.com/alexedwards/scs/v2"), moduleVersion(mine, "github.com/gofiber/fiber/v3"))
	return nil
}

// grouped is a whole number with its digits in threes.
func grouped(f float64) string {
	s := strconv.Itoa(int(f + 0.5))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
