package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// contender is one server, and what was measured of it. Pairs of numbers are of READ
// and WRITE.
type contender struct {
	name  string
	peer  string     // of servePeer; "" for the program
	file  string     // of the program
	args  []string   // of the program
	reach [2]float64 // ratios to bare Echo; 0 for none

	server *exec.Cmd
	stderr string // a file
	addr   *net.TCPAddr
	groups [][]*client     // one for each connection
	rate   [2][]float64    // requests a second
	cost   [2][]float64    // the server's µs of CPU a request
	busy   [2][2][]float64 // of the server's core and the load's, 0 to 1
}

// begin starts the server and makes the sessions.
func (c *contender) begin(ctx context.Context, ref *reference) error {
	err := c.start(ctx, ref)
	if err == nil {
		err = c.birth(ref)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// start starts the server and reads its address.
func (c *contender) start(ctx context.Context, ref *reference) error {
	serverCore, _, _ := strings.Cut(*cores, ",")
	args := []string{"-c", serverCore}
	stderr, err := os.CreateTemp(*work, "stderr-")
	if err != nil {
		return err
	}
	defer stderr.Close()
	c.stderr = stderr.Name()
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
		args = append(args, c.file, "--addr=127.0.0.1:0", "--log-requests=false")
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

// stop ends the server, if it has started.
func (c *contender) stop() {
	if c.addr != nil {
		c.server.Process.Kill()
		c.server.Wait()
	}
}

// reference is what all contenders answer: as the first does, which is the program.
type reference struct {
	headers []header
	length  [2]int // of the bodies
}

// birth makes the sessions, each with a cookie of its own, and compares the first answers with the reference.
func (c *contender) birth(ref *reference) error {
	connection, err := net.DialTCP("tcp", nil, c.addr)
	if err != nil {
		return err
	}
	defer connection.Close()
	talk := &talk{c.addr, connection, bufio.NewReader(connection)}
	c.groups = make([][]*client, connections)
	for i := range clients {
		cl := &client{}
		born, err := talk.exchange(true, cl)
		if err != nil {
			return err
		}
		switch cookies := born.Header["Set-Cookie"]; {
		case c.peer == "echo":
			cl.cookie = []byte("session=AAAAAAAAAAAAAAAAAAAAAAAAAA")
		case len(cookies) != 1:
			return fmt.Errorf("its first answer sets %d cookies", len(cookies))
		default:
			cl.keep(cookies[0])
		}
		c.groups[i%connections] = append(c.groups[i%connections], cl)
		if i > 0 {
			continue
		}
		read, err := talk.exchange(false, cl)
		if err != nil {
			return err
		}
		if cookies := read.Header["Set-Cookie"]; cookies != nil { // rolling, as Fiber does
			cl.keep(cookies[0])
		}
		if err := ref.check(read, born); err != nil {
			return err
		}
	}
	return nil
}

// keep takes the cookie out of a Set-Cookie line.
func (cl *client) keep(line string) {
	pair, _, _ := strings.Cut(line, ";")
	cl.cookie = []byte(pair)
}

// talk is a connection on which the sessions are made.
type talk struct {
	addr   *net.TCPAddr
	to     net.Conn
	answer *bufio.Reader
}

// answered is an answer whose body was read.
type answered struct {
	*http.Response
	body []byte
}

// exchange sends one request of cl. It returns an error unless the answer is a 200 that
// shows values[0].
func (t *talk) exchange(write bool, cl *client) (a answered, err error) {
	if _, err := t.to.Write(appendRequest(nil, t.addr, write, cl.cookie, values[0])); err != nil {
		return a, err
	}
	if a.Response, err = http.ReadResponse(t.answer, nil); err != nil {
		return a, err
	}
	a.body, err = io.ReadAll(a.Body)
	if err == nil && (a.StatusCode != http.StatusOK || !bytes.Contains(a.body, []byte(`"value":"`+values[0]+`"`))) {
		err = fmt.Errorf("it answered %s %q", a.Status, a.body)
	}
	return a, err
}

// check compares the first answers of a contender to READ and WRITE with the reference,
// which is made of those of the first contender.
func (ref *reference) check(read, born answered) error {
	length := [2]int{len(read.body), len(born.body)}
	if ref.headers == nil {
		for name := range born.Header {
			if name != "Set-Cookie" && name != "Date" && name != "Content-Length" {
				ref.headers = append(ref.headers, header{name, born.Header.Get(name)})
			}
		}
		ref.length = length
	}
	if length != ref.length {
		return fmt.Errorf("its bodies have %d bytes, the program's have %d: %s %s", length, ref.length, read.body, born.body)
	}
	for _, h := range ref.headers {
		for _, got := range []http.Header{read.Header, born.Header} {
			if !slices.Contains(got.Values(h.Name), h.Value) {
				return fmt.Errorf("it does not send %s: %s, but %q", h.Name, h.Value, got.Values(h.Name))
			}
		}
	}
	return nil
}

// measure adds one measurement of a kind of request: 0 is READ, 1 is WRITE.
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
		said, _ := os.ReadFile(c.stderr)
		return fmt.Errorf("%s: %w\n%s", c.name, err, said)
	}
	c.rate[kind] = append(c.rate[kind], float64(count)/took.Seconds())
	c.cost[kind] = append(c.cost[kind], float64((marks[1][0]-marks[0][0]).Microseconds())/float64(count))
	for side := range c.busy[kind] {
		c.busy[kind][side] = append(c.busy[kind][side], (marks[1][side]-marks[0][side]).Seconds()/took.Seconds())
	}
	return nil
}
