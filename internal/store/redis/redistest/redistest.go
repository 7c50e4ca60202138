// Package redistest runs real Redis servers for tests. Begin with Database for a test
// that needs an empty database, and with Start for one that stops its server, fills it
// or configures it. Without redis-server in PATH they skip the test, and fail it in CI.
package redistest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a redis-server that belongs to one test. Its methods are for the goroutine
// of that test.
type Server struct {
	Addr   string // 127.0.0.1:PORT
	Port   string
	Socket string // the path of its unix socket

	t       testing.TB
	binary  string        // redis-server or valkey-server
	dir     string        // where it keeps its files
	args    []string      // options beside those of run
	process *os.Process   // nil while it is stopped
	ended   chan struct{} // closed when process has ended
}

// Start starts a redis-server that keeps nothing on disk, unless args say so, and
// waits until it answers. args are its options, such as "--appendonly", "yes".
// The server ends with the test.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	needRedis(t)
	return start(t, "redis-server", args)
}

// needRedis skips the test if there is no redis-server; with CI set it fails it.
func needRedis(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no redis-server in PATH")
		}
		t.Skip("there is no redis-server in PATH")
	}
}

// shared is the server of Database. It runs while a test uses it.
var shared struct {
	sync.Mutex
	*Server
	tests     int // how many use it now
	databases int // how many were given away since it started
}

// Database returns the URL of an empty database for this test, on a server that
// tests share while they run.
func Database(t testing.TB) string {
	t.Helper()
	needRedis(t)
	shared.Lock()
	defer shared.Unlock()
	const databases = 10000
	if shared.tests == 0 {
		shared.Server, shared.databases = launch(t, "redis-server", []string{"--databases", strconv.Itoa(databases)}), 0
	}
	if shared.databases == databases {
		t.Fatal("all databases of the shared server are given away")
	}
	shared.tests++
	t.Cleanup(func() {
		shared.Lock()
		defer shared.Unlock()
		if shared.tests--; shared.tests == 0 {
			shared.close()
		}
	})
	shared.databases++
	return fmt.Sprintf("redis://%s/%d", shared.Addr, shared.databases-1)
}

// StartTLS is Start for a server that speaks TLS on Addr, and plain text on Socket only.
// Without TLS in redis-server it skips the test, and fails it in CI.
func StartTLS(t testing.TB, certFile, keyFile string, args ...string) *Server {
	t.Helper()
	s := Start(t)
	s.Stop()
	s.args = append([]string{
		"--port", "0", "--tls-port", s.Port, "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-auth-clients", "no",
	}, args...)
	if err := s.run(); err != nil {
		if os.Getenv("CI") != "" || !strings.Contains(err.Error(), "tls") {
			t.Fatal(err)
		}
		t.Skip("the redis-server in PATH has no TLS")
	}
	return s
}

// StartCluster starts a cluster of that many masters, and waits until each of them knows
// all others and says that the cluster is well.
func StartCluster(t testing.TB, nodes int, args ...string) []*Server {
	t.Helper()
	servers := make([]*Server, nodes)
	for i := range servers {
		servers[i] = Start(t, append([]string{
			"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "3000",
			"--cluster-port", fmt.Sprint(freePort(t)),
		}, args...)...)
	}
	const slots = 16384
	for i, s := range servers {
		s.ask("CLUSTER ADDSLOTSRANGE %d %d", slots*i/nodes, slots*(i+1)/nodes-1)
		if i > 0 {
			s.ask("CLUSTER SET-CONFIG-EPOCH %d", i+1)
		}
	}
	for _, s := range servers[1:] {
		port := strings.Fields(servers[0].ask("CLUSTER NODES"))[1] // IP:PORT@BUS
		_, bus, _ := strings.Cut(port, "@")
		s.ask("CLUSTER MEET 127.0.0.1 %s %s", servers[0].Port, bus)
	}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	giveUp := time.After(30 * time.Second)
	for _, s := range servers {
		for {
			info := s.ask("CLUSTER INFO")
			if strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", nodes)) {
				break
			}
			select {
			case <-poll.C:
			case <-giveUp:
				t.Fatalf("the cluster did not come together: %s", info)
			}
		}
	}
	return servers
}

// StartValkey is Start for a valkey-server. Few machines have one, so that without it
// the test is skipped in CI too.
func StartValkey(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("valkey-server"); err != nil {
		t.Skip("there is no valkey-server in PATH")
	}
	return start(t, "valkey-server", args)
}

// start launches a server that ends with the test.
func start(t testing.TB, binary string, args []string) *Server {
	t.Helper()
	s := launch(t, binary, args)
	t.Cleanup(s.close)
	return s
}

// close kills the server and removes its folder.
func (s *Server) close() {
	s.Stop()
	os.RemoveAll(s.dir)
}

// launch starts a server on a free port and waits until it answers. The caller closes it.
func launch(t testing.TB, binary string, args []string) *Server {
	t.Helper()
	// Not t.TempDir: the path of a socket may have 107 bytes at most, and those are longer.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, binary: binary, dir: dir, args: args, Socket: filepath.Join(dir, "socket")}
	for tries := 1; ; tries++ {
		s.Port = strconv.Itoa(freePort(t))
		s.Addr = "127.0.0.1:" + s.Port
		if err = s.run(); err == nil {
			return s
		} else if tries == 3 || !strings.Contains(err.Error(), "in use") { // another program took the port meanwhile
			s.close()
			t.Fatal(err)
		}
	}
}

// freePort returns a port of this machine on which nobody listens at the moment.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// URL is the address for Config.URL: database 0, without a password.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Restart kills the server, starts it on the same address with the data that it has on
// disk, and waits until it answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// run starts the process and returns once it answers. It gives up after 20 s.
func (s *Server) run() error {
	var log bytes.Buffer
	cmd := exec.Command(s.binary, append([]string{
		"--bind", "127.0.0.1", "--port", s.Port, "--unixsocket", s.Socket, "--dir", s.dir, "--save", "",
	}, s.args...)...)
	cmd.Stdout = &log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process, s.ended = cmd.Process, make(chan struct{})
	go func() {
		cmd.Wait()
		close(s.ended)
	}()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for giveUp := time.After(20 * time.Second); ; {
		answer := s.ping()
		if strings.HasPrefix(answer, "+PONG") || strings.HasPrefix(answer, "-NOAUTH") {
			return nil
		}
		select {
		case <-poll.C:
			continue
		case <-s.ended:
		case <-giveUp:
			s.Stop()
		}
		return fmt.Errorf("%s does not answer: %s\n%s", cmd, answer, &log)
	}
}

// ping returns the answer to PING, or the text of the error. It waits 1 s at most.
func (s *Server) ping() string {
	answer, err := s.send("PING")
	if err != nil {
		return err.Error()
	}
	return answer
}

// ask sends a command that must not fail, and returns the answer as send does.
func (s *Server) ask(format string, args ...any) string {
	s.t.Helper()
	answer, err := s.send(fmt.Sprintf(format, args...))
	if err != nil || strings.HasPrefix(answer, "-") {
		s.t.Fatalf("%s: %s %v", fmt.Sprintf(format, args...), answer, err)
	}
	return answer
}

// send sends a command through Socket. It returns the first line of the answer or, for
// a bulk string, its text.
func (s *Server) send(command string) (string, error) {
	conn, err := net.Dial("unix", s.Socket)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	line, err := r.ReadString('\n')
	var length int
	if n, _ := fmt.Sscanf(line, "$%d", &length); n == 0 || err != nil {
		return line, err
	}
	text := make([]byte, length)
	_, err = io.ReadFull(r, text)
	return string(text), err
}

// Stop kills the server at once, as a crash would.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	s.process.Kill()
	<-s.ended
	s.process = nil
	os.Remove(s.Socket)
}

// Pause makes the server hang, with its connections open, until Continue.
func (s *Server) Pause() { s.signal(stop) }

// Continue ends a Pause.
func (s *Server) Continue() { s.signal(resume) }

func (s *Server) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}
