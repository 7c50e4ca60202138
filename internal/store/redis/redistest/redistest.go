// Package redistest runs real Redis servers for tests.
package redistest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a redis-server of a test's own. Its methods are for the test's goroutine.
type Server struct {
	Addr   string // 127.0.0.1:PORT
	Port   string
	Socket string // the path of its unix socket

	t       testing.TB
	binary  string
	dir     string
	args    []string
	process *os.Process // nil while it is stopped
	ended   chan struct{}
}

// Start starts a redis-server that keeps nothing on disk, unless args say so, and
// waits until it answers. args are its options, such as "--appendonly", "yes".
// It ends with the test. Without the program the test is skipped, and with CI set it fails.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no redis-server in PATH")
		}
		t.Skip("there is no redis-server in PATH")
	}
	return start(t, "redis-server", args)
}

// StartValkey is Start with a valkey-server. Few systems have one: without it the test is skipped.
func StartValkey(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("valkey-server"); err != nil {
		t.Skip("there is no valkey-server in PATH")
	}
	return start(t, "valkey-server", args)
}

func start(t testing.TB, binary string, args []string) *Server {
	t.Helper()
	// Not t.TempDir: the path of a socket has room for 107 bytes.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, binary: binary, dir: dir, args: args, Socket: filepath.Join(dir, "socket")}
	t.Cleanup(func() {
		s.Stop()
		os.RemoveAll(dir)
	})
	for tries := 1; ; tries++ {
		s.Addr = freeAddr(t)
		_, s.Port, _ = net.SplitHostPort(s.Addr)
		if err = s.run(); err == nil {
			return s
		} else if tries == 3 || !strings.Contains(err.Error(), "in use") { // another took the port since
			t.Fatal(err)
		}
	}
}

// freeAddr returns an address of this machine that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// URL is where a client finds it: database 0, without a password.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Restart starts it again on the same address with what it kept on disk, and
// waits until it answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// run starts it and returns once it answers.
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

// ping returns one line of answer, or the error's text. It waits a moment at most.
func (s *Server) ping() string {
	conn, err := net.Dial("unix", s.Socket)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	conn.Write([]byte("PING\r\n"))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return line
}

// Stop kills it at once, as a crash would.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	s.process.Kill()
	<-s.ended
	s.process = nil
	os.Remove(s.Socket)
}

// Pause makes it hang, with its connections open, until Continue.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Continue ends a Pause.
func (s *Server) Continue() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}
