package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// starts starts the program n times with each store, and prints how long it took from exec until the first
// page was read, and the program's memory (VmRSS) then. The stores take turns, on all cores. SQLite gets a
// new file each time, in dir. One start of each comes before, and is not counted: it brings the program's
// file into memory.
func starts(dir string, n int) (err error) {
	socket := filepath.Join(dir, "redis.sock")
	redis := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	if err := redis.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, redis.Process.Kill()); redis.Wait() }()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			break
		} else if time.Now().After(end) {
			return err
		}
	}
	secret := filepath.Join(dir, "secret")
	if err := writeSecret(secret); err != nil {
		return err
	}
	stores := []string{"memory", "SQLite", "Redis"}
	var took, memory [3][]float64
	for round := range n + 1 {
		args := [][]string{nil, {"--store=sqlite:" + filepath.Join(dir, fmt.Sprint(round, ".db"))}, {"--store=unix://" + socket + "?db=0", "--secret-file=" + secret}}
		for i, store := range stores {
			ms, mb, err := firstPage(args[i])
			if err != nil {
				return fmt.Errorf("%s: %w", store, err)
			}
			if round > 0 {
				took[i], memory[i] = append(took[i], ms), append(memory[i], mb)
			}
		}
	}
	file, err := os.Stat(*program)
	if err != nil {
		return err
	}
	fmt.Printf("%d starts with each store. The program has %.1f MB.\n\n| | from exec to the first page | the slowest | memory |\n|---|--:|--:|--:|\n", n, float64(file.Size())/1e6)
	for i, store := range stores {
		fmt.Printf("| %s | %.0f ms | %.0f ms | %.0f MB |\n", store, median(took[i]), slices.Max(took[i]), median(memory[i]))
	}
	return nil
}

// firstPage starts the program, reads the lab's page, and ends the program. It returns how long it took
// from exec until the page was read, and the memory of the program then.
func firstPage(args []string) (ms, mb float64, err error) {
	cmd := exec.Command(*program, append(args, "--addr=127.0.0.1:0")...)
	var said bytes.Buffer
	cmd.Env, cmd.Stderr = []string{}, &said
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		cmd.Process.Kill()
		return 0, 0, fmt.Errorf("it does not start: %w\n%s", errors.Join(err, cmd.Wait()), said.Bytes())
	}
	defer func() { err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()) }()
	_, address, _ := strings.Cut(line, " is at ")
	page, err := http.Get(strings.Fields(address + " ?")[0])
	if err != nil {
		return 0, 0, err
	}
	defer page.Body.Close()
	body, err := io.ReadAll(page.Body)
	ms = time.Since(began).Seconds() * 1000
	if err != nil || page.StatusCode != http.StatusOK || !bytes.HasSuffix(bytes.TrimSpace(body), []byte("</html>")) {
		return 0, 0, fmt.Errorf("its page is a %s, %w", page.Status, err)
	}
	mb, err = megabytes(cmd.Process.Pid, "VmRSS")
	return ms, mb, err
}

// megabytes returns what a line of a process's status says, in millions of bytes.
func megabytes(pid int, name string) (float64, error) {
	kB, _, _ := strings.Cut(proc(fmt.Sprintf("/proc/%d/status", pid), name), " ")
	n, err := strconv.Atoi(kB)
	return float64(n) * 1024 / 1e6, err
}

// many makes n sessions over as many connections as a comparison has, each session with one WRITE without
// a cookie, and prints the program's memory at its height (VmHWM).
func many(ctx context.Context, n int) error {
	c := &contender{name: "Sessionscope", file: *program, args: []string{"--store=memory", "--placement=server", "--max-sessions=" + strconv.Itoa(n)}}
	defer c.stop()
	if err := c.start(ctx, &reference{}); err != nil {
		return err
	}
	began := time.Now()
	var made atomic.Int64
	var making sync.WaitGroup
	errs := make([]error, connections)
	for i := range errs {
		making.Go(func() {
			connection, err := net.DialTCP("tcp", nil, c.addr)
			if err != nil {
				errs[i] = err
				return
			}
			defer connection.Close()
			to := &talk{c.addr, connection, bufio.NewReader(connection)}
			for errs[i] == nil && made.Add(1) <= int64(n) {
				_, errs[i] = to.exchange(true, &client{})
			}
		})
	}
	making.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	mb, err := megabytes(c.server.Process.Pid, "VmHWM")
	if err == nil {
		fmt.Printf("%d sessions in %.0f s: %.0f MB\n", n, time.Since(began).Seconds(), mb)
	}
	return err
}
