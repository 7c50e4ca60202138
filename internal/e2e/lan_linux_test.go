package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"golang.org/x/sys/unix"
)

// lan is a Wi-Fi of the test's own: hosts in network namespaces, on one bridge in another
// namespace. Nothing of it is seen by the machine or by another test, and all of it is gone
// with the processes that hold the namespaces, however the test ends.
type lan struct {
	t   *testing.T
	air *host
	n   int
}

// host is a computer or a phone on a lan: a network namespace, which a sleeping process holds.
type host struct {
	t      *testing.T
	name   string
	holder *os.Process
}

// The network of the lan. lanHome is the laptop's address, and the phones count on from lanPhone.
const (
	lanNet   = "192.168.77."
	lanHome  = lanNet + "1"
	lanPhone = 101
	wifi     = "wlan0" // of each host
)

// newLAN makes a lan. What runs on it ends with the test's thread, also if the test is killed: so
// the test keeps its thread. Without the right to it the test is skipped, or fails under CI=true.
func newLAN(t *testing.T) *lan {
	t.Helper()
	missing := ""
	for _, tool := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = fmt.Sprintf("no %s: install it with sudo apt-get install iproute2 util-linux", tool)
		}
	}
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	l := &lan{t: t}
	if missing == "" {
		air, err := newHost(t, "air")
		if err == nil {
			err = air.tryIP("link add br0 type bridge")
		}
		if err != nil {
			missing = fmt.Sprintf("the test makes network namespaces, for which it has to be root with CAP_SYS_ADMIN and CAP_NET_ADMIN (docker run --privileged): %v", err)
		}
		l.air = air
	}
	switch {
	case missing != "" && os.Getenv("CI") == "true":
		t.Fatal(missing)
	case missing != "":
		t.Skip(missing)
	}
	l.air.ip("link set br0 up")
	return l
}

// newHost makes a host that is connected to nothing.
func newHost(t *testing.T, name string) (*host, error) {
	t.Helper()
	cmd := exec.Command("sleep", "infinity")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() { // the signal comes when the thread ends that has started the process
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	h := &host{t, name, cmd.Process}
	return h, h.tryIP("link set lo up")
}

// join adds a host with that address to the lan.
func (l *lan) join(name, address string) *host {
	l.t.Helper()
	h, err := newHost(l.t, name)
	if err != nil {
		l.t.Fatal(err)
	}
	l.n++
	port := fmt.Sprintf("port%d", l.n)
	l.air.ip(fmt.Sprintf("link add %s type veth peer name %s netns %d", port, wifi, h.holder.Pid))
	l.air.ip("link set " + port + " master br0 up")
	h.ip("addr add " + address + "/24 dev " + wifi)
	h.ip("link set " + wifi + " up")
	return h
}

// inside makes cmd run on the host. It is killed when the thread that has started it ends.
func (h *host) inside(cmd *exec.Cmd) *exec.Cmd {
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		h.t.Fatal(err)
	}
	cmd.Args = slices.Concat([]string{"nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", h.holder.Pid), cmd.Path}, cmd.Args[1:])
	cmd.Path = nsenter
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return cmd
}

// within does something in the host's namespace: a socket that is made there stays there.
func (h *host) within(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends, since no other goroutine may have it
		done <- func() error {
			ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", h.holder.Pid))
			if err != nil {
				return err
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return err
			}
			return do()
		}()
	}()
	return <-done
}

// proxy starts an HTTP proxy on the host that passes everything on to one server, and records it. Its
// url is for the browsers of the host.
func (h *host) proxy(server string) *witness {
	h.t.Helper()
	w := &witness{addr: server}
	w.dial = func() (conn net.Conn, err error) {
		err = h.within(func() error { conn, err = net.Dial("tcp", server); return err })
		return conn, err
	}
	var listener net.Listener
	if err := h.within(func() (err error) { listener, err = net.Listen("tcp", "127.0.0.1:0"); return err }); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { listener.Close() })
	w.url = "http://" + listener.Addr().String()
	go w.serve(listener)
	return w
}

// tryIP runs ip on the host.
func (h *host) tryIP(line string) error {
	cmd := exec.Command("ip", strings.Fields(line)...)
	if errors.Is(cmd.Err, exec.ErrNotFound) {
		return cmd.Err
	}
	out, err := h.inside(cmd).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: ip %s: %w: %s", h.name, line, err, out)
	}
	return nil
}

func (h *host) ip(line string) {
	h.t.Helper()
	if err := h.tryIP(line); err != nil {
		h.t.Fatal(err)
	}
}

// browser starts a Chromium on the host, with a profile of its own. On the network it is one
// that has no secure context: no Sec-Fetch headers, no Secure cookie.
func (h *host) browser() *chromium {
	h.t.Helper()
	c, err := startChromium(slices.Concat(headlessShell, wholeChromium), h.t.TempDir(), still, chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
		h.inside(cmd)
	}))
	c = orSkip(h.t, c, err)
	h.t.Cleanup(c.stop)
	return c
}

// tabOf opens an address in a new tab of a browser, as wide as a phone or a laptop, and waits
// for its heading.
func tabOf(t *testing.T, c *chromium, address string, width int64, javascript bool) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(c.ctx)
	t.Cleanup(cancel)
	origin, _, _ := strings.Cut(strings.TrimPrefix(address, "http://"), "/")
	pg := &page{t: t, ctx: ctx, url: "http://" + origin, javascript: javascript}
	pg.listen()
	if !javascript {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		pg.must(err)
	}
	pg.viewport(width, 844)
	pg.do(chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS("main")))
	return pg
}
