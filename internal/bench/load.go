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

// values are the two values of a session's only key, which WRITEs set in turn.
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
	clients []*client // they ask in turn, and on no other connection
	turn    int       // the index of the client that asks next
	asked   *client   // whose request is under way
	want    int       // the value that the answer must show
}

// load sends requests on one connection for each group of clients, each in a closed loop,
// from one thread with one epoll. It counts the answers of the time measured, which begins
// after warm, and calls mark at its begin and end. took is how long it was. An answer that
// is not the right one is an error.
func load(addr *net.TCPAddr, write bool, groups [][]*client, warm, measured time.Duration, mark func()) (count int, took time.Duration, err error) {
	poll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return 0, 0, err
	}
	defer syscall.Close(poll)
	conns := make(map[int32]*conn)
	for _, clients := range groups {
		c, err := open(poll, addr, clients)
		if err != nil {
			return 0, 0, err
		}
		defer syscall.Close(c.fd)
		conns[int32(c.fd)] = c
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
			if ended { // the requests under way are answered: the clients keep their cookies and values
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

// open returns a connection for clients that poll watches.
func open(poll int, addr *net.TCPAddr, clients []*client) (*conn, error) {
	fd, err := dial(addr)
	if err != nil {
		return nil, err
	}
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
	if err := syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return &conn{fd: fd, clients: clients, in: make([]byte, 0, 16<<10)}, nil
}

// dial returns a connection to addr as a file descriptor that does not block.
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

// appendRequest appends a READ or a WRITE of value to to.
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

// read reads what has arrived, and tells whether the answer is complete. It returns an error
// if the answer is not the right one.
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

// take parses one answer, which must be a 200 that shows values[want], and keeps the cookie
// that it sets. It returns false while the answer is incomplete.
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
