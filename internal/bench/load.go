package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"
)

// values are what a session's only key alternates between.
var values = [2]string{"Rahim", "Karim"}

// client is one session as a browser knows it.
type client struct {
	cookie []byte // name=value
	value  int    // the index of the value that the server last confirmed
}

// conn is a keep-alive connection with at most one request under way.
type conn struct {
	fd      int
	out, in []byte
	clients []*client // served in turn, and by this connection alone
	turn    int
	asked   *client // whose request is under way
	want    int     // the value that the answer must show
}

// load asks from as many connections as there are groups of clients, each in a
// closed loop: one thread, one epoll. What is answered during warm is not counted.
func load(addr *net.TCPAddr, write bool, groups [][]*client, warm, measured time.Duration, mark func()) (count int, took time.Duration, err error) {
	poll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return 0, 0, err
	}
	defer syscall.Close(poll)
	conns := make(map[int32]*conn)
	for _, clients := range groups {
		c := &conn{clients: clients, in: make([]byte, 0, 16<<10)}
		if c.fd, err = dial(addr); err != nil {
			return 0, 0, err
		}
		defer syscall.Close(c.fd)
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(c.fd)}
		if err := syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, c.fd, &event); err != nil {
			return 0, 0, err
		}
		conns[event.Fd] = c
		if err := c.ask(addr, write); err != nil {
			return 0, 0, err
		}
	}
	const silence = 10_000 // ms without any answer end the run
	start, end := time.Now().Add(warm), time.Time{}
	begun, ended := false, false
	events := make([]syscall.EpollEvent, len(groups))
	for underWay := len(conns); underWay > 0; {
		n, err := syscall.EpollWait(poll, events, silence)
		if err == syscall.EINTR {
			continue
		} else if err != nil {
			return 0, 0, err
		} else if n == 0 {
			return 0, 0, errors.New("the server is silent")
		}
		now := time.Now()
		if !begun && now.After(start) {
			begun, start, end, count = true, now, now.Add(measured), 0
			mark()
		} else if begun && !ended && now.After(end) {
			ended, took = true, now.Sub(start)
			mark()
		}
		for _, event := range events[:n] {
			c := conns[event.Fd]
			complete, err := c.read()
			if err != nil {
				return 0, 0, err
			} else if !complete {
				continue
			}
			if ended { // the request that was under way is heard out: its cookie and value count
				underWay--
				continue
			}
			count++
			if err := c.ask(addr, write); err != nil {
				return 0, 0, err
			}
		}
	}
	return count, took, nil
}

func dial(addr *net.TCPAddr) (fd int, err error) {
	if fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return 0, err
	}
	to := syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}
	err = errors.Join(syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		syscall.Connect(fd, &to), syscall.SetNonblock(fd, true))
	return fd, err
}

// ask sends the next client's request, with the headers that curl sends.
func (c *conn) ask(addr *net.TCPAddr, write bool) error {
	c.asked = c.clients[c.turn]
	c.turn = (c.turn + 1) % len(c.clients)
	c.want = c.asked.value
	if write {
		c.want = 1 - c.want
	}
	c.out = appendRequest(c.out[:0], addr, write, c.asked.cookie, values[c.want])
	if n, err := syscall.Write(c.fd, c.out); err != nil || n < len(c.out) {
		return fmt.Errorf("sent %d of %d bytes: %w", n, len(c.out), err)
	}
	return nil
}

func appendRequest(to []byte, addr *net.TCPAddr, write bool, cookie []byte, value string) []byte {
	if write {
		to = append(to, "POST /set"...)
	} else {
		to = append(to, "GET /get?key=name"...)
	}
	to = append(to, " HTTP/1.1\r\nHost: 127.0.0.1:"...)
	to = strconv.AppendInt(to, int64(addr.Port), 10)
	to = append(to, "\r\nUser-Agent: curl/8.14.1\r\n"...)
	if len(cookie) > 0 {
		to = append(to, "Cookie: "...)
		to = append(to, cookie...)
		to = append(to, "\r\n"...)
	}
	to = append(to, "Accept: application/json\r\n"...)
	if !write {
		return append(to, "\r\n"...)
	}
	const before, after = "key=name&value=", "&type=text"
	to = append(to, "Content-Length: "...)
	to = strconv.AppendInt(to, int64(len(before)+len(value)+len(after)), 10)
	to = append(to, "\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"...)
	to = append(to, before...)
	to = append(to, value...)
	return append(to, after...)
}

// read takes what has come. It reports whether the answer is complete, and an
// error unless that answer is the right one.
func (c *conn) read() (complete bool, err error) {
	n, err := syscall.Read(c.fd, c.in[len(c.in):cap(c.in)])
	if err != nil {
		return false, err
	} else if n == 0 {
		return false, io.ErrUnexpectedEOF
	}
	c.in = c.in[:len(c.in)+n]
	complete, err = c.asked.take(c.in, c.want)
	if complete {
		c.in = c.in[:0]
	}
	return complete, err
}

var newline, blankLine = []byte("\r\n"), []byte("\r\n\r\n")

// take reads one answer, which must be a 200 that shows that value, and keeps
// the cookie that it sets. It reports false while the answer is incomplete.
func (cl *client) take(response []byte, want int) (complete bool, err error) {
	head, body, ok := bytes.Cut(response, blankLine)
	if !ok {
		return false, nil
	}
	length, cookie := -1, []byte(nil)
	status, rest, _ := bytes.Cut(head, newline)
	for line := []byte(nil); len(rest) > 0; {
		line, rest, _ = bytes.Cut(rest, newline)
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) { // as net/http and fasthttp spell them
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return false, err
			}
		case "Set-Cookie":
			if cookie != nil {
				return false, fmt.Errorf("two cookies in %q", response)
			}
			cookie, _, _ = bytes.Cut(value, []byte(";"))
		}
	}
	if length >= 0 && len(body) < length {
		return false, nil
	}
	show := values[want]
	i := bytes.Index(body, []byte(`"value":"`))
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) || length != len(body) || i < 0 ||
		!bytes.HasPrefix(body[i+len(`"value":"`):], []byte(show)) {
		return false, fmt.Errorf("not a 200 of known length that shows %q: %q", show, response)
	}
	cl.value = want
	if cookie != nil {
		cl.cookie = append(cl.cookie[:0], cookie...)
	}
	return true, nil
}
